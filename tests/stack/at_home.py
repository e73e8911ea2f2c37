"""A live job in a thread of this process, where no process of its own is what is tested."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flink_job.config.load import load
from flink_job.jobs import preflight
from flink_job.jobs.segment import COUNTERS, Start, state_to_resume
from flink_job.leases.lease import Place, leased
from flink_job.plan import Plan
from flink_job.runtime.progress import silent
from flink_job.runtime.running import Outcome, Watch
from tests.flink.harness import run_plan
from tests.flink.minicluster import end_jobs
from tests.patience import PATIENCE_S


class LiveJob:
    """The job of a configuration, from its start on."""

    def __init__(self, config: Path, start: Start) -> None:
        self._plan = Plan(load(config), config.parent)
        self._start = start
        self._stop = threading.Event()
        self._restarts: list[str] = []
        self._outcome: Outcome | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def poll(self) -> int | None:
        """As that of a process: None while it is at work.

        Raises:
            Exception: that of the job, which has failed.
        """
        if self._thread.is_alive():
            return None
        if self._error is not None:
            raise self._error
        return 0

    def stop(self) -> None:
        """Stop it with a savepoint, and see that nothing has gone wrong."""
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert self.poll() == 0
        assert self._outcome is not None
        assert self._outcome.stopped
        assert not self._restarts

    def kill(self) -> None:
        """End it as it stands, as a crash would: of its state there is the last checkpoint."""
        if self._thread.is_alive():
            end_jobs()
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        watch = Watch(COUNTERS, lambda _: None, self._restarts.append, self._stop)
        plan, start = self._plan, self._start
        try:
            preflight.check(plan)
            place = Place.here(plan, state_to_resume(plan, start))
            with plan.folder.locked(), leased(plan, place, silent) as held:
                self._outcome = run_plan(plan, start, watch, place.state, held)
        except Exception as error:
            self._error = error


@contextmanager
def at_home(config: Path, start: Start) -> Iterator[LiveJob]:
    """The job, which is ended in any case."""
    job = LiveJob(config, start)
    try:
        yield job
    finally:
        job.kill()
