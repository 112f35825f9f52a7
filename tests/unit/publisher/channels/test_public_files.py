"""Public files: whole or not at all, flushed with their directory, and never trusted by their name alone."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from publisher.wire import remove_whole, write_media, write_whole

PICTURE = b"the picture that was approved"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was flushed to the disk, in order: `directory` or `file`, with what the directory held at that moment."""
    seen: list[str] = []
    flush = os.fsync

    def record(handle: int) -> None:
        kind = "directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        seen.append(kind if kind == "file" else f"directory with {sorted(os.listdir(handle))}")
        flush(handle)

    monkeypatch.setattr(os, "fsync", record)
    return seen


def test_a_file_is_flushed_before_the_rename_and_its_directory_after(tmp_path: Path, flushed: list[str]) -> None:
    write_whole(tmp_path / "articles" / "1.html", b"page")
    assert (tmp_path / "articles" / "1.html").read_bytes() == b"page"
    assert flushed == ["file", "directory with ['1.html']"]


def test_a_removal_is_flushed_and_may_be_repeated(tmp_path: Path, flushed: list[str]) -> None:
    path = tmp_path / "1.html"
    path.write_bytes(b"page")
    remove_whole(path)
    remove_whole(path)
    remove_whole(tmp_path / "never" / "there.html")
    assert flushed == ["directory with []"] * 2


def test_a_failed_write_leaves_the_old_page_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "1.html"
    path.write_bytes(b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("1.html", b"old")]


@pytest.mark.parametrize("found", [b"", PICTURE[:7], PICTURE[::-1]], ids=["empty", "cut", "another of the same size"])
def test_a_file_with_the_pictures_name_and_other_bytes_is_replaced(tmp_path: Path, found: bytes) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / f"{SHA256}.png").write_bytes(found)
    name = write_media(tmp_path, SHA256, "image/png", PICTURE)
    assert name == f"media/{SHA256}.png"
    assert (tmp_path / name).read_bytes() == PICTURE


def test_a_picture_that_is_there_is_not_written_again(tmp_path: Path, flushed: list[str]) -> None:
    write_media(tmp_path, SHA256, "image/png", PICTURE)
    flushed.clear()
    write_media(tmp_path, SHA256, "image/png", PICTURE)
    assert flushed == []
