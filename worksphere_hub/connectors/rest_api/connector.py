"""Any REST API: what it is like stands in the instance's settings."""

from typing import Any

from pydantic import ValidationError

from worksphere_hub.connectors.rest_api.actions import actions
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.declared import DeclaredStream
from worksphere_hub.sdk.errors import BadSettings
from worksphere_hub.sdk.manifest import manifest as declared
from worksphere_hub.sdk.manifest.api import Api as Rules
from worksphere_hub.sdk.manifest.beside import manifest_beside
from worksphere_hub.sdk.stream import Stream


class RestApi(Connector):
    """Its streams are what the settings say, in the words of manifests."""

    async def discover(self, api: Api) -> dict[str, Stream]:
        """The streams that the settings describe. Raises BadSettings."""
        rules = self.manifest.api
        assert rules is not None
        wanted: dict[str, Any] = api.settings.get("streams") or {}
        return {name: stream_of(name, part, rules, api) for name, part in wanted.items()}


def stream_of(name: str, part: dict[str, Any], rules: Rules, api: Api) -> Stream:
    """One stream of the settings. Raises BadSettings, naming the field."""
    try:
        stream = declared.Stream.model_validate({"title": name, **part})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(each) for each in first["loc"])
        raise BadSettings(f"streams.{name}.{where}: {first['msg']}.") from None
    return DeclaredStream(name, stream, rules, api.evaluate)


CONNECTOR = RestApi(manifest_beside(__file__), actions=actions())
