"""Our own public files: written whole by rename, so that no reader sees half of one. Decides nothing."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` beside `path`, flush it to the disk and rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with draft.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def media_name(sha256: str, mime: str) -> str:
    """Public path of a picture below the site: `media/<sha256>.<suffix>`."""
    return f"media/{sha256}.{SUFFIXES.get(mime, 'bin')}"


def write_media(site: Path, sha256: str, mime: str, content: bytes) -> str:
    """Put a picture on the site unless it is there; gives its path below the site."""
    name = media_name(sha256, mime)
    if not (site / name).exists():
        write_whole(site / name, content)
    return name
