"""Tests mirror the rooms, and the list of modules without a test of their own only gets shorter."""

from pathlib import Path

from tests.architecture.sources import PACKAGE, TESTS, modules, rooms

# Folders of tests that look at the whole and not at one room.
WHOLE = {"acceptance", "architecture", "chaos", "conformance", "database", "docs"}

# Furniture that declares and decides nothing; what it declares is tested where it is used.
DECLARATIONS = {"__init__.py", "__main__.py", "models.py", "errors.py", "schemas.py", "settings.py"}

# Modules without a test of the same name, and what tests them instead. Take a line out when it has one.
ELSEWHERE = {
    "accounts/key_routes.py": "tests/accounts/test_routes.py walks every route, role, key and foreign id",
    "accounts/member_routes.py": "tests/accounts/test_routes.py walks every route, role, key and foreign id",
    "accounts/organization_routes.py": "tests/accounts/test_routes.py walks every route, role, key and foreign id",
    "accounts/session_routes.py": "tests/accounts/test_routes.py walks every route, role, key and foreign id",
    "accounts/principal.py": "tests/accounts/test_authenticate.py makes them, test_permissions.py asks them",
    "accounts/requires.py": "tests/accounts/test_routes.py: every route declares one permission, and it holds",
    "accounts/services.py": "holds what the other modules are handed, and does nothing",
    "accounts/views.py": "tests/accounts/test_routes.py reads what the routes answer",
    "app/api.py": "tests/acceptance starts it",
    "app/demo.py": "tests/docs/test_readme.py and tests/acceptance/test_up.py run the demo",
    "app/demo_providers.py": "tests/acceptance/test_providers.py connects all five and works with them",
    "app/deployment.py": "tests/acceptance starts hubs, afresh and again; tests/app/test_rotation.py wraps it anew",
    "app/embedded.py": "tests/acceptance/test_up.py: started, interrupted, started again, killed outright",
    "app/hub.py": "tests/acceptance starts it",
    "app/start_page.py": "one page of text; nothing in it decides",
    "app/worker.py": "tests/acceptance starts it",
    "app/worker_health.py": "the server it starts is that of tests/http; not started by a test yet",
    "catalog/instance_routes.py": "tests/catalog/test_routes.py walks every route, permission and foreign id",
    "catalog/integration_routes.py": "tests/catalog/test_routes.py walks every route, permission and foreign id",
    "catalog/market_routes.py": "tests/catalog/test_routes.py walks every route, permission and foreign id",
    "catalog/market_schemas.py": "shapes alone; tests/acceptance/test_openapi.py: every answer keeps to them",
    "catalog/market_views.py": "tests/catalog/test_marketplace.py and test_reviews.py read what it shows",
    "catalog/review_routes.py": "tests/catalog/test_routes.py walks every route, permission and foreign id",
    "catalog/services.py": "a record of what the API's side works with",
    "catalog/views.py": "tests/catalog/test_integrations.py and test_instances.py read what it shows",
    "catalog/store.py": "tests/catalog drives it over HTTP; its statements are planned by tests/database",
    "cli/client.py": "tests/acceptance/test_main_job.py: the command line shows the same",
    "cli/database.py": "tests/acceptance makes its organizations and keys by it",
    "cli/deliveries.py": "tests/acceptance/test_by_hand.py: the command line does the same",
    "cli/demo.py": "tests/docs/test_readme.py and tests/acceptance/test_up.py run the demo",
    "cli/endpoints.py": "tests/acceptance/test_main_job.py: the command line shows the same",
    "cli/events.py": "tests/acceptance/test_main_job.py: the command line shows the same",
    "cli/integrations.py": "tests/docs/test_marketplace_guide.py runs the commands of the guides",
    "cli/marketplace.py": "tests/docs/test_marketplace_guide.py runs the commands of the guides",
    "cli/keys.py": "tests/acceptance makes its keys by it",
    "cli/listen.py": "tests/acceptance/test_listen.py runs it against a local port",
    "cli/migrate.py": "tests/db/test_migrate.py has what it does; the command has no test yet",
    "cli/organizations.py": "tests/acceptance makes its organizations and their logins by it",
    "cli/process.py": "tests/acceptance starts both processes by it",
    "cli/sandbox.py": "tests/sandbox/test_serve.py starts it and interrupts it",
    "cli/screen.py": "tests/acceptance/test_main_job.py reads what it prints",
    "cli/serve.py": "a forwarding line that tests/acceptance starts",
    "cli/up.py": "tests/acceptance starts every hub by it",
    "cli/work.py": "a forwarding line that tests/acceptance starts",
    "clouds/request.py": "a record that every test of a destination reads",
    "client/transport.py": "tests/client/test_calls.py: against a server that fails by plan",
    "clock.py": "three calls of the standard library",
    "cli/connections.py": "each command forwards to a route that tests/connections asks; entered lines are read by eye",
    "connections/action_errors.py": "tests/connections/test_actions.py: each refusal by its status and code",
    "connections/action_routes.py": "tests/connections/test_actions.py asks every one, as its owner and as a stranger",
    "connections/action_schemas.py": "shapes alone; tests/acceptance/test_openapi.py: every answer keeps to them",
    "connections/browser_routes.py": "tests/connections/test_flows.py goes that way with a browser's cookies",
    "connections/budget.py": "tests/connections/test_proxy.py: shared by processes, corrected by providers",
    "connections/call_log.py": "tests/connections/test_proxy.py reads what was written down",
    "connections/client_routes.py": "tests/connections/test_clients.py and test_flows.py ask them",
    "connections/connect/routes.py": "tests/connections/connect/test_sessions.py asks every one of them",
    "connections/connect/visit.py": "tests/connections/connect/test_page_routes.py: all that can come between",
    "connections/condition.py": "tests/connections/test_renew.py and test_check.py: states, history and events",
    "connections/entry.py": "tests/connections/test_connections.py: what does not fit is named without its value",
    "connections/flow_rules.py": "tests/connections/test_flows.py: cookies, origins, issuers, return URLs",
    "connections/provider.py": "tests/connections/test_renew.py and test_connections.py against a server",
    "connections/proxy_routes.py": "tests/connections/test_proxy.py drives it, over sockets too",
    "connections/reveal.py": "tests/connections/test_connections.py: where it is allowed, and never unnoticed",
    "connections/routes.py": "tests/connections asks every one of them, as its owner and as a stranger",
    "connections/services.py": "holds what the other modules are handed, and does nothing",
    "connections/store.py": "every test of tests/connections drives it; its statements are planned by tests/database",
    "connections/upkeep.py": "tests/connections/test_renew.py, test_check.py and test_flows.py: what is due is done",
    "connections/views.py": "tests/connections reads what it shows",
    "inbound/addresses.py": "tests/inbound/test_routes.py and test_subscribe.py: an address is one that answers",
    "inbound/subscriptions.py": "tests/inbound/test_subscribe.py asks for them, as their owner and as a stranger",
    "inbound/subscription_routes.py": "tests/inbound/test_subscribe.py asks every one",
    "inbound/readable.py": "tests/inbound/test_facts.py: what does not go together is refused before it is stored",
    "sdk/declared_inbound.py": "tests/inbound/test_facts.py: a manifest says what is in a message and whose it is",
    "events/store.py": "tests/events/test_accept.py drives it; its statements are planned by tests/database",
    "events/emit.py": "tests/webhooks/test_health.py and test_write.py: what is told arrives",
    "events/type_store.py": "tests/events/test_contract_book.py and tests/acceptance/test_event_contracts.py drive it",
    "http/caller.py": "a protocol: what the room asks of a principal",
    "http/corked.py": "tests/http/test_listen.py and test_protocol.py speak over it",
    "inbound/store.py": "tests/inbound/test_process.py drives it; its statements are planned by tests/database",
    "inbound/views.py": "tests/inbound/test_messages.py and test_sources.py read what it shows",
    "cli/taps.py": "tests/docs/test_taps_guide.py installs a package by it, lists and removes it",
    "sdk/tap/launch.py": "tests/sdk/tap/test_process.py: what runs has the limits it sets",
    "sdk/tap/stream.py": "tests/connectors/singer and airbyte read by it, with real programs",
    "sdk/action.py": "what an action is, in words; tests/connectors does them",
    "sdk/api.py": "tests/sdk/test_declared.py: each status and who has to act",
    "sdk/connector.py": "what a connector is, in words; tests/conformance/test_connectors.py examines them",
    "sdk/inbound.py": "what comes in, in words; tests/connectors reads it",
    "sdk/stream.py": "what a stream is, in words; tests/connectors reads them",
    "sdk/manifest/beside.py": "tests/conformance/test_connectors.py loads every connector by it",
    "sdk/manifest/api.py": "shapes alone; tests/sdk/manifest/test_read.py reads manifests of all kinds",
    "sdk/manifest/auth.py": "shapes alone; tests/sdk/manifest/test_read.py reads every auth type",
    "sdk/manifest/kinds.py": "shapes alone; tests/sdk/manifest/test_read.py breaks each of them",
    "sdk/manifest/rules.py": "tests/sdk/manifest/test_read.py breaks each of them",
    "sdk/manifest/scopes.py": "tests/sdk/manifest/test_read.py names what has no value in each place",
    "sdk/manifest/shape.py": "tests/sdk/manifest/test_read.py: every fault is told, alone and all at once",
    "sandbox/clock.py": "tests/sandbox/test_seeds.py and test_control.py: where it begins, that it goes forward only",
    "sandbox/delivery.py": "tests/sandbox/test_faults.py: each way of handing an answer over",
    "sandbox/identity.py": "tests/sandbox/test_seeds.py: the same seed makes the same ids and tokens",
    "sandbox/provider.py": "tests/sandbox/test_control.py registers apps, asks for accounts, is refused addresses",
    "sandbox/rates.py": "tests/sandbox: Slack's minutes, Zoom's days, Graph's seconds, Salesforce's day",
    "sandbox/request_log.py": "tests/sandbox/test_control.py: what is logged, what is masked",
    "sandbox/signing.py": "tests/sandbox/microsoft/test_provider.py verifies what it signs, by another library's rules",
    "sandbox/wire.py": "every test of tests/sandbox goes through it",
    "webhooks/attempt_routes.py": "tests/acceptance/test_search.py",
    "webhooks/retention_routes.py": "tests/acceptance/test_search.py",
    "webhooks/deliver.py": "tests/webhooks/test_dispatch.py: one attempt against every kind of receiver",
    "webhooks/directory.py": "tests/webhooks/test_dispatch.py: changed, disabled and deleted meanwhile",
    "webhooks/endpoint_rows.py": "tests/acceptance/test_main_job.py: what is set is what is shown",
    "webhooks/endpoints.py": "tests/acceptance/test_main_job.py and test_bad_input.py",
    "webhooks/event_routes.py": "tests/acceptance/test_main_job.py and test_bad_input.py",
    "webhooks/jwks_routes.py": "tests/acceptance/test_endpoints.py verifies with the keys it gives",
    "webhooks/event_type_routes.py": "tests/acceptance/test_event_contracts.py: every route over real HTTP",
    "webhooks/event_type_schemas.py": "shapes alone; tests/acceptance/test_openapi.py: every answer keeps to them",
    "webhooks/event_types.py": "tests/acceptance/test_event_contracts.py: defined, changed at once, imported, audited",
    "webhooks/publish.py": "tests/acceptance/test_bad_input.py: each bad request and its reason",
    "webhooks/publish_openapi.py": "tests/acceptance/test_openapi.py: every operation keeps to the document",
    "webhooks/pull_routes.py": "tests/acceptance/test_listen.py fetches and acknowledges by it",
    "webhooks/record.py": "tests/webhooks/test_dispatch.py: twice counts once, too late changes nothing",
    "webhooks/replay_routes.py": "tests/acceptance/test_by_hand.py",
    "webhooks/replayer.py": "tests/webhooks/test_replays.py steps it",
    "webhooks/routes.py": "tests/acceptance/test_main_job.py and test_bad_input.py",
    "webhooks/send_test.py": "tests/acceptance/test_main_job.py",
    "webhooks/services.py": "a record of what the API's side works with",
    "webhooks/store.py": "tests/webhooks/test_dispatch.py drives it; its statements are planned by tests/database",
    "webhooks/targets.py": "a record of what is needed to send",
    "webhooks/views.py": "tests/acceptance/test_main_job.py reads what it shows",
}

