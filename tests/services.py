"""Real services on loopback: a PostgreSQL of one's own and the sandbox. `make services` runs both until Ctrl-C."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ServiceMissing(RuntimeError):
    """A program is not installed, or does not start; the text says which and how to get it."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_program(name: str) -> str:
    """The newest installed program of PostgreSQL's with this name."""
    places = [*sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), *os.get_exec_path()]
    for place in places:
        if os.access(Path(place) / name, os.X_OK):
            return str(Path(place) / name)
    raise ServiceMissing(f"PostgreSQL is missing ({name}): install the package postgresql, version 15 or later")


def run_postgres(*command: str) -> None:
    """Run a server command; root may not, so it lends the work to the user `postgres`."""
    as_other = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    done = subprocess.run([*as_other, *command], capture_output=True, text=True, cwd="/", timeout=120)
    if done.returncode:
        raise ServiceMissing(f"{command[0]} failed: {done.stdout}{done.stderr}")


@contextmanager
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server of one's own (database `postgres`); it is stopped and removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="wz-pg-", dir="/tmp"))
    if os.getuid() == 0:
        shutil.chown(home, "postgres")
    data, log, port = home / "data", home / "log", free_port()
    control = postgres_program("pg_ctl")
    try:
        run_postgres(postgres_program("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        run_postgres(control, "-D", str(data), "-l", str(log), "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        finally:
            run_postgres(control, "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    """Start both, say where they are, end them on Ctrl-C."""
    with postgres_server() as url:
        print(f"PostgreSQL  WENZHENG_DATABASE_URL={url}", flush=True)
        sandbox = subprocess.Popen([sys.executable, "-m", "sandbox", "--port", "0"])
        try:
            return sandbox.wait()
        except KeyboardInterrupt:
            sandbox.terminate()
            return sandbox.wait()


if __name__ == "__main__":
    sys.exit(main())
