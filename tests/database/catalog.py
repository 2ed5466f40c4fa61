"""Everything that a database's catalog says about what is not PostgreSQL's own, in words that two databases share."""

import asyncpg

Fingerprint = dict[str, dict[str, str]]

_OURS = "nspname !~ '^pg_' and nspname <> 'information_schema'"

# An access list means the same in whatever order the grants were given.
_ACL = "(select string_agg(x::text, ' ' order by x::text) from unnest({}) as x)"

_RELATION = f"""
select format('%I.%I', n.nspname, c.relname) as name,
    concat_ws(' | ', c.relkind, r.rolname, c.relpersistence, c.relispartition, c.relreplident, am.amname,
        c.relrowsecurity, c.relforcerowsecurity, {{}}) as facts
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on r.oid = c.relowner
left join pg_am am on am.oid = c.relam
where {_OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
"""

_QUERIES = {
    "schemas": f"""
        select n.nspname as name, concat_ws(' | ', r.rolname, {_ACL.format("n.nspacl")}) as facts
        from pg_namespace n join pg_roles r on r.oid = n.nspowner where {_OURS}""",
    "relations": _RELATION.format("pg_get_viewdef(case when c.relkind in ('v', 'm') then c.oid end)"),
    "grants on relations": _RELATION.format(_ACL.format("c.relacl")),
    "storage options": _RELATION.format("(select string_agg(x, ' ' order by x) from unnest(c.reloptions) as x)"),
    "partitions": f"""
        select format('%I.%I', n.nspname, c.relname) as name,
            concat_ws(' | ', pg_get_partkeydef(c.oid), i.inhparent::regclass,
                pg_get_expr(c.relpartbound, c.oid)) as facts
        from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_inherits i on i.inhrelid = c.oid
        where {_OURS} and c.relkind in ('r', 'p', 'f')""",
    "columns": f"""
        select format('%I.%I.%I', n.nspname, c.relname, a.attname) as name,
            concat_ws(' | ', row_number() over (partition by c.oid order by a.attnum),
                format_type(a.atttypid, a.atttypmod), a.attnotnull, 'default ' || pg_get_expr(d.adbin, d.adrelid),
                'generated ' || a.attgenerated::text, 'identity ' || a.attidentity::text, co.collname, a.attstorage,
                'compression ' || a.attcompression::text, a.attislocal, a.attstattarget, a.attoptions) as facts
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        left join pg_collation co on co.oid = a.attcollation
        where {_OURS} and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')""",
    "grants on columns": f"""
        select format('%I.%I.%I', n.nspname, c.relname, a.attname) as name, {_ACL.format("a.attacl")} as facts
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and a.attacl is not null""",
    "constraints": f"""
        select format('%s.%I', coalesce(nullif(o.conrelid, 0)::regclass::text, o.contypid::regtype::text), o.conname)
                as name,
            concat_ws(' | ', o.contype, pg_get_constraintdef(o.oid), o.convalidated, o.condeferrable, o.condeferred,
                o.conislocal, o.connoinherit) as facts
        from pg_constraint o join pg_namespace n on n.oid = o.connamespace where {_OURS}""",
    "indexes": f"""
        select format('%I.%I', n.nspname, c.relname) as name,
            concat_ws(' | ', pg_get_indexdef(c.oid), i.indisvalid, i.indisprimary, i.indisunique, i.indnullsnotdistinct,
                i.indisclustered, i.indisreplident, h.inhparent::regclass, c.reloptions) as facts
        from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
        left join pg_inherits h on h.inhrelid = c.oid
        where {_OURS}""",
    "policies": f"""
        select format('%I.%I.%I', n.nspname, c.relname, p.polname) as name,
            concat_ws(' | ', p.polcmd, p.polpermissive,
                (select string_agg(x::regrole::text, ' ' order by x::regrole::text) from unnest(p.polroles) as x),
                'using ' || pg_get_expr(p.polqual, c.oid), 'check ' || pg_get_expr(p.polwithcheck, c.oid)) as facts
        from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
        where {_OURS}""",
    "triggers": f"""
        select format('%I.%I.%I', n.nspname, c.relname, t.tgname) as name,
            concat_ws(' | ', pg_get_triggerdef(t.oid), t.tgenabled) as facts
        from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and not t.tgisinternal""",
    "functions": f"""
        select p.oid::regprocedure::text as name,
            concat_ws(' | ', r.rolname, p.prosecdef, p.provolatile, p.proparallel, p.proleakproof, p.proisstrict,
                p.procost, p.prorows, p.proconfig, pg_get_functiondef(p.oid)) as facts
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles r on r.oid = p.proowner
        where {_OURS} and p.prokind <> 'a'""",
    "grants on functions": f"""
        select p.oid::regprocedure::text as name, {_ACL.format("p.proacl")} as facts
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {_OURS} and p.proacl is not null""",
    "types": f"""
        select format('%I.%I', n.nspname, t.typname) as name,
            concat_ws(' | ', t.typtype, r.rolname, format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
                (select string_agg(e.enumlabel, ' ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
                {_ACL.format("t.typacl")}) as facts
        from pg_type t join pg_namespace n on n.oid = t.typnamespace join pg_roles r on r.oid = t.typowner
        where {_OURS} and t.typcategory <> 'A'""",
    # Object ids below this one are PostgreSQL's own.
    "comments": """
        select o.type || ' ' || o.identity as name, d.description as facts
        from pg_description d, lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) as o
        where d.objoid >= 16384""",
    "default privileges": f"""
        select concat_ws('.', n.nspname, r.rolname, d.defaclobjtype) as name, {_ACL.format("d.defaclacl")} as facts
        from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
        join pg_roles r on r.oid = d.defaclrole""",
    "extensions": "select extname as name, extversion as facts from pg_extension",
    "settings of the database": """
        select coalesce(r.rolname, 'all') as name, s.setconfig::text as facts
        from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
        left join pg_roles r on r.oid = s.setrole where d.datname = current_database()""",
    # Whatever is of a kind that has no line above: statistics objects, operators, collations, rules, ...
    "other objects": f"""
        select o.type || ' ' || o.identity as name, '' as facts
        from pg_depend d join pg_namespace n on d.refclassid = 'pg_namespace'::regclass and n.oid = d.refobjid,
            lateral pg_identify_object(d.classid, d.objid, d.objsubid) as o
        where {_OURS}
        union all
        select 'rule ' || r.rulename || ' on ' || c.oid::regclass, pg_get_ruledef(r.oid)
        from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
        where {_OURS}
        union all
        select 'event trigger ' || evtname, concat_ws(' | ', evtevent, evtfoid::regproc, evtenabled)
        from pg_event_trigger""",
}


async def fingerprint(connection: asyncpg.Connection) -> Fingerprint:
    """Every object by kind and name, with all that is said of it."""
    # What is on the search path is printed without its schema.
    await connection.execute("select set_config('search_path', 'pg_catalog', true)")
    found: Fingerprint = {}
    for kind, query in _QUERIES.items():
        rows = await connection.fetch(query)
        found[kind] = {row["name"]: row["facts"] or "" for row in rows}
        assert len(found[kind]) == len(rows), f"two of the {kind} have the same name"
    return found


def differences(one: Fingerprint, other: Fingerprint) -> list[str]:
    """What is in one only, in the other only, or not the same in both; a line each, beginning with its kind."""
    lines: list[str] = []
    for kind in _QUERIES:
        ours, theirs = one[kind], other[kind]
        lines += [f"{kind}: {name} is missing in the second" for name in sorted(ours.keys() - theirs.keys())]
        lines += [f"{kind}: {name} is missing in the first" for name in sorted(theirs.keys() - ours.keys())]
        lines += [
            f"{kind}: {name}\n  first:  {ours[name]}\n  second: {theirs[name]}"
            for name in sorted(ours.keys() & theirs.keys())
            if ours[name] != theirs[name]
        ]
    return lines