# A provider of the sandbox is driven as a whole, by its vendor's own SDK or held against its own description.
PROVIDERS = {
    "google": "answers changes drives files oauth permissions state uploads webhooks",
    "microsoft": "answers directory messages oauth state subscriptions webhooks",
    "salesforce": "answers bulk composite describe oauth queries query records state webhooks",
    "slack": "chat conversations directory files methods oauth state webhooks",
    "zoom": "answers meetings oauth recordings state users webhooks",
}
ELSEWHERE |= {
    f"sandbox/{provider}/{name}.py": f"tests/sandbox/{provider}/test_provider.py drives the whole provider"
    for provider, names in PROVIDERS.items()
    for name in names.split()
}

# A connector is driven as a whole too, against its provider's stand-in.
CONNECTORS = {
    "google_drive": "actions calls inbound streams uploads",
    "rest_api": "actions",
    "webhook": "actions inbound",
    "microsoft_teams": "actions calls inbound streams",
    "salesforce": "actions bulk calls inbound streams",
    "slack": "actions calls inbound streams",
    "zoom": "actions calls inbound streams",
}
ELSEWHERE |= {
    f"connectors/{connector}/{name}.py": f"tests/connectors/{connector}/test_connector.py drives the whole connector"
    for connector, names in CONNECTORS.items()
    for name in names.split()
}


