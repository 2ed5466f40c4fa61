"""The sandbox from outside: its control API, its consent pages, an authorization code with PKCE."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlsplit

import httpx


class Control:
    """A running sandbox, spoken to over HTTP alone."""

    def __init__(self, running):
        self.running = running
        self.url = running.url
        self.urls = running.urls
        self.http = httpx.Client(base_url=running.url, trust_env=False, verify=False, timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def call(self, method, path, /, **body):
        answer = self.http.request(method, f"/_sandbox{path}", json=body or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def reset(self, seed=None):
        self.call("POST", "/reset", **({"seed": seed} if seed else {}))

    def fault(self, kind, **wanted):
        return self.call("POST", "/faults", kind=kind, **wanted)

    def requests(self, **wanted):
        answer = self.http.get("/_sandbox/requests", params=wanted)
        return answer.json()["data"]

    def tokens(self, provider, **wanted):
        return self.call("POST", "/tokens", provider=provider, **wanted)

    def settle(self):
        self.call("POST", "/settle")

    def advance(self, seconds):
        return self.call("POST", "/clock", advance=seconds)

    def stop_clock(self):
        self.call("POST", "/clock", stop=True)

    def provider(self, name):
        return self.call("GET", "")["providers"][name]

    def consent(self, url, decision="approve", account=None, **query):
        """Decide on a consent page; answers what came back to the redirect URI."""
        page = self.http.get(url, params=query)
        assert page.status_code == 200, page.text
        assert "<form" in page.text
        chosen = {"decision": decision, **({"account": account} if account else {})}
        answer = self.http.post(url, params=query, data=chosen)
        assert answer.status_code == 302, answer.text
        return {key: value[0] for key, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def pkce():
    """A verifier and its challenge."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
