"""What a figure was measured on, and the one way a benchmark prints its result."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

LIBRARIES = ("sqlalchemy", "httpx", "flask", "scrapy", "apscheduler", "snownlp", "jieba", "numpy")


def describe() -> dict[str, Any]:
    """Processor, cores, memory, Python and library versions, and the instant in UTC."""
    models = [line.split(":", 1)[1].strip() for line in cpu_lines() if line.startswith("model name")]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def show(name: str, figures: dict[str, Any]) -> None:
    """Print one benchmark's figures as JSON."""
    print(json.dumps({"bench": name, "machine": describe(), "figures": figures}, ensure_ascii=False, indent=2))


def pss_mb(pid: int) -> float:
    """Proportional set size of a process and all below it, in MB; Linux only."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return round(sum(member.memory_full_info().pss for member in family) / 2**20, 1)
