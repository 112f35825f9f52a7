"""A PostgreSQL server of its own for the ledger's tests: own directory, own socket, durability off."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BIN = Path("/usr/lib/postgresql/15/bin")


class Server:
    """Starts on construction; `url(name)` makes an empty database; `stop()` ends it and removes its files."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="wz-pg-"))
        self._made = 0
        self.port = 50_000 + os.getpid() % 10_000
        if os.geteuid() == 0:
            shutil.chown(self.home, "postgres")
        self._run("initdb", "-D", str(self.home / "rows"), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        options = f"-k {self.home} -p {self.port} -c listen_addresses='' -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "-D", str(self.home / "rows"), "-l", str(self.home / "log"), "-w", "-o", options, "start")

    def url(self) -> str:
        """SQLAlchemy URL of a new, empty database."""
        self._made += 1
        name = f"wz{self._made}"
        self._run("createdb", "-h", str(self.home), "-p", str(self.port), "-U", "postgres", name)
        return f"postgresql+psycopg://postgres@/{name}?host={self.home}&port={self.port}"

    def stop(self) -> None:
        """End the server and remove what it wrote."""
        self._run("pg_ctl", "-D", str(self.home / "rows"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.home, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(BIN / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")
