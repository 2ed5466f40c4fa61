"""Singer taps: whatever program the operator has installed, read as a source."""

from collections.abc import Callable

import msgspec

from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.direct import Account, DirectApi, direct
from worksphere_hub.sdk.errors import BadSettings, Unexpected
from worksphere_hub.sdk.manifest.beside import manifest_beside
from worksphere_hub.sdk.stream import State, Stream
from worksphere_hub.sdk.tap import installed, singer
from worksphere_hub.sdk.tap.configuration import configuration
from worksphere_hub.sdk.tap.process import IDLE_SECONDS, Command, Run, apart
from worksphere_hub.sdk.tap.singer import Entry
from worksphere_hub.sdk.tap.stream import Heard, TapStream

_LARGEST_CATALOGUE = 32 * 1_048_576


class Singer(Connector):
    """Its streams are those that the tap discovers."""

    async def discover(self, api: Api) -> dict[str, Stream]:
        """Every stream whose records have a key."""
        command = _command(direct(api), ["--discover"], {})
        text = bytearray()
        async with apart(command) as run:
            async for line in run.lines():
                text += line
                if len(text) > _LARGEST_CATALOGUE:
                    raise Unexpected(f"The tap's catalogue has more than {_LARGEST_CATALOGUE} bytes.")
            _require_unchanged(command, run)
        entries = singer.catalogue(bytes(text), api.settings.get("keys", {}))
        return {entry.name: _stream(entry) for entry in entries}


async def check(api: Api) -> Account:
    """A tap that can look at its source works. Taps do not say whose account it is."""
    await CONNECTOR.discover(api)
    name = api.settings["tap"]
    return Account(f"singer:{name}", name)


def _stream(entry: Entry) -> Stream:
    def run(api: DirectApi, state: State) -> Command:
        arguments, files = ["--catalog", "catalog.json"], {"catalog.json": singer.selected(entry)}
        if "value" in state:
            arguments += ["--state", "state.json"]
            files["state.json"] = msgspec.json.encode(state["value"])
        return _command(api, arguments, files)

    return TapStream(entry.name, entry.kind, command=run, hear=_hearing(entry), after=_require_unchanged)


def _hearing(entry: Entry) -> Callable[[bytes], Heard | None]:
    names = {entry.name, entry.kind.title}

    def hear(line: bytes) -> Heard | None:
        said = singer.read(line)
        if said is None:
            return None
        if said.state is not None:
            return Heard(state=said.state)
        if said.record is None or said.stream not in names:
            return None
        gone = singer.deletion(entry.kind, said.record)
        return Heard(deleted=gone) if gone is not None else Heard(said.record)

    return hear


def _command(api: DirectApi, arguments: list[str], files: dict[str, bytes]) -> Command:
    settings = api.settings
    tap = installed.find(api.taps, settings["tap"], "singer")
    config, secrets = configuration(settings, api.credential)
    return Command(
        tap.program,
        ["--config", "config.json", *arguments],
        {"config.json": msgspec.json.encode(config), **files},
        secrets,
        float(settings.get("idle_seconds", IDLE_SECONDS)),
    )


def _require_unchanged(command: Command, run: Run) -> None:
    """A tap may write a renewed credential into its configuration: lost, it would lock the account's owner out."""
    before, after = command.files["config.json"], run.content("config.json")
    if before != after and msgspec.json.decode(before) != msgspec.json.decode(after):
        raise BadSettings(
            "The tap changed its configuration: it renews its credential by itself, which cannot be kept here. "
            "Configure it with one that stays."
        )


CONNECTOR = Singer(manifest_beside(__file__), check=check, direct=True)
