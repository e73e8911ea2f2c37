"""A run as a person sees it: preparation, progress, what goes wrong, and how it ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from flink_job.cli.beside import Beside
from flink_job.cli.outages import outages
from flink_job.cli.progress import count_line, job_line, learning_line, ticker, upsert_line
from flink_job.cli.shown import warn
from flink_job.cli.steps import steps
from flink_job.jobs import preflight
from flink_job.jobs.assembly import upsert_folder
from flink_job.jobs.ledger import check_some_used
from flink_job.jobs.segment import COUNTERS, Begin, Start, begin, segment, state_to_resume
from flink_job.jobs.servers import Servers, servers_of
from flink_job.jobs.upsert import COUNTERS as UPSERT_COUNTERS
from flink_job.jobs.upsert import upsert
from flink_job.leases.fencing import shut_out_others
from flink_job.leases.lease import HeldLease, Place, leased
from flink_job.plan import Plan
from flink_job.queries.follow import Follower
from flink_job.runtime.running import JobProgress, Outcome, Watch
from flink_job.runtime.stopping import ended_by_signals, stopping
from operators.base.errors import FlockwiseError, JobError

_POLL_S: Final = 0.3
_ORPHAN_S: Final = 10.0  # an `upsert` whose run was killed stops within so long, or just ends
_BEGINS_ANEW: Final = "[yellow]![/] there is no checkpoint to resume from yet: the run begins anew"


class Session:
    """Runs the jobs of a plan from the terminal."""

    def __init__(self, plan: Plan, config: Path, console: Console) -> None:
        self._plan = plan
        self._config = config
        self._console = console

    def run(self, start: Start) -> Outcome:
        """`flockwise run`."""
        plan, console = self._plan, self._console
        with plan.folder.locked(), stopping() as stop, ExitStack() as held:
            with ended_by_signals():  # whoever repeats what was broken off here does the rest
                jars = self._prepare()
                place = Place.here(plan, state_to_resume(plan, start))
                lease = held.enter_context(leased(plan, place, self._say))
                preflight.own_store(plan, take=start.take_store)
                with ticker(console, "looking at the run's folder") as told:
                    counted = count_line(told, "records read")
                    sorting = count_line(told, "bringing records into the order of time")
                    begun = begin(plan, start, counted, place.state, lease, sorting)
            self._tell_doubts(begun)
            if begun.anew:
                console.print(_BEGINS_ANEW, soft_wrap=True)
            started_s = time.monotonic()
            with (
                outages(console, servers_of(plan, segment=True)) as lags,
                ticker(console, "starting Flink") as told,
                self._store(stop) as at_work,
            ):
                watch = replace(
                    self._watch(COUNTERS, job_line(told, lags), stop),
                    learning=learning_line(told),
                    at_work=at_work,
                    may_go_on=lease.check if lease else lambda: None,
                    committed=lambda: _shut_out(plan, lease),
                )
                outcome = segment(plan, begun, lease.lease if lease else None, jars, watch)
            if self._upserts_after() and not outcome.stopped:
                outcome = self._upsert_once(outcome, stop)
            if begun.note.ended and not outcome.stopped:
                console.print("[green]✓[/] the run had already come to its end")
            else:
                self._tell_end(outcome, time.monotonic() - started_s)
            if not outcome.stopped:
                self._tell_doubts(begun)
                check_some_used(outcome.totals)
            return outcome

    def upsert(self, *, beside: bool) -> None:
        """`flockwise upsert`; `beside` a run, it ends with that."""
        plan = self._plan
        with upsert_folder(plan).locked(), stopping() as stop:
            if beside:
                threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()
            jars = self._prepare()
            preflight.own_store(plan, take=False)
            with (
                outages(
                    self._console, Servers(()) if beside else servers_of(plan, segment=False)
                ) as lags,
                ticker(self._console, "starting Flink") as told,
            ):
                watch = self._watch(UPSERT_COUNTERS, upsert_line(told, lags), stop)
                upsert(plan, jars, watch)

    def _tell_doubts(self, begun: Begin) -> None:
        """Say what of the input can hardly be meant: before the run, and again at its end."""
        for doubt in begun.note.doubts:
            warn(self._console, doubt)

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False)

    def _prepare(self) -> Sequence[Path]:
        with steps(self._console) as step:
            step("checking what the run needs")
            preflight.check(self._plan)
            return preflight.connector_jars(self._plan, step)

    def _watch(
        self,
        counters: Sequence[str],
        progress: Callable[[JobProgress], None],
        stop: threading.Event,
    ) -> Watch:
        def restarted(reason: str) -> None:
            said = f"[yellow]![/] failed and restarted: {escape(reason)}"
            self._console.print(said, soft_wrap=True, highlight=False)

        def recovered() -> None:
            self._console.print("[green]✓[/] at work again, from the last checkpoint on")

        return Watch(counters, progress, restarted, stop, recovered=recovered)

    @contextmanager
    def _store(self, stop: threading.Event) -> Iterator[Callable[[], None]]:
        """Keep the store up with the changelog while the job runs.

        Gives what is to be called once the job is at work.
        """
        plan = self._plan
        open_store, folder = plan.store(), plan.paths.output_folder()
        if open_store is None or self._upserts_after():
            yield lambda: None
        elif folder is None:
            with self._upsert_beside(stop) as start:
                yield start
        else:
            with closing(open_store()) as store:
                follower = Follower(folder, plan.kafka.topics(), store)
                follower.start()
                try:
                    yield lambda: None
                finally:
                    follower.stop()
                follower.apply()

    @contextmanager
    def _upsert_beside(self, stop: threading.Event) -> Iterator[Callable[[], None]]:
        """Run `upsert` in a process of its own, again if it ends before we do.

        Gives what starts it: beside a job that starts itself, each would make the other slower.
        """

        def ended(last: str) -> None:
            said = f"`upsert` ended and is started again; segmentation goes on: {escape(last)}"
            self._console.print(f"[yellow]![/] {said}", soft_wrap=True, highlight=False)

        log = upsert_folder(self._plan).logs / "output.log"
        beside = Beside([*self._command(), "--beside"], log, ended, stop)
        try:
            yield beside.start
        finally:
            beside.stop()

    def _upserts_after(self) -> bool:
        """Whether the store is brought up at the end: of a bounded run, whose changelog ends."""
        config = self._plan.config
        return config.bounded and config.store is not None and config.output.kafka is not None

    def _upsert_once(self, outcome: Outcome, stop: threading.Event) -> Outcome:
        """Bring the store up to the changelog of a run that has ended; gives how both ended."""
        # Its standard input ends when we do, however that comes about.
        upsert = subprocess.Popen([*self._command(), "--beside"], stdin=subprocess.PIPE)
        while upsert.poll() is None:
            if stop.wait(_POLL_S):
                upsert.terminate()
                upsert.wait()
        if stop.is_set():
            return replace(outcome, stopped=True)
        if upsert.returncode:
            raise JobError("the store could not be brought up to the changelog")
        return outcome

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "flink_job", "upsert", str(self._config)]

    def _tell_end(self, outcome: Outcome, seconds: float) -> None:
        if outcome.stopped:
            self._console.print("[green]✓[/] stopped; --resume goes on from here")
            return
        totals = outcome.totals
        people = totals.get("people", 0)
        records = totals["records"] - people
        self._console.print(
            f"[green]✓[/] {records:,} events in {seconds:.1f} s "
            f"({records / max(seconds, 1e-9):,.0f}/s, start of Flink included): "
            f"{totals['events_applied']:,} applied, "
            f"{totals['dead_letters']:,} dead letters"
            + (f", {totals['duplicates']:,} duplicates dropped" if totals["duplicates"] else "")
            + (f"; {people:,} records of the roster" if people else "")
        )


def _shut_out(plan: Plan, lease: HeldLease | None) -> None:
    """Shut out what had to be spared while the job might go on from it, as far as Kafka answers."""
    if lease is not None:
        with suppress(FlockwiseError):
            shut_out_others(plan, lease.lease)


def _stop_at_end_of_input(stop: threading.Event) -> None:
    while os.read(0, 4_096):  # a thread in a buffered read would abort the interpreter's end
        pass
    stop.set()  # whoever ran us is gone
    time.sleep(_ORPHAN_S)
    os._exit(1)
