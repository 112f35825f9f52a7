"""Runs every benchmark that needs no shared data, one after another: python -m bench."""

from __future__ import annotations

import subprocess
import sys

PLAIN = ("scoring", "deliveries", "memory")


def main() -> int:
    """0 when every benchmark ended well."""
    results = [subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode for name in PLAIN]
    return int(any(results))


if __name__ == "__main__":
    sys.exit(main())
