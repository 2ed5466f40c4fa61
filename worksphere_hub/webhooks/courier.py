"""From a job in a worker's hand to its results: look up what is missing, and attempt what can be."""

from dataclasses import dataclass

import msgspec

from worksphere_hub.db.pool import Database
from worksphere_hub.events.contract_book import ContractBook, check_unchecked
from worksphere_hub.security.egress import EgressClient
from worksphere_hub.webhooks import deliver, store
from worksphere_hub.webhooks.directory import Directory
from worksphere_hub.webhooks.hand import Job
from worksphere_hub.webhooks.health import disable_gone
from worksphere_hub.webhooks.models import Claim, Result
from worksphere_hub.webhooks.retry import admit
from worksphere_hub.webhooks.settings import WebhookSettings


class _Typed(msgspec.Struct):
    type: str


@dataclass(frozen=True, slots=True)
class Courier:
    """Carries jobs to their endpoint."""

    database: Database
    egress: EgressClient
    directory: Directory
    contracts: ContractBook
    settings: WebhookSettings

    async def deliver(self, job: Job) -> list[Result]:
        """One result for each delivery of the job."""
        first = job[0]
        if first.endpoint_status == "disabled":
            return [Result(claim, "held") for claim in job]
        target = await self.directory.target(first) if first.endpoint_status else None
        if target is None:
            return [Result(claim, "cancelled", reason="endpoint_deleted") for claim in job]
        results: list[Result] = []
        carried: list[Claim] = []
        for claim in job:
            if claim.body is None:
                claim.body = await self._fetch_body(claim)
            if claim.body is None:
                results.append(Result(claim, "cancelled", reason="expunged"))
                continue
            if claim.unchecked and await self._breaks_its_contract(claim):
                results.append(Result(claim, "cancelled", reason="contract"))
                continue
            late = None if claim.manual else admit(target.policy, age=deliver.age(claim), wait=0.0)
            if late is not None:
                results.append(Result(claim, late.next, reason="deadline"))
            else:
                carried.append(claim)
        if carried:
            batch = (first.batch_size or 1) > 1
            results += await deliver.attempt(self.egress, self.settings, target, carried, batch=batch)
        if any(result.next == "held" for result in results):
            await disable_gone(self.database, first.org, first.endpoint)
        return results

    async def _breaks_its_contract(self, claim: Claim) -> bool:
        """What was published from SQL could not be checked there: it is here, before anything is sent."""
        assert claim.body is not None
        event_type = msgspec.json.decode(claim.body, type=_Typed).type
        violation = await check_unchecked(self.contracts, claim.org, event_type, claim.body)
        return violation is not None and violation.enforcement == "reject"

    async def _fetch_body(self, claim: Claim) -> bytes | None:
        async with self.database.tenant(claim.org) as tx:
            return await tx.value(store.QUERIES.event_body, claim.org, claim.event)
