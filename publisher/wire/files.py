"""Our own public files: written whole by rename, so that no reader sees half of one. Decides nothing."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` beside `path`, flush it, rename it into place, flush the directory: it outlives a power cut."""
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
    _flush_directory(path.parent)


def remove_whole(path: Path) -> None:
    """Remove a public file so that it stays removed; gone already is success."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        _flush_directory(path.parent)


def media_name(sha256: str, mime: str) -> str:
    """Public path of a picture below the site: `media/<sha256>.<suffix>`."""
    return f"media/{sha256}.{SUFFIXES.get(mime, 'bin')}"


def write_media(site: Path, sha256: str, mime: str, content: bytes) -> str:
    """Put a picture on the site unless these very bytes are there; gives its path below the site."""
    name = media_name(sha256, mime)
    if not _holds(site / name, content):
        write_whole(site / name, content)
    return name


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _flush_directory(directory: Path) -> None:
    """A rename or removal is on the disk only once its directory is."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
