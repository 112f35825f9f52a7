"""The dictionary's cache: in the home, shared by processes that start at once, nothing in the shared temp directory."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from core import lexicon
from core.config import Settings
from core.house import House

START = """
import sys
from pathlib import Path
from core import lexicon
lexicon.keep_cache(Path(sys.argv[1]) / "cache")
print(" ".join(lexicon.jieba().lcut("自来水发黄")))
"""


def start(home: Path, temp: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", START, str(home)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**os.environ, "TMPDIR": str(temp)},
    )  # fmt: skip


def test_processes_that_start_at_once_share_one_cache_in_the_home(tmp_path: Path) -> None:
    home, temp = tmp_path / "home", tmp_path / "temp"
    temp.mkdir()
    said = [process.communicate(timeout=120)[0] for process in [start(home, temp) for _ in range(3)]]
    assert said == ["自来水 发黄\n"] * 3
    assert [path.name for path in (home / "cache").iterdir()] == ["jieba.cache"]
    assert stat.S_IMODE((home / "cache").stat().st_mode) == 0o700
    assert list(temp.iterdir()) == []


def test_a_torn_cache_is_built_again(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "jieba.cache"
    cache.parent.mkdir()
    cache.write_bytes(b"half")
    assert start(tmp_path, tmp_path).communicate(timeout=120)[0] == "自来水 发黄\n"
    assert cache.stat().st_size > 1_000_000


def test_an_open_house_keeps_it_in_its_home(house: House, settings: Settings) -> None:
    assert lexicon._directory == [settings.home / "cache"]
