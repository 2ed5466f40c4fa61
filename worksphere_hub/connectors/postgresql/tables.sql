-- Columns of what may be read, with the place of each in the table's key: its primary key, else its smallest unique
-- index without nulls. $1: schemas; $2: `schema.table`, or null for all.
select
    n.nspname as schema, c.relname as name, a.attname as column,
    format_type(a.atttypid, a.atttypmod) as type, format_type(a.atttypid, -1) as bare,
    coalesce(b.typname, t.typname) as base, coalesce(b.typcategory, t.typcategory) = 'A' as is_list,
    not a.attnotnull as nullable, a.attgenerated = '' and a.attidentity <> 'a' as written,
    array_position(k.columns, a.attnum) as place, u.sets as uniques
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_type b on b.oid = t.typbasetype
left join lateral (
    select (i.indkey::smallint[])[0:i.indnkeyatts - 1] as columns
    from pg_index i
    where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
        and i.indpred is null and i.indexprs is null
        and not exists (
            select from pg_attribute o
            where o.attrelid = c.oid and o.attnum = any ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
                and not o.attnotnull
        )
    order by i.indisprimary desc, i.indnkeyatts, i.indexrelid
    limit 1
) k on true
left join lateral (
    select json_agg((
        select json_agg(o.attname)
        from pg_attribute o
        where o.attrelid = c.oid and o.attnum = any ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
    )) as sets
    from pg_index i
    where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
        and i.indpred is null and i.indexprs is null
) u on true
where c.relkind in ('r', 'p', 'f', 'v', 'm') and not c.relispartition
    and n.nspname = any ($1::text[])
    and ($2::text is null or n.nspname || '.' || c.relname = $2)
    and has_column_privilege(c.oid, a.attnum, 'select')
order by n.nspname, c.relname, a.attnum
