"""Who there is: the tenant, its people, its teams and their channels."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.microsoft.answers import missing, refusal, selected
from worksphere_hub.sandbox.microsoft.state import Team, Thread
from worksphere_hub.sandbox.wire import Call, Json, answer

if TYPE_CHECKING:
    from worksphere_hub.sandbox.microsoft.provider import Caller, Microsoft


class Directory:
    """Users, teams, channels."""

    def __init__(self, microsoft: "Microsoft") -> None:
        self._microsoft = microsoft
        self._state = microsoft.state

    def me(self, caller: "Caller", call: Call) -> Response:
        """GET /me"""
        context = {"@odata.context": f"{call.base}/v1.0/$metadata#users/$entity"}
        return answer({**context, **selected(call, _shown(self._state.users[caller.person()]))})

    def users(self, _caller: "Caller", call: Call) -> Response:
        """GET /users"""
        return self._microsoft.links.page(call, [_shown(one) for one in self._state.users.values()], "users", 100, 999)

    def organization(self, _caller: "Caller", call: Call) -> Response:
        """GET /organization"""
        tenant = self._state.tenant
        domain = {
            "name": tenant["domain"],
            "type": "Managed",
            "isDefault": True,
            "isInitial": True,
            "capabilities": "Email",
        }
        row: Json = {
            "id": tenant["id"],
            "displayName": tenant["name"],
            "tenantType": "AAD",
            "verifiedDomains": [domain],
        }
        return self._microsoft.links.page(call, [row], "organization", 100, 999)

    def joined(self, caller: "Caller", call: Call) -> Response:
        """GET /me/joinedTeams"""
        me = caller.person()
        rows = [self._team_view(team) for team in self._state.teams.values() if me in team.members]
        return self._microsoft.links.page(call, rows, "teams", 100, 999)

    def team(self, caller: "Caller", call: Call) -> Response:
        """GET /teams/{team}"""
        return answer(selected(call, self._team_view(self.find_team(caller, call))))

    def members(self, caller: "Caller", call: Call) -> Response:
        """GET /teams/{team}/members"""
        team = self.find_team(caller, call)
        rows: list[Json] = []
        for number, identity in enumerate(team.members):
            user = self._state.users[identity]
            rows.append(
                {
                    "@odata.type": "#microsoft.graph.aadUserConversationMember",
                    "id": f"MCMj{team.id}{identity}",
                    "roles": [] if number else ["owner"],
                    "displayName": user["displayName"],
                    "userId": identity,
                    "email": user["mail"],
                    "tenantId": self._state.tenant["id"],
                    "visibleHistoryStartDateTime": "0001-01-01T00:00:00Z",
                }
            )
        return self._microsoft.links.page(call, rows, "teams/members", 100, 999)

    def channels(self, caller: "Caller", call: Call) -> Response:
        """GET /teams/{team}/channels"""
        rows = [self._channel_view(one) for one in self.find_team(caller, call).channels.values()]
        return self._microsoft.links.page(call, rows, "teams/channels", 100, 999)

    def channel(self, caller: "Caller", call: Call) -> Response:
        """GET /teams/{team}/channels/{channel}"""
        return answer(selected(call, self._channel_view(self.find_channel(caller, call))))

    def chats(self, caller: "Caller", call: Call) -> Response:
        """GET /chats and /me/chats"""
        me = caller.person()
        rows = [self._chat_view(one) for one in self._state.chats.values() if me in one.members]
        return self._microsoft.links.page(call, rows, "chats", 20, 50)

    def chat(self, caller: "Caller", call: Call) -> Response:
        """GET /chats/{chat}"""
        return answer(selected(call, self._chat_view(self.find_chat(caller, call))))

    def find_team(self, caller: "Caller", call: Call) -> Team:
        """The team of a path. Answers 404; 403 for one that the caller is no member of."""
        team = self._state.teams.get(call.part("team"))
        if team is None:
            raise missing("Team")
        if caller.user is not None and caller.user not in team.members:
            raise refusal(403, "Forbidden", "User is not a member of the team, and cannot read it.")
        return team

    def find_channel(self, caller: "Caller", call: Call) -> Thread:
        """The channel of a path. Answers 404."""
        channel = self.find_team(caller, call).channels.get(call.part("channel"))
        if channel is None:
            raise missing("Channel")
        return channel

    def find_chat(self, caller: "Caller", call: Call) -> Thread:
        """The chat of a path. Answers 404, for one of others too."""
        chat = self._state.chats.get(call.part("chat"))
        if chat is None or (caller.user is not None and caller.user not in chat.members):
            raise missing("Chat")
        return chat

    def _team_view(self, team: Team) -> Json:
        return {
            "id": team.id,
            "createdDateTime": team.created,
            "displayName": team.name,
            "description": team.description,
            "internalId": f"19:{team.id}@thread.tacv2",
            "specialization": "none",
            "visibility": "private",
            "isArchived": False,
            "webUrl": f"https://teams.microsoft.com/l/team/{team.id}",
            "tenantId": self._state.tenant["id"],
        }

    def _channel_view(self, channel: Thread) -> Json:
        return {
            "id": channel.id, "createdDateTime": channel.created, "displayName": channel.name, "description": None,
            "email": "", "isFavoriteByDefault": None, "membershipType": channel.kind,
            "webUrl": f"https://teams.microsoft.com/l/channel/{channel.id}", "tenantId": self._state.tenant["id"],
        }  # fmt: skip

    def _chat_view(self, chat: Thread) -> Json:
        return {
            "id": chat.id, "topic": chat.name or None, "createdDateTime": chat.created,
            "lastUpdatedDateTime": chat.messages[-1].view["createdDateTime"] if chat.messages else chat.created,
            "chatType": chat.kind, "webUrl": f"https://teams.microsoft.com/l/chat/{chat.id}/0",
            "tenantId": self._state.tenant["id"], "onlineMeetingInfo": None,
        }  # fmt: skip


def _shown(user: Json) -> Json:
    return {key: value for key, value in user.items() if not key.startswith("_")}
