"""The crash harness: real workers are killed, stopped and lied to, and what is live in the end is counted.

python -m bench.ledger --full           every disturbance as often as the ledger promises to bear it
python -m bench.ledger --kills 40 ...   so many of each

All times are divided by --time-factor. Progress goes to standard error, the result as JSON to standard output.
Exit 1 when any run has two copies, or any other fault.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench.ledger.harness import Harness, Options
from bench.ledger.runs import CLASSES
from bench.ledger.verdicts import is_good, judge
from bench.machine import describe

FULL = {"kills": 500, "lost": 500, "late": 200, "stops": 100, "withdrawals": 100, "foreign": 50}
SECONDS_A_KILL, SECONDS_A_RUN, LEAST_LAUNCH_S = 0.8, 0.3, 20.0  # at this pace two cores keep up


def main() -> int:
    """Run and print the JSON result; 0 when nothing went wrong."""
    given = _parse()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    counts = FULL if given.full else {kind: getattr(given, kind) for kind in CLASSES}
    usual_s = max(LEAST_LAUNCH_S, SECONDS_A_KILL * counts["kills"], SECONDS_A_RUN * sum(counts.values()))
    launch_s = given.launch_s or usual_s
    home = Path(tempfile.mkdtemp(prefix="wz-ledger-", dir=given.dir or None))
    options = Options(
        counts, given.seed, given.time_factor, given.settle_factor, given.naive, launch_s, given.wait_s,
        given.database_url, home,
    )  # fmt: skip
    began = time.monotonic()
    harness = Harness(options)
    try:
        harness.run()
        result = judge(harness)
    finally:
        harness.close()
    result |= {"seconds": round(time.monotonic() - began, 1), "time_factor": given.time_factor, "seed": given.seed}
    print(json.dumps({"bench": "ledger", "machine": describe(), **result}, ensure_ascii=False, indent=2))
    good = is_good(result)
    meant = given.naive or given.settle_factor != 1  # to go wrong
    if given.keep or not (good or meant):
        print(f"kept: {home}", file=sys.stderr)
    else:
        shutil.rmtree(home)
    return int(not good)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.ledger", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for kind in CLASSES:
        parser.add_argument(f"--{kind}", type=int, default=0)
    parser.add_argument("--full", action="store_true", help=f"as often as promised: {FULL}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time-factor", type=float, default=20)
    parser.add_argument("--settle-factor", type=float, default=1)
    parser.add_argument("--launch-s", type=float, default=0, help="seconds over which the runs are started")
    parser.add_argument("--wait-s", type=float, default=0, help="most seconds to wait for the end")
    parser.add_argument("--database-url", default="", help="empty: SQLite")
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else ""
    parser.add_argument("--dir", default=memory, help="where the files go; a kill loses nothing of a memory disk")
    parser.add_argument("--naive", action="store_true", help="use the adapter that sends again after a time-out")
    parser.add_argument("--keep", action="store_true", help="keep the files of the run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
