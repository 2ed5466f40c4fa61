"""PURE: connection URLs."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit


def with_login(url: str, login: str, password: str) -> str:
    """The same database for another login."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(login, safe='')}:{quote(password, safe='')}@{place}"))


def without_pooler(url: str) -> tuple[str, bool]:
    """A URL without its word on a pooler, and whether there is one in transaction mode. Raises ValueError."""
    if "pooler=" not in url:
        return url, False
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name != "pooler"]
    if kept == pairs:
        return url, False
    if ("pooler", "transaction") not in pairs:
        raise ValueError("A database URL says pooler=transaction, or nothing of a pooler.")
    return urlunsplit(parts._replace(query=urlencode(kept))), True
