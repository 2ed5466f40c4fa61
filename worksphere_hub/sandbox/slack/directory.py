"""users.*, team.info and auth.*: who there is, and who one is."""

from worksphere_hub.sandbox.slack.methods import Caller, Method, NotOk, page
from worksphere_hub.sandbox.wire import Json


def test(caller: Caller, _fields: Json) -> Json:
    """auth.test"""
    user = caller.team.users[caller.user]
    more = {"bot_id": user["profile"]["bot_id"]} if caller.is_bot else {}
    return {
        "url": f"https://{caller.team.domain}.slack.com/", "team": caller.team.name, "user": user["name"],
        "team_id": caller.team.id, "user_id": caller.user, "is_enterprise_install": False, **more,
    }  # fmt: skip


def revoke(caller: Caller, fields: Json) -> Json:
    """auth.revoke: this token, and with the bot's the refresh token beside it."""
    if str(fields.get("test")) in {"1", "true", "True"}:
        return {"revoked": False}
    caller.slack.revoke(caller.token)
    return {"revoked": True}


def list_users(caller: Caller, fields: Json) -> Json:
    """users.list"""
    rows = [_view(caller, user) for user in caller.team.users.values()]
    found, cursor = page(rows, fields, 1000, 1000)
    now = int(caller.slack.world.clock.epoch())
    return {"members": found, "cache_ts": now, "response_metadata": {"next_cursor": cursor}}


def info(caller: Caller, fields: Json) -> Json:
    """users.info"""
    user = caller.team.users.get(str(fields.get("user") or ""))
    if user is None:
        raise NotOk("user_not_found")
    return {"user": _view(caller, user)}


def by_email(caller: Caller, fields: Json) -> Json:
    """users.lookupByEmail"""
    wanted = str(fields.get("email") or "").lower()
    found = [one for one in caller.team.users.values() if wanted and one["profile"].get("email") == wanted]
    if not found or found[0]["deleted"]:
        raise NotOk("users_not_found")
    return {"user": _view(caller, found[0])}


def team(caller: Caller, _fields: Json) -> Json:
    """team.info"""
    found = caller.team
    return {
        "team": {
            "id": found.id, "name": found.name, "domain": found.domain, "email_domain": "",
            "icon": {"image_34": "https://a.slack-edge.com/avatar.png", "image_default": True},
        }
    }  # fmt: skip


def _view(caller: Caller, user: Json) -> Json:
    """A user; the e-mail address is for those who may read it."""
    if "users:read.email" in caller.token.scopes:
        return user
    return {**user, "profile": {key: value for key, value in user["profile"].items() if key != "email"}}


METHODS = {
    "auth.test": Method(test, tier=4),
    "auth.revoke": Method(revoke),
    "users.list": Method(list_users, ("users:read",), tier=2),
    "users.info": Method(info, ("users:read",), tier=4),
    "users.lookupByEmail": Method(by_email, ("users:read.email",)),
    "team.info": Method(team, ("team:read",)),
}
