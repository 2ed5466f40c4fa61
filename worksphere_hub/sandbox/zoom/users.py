"""Users of the account."""

from starlette.responses import Response

from worksphere_hub.sandbox.wire import Call, Json, answer, empty
from worksphere_hub.sandbox.zoom.answers import Caller, refusal

_SHORT = {
    "id", "first_name", "last_name", "email", "type", "pmi", "timezone", "verified", "dept", "created_at", "status",
    "role_id", "group_ids", "display_name",
}  # fmt: skip
_CHANGEABLE = {"first_name", "last_name", "type", "timezone", "dept", "display_name", "language"}


def list_users(caller: Caller, call: Call) -> Response:
    """GET /users"""
    status = call.query.get("status", "active")
    rows = [
        {key: value for key, value in user.items() if key in _SHORT}
        for user in caller.zoom.state.users.values()
        if user["status"] == status and call.query.get("role_id") in {None, user["role_id"]}
    ]
    found, beside = caller.zoom.pages.cut(call, rows)
    return answer({**beside, "page_number": 1, "users": found})


def read(caller: Caller, call: Call) -> Response:
    """GET /users/{userId}"""
    return answer(caller.user(call.part("user")))


def create(caller: Caller, call: Call) -> Response:
    """POST /users"""
    wanted: Json = call.object().get("user_info") or {}
    if not wanted.get("email"):
        raise refusal(400, 300, "Validation Failed.", errors=[{"field": "user_info.email", "message": "Required."}])
    if caller.zoom.state.user(wanted["email"]):
        raise refusal(409, 1005, f"User already in the account: {wanted['email']}")
    user = caller.zoom.state.add_user(wanted, caller.zoom.world.clock.now())
    caller.zoom.webhooks.emit("user.created", {"object": _told(user)}, caller)
    return answer({key: user[key] for key in ("id", "email", "first_name", "last_name", "type")}, 201)


def update(caller: Caller, call: Call) -> Response:
    """PATCH /users/{userId}"""
    user = caller.user(call.part("user"))
    changes = {key: value for key, value in call.object().items() if key in _CHANGEABLE}
    old = {"id": user["id"], **{key: user[key] for key in changes}}
    user |= changes
    told = {"object": {"id": user["id"], **changes}, "old_object": old}
    caller.zoom.webhooks.emit("user.updated", told, caller)
    return empty()


def delete(caller: Caller, call: Call) -> Response:
    """DELETE /users/{userId}: the user leaves the account."""
    user = caller.user(call.part("user"))
    del caller.zoom.state.users[user["id"]]
    action = call.query.get("action", "disassociate")
    event = "user.deleted" if action == "delete" else "user.disassociated"
    caller.zoom.webhooks.emit(event, {"object": _told(user)}, caller)
    return empty()


def _told(user: Json) -> Json:
    return {key: user[key] for key in ("id", "email", "first_name", "last_name", "type")}
