-- Columns of the file's own tables and views. ?1: the name of one, or null for all.
select
    l.schema as "schema", l.name as name, x.name as "column", x.type as type, not x."notnull" and x.pk = 0 as nullable,
    x.hidden = 0 as written, nullif(x.pk, 0) as place,
    (
        select json_group_array((select json_group_array(i.name) from pragma_index_info(u.name) i))
        from pragma_index_list(l.name) u
        where u."unique" and not u.partial
    ) as uniques
from pragma_table_list l
join pragma_table_xinfo(l.name) x on x.hidden <> 1
where l.schema = 'main' and l.type in ('table', 'view') and l.name not like 'sqlite@_%' escape '@'
    and (?1 is null or l.name = ?1)
order by l.name, x.cid
