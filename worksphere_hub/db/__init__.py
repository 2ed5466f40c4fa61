"""PostgreSQL: the pool, the tenant transaction, named queries, migrations, and a server of our own."""
