"""The rate budgets of providers' accounts, shared by all processes through the database."""

from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.connections import proxy_rules as rules
from worksphere_hub.connections.models import Subject
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.db.pool import Database
from worksphere_hub.sdk.manifest.api import RateRule


class Budgets:
    """Takes from budgets, and corrects them by what providers say."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, subject: Subject, spent: list[RateRule]) -> float:
        """Take a call's share of each budget, or of none; answers 0, or seconds to wait before asking again."""
        if not spent:
            return 0.0
        keyed = sorted(((_key(subject, rule), rule) for rule in spent), key=lambda pair: pair[0])
        rows = await self._database.call(
            QUERIES.take_rate_budgets,
            _owner(subject),
            [key for key, _ in keyed],
            [float(rule.limit) for _, rule in keyed],
            [float(rule.per_seconds) for _, rule in keyed],
        )
        return rows[0][0] / 1000

    async def hear(self, subject: Subject, spent: list[RateRule], heard: rules.Heard, wait: float | None) -> None:
        """Correct the budgets of a call by its answer; `wait`: for how many seconds the provider wants no more."""
        for rule in spent:
            left, blocked = rules.remaining(rule, heard.headers, clock.epoch())
            pause = max(wait or 0.0, blocked or 0.0)
            if left is None and not pause:
                continue
            await self._database.call(
                QUERIES.correct_rate_budget, _owner(subject), _key(subject, rule), left, int(pause * 1000)
            )

    async def block(self, subject: Subject, wait: float) -> None:
        """Where a manifest declares no budget, what a provider asks for holds for the connection."""
        connection = subject.connection
        async with self._database.tenant(connection.org) as tx:
            await tx.run(QUERIES.set_blocked, connection.org, connection.id, int(wait * 1000))


def _owner(subject: Subject) -> UUID:
    return subject.definition.integration_org


def _key(subject: Subject, rule: RateRule) -> bytes:
    connection = subject.connection
    who = {
        "account": connection.account_key,
        "client": subject.client_id or connection.instance.hex,
        "connection": ids.encode("con", connection.id),
    }
    return rules.budget_key(rule, (_owner(subject), subject.definition.slug), who)
