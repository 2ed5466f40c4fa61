"""How connections work; the defaults stand beside the code that obeys them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """How connections work. Times are in seconds."""

    public_url: str = ""  # where browsers reach the hub, e.g. https://hub.example.com; unset: as each request says
    connection_limit: int = 1_000  # connections an organization may have
    flow_time: float = 600.0  # how long somebody may take at the provider's consent page
    link_time: float = 86_400.0  # how long a link to authorize an account is good, unless asked for otherwise
    connect_time: float = 1_800.0  # how long a connect page is good, unless asked for otherwise
    connect_steps: int = 50  # how often something may be sent from one connect page
    token_timeout: float = 20.0  # one request to a token endpoint in all; shorter than the lease
    lease: float = 30.0  # how long a process that died keeps others from renewing a credential
    renewal_wait: float = 30.0  # how long a call waits for a credential that another process renews
    refused_pause: float = 30.0  # so soon after its renewal, or its test, a refused credential sees no other
    previous_time: float = 600.0  # how long a replaced credential is kept, sealed
    keep_alive: float = 86_400.0  # an unused credential is renewed this often, and before its refresh token goes stale
    idle_after: float = 86_400.0  # a connection that was not used for this long is only kept alive
    give_up_after: float = 345_600.0  # a credential whose renewal has failed for so long is taken for dead
    idle_poll: float = 1.0  # how long an idle worker waits before it looks for what is due
    check_every: float = 86_400.0  # each connection is tested this often
    check_lease: float = 120.0  # how long a worker that died keeps the checks that it had in hand
    history_days: int = 90  # days that checks and changes of health are kept
    call_timeout: float = 30.0  # one try of a proxied call, unless the manifest says otherwise
    call_deadline: float = 120.0  # a proxied call in all, waits and further tries included
    longest_wait: float = 20.0  # a wait that is longer than this is told to the caller instead
    upload_limit: int = 104_857_600  # bytes of a proxied request's body
    buffer_limit: int = 1_048_576  # bytes of it that are kept for another try
    download_limit: int = 1_073_741_824  # bytes of a proxied answer's body
    answer_limit: int = 67_108_864  # bytes of one answer that a connector takes in whole
    reveal: bool = False  # whether credentials can be read at all, by those with connections:reveal
    files: Path | None = None  # has a folder for each organization, named by its id, whose files connectors may use
    taps: Path | None = None  # has the programs of others that may be run, installed by `worksphere-hub taps`
