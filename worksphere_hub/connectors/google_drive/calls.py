"""How Google answers: an error with reasons, of which some make a 403 a matter of rate and not of rights."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, cast

from worksphere_hub.sdk.api import Answer, Api, Request, failure_of
from worksphere_hub.sdk.errors import ConnectorFailed, RateLimited, Rejected, Unexpected

DRIVE = "/drive/v3"
UPLOAD = "/upload/drive/v3"
# Without these nothing of shared drives is seen.
EVERYWHERE: Mapping[str, str] = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
FILE = (
    "id,name,mimeType,description,parents,driveId,createdTime,modifiedTime,trashed,size,md5Checksum,version,"
    "webViewLink,owners(emailAddress,displayName),lastModifyingUser(emailAddress,displayName),shared"
)
_RATE_REASONS = {"userRateLimitExceeded", "rateLimitExceeded", "dailyLimitExceeded", "sharingRateLimitExceeded"}


async def call(api: Api, method: str, path: str, **more: Any) -> Any:
    """One request; answers its JSON, None for an empty body. Raises ConnectorFailed."""
    answer = await send(api, method, path, **more)
    return answer.json() if answer.body else None


async def send(api: Api, method: str, path: str, **more: Any) -> Answer:
    """One request; answers it as it came. Raises ConnectorFailed."""
    answer = await api.send(Request(method, path, **more))
    if not 200 <= answer.status < 300:
        raise refusal(answer)
    return answer


async def pages(api: Api, path: str, field: str, query: Mapping[str, str | int]) -> AsyncIterator[dict[str, Any]]:
    """The pages of a list, whole; the records are in `field`."""
    token = None
    while True:
        found = await call(api, "GET", path, query={**query, **({"pageToken": token} if token else {})})
        found.setdefault(field, [])
        yield found
        token = found.get("nextPageToken")
        if not token:
            return


def refusal(answer: Answer) -> ConnectorFailed:
    """What an answer that is not 2xx means."""
    error: dict[str, Any] = {}
    with suppress(Unexpected):
        found = answer.json()
        told = cast("dict[str, Any]", found).get("error") if isinstance(found, dict) else None
        error = cast("dict[str, Any]", told) if isinstance(told, dict) else {"message": told}
    lines: list[dict[str, Any]] = error.get("errors") or []
    reasons = {str(line.get("reason")) for line in lines}
    detail = f"Google answered {answer.status} {' '.join(sorted(reasons))}: {str(error.get('message', ''))[:200]}"
    if reasons & _RATE_REASONS:
        return RateLimited(detail, status=answer.status)
    return Rejected(detail, status=answer.status) if answer.status == 400 else failure_of(answer.status, detail)
