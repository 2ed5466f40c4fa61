"""Whether the process lives, whether it is ready, and what it counts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from worksphere_hub.telemetry.failure import type_name
from worksphere_hub.telemetry.metrics import Metrics

Check = Callable[[], Awaitable[str | None]]

_CHECK_SECONDS = 2.0


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"]
    version: str


class CheckResult(BaseModel):
    """What one check found."""

    state: Literal["ok", "failed", "slow"]
    sentence: str


class Ready(BaseModel):
    """Whether requests should be sent here."""

    status: Literal["ok", "unready"]
    checks: dict[str, CheckResult]


def create_health_router(version: str, readiness: Mapping[str, Check], metrics: Metrics) -> APIRouter:
    """Make `/healthz`, `/readyz` and `/metrics`; a check answers None when all is well, or a sentence."""
    router = APIRouter(tags=["operations"])
    open_to_all: dict[str, Any] = {"security": []}

    @router.get("/healthz", openapi_extra=open_to_all)
    async def healthz() -> Alive:
        """Say that the process is alive; it never asks anything else."""
        return Alive(status="ok", version=version)

    @router.get("/readyz", openapi_extra=open_to_all, responses={503: {"model": Ready}})
    async def readyz(response: Response) -> Ready:
        """Ask every part the hub cannot serve without; 503 while one of them fails."""
        results = await asyncio.gather(*(_run(check) for check in readiness.values()))
        ready = all(result.state == "ok" for result in results)
        response.status_code = 200 if ready else 503
        return Ready(status="ok" if ready else "unready", checks=dict(zip(readiness, results, strict=True)))

    @router.get("/metrics", openapi_extra=open_to_all, response_class=Response)
    async def metrics_text() -> Response:
        """Write the process's metrics in Prometheus' text format."""
        body, content_type = metrics.render()
        return Response(body, headers={"content-type": content_type})

    return router


async def _run(check: Check) -> CheckResult:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            sentence = await check()
    except TimeoutError:
        return CheckResult(state="slow", sentence=f"No answer within {_CHECK_SECONDS:g} seconds.")
    except Exception as error:  # noqa: BLE001 - a check that breaks is a check that failed; its text may hold secrets
        return CheckResult(state="failed", sentence=f"The check itself broke with {type_name(error)}.")
    return (
        CheckResult(state="ok", sentence="Fine.")
        if sentence is None
        else CheckResult(state="failed", sentence=sentence)
    )
