"""Events as if they had been published over weeks, each with what became of it, by the owner and straight into SQL.

The shares are those of an ordinary organization: 97 % of deliveries went through, one in ten events is on a common
channel, one in three has an ordering key, half of them a value to be searched by. What is called rare is there sixty
times, however many events there are: so the same search answers the same number of rows of a large database as of a
small one, and only what has to be passed over differs.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg

WEEK = timedelta(days=7)
RARE = 60
ENDPOINTS = 21  # the last of them is rare

# One row for each number: its id, its moment, dice (h), and which of the rare kinds it is of, if any (odd).
_NUMBERED = """
    select n, hashint8(n) & 2147483647 as h, n % ($3::bigint / 60) as odd, to_timestamp(ms / 1000.0) as at,
        (lpad(to_hex(ms), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid as id,
        (lpad(to_hex(ms + 50), 12, '0') || '70009' || lpad(to_hex(n), 15, '0'))::uuid as attempt_id
    from generate_series($4::bigint, $5::bigint) as n
    cross join lateral (select floor($6::float8 + n * $7::float8)::bigint as ms) as g
"""
_TYPE = """
    case odd when 7 then 'rare.one' when 11 then 'rare.two'
        else case when h % 2 = 0 then 'order.' || h / 2 % 5 else 'misc' || h / 2 % 40 || '.' || h / 80 % 5 end
    end
"""
_STATE = """
    case when odd = 23 then 'exhausted' when odd = 29 then 'cancelled' when odd = 31 then 'parked'
        when odd = 37 then 'blocked' when odd in (43, 47) then 'exhausted'
        when h / 100 % 1000 < 970 then 'delivered' when h / 100 % 1000 < 980 then 'exhausted'
        when h / 100 % 1000 < 995 then 'filtered' else 'cancelled'
    end
"""
_ENDPOINT = "($2::uuid[])[case when odd = 41 then 21 else 1 + h / 7 % 20 end]"

# By the table they fill. `{into}` is one week of it.
_STATEMENTS = {
    "webhook_events": f"""
        insert into {{into}} (
            org_id, id, key, type, body, occurred_at, accepted_at, fanout_id, channels, ordering_key
        )
        select $1, e.id, case when h % 4 = 1 then 'own_' || n end, e.type,
            convert_to(
                '{{{{"type":"' || e.type || '","timestamp":"2026-01-01T00:00:00Z","data":{{{{"n":' || n
                    || ',"padding":"' || repeat('x', 850) || '"}}}}}}}}', 'UTF8'
            ),
            at, at, f.id,
            case when odd = 13 then array['rare'] when h / 1000 % 10 = 0 then array['all']
                when h / 1000 % 10 = 1 then array['part_' || h / 10000 % 40] end,
            case when odd = 17 then 'rare' when h / 100000 % 20 = 0 then 'main'
                when h / 100000 % 20 < 7 then 'part_' || h / 2000000 % 40 end
        from (select g.*, {_TYPE} as type from ({_NUMBERED}) as g) as e
        join hub.webhook_fanouts f on f.org_id = $1 and f.event_type = e.type and f.revision = 0
        where $2::uuid[] is not null
    """,
    "webhook_event_attributes": f"""
        insert into {{into}} (org_id, event_id, name, value)
        select $1, g.id, a.name, a.value
        from ({_NUMBERED}) as g
        cross join lateral (
            values ('data.currency', case when odd = 19 then 'rare' when h / 30 % 4 = 0 then 'EUR' end),
                ('data.part', case when h / 30 % 4 = 1 then 'part_' || h / 600 % 40 end),
                ('channel', case when odd = 13 then 'rare' when h / 1000 % 10 = 0 then 'all'
                    when h / 1000 % 10 = 1 then 'part_' || h / 10000 % 40 end)
        ) as a (name, value)
        where a.value is not null and $2::uuid[] is not null
    """,
    "webhook_deliveries_ended": f"""
        insert into {{into}} (org_id, endpoint_id, event_id, open, state, attempts, step, ended_at, reason)
        select $1, {_ENDPOINT}, d.id, false, d.state, 1, 1, at + interval '1 second',
            case when odd = 23 then 'by_request' when odd = 29 then 'contract' when d.state = 'cancelled'
                then 'endpoint_deleted' when d.state = 'filtered' or d.state = 'delivered' then null
                when h % 3 = 0 then 'deadline' else 'attempts' end
        from (select g.*, {_STATE} as state from ({_NUMBERED}) as g) as d
        where d.state not in ('parked', 'blocked')
    """,
    "webhook_event_logs": f"""
        insert into {{into}} (
            org_id, endpoint_id, event_id, id, attempt, outcome, error_cause, started_at, duration_ms, url,
            request_headers, status, response_headers
        )
        select $1, {_ENDPOINT}, d.id, d.attempt_id, 1,
            case when d.state = 'delivered' then 'delivered' when odd <> 47 and (odd = 43 or h % 4 > 0) then 'refused'
                else 'failed' end,
            case when d.state = 'delivered' or odd = 43 then null when odd = 47 then 'tls' when h % 4 > 0 then null
                when h % 3 = 0 then 'dns' else 'timeout' end,
            at, 20, 'https://example.com/hooks',
            '[["content-type","application/json"],["user-agent","WorkSphere-Hub/1"],["webhook-id","evt_00000000000000'
                '000000000000000000"],["webhook-timestamp","1790000000"],["webhook-signature","v1,AAAAAAAAAAAAAAAAAAAA'
                'AAAAAAAAAAAAAAAAAAAAAAA="]]',
            case when d.state = 'delivered' then (array[200, 202, 204])[1 + h % 3] when odd = 43 then 418
                when odd = 47 or h % 4 = 0 then null else (array[404, 500, 503])[1 + h % 3] end,
            '[["content-type","text/plain"],["content-length","2"],["date","Mon, 23 Nov 2026 10:00:00 GMT"]]'
        from (select g.*, {_STATE} as state from ({_NUMBERED}) as g) as d
        where d.state in ('delivered', 'exhausted')
    """,
}
_OPEN = f"""
    insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, open, state, due_at, attempts, step, reason)
    select $1, {_ENDPOINT}, d.id, true, d.state, 'infinity', 1, 1, 'attempts'
    from (select g.*, {_STATE} as state from ({_NUMBERED}) as g) as d
    where d.state in ('parked', 'blocked')
"""
# An organization's endpoints have changed now and then, and each time its types were fanned out anew.
_FANOUTS = """
    insert into hub.webhook_fanouts (
        org_id, event_type, revision, endpoint_ids, endpoint_modes, skipped_ids, skipped_reasons
    )
    select $1, t.type, -r, '{}', '{}', '{}', '{}'
    from generate_series(0, 19) as r
    cross join (
        select 'order.' || n as type from generate_series(0, 4) as n
        union all select 'misc' || n / 5 || '.' || n % 5 from generate_series(0, 199) as n
        union all values ('rare.one'), ('rare.two')
    ) as t
"""
_KEYS = f"""
    insert into hub.idempotency_keys (org_id, scope, key, request_hash, event_id, status, expires_at)
    select $1, 'event', 'key-' || n, sha256('x'), id, 202, now() + interval '7 days'
    from ({_NUMBERED}) as g
    where $2::uuid[] is not null and n % 100 = 0
"""

# What indexes and keys a table's partitions have, as statements that give them to another. With names: those PostgreSQL
# would choose for two weeks at the same time may be the same.
_INDEXES = """
    select case when i.indisprimary then 'alter table hub.' || $2 || ' add ' || pg_get_constraintdef(k.oid)
        else regexp_replace(
            pg_get_indexdef(i.indexrelid), '^(CREATE INDEX) \\S+ ON (ONLY )?\\S+',
            '\\1 ' || $2 || '_' || row_number() over () || ' ON hub.' || $2
        ) end
    from pg_index i
    left join pg_constraint k on k.conindid = i.indexrelid and k.contype = 'p'
    where i.indrelid = $1::text::regclass
"""
_HASTE = {"synchronous_commit": "off", "maintenance_work_mem": "512MB"}

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True)
class Filling:
    """What to fill: as the owner, with so many events over so many weeks that end now."""

    url: str
    org: UUID
    endpoints: list[UUID]
    events: int
    weeks: int

    @property
    def start(self) -> datetime:
        """The moment of the first event."""
        return datetime.now(UTC).replace(microsecond=0) - self.weeks * WEEK


async def fill(wanted: Filling) -> None:
    """Fill; two weeks at a time."""
    connection = await asyncpg.connect(wanted.url)
    begin, end = wanted.start, datetime.now(UTC)
    step = (end - begin) / wanted.events
    try:
        await connection.execute(_FANOUTS, wanted.org)
        everything = (wanted.org, wanted.endpoints, wanted.events, 0, wanted.events - 1, *_times(begin, step))
        await connection.execute(_OPEN, *everything)
        await connection.execute(_KEYS, *everything)
        monday = datetime.combine(begin.date() - timedelta(days=begin.weekday()), datetime.min.time(), UTC)
        turn = asyncio.Semaphore(2)
        weeks: list[tuple[datetime, tuple[object, ...]]] = []
        number = 0
        while number < wanted.events:
            last = min(-((begin - monday - WEEK) // step) - 1, wanted.events - 1)
            weeks.append((monday, (wanted.org, wanted.endpoints, wanted.events, number, last, *_times(begin, step))))
            number, monday = last + 1, monday + WEEK
        await asyncio.gather(*(_fill_week(wanted.url, turn, *week) for week in weeks))
        # A running server has done so by and by. Left undone, it would do so while something is measured.
        for table in (*_STATEMENTS, "webhook_deliveries_open", "webhook_fanouts", "idempotency_keys"):
            await connection.execute(f"vacuum (analyze, parallel 2) hub.{table}")
        await connection.execute("checkpoint")
    finally:
        await connection.close()


async def _fill_week(url: str, turn: asyncio.Semaphore, monday: datetime, given: tuple[object, ...]) -> None:
    async with turn:
        connection = await asyncpg.connect(url, server_settings=_HASTE)
        try:
            for parent, statement in _STATEMENTS.items():
                await _fill_table(connection, parent, statement, monday, given)
        finally:
            await connection.close()


async def _fill_table(
    connection: Connection, parent: str, statement: str, monday: datetime, given: tuple[object, ...]
) -> None:
    """One week of a table: filled first, indexed then, and made its partition when there is nothing left to do."""
    name = f"{parent}_{monday:y%Gw%V}"
    if await connection.fetchval("select to_regclass($1)", f"hub.{name}"):
        await connection.execute(statement.format(into=f"hub.{name}"), *given)
        return
    await connection.execute(
        f"create table hub.{name} (like hub.{parent} including defaults including constraints including storage)"
    )
    await connection.execute(statement.format(into=f"hub.{name}"), *given)
    for (definition,) in await connection.fetch(_INDEXES, f"hub.{parent}", name):
        await connection.execute(definition)
    await connection.execute(f"alter table hub.{name} enable row level security, force row level security")
    low, high = await connection.fetchrow("select hub.uuidv7_floor($1), hub.uuidv7_floor($2)", monday, monday + WEEK)
    await connection.execute(
        f"alter table hub.{parent} attach partition hub.{name} for values from ('{low}') to ('{high}')"
    )


def _times(begin: datetime, step: timedelta) -> tuple[float, float]:
    return begin.timestamp() * 1000, step.total_seconds() * 1000
