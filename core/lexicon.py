"""jieba with its dictionary, loaded once a process; its cache lies in a directory of ours, never in the shared temp.

The cache is read with `marshal`, which trusts what it reads: in a directory where anybody may write, a planted file
would run here. jieba writes it beside and renames it, so any number of processes may start at once.
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
from pathlib import Path
from types import ModuleType

_loading = threading.Lock()
_loaded: list[ModuleType] = []
_directory: list[Path] = []


def keep_cache(directory: Path) -> None:
    """Where the cache of the dictionary goes; a dictionary that is loaded already stays as it is."""
    _directory[:] = [directory]


def jieba() -> ModuleType:
    """The jieba module, ready, without its log and its compile warnings; safe from several threads (about 0.6 s)."""
    with _loading:
        if not _loaded:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # its sources hold escapes newer Pythons warn about
                import jieba as module
            module.setLogLevel(logging.WARNING)
            module.dt.tmp_dir = str(_open(_directory[0] if _directory else _usual()))
            module.initialize()
            _loaded.append(module)
    return _loaded[0]


def _usual() -> Path:
    """The cache directory of the person who runs this, for commands that know no home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wenzheng"


def _open(directory: Path) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory.resolve()
