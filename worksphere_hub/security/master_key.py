"""The master keys: the one secret that lives outside the database and wraps every other key."""

import base64
import binascii
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from worksphere_hub.errors import HubError

KEY_BYTES = 32


class MasterKeyMissing(HubError):
    """The master key that wrapped this secret is not loaded."""

    code = "master_key_missing"
    status = 503


class MasterKeyRefused(HubError):
    """This master key cannot be used."""

    code = "master_key_refused"
    status = 500


@dataclass(frozen=True, slots=True)
class MasterKey:
    """Hold 32 random bytes; `kek_id` names them openly, `kcv` proves at boot that they did not change."""

    secret: bytes = field(repr=False)
    kek_id: str = field(init=False)
    kcv: bytes = field(init=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise MasterKeyRefused(
                f"A master key is {KEY_BYTES} bytes; this one has {len(self.secret)}. "
                "Make one with: openssl rand -base64 32"
            )
        # Thirty-two zeros, or one letter repeated, come from a forgotten placeholder and never from chance.
        if len(set(self.secret)) < 8:
            raise MasterKeyRefused("This master key is not random. Make one with: openssl rand -base64 32")
        object.__setattr__(self, "kek_id", "kek_" + self.derive("id")[:8].hex())
        object.__setattr__(self, "kcv", self.derive("check value")[:8])

    def derive(self, label: str) -> bytes:
        """Derive 32 bytes for another use; they tell nothing of the key, nor of those under another label."""
        return hmac.digest(self.secret, b"hub/master-key/1/" + label.encode(), "sha256")

    def __reduce__(self) -> str:
        raise TypeError("a master key is never pickled")


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The current master key, which wraps, and older ones, which only unwrap until every key is rewrapped."""

    current: MasterKey
    older: tuple[MasterKey, ...] = ()

    def find(self, kek_id: str) -> MasterKey:
        """The loaded master key of this name. Raises MasterKeyMissing."""
        for key in (self.current, *self.older):
            if key.kek_id == kek_id:
                return key
        raise MasterKeyMissing(
            f"A stored key is wrapped by master key {kek_id}, which is not loaded. "
            "Add it as an older master key, or restore the backup of the key file."
        )


def load_master_keys(
    *, text: str | None = None, path: Path | None = None, older: Sequence[str | Path] = ()
) -> MasterKeys:
    """Load the current master key from base64 `text` or else from a key file, and older ones from either.

    Raises MasterKeyMissing when neither is given or the file is absent, MasterKeyRefused when it is unusable.
    """
    if text:
        current = _decode(text, "The master key's setting")
    elif path is not None:
        current = _read(path)
    else:
        raise MasterKeyMissing("No master key is set. Give its base64 or the path of a key file.")
    return MasterKeys(
        current,
        tuple(
            _read(source) if isinstance(source, Path) else _decode(source, "An older master key's setting")
            for source in older
        ),
    )


def create_master_key_file(path: Path) -> MasterKey:
    """Write a fresh master key to `path`, mode 0600. Never overwrites: raises MasterKeyRefused."""
    key = MasterKey(secrets.token_bytes(KEY_BYTES))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(key.secret) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all and never replaces a key that somebody else wrote meanwhile:
        # a lost or torn master key makes every sealed value unreadable.
        os.link(draft, path)
    except FileExistsError:
        raise MasterKeyRefused(f"{path} exists already; a master key is never overwritten.") from None
    finally:
        draft.unlink()
    _make_durable(path.parent)
    return key


def _make_durable(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> MasterKey:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise MasterKeyMissing(f"There is no master key file at {path}.") from None
    except OSError as error:
        raise MasterKeyRefused(f"The master key file {path} cannot be read: {error.strerror}.") from None
    with file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & 0o077:
            raise MasterKeyRefused(
                f"The master key file {path} is open to others (mode {mode:04o}). Run: chmod 600 {path}"
            )
        content = file.read(1024)
    return _decode(content.decode("ascii", errors="replace"), f"The master key file {path}")


def _decode(text: str, source: str) -> MasterKey:
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        raise MasterKeyRefused(f"{source} is not base64. Make a key with: openssl rand -base64 32") from None
    try:
        return MasterKey(secret)
    except MasterKeyRefused as refusal:
        raise MasterKeyRefused(f"{source} is unusable. {refusal.detail}") from None
