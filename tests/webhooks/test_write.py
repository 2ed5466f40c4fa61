"""What comes to a bad end is told of, in the transaction that ends it."""


async def test_a_delivery_that_is_given_up_is_told_of_once_and_not_of_the_telling(engine):
    await engine.endpoint("/status/500/watcher", event_types=("hub.delivery.*",))
    await engine.endpoint("/status/500", event_types=("invoice.*",))
    async with engine.dispatching():
        accepted = await engine.publish(key="inv-1")
        await engine.until("select count(*) from hub.webhook_deliveries where state = 'exhausted'", 2)
    first = engine.told("hub.delivery.exhausted")[0]
    assert first["event_id"] == accepted.id
    assert (first["attempts"], first["reason"], first["last_status"]) == (3, "attempts", 500)
    types = await engine.admin.fetch("select type from hub.webhook_events order by id")
    assert [row["type"] for row in types] == ["invoice.paid", "hub.delivery.exhausted"]
