-- Columns of the tables and views of the session's database, with the unique indexes that each is in. Places in an
-- index of which only a prefix is kept do not count. Takes the name of a table, or null for all, twice.
select
    c.table_schema as `schema`, c.table_name as `name`, c.column_name as `column`, c.column_type as `type`,
    c.data_type as base, c.is_nullable = 'YES' as nullable,
    coalesce(c.generation_expression, '') = '' as written,
    group_concat(
        concat(s.seq_in_index, ' ', s.index_name) order by s.index_name separator '\n'
    ) as indexes
from information_schema.columns c
left join information_schema.statistics s
    on s.table_schema = c.table_schema and s.table_name = c.table_name and s.column_name = c.column_name
    and s.non_unique = 0 and s.sub_part is null
where c.table_schema = database() and (%s is null or c.table_name = %s)
group by
    c.table_schema, c.table_name, c.column_name, c.column_type, c.data_type, c.is_nullable, c.generation_expression,
    c.ordinal_position
order by c.table_name, c.ordinal_position
