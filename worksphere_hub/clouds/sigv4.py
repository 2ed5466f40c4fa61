"""PURE: AWS Signature Version 4, as its general reference has it; held to botocore by the tests."""

import hashlib
import hmac
from dataclasses import replace
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from worksphere_hub.clouds.credentials import AwsKeys
from worksphere_hub.clouds.request import Outgoing

_ALGORITHM = "AWS4-HMAC-SHA256"


def sign(keys: AwsKeys, service: str, region: str, draft: Outgoing, now: datetime) -> Outgoing:
    """The same request with the headers that prove it; their names are in lower case.

    The URL's path is signed as it stands, encoded once, and it has no query: no service here needs more.
    """
    stamp, digest = now.strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(draft.body).hexdigest()
    parts = urlsplit(draft.url)
    made = {**draft.headers, "host": _host(parts), "x-amz-date": stamp}
    if service == "s3":
        made["x-amz-content-sha256"] = digest
    if keys.session_token:
        made["x-amz-security-token"] = keys.session_token
    names = sorted(made)
    listed = ";".join(names)
    lines = [f"{name}:{' '.join(made[name].split())}" for name in names]
    canonical = "\n".join([draft.method, parts.path or "/", "", *lines, "", listed, digest])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    told = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    proof = hmac.digest(key, told.encode(), "sha256").hex()
    made["authorization"] = (
        f"{_ALGORITHM} Credential={keys.access_key_id}/{scope}, SignedHeaders={listed}, Signature={proof}"
    )
    # The client writes it by itself, from the same URL.
    del made["host"]
    return replace(draft, headers=made)


def _host(parts: SplitResult) -> str:
    """The host as a client names it: with its port, unless that is the scheme's own."""
    usual = {"http": ":80", "https": ":443"}[parts.scheme]
    return parts.netloc.lower().removesuffix(usual)