# Databases are driven together, by what they have in common, and each by what it has of its own.
DATABASES = {"postgresql": "connector dialect failures", "mysql": "connector dialect failures",
             "sqlite": "connector dialect"}  # fmt: skip
ELSEWHERE |= {
    f"connectors/{database}/{name}.py": "tests/connectors/test_databases.py and its own test_session.py, on a real one"
    for database, names in DATABASES.items()
    for name in names.split()
}
ELSEWHERE |= {
    f"sdk/tables/{name}.py": "tests/connectors/test_databases.py drives all of it on three real databases"
    for name in ["actions", "connector", "dialect", "model", "session", "statements", "stream"]
}


def rooms_of_tests():
    return sorted(folder for folder in TESTS.iterdir() if folder.is_dir() and list(folder.glob("test_*.py")))


def module_of(test: Path) -> Path:
    """The module that a test is named after: one of its room, or one of its own folder that puts several together."""
    beside = test.with_name(test.name.removeprefix("test_"))
    return beside if beside.exists() else PACKAGE / test.parent.name / beside.name


def without_a_test():
    """Modules that decide something and have no test of their name."""
    return {
        name
        for name, path in modules().items()
        if path.name not in DECLARATIONS
        and not (TESTS / path.relative_to(PACKAGE)).with_name(f"test_{path.name}").exists()
    }


def test_every_folder_of_tests_is_a_rooms_or_about_the_whole():
    known = {room.name for room in rooms()} | WHOLE
    assert not [folder.name for folder in rooms_of_tests() if folder.name not in known]


def test_every_test_is_named_after_a_module_of_its_room():
    tests = [test for folder in rooms_of_tests() if folder.name not in WHOLE for test in folder.glob("test_*.py")]
    assert len(tests) > 40
    assert not [str(test.relative_to(TESTS)) for test in tests if not module_of(test).exists()]


def test_the_list_of_modules_without_a_test_does_not_grow():
    grown = sorted(without_a_test() - ELSEWHERE.keys())
    assert not grown, "write a test of that name"


def test_the_list_of_modules_without_a_test_is_true():
    stale = sorted(ELSEWHERE.keys() - without_a_test())
    assert not stale, "these have a test by now, or are gone: take them out"
    assert not [name for name, reason in ELSEWHERE.items() if len(reason) < 20]
