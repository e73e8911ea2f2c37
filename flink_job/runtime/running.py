"""Runs a job on a mini-cluster in this process and watches it to its end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from py4j.protocol import Py4JError, Py4JJavaError

from flink_job.runtime import gateway
from flink_job.runtime.environment import Environment, Flink
from flink_job.runtime.graph import start
from flink_job.runtime.rest import FlinkRest, reason
from flink_job.runtime.totals import Look, Totals
from operators.base.errors import JobError
from operators.base.moments import now_us

Define = Callable[[Environment], None]

_POLL_S: Final = 0.3
_CANCELLED_WITHIN_S: Final = 10.0
_STOP_WITHIN_S: Final = 60.0
_SURE_LOOKS: Final = 5
HOST: Final = "127.0.0.1"  # of the mini-cluster


class FlinkEndedError(JobError):
    """The JVM ended before the job in it, or what the job needs there."""


@dataclass(frozen=True)
class JobProgress:
    """How far a job has come: counters of its operators, by name, over all its attempts."""

    counters: dict[str, int]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """How a job ended: stopped by the user, or finished, and what became of its records."""

    stopped: bool
    totals: dict[str, int] = field(default_factory=dict)


@dataclass
class Watch:
    """What to tell while a job runs, and whether to stop it."""

    counters: Sequence[str]
    progress: Callable[[JobProgress], None]
    restarted: Callable[[str], None]
    stop: threading.Event
    learning: Callable[[JobProgress], None] = lambda _: None  # instead, while nobody is judged
    accepted: Callable[[], None] = lambda: None  # once Flink has taken the job
    at_work: Callable[[], None] = lambda: None  # once all of it runs
    may_go_on: Callable[[], None] = lambda: None  # raises a JobError once it may not
    committed: Callable[[], None] = lambda: None  # once a first checkpoint is complete
    recovered: Callable[[], None] = lambda: None  # once all of it runs again after a failure


def run(name: str, flink: Flink, define: Define, savepoints: Path, watch: Watch) -> Outcome:
    """Run a job until it ends, or until `watch.stop` is set: then it stops with a savepoint.

    Raises:
        FlinkEndedError: the JVM has ended before the job, or its TaskManager.
        JobError: the job failed, with the innermost cause.
    """
    try:
        environment = Environment.create(flink)
        define(environment)
        client = start(environment.stream, name)
    except Py4JError as error:
        _check_java(error)
        raise JobError(f"the job could not be started: {cause(error)}") from None
    rest = FlinkRest(*(flink.rest_address or (HOST, flink.rest_port or 0)))
    job = str(client.get_job_id())
    try:
        watch.accepted()
    except BaseException:
        rest.cancel(job)
        raise
    end = _End(client)
    watcher = _Watcher(rest, job, watch)
    while not end.wait(_POLL_S):
        _check_may_go_on(rest, job, watch, end)
        if watch.stop.is_set():
            _stop(rest, job, savepoints, end)
            gateway.ran()
            return Outcome(stopped=True)
        watcher.look()
        if watcher.deserted():
            raise FlinkEndedError("Flink's TaskManager here has ended")
    end.check()
    gateway.ran()
    return Outcome(stopped=False)


def _check_may_go_on(rest: FlinkRest, job: str, watch: Watch, end: _End) -> None:
    try:
        watch.may_go_on()
    except JobError:
        with suppress(JobError):  # it ends with this process in any case
            rest.cancel(job)
            end.wait(_CANCELLED_WITHIN_S)
        raise


def free_port() -> int:
    """A port on this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class _End:
    """The end of a job, waited for in a thread: the mini-cluster goes away with its job."""

    def __init__(self, client: Any) -> None:
        self._error: Exception | None = None
        self._done = threading.Event()
        future = client.get_job_execution_result()
        threading.Thread(target=self._await, args=(future,), daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; whether it has come."""
        return self._done.wait(seconds)

    def check(self) -> None:
        """Make sure that the job finished.

        Raises:
            FlinkEndedError: the JVM has ended before it.
            JobError: it failed.
        """
        if self._error is not None:
            _check_java(self._error)
            raise JobError(f"the job failed: {cause(self._error)}")

    def check_java(self) -> None:
        """Make sure that it did not end with its JVM.

        Raises:
            FlinkEndedError: it did.
        """
        if self._error is not None:
            _check_java(self._error)

    def _await(self, future: Any) -> None:
        try:
            future.result()
        except Exception as error:  # whatever it is, it is the job's end
            self._error = error
        self._done.set()


class _Watcher:
    """Looks at a running job; that it does not answer now and then is no news."""

    def __init__(self, rest: FlinkRest, job: str, watch: Watch) -> None:
        self._rest = rest
        self._job = job
        self._watch = watch
        self._started_s = time.monotonic()
        self._totals = Totals()
        self._failed_ms = 0
        self._looks_without = 0
        self._at_work = False  # all of it, in this attempt
        self._begun = False  # it was at work in any
        self._committed = False

    def look(self) -> None:
        """Tell how far the job has come, and of failures that it was restarted after."""
        try:
            attempt_ms = self._rest.attempt_ms(self._job)
            totals = self._totals_of(attempt_ms) if attempt_ms else None
            failures = self._rest.failures(self._job)
        except (JobError, KeyError):
            return
        if totals is not None:
            self._watch.progress(JobProgress(totals, time.monotonic() - self._started_s))
        for failure in reversed(failures):
            if failure.at_ms > self._failed_ms:
                self._failed_ms, self._at_work = failure.at_ms, False
                self._watch.restarted(failure.reason)
        if attempt_ms and attempt_ms > self._failed_ms and not self._at_work:
            self._look_for_work()

    def _look_for_work(self) -> None:
        with suppress(JobError, KeyError):
            self._at_work = self._rest.runs(self._job)
        if not self._at_work:
            return
        if not self._begun:
            self._begun = True
            self._watch.at_work()
        if self._failed_ms:
            self._watch.recovered()

    def deserted(self) -> bool:
        """Whether there is no TaskManager any more, after a failure: nobody starts another one.

        A failure while a task deals with another ends it, and the job would wait for ever.
        """
        if self._at_work or not self._failed_ms:
            return False
        try:
            left = self._rest.overview().taskmanagers
        except JobError:
            return False
        self._looks_without = 0 if left else self._looks_without + 1
        return self._looks_without > _SURE_LOOKS

    def _totals_of(self, attempt_ms: int) -> dict[str, int] | None:
        """The totals by a new look, None if the attempt was over before it was."""
        committed_ms = self._rest.committed_ms(self._job)
        if committed_ms and not self._committed:
            self._committed = True
            self._watch.committed()
        counters = self._rest.counters(self._job, self._watch.counters, attempt_ms)
        if self._rest.attempt_ms(self._job) != attempt_ms:
            return None
        return self._totals.of(Look(attempt_ms, committed_ms, now_us() // 1_000, counters))


def _stop(rest: FlinkRest, job: str, savepoints: Path, end: _End) -> None:
    """Stop a job with a savepoint; one that is just starting can't be stopped before it runs."""
    give_up_s = time.monotonic() + _STOP_WITHIN_S
    while True:
        try:
            request = rest.stop(job, savepoints.as_uri())
            while not end.wait(_POLL_S):
                rest.stopped(job, request)
            end.check_java()
            return
        except JobError:
            if end.wait(_POLL_S):  # it has stopped, and its cluster with it
                end.check_java()
                return
            if time.monotonic() > give_up_s:
                raise


def _check_java(error: Exception) -> None:
    """Make sure that it was not the end of the JVM that brought an error about.

    Raises:
        FlinkEndedError: it was, and how it ended.
    """
    if not isinstance(error, Py4JJavaError) and (how := gateway.ended()):
        raise FlinkEndedError(how) from None


def cause(error: Exception | None) -> str:
    """What an exception of PyFlink says, in one line: of Java's, the innermost cause."""
    java = getattr(error, "java_exception", None)
    if java is None or not isinstance(error, Py4JError):
        return str(error)
    return reason(_causes(java))


def _causes(java: Any) -> str:
    lines = []
    while java is not None:
        lines.append(f"Caused by: {java.toString()}")
        java = java.getCause()
    return "\n".join(lines)
