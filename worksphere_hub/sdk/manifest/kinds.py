"""The kinds of values that manifests are made of: strict objects, names, templates, expressions."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from worksphere_hub.sdk.manifest.template import names


class Part(BaseModel):
    """A part of a manifest: unknown members are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _template(text: str) -> str:
    names(text)
    return text


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
# A member of a record, as the provider writes it.
Member = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,99}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Line = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(max_length=20_000)]
# `${settings.x}`, `${credential.x}`, `${captured.x}` and others that the field's description names are filled in.
Template = Annotated[str, Field(max_length=4_000), AfterValidator(_template)]
# JSONata, as everywhere in the hub; compiled and bounded by whoever reads the manifest in.
Expression = Annotated[str, Field(min_length=1, max_length=8_192)]
JsonSchema = Annotated[dict[str, Any], Field(description="A JSON Schema (2020-12) of an object.")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2_000)]
Seconds = Annotated[int, Field(ge=1, le=400 * 86_400)]
