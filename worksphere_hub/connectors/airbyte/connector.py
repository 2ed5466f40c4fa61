"""Declarative connectors of Airbyte: a manifest in the settings, run by Airbyte's own kit in its own environment."""

from collections.abc import Callable, Mapping

import msgspec

from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.direct import Account, DirectApi, direct
from worksphere_hub.sdk.errors import BadSettings, Unexpected
from worksphere_hub.sdk.manifest.beside import manifest_beside
from worksphere_hub.sdk.stream import State, Stream
from worksphere_hub.sdk.tap import airbyte, installed
from worksphere_hub.sdk.tap.airbyte import Entry, Said
from worksphere_hub.sdk.tap.configuration import configuration
from worksphere_hub.sdk.tap.process import IDLE_SECONDS, Command, apart, redacted
from worksphere_hub.sdk.tap.stream import Heard, TapStream

_TAP = "airbyte"


class Airbyte(Connector):
    """Its streams are those that the manifest describes."""

    async def discover(self, api: Api) -> dict[str, Stream]:
        """Every stream whose records have a key."""
        said = await _asked(direct(api), "discover")
        catalogue = next((each.catalogue for each in said if each.catalogue is not None), None)
        if catalogue is None:
            raise Unexpected("The source gave no catalogue.")
        entries = airbyte.entries(catalogue, api.settings.get("keys", {}))
        return {entry.name: _stream(entry) for entry in entries}


async def check(api: Api) -> Account:
    """What the manifest's own check says. Manifests do not say whose account it is."""
    said = await _asked(direct(api), "check")
    refused = next((each.refused for each in said if each.refused is not None), None)
    if refused is not None:
        _, secrets = configuration(api.settings, direct(api).credential)
        raise BadSettings(f"The source refuses: {redacted(refused, secrets)[:300]}")
    if not any(each.is_well for each in said):
        raise Unexpected("The source did not say whether it works.")
    return Account("airbyte", "Airbyte manifest")


async def _asked(api: DirectApi, verb: str) -> list[Said]:
    command = _command(api, verb, {})
    async with apart(command) as run:
        return [said async for line in run.lines() if (said := airbyte.read(line)) is not None]


def _stream(entry: Entry) -> Stream:
    def run(api: DirectApi, state: State) -> Command:
        files = {"catalog.json": airbyte.configured(entry)}
        if "value" in state:
            files["state.json"] = airbyte.state_of(entry.name, state["value"])
        return _command(api, "read", files)

    return TapStream(entry.name, entry.kind, command=run, hear=_hearing(entry.name))


def _hearing(name: str) -> Callable[[bytes], Heard | None]:
    def hear(line: bytes) -> Heard | None:
        said = airbyte.read(line)
        if said is None or said.stream != name:
            return None
        return Heard(said.record) if said.record is not None else Heard(state=said.state)

    return hear


def _command(api: DirectApi, verb: str, files: Mapping[str, bytes]) -> Command:
    settings = api.settings
    airbyte.require_plain(settings["manifest"])
    source = installed.find(api.taps, _TAP, "airbyte")
    config, secrets = configuration(settings, api.credential)
    written = {
        "config.json": msgspec.json.encode(config),
        "manifest.yaml": msgspec.json.encode(settings["manifest"]),
        **files,
    }
    arguments = [verb, "--config", "config.json", "--manifest-path", "manifest.yaml"]
    for name in ("catalog", "state"):
        if f"{name}.json" in written:
            arguments += [f"--{name}", f"{name}.json"]
    return Command(source.program, arguments, written, secrets, float(settings.get("idle_seconds", IDLE_SECONDS)))


CONNECTOR = Airbyte(manifest_beside(__file__), check=check, direct=True)
