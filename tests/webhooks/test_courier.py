"""What is looked up on the way to an endpoint: the message, the deadline, the contract of what came from SQL."""


async def contract(engine, enforcement):
    await engine.admin.execute(
        "insert into hub.event_types (org_id, name, enforcement) values ($1, 'invoice.paid', $2)",
        engine.org,
        enforcement,
    )
    await engine.admin.execute(
        "insert into hub.event_type_versions (org_id, name, version, schema) values ($1, 'invoice.paid', 1, $2)",
        engine.org,
        '{"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}',
    )


async def from_sql(engine, data):
    async with engine.app.tenant(engine.org) as tx:
        return await tx.value("select hub.trigger_webhook($1, 'invoice.paid', $2)", engine.org, data)


async def test_what_sql_published_against_its_contract_is_stored_and_never_sent(engine):
    await engine.endpoint("/ok")
    await contract(engine, "reject")
    good = await from_sql(engine, {"amount": 1})
    await from_sql(engine, {"amount": "a lot"})
    async with engine.dispatching():
        await engine.until_settled()
    assert [request.headers["webhook-id"] for request in engine.receiver.requests] == [good]
    assert await engine.states() == {"delivered": 1, "cancelled": 1}
    assert (
        await engine.admin.fetchval("select reason from hub.webhook_deliveries where state = 'cancelled'") == "contract"
    )


async def test_a_contract_that_only_warns_lets_it_through(engine):
    await engine.endpoint("/ok")
    await contract(engine, "warn")
    await from_sql(engine, {})
    async with engine.dispatching():
        await engine.until_settled()
    assert await engine.states() == {"delivered": 1}


async def test_one_that_comes_too_late_for_its_deadline_is_not_sent(engine):
    await engine.endpoint("/ok", retry_policy={"kind": "schedule", "waits": [1], "deadline": 60})
    await engine.publish()
    await engine.admin.execute("update hub.webhook_events set accepted_at = accepted_at - interval '70 seconds'")
    async with engine.dispatching():
        await engine.until_settled()
    assert engine.receiver.requests == []
    assert await engine.admin.fetchval("select reason from hub.webhook_deliveries") == "deadline"


async def test_a_message_that_was_removed_is_called_off(engine):
    await engine.endpoint("/ok")
    await engine.publish()
    await engine.admin.execute("update hub.webhook_events set body = null, expunged_at = now()")
    async with engine.dispatching():
        await engine.until_settled()
    assert engine.receiver.requests == []
    assert await engine.admin.fetchval("select reason from hub.webhook_deliveries") == "expunged"
