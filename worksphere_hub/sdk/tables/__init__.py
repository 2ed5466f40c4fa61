"""Databases as connectors know them: tables are streams, rows are read by key and written by key."""
