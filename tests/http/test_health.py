"""Alive, ready, and counted."""

import asyncio

import pytest

from tests.http.driving import build, call
from worksphere_hub import __version__
from worksphere_hub.http import health
from worksphere_hub.telemetry.metrics import create_metrics


async def fine():
    return None


async def behind():
    return "Migrations are missing; run `worksphere-hub migrate`."


async def breaks():
    raise ConnectionError("postgres://user:canary@db")


async def hangs():
    await asyncio.Event().wait()


async def test_alive_is_alive_whatever_fails():
    answer = await call(build(readiness={"database": breaks}), "GET", "/healthz")
    assert (answer.status, answer.json()) == (200, {"status": "ok", "version": __version__})


@pytest.mark.parametrize("checks", [{}, {"database": fine, "doorbell": fine}])
async def test_ready_when_every_check_is_fine(checks):
    answer = await call(build(readiness=checks), "GET", "/readyz")
    assert (answer.status, answer.json()["status"]) == (200, "ok")
    assert set(answer.json()["checks"]) == set(checks)


async def test_each_check_is_told_when_one_fails(monkeypatch):
    monkeypatch.setattr(health, "_CHECK_SECONDS", 0.05)
    checks = {"database": fine, "schema": behind, "doorbell": breaks, "queue": hangs}
    answer = await call(build(readiness=checks), "GET", "/readyz")
    assert (answer.status, answer.json()["status"]) == (503, "unready")
    assert {name: found["state"] for name, found in answer.json()["checks"].items()} == {
        "database": "ok",
        "schema": "failed",
        "doorbell": "failed",
        "queue": "slow",
    }
    assert answer.json()["checks"]["schema"]["sentence"].startswith("Migrations are missing")
    assert "ConnectionError" in answer.json()["checks"]["doorbell"]["sentence"]
    assert b"canary" not in answer.body


async def test_metrics_are_prometheus_text():
    metrics = create_metrics()
    metrics.events_accepted.inc(3)
    answer = await call(build(metrics=metrics), "GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert b"\nhub_events_accepted_total 3.0\n" in answer.body
