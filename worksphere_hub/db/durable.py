"""Small files that must be whole after a power cut: without them a database that survived it cannot be opened."""

import os
import secrets
from pathlib import Path


def write_durably(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write or replace a file: a reader finds the old text or the new, and a power cut after the return the new.

    Without the sync a file system may keep the name and lose the content.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
