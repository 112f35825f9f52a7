"""The crash harness: real sandbox, real worker processes, real kills; judged by what is really live in the end."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from werkzeug.serving import make_server

from bench.ledger import crew, lag
from bench.ledger.breakers import Breakers, Roster
from bench.ledger.crew import Post
from bench.ledger.office import Office, make_settings
from bench.ledger.runs import GIVEN_UP_S, LIST_LAG_S, MOST_LATE_S, Run, account_settings, faults, make_runs, title_of
from bench.ledger.sandbox import Sandbox
from core.models import Delivery
from core.models.words import Operation
from portal.web import create_app
from publisher.delivery import plan, withdraw
from publisher.delivery.pace import pace_of
from publisher.workflow import ENDED, State

LATENCY_MS = 40
SETTLED_S = GIVEN_UP_S + MOST_LATE_S + LIST_LAG_S + 90.0  # the longest late accept, list lag, callback; not divided
MOST_WAIT_S = 2.0 * 1800.0  # before division
PROGRESS_S = 10.0
WITHDRAWN_WITHIN_S, MOST_UNTIL_CALLED_S, LOOK_S = 2.5, 20.0, 0.05


@dataclass
class Options:
    """What one run of the harness does."""

    counts: dict[str, int]
    seed: int = 1
    time_factor: float = 20
    settle_factor: float = 1
    naive: bool = False
    launch_s: float = 40
    most_wait_s: float = 0  # in real seconds; 0: as long as the slowest channel may take
    database_url: str = ""
    home: Path = Path("/tmp")


@dataclass
class Started:
    """A run on its way."""

    run: Run
    article_id: int
    link: str
    accounts: dict[str, int]
    withdrawn: bool = False


class Harness:
    """Build everything, run, judge, tear down."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.rng = random.Random(options.seed)
        self.sandbox = Sandbox(
            options.home / "sandbox.db", time_factor=options.time_factor, latency_ms=LATENCY_MS, seed=options.seed
        )
        self.office = Office(make_settings(options.home / "home", self.sandbox, **self._changes()))
        self.pace = pace_of(self.office.settings)
        self.portal = make_server("127.0.0.1", 0, create_app(self.office.house), threaded=True)
        threading.Thread(target=self.portal.serve_forever, daemon=True).start()
        self.roster = Roster(self._post)
        self.breakers = Breakers(
            self.roster, self.office.house.db, self.pace.lease_s, options.launch_s, seed=options.seed
        )
        self.tally = self.breakers.tally
        self.started: list[Started] = []
        self.lag = lag.Lag([])
        self._sets: dict[int, list[Run]] = defaultdict(list)
        self._accounts: dict[int, dict[str, int]] = {}
        self._others: list[BaseProcess] = []
        self._told_at = 0.0

    def run(self) -> list[Started]:
        """Start the crew, launch every run over the launch time while killing and stopping, wait for the end."""
        runs = list(make_runs(self.options.counts))
        self.rng.shuffle(runs)
        for run in runs:
            self._sets[run.set_number].append(run)
        self._accounts = {number: self._account_set(members) for number, members in sorted(self._sets.items())}
        ours, theirs = Pipe()
        self._others = [crew.start_keeper(self._post("keeper")), crew.start_meter(theirs)]
        self.roster.fill()
        threads = self.breakers.start(self.options.counts["kills"], self.options.counts["stops"])
        self._launch(runs)
        for thread in threads:
            thread.join(timeout=self.options.launch_s)
        self.breakers.quiet.set()
        self._wait()
        time.sleep(SETTLED_S / self.options.time_factor)
        self._wait()
        ours.send("enough")
        self.lag = lag.Lag(ours.recv())
        return self.started

    def close(self) -> None:
        """End every process."""
        self.breakers.quiet.set()
        everyone = [*self.roster.workers, *self.roster.stopped, *self._others]
        for process in everyone:
            if process.is_alive():
                process.terminate()
        for process in everyone:
            process.join(10)
            if process.is_alive():
                process.kill()
                process.join(10)
        self.portal.shutdown()
        self.sandbox.stop()
        self.office.house.close()

    def _changes(self) -> dict[str, Any]:
        return {
            "time_factor": self.options.time_factor, "settle_factor": self.options.settle_factor,
            "database_url": self.options.database_url, "ask_s": 60.0, "deliver_threads": 8,
        }  # fmt: skip

    def _post(self, name: str, elsewhere: bool = False) -> Post:
        settings = self.office.settings.model_dump(mode="json")
        log = str(self.options.home / "crew.log")
        return Post(settings, name, elsewhere=elsewhere, naive=self.options.naive, log=log)

    def _account_set(self, runs: list[Run]) -> dict[str, int]:
        """Fresh accounts for the runs of one set, with the faults that await them; our ids by channel."""
        number, kind = runs[0].set_number, runs[0].kind
        ids, sandbox_ids = self.office.account_set(self.sandbox, str(number), account_settings(kind))
        url = f"http://127.0.0.1:{self.portal.server_port}/callbacks/wechat/{ids['wechat']}"
        self.sandbox.change("wechat", sandbox_ids["wechat"], callback_url=url)
        self.sandbox.fault(*faults(runs, sandbox_ids, self.rng))
        return ids

    def _launch(self, runs: list[Run]) -> None:
        """Plan the runs evenly over the launch time; withdrawals come at a random moment of their publish."""
        gap_s = self.options.launch_s / max(1, len(runs))
        timers: list[threading.Timer] = []
        for run in runs:
            began = time.monotonic()
            self.roster.fill()
            ids = self._accounts[run.set_number]
            chosen = {kind: ids[kind] for kind in ("website", run.channel)}
            article_id = self.office.article(title_of(run), list(chosen.values()), picture=run.channel != "client")
            house = self.office.house
            with house.db.write() as session:
                now = house.clock.now()
                plan(session, self.office.publisher, article_id, now, now, late_policy="send", website_first_s=5)
            entry = Started(run, article_id, f"{self.office.settings.site_url}/articles/{article_id}.html", chosen)
            self.started.append(entry)
            if run.kind == "withdrawals":
                until_called = len(timers) % 2 == 0
                timer = threading.Timer(self.rng.uniform(0, WITHDRAWN_WITHIN_S), self._withdraw, (entry, until_called))
                timer.start()
                timers.append(timer)
            self._tell(f"{len(self.started)} of {len(runs)} runs begun")
            time.sleep(max(0.0, gap_s - (time.monotonic() - began)))
        for timer in timers:
            timer.join()

    def _withdraw(self, entry: Started, until_called: bool) -> None:
        """Every other one not before its platform was called, so that callbacks come into it however slow we are."""
        house = self.office.house
        until = time.monotonic() + MOST_UNTIL_CALLED_S
        try:
            while until_called and time.monotonic() < until and not self._is_called(entry):
                time.sleep(LOOK_S)
            with house.db.write() as session:
                withdraw(session, self.office.publisher, entry.article_id, "数据有误", house.clock.now())
        except Exception as error:  # noqa: BLE001  in a thread: it is told in the result, which then fails
            self.tally.notes.append(f"withdrawal of article {entry.article_id} failed: {error!r}")
        entry.withdrawn = True

    def _is_called(self, entry: Started) -> bool:
        ours = (Delivery.article_id == entry.article_id, Delivery.account_id == entry.accounts[entry.run.channel])
        with self.office.house.db.read() as session:
            return session.scalar(select(Delivery.id).where(*ours, Delivery.once_at.is_not(None)).limit(1)) is not None

    def _wait(self) -> None:
        """Until every row ended or a person was asked."""
        until = time.monotonic() + (self.options.most_wait_s or MOST_WAIT_S / self.options.time_factor)
        ended = [state.value for state in ENDED]
        while time.monotonic() < until:
            with self.office.house.db.read() as session:
                open_rows = session.scalar(
                    select(func.count(Delivery.id)).where(Delivery.state.not_in(ended), ~_waits_for_person())
                )
            if not open_rows:
                return
            self.roster.fill()
            self._tell(f"{open_rows} rows open")
            time.sleep(0.25)
        self.tally.notes.append(f"{open_rows} rows were neither final nor asked in the end")

    def _tell(self, text: str) -> None:
        """Progress, now and then, to standard error."""
        now = time.monotonic()
        if now - self._told_at > PROGRESS_S:
            self._told_at = now
            print(f"{text}, {self.tally.kills} kills, {self.tally.stops} stops", file=sys.stderr, flush=True)


def _waits_for_person() -> Any:
    """Asked rows, and withdrawals that wait behind them."""
    is_asked = Delivery.state.in_([State.UNKNOWN.value, State.SENT.value]) & Delivery.asked_at.is_not(None)
    behind = (Delivery.operation == Operation.WITHDRAW.value) & Delivery.copy_id.in_(
        select(Delivery.copy_id).where(is_asked)
    )
    return is_asked | behind


def group_by_class(started: list[Started]) -> dict[str, list[Started]]:
    """Runs by the class of their disturbance."""
    groups: dict[str, list[Started]] = defaultdict(list)
    for entry in started:
        groups[entry.run.kind].append(entry)
    return groups
