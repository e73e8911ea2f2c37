"""Flink's REST interface, as far as flockwise looks at its jobs with it."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from flink_job.runtime.kept_state import KeptState
from operators.base.errors import JobError

_WITHIN_S: Final = 5.0
_LONGEST_REASON: Final = 600
_OPENED_MS: Final = "opened_ms"  # as operators/flink/metrics.py tells it


@dataclass(frozen=True)
class Failure:
    """Why a job failed or was restarted: when (ms since 1970) and the cause in one line."""

    at_ms: int
    reason: str


@dataclass(frozen=True)
class Overview:
    """A cluster: the version of Flink, its TaskManagers, their slots and those that are free."""

    version: str
    taskmanagers: int
    slots: int
    free_slots: int


@dataclass(frozen=True)
class ClusterJob:
    """A job that a cluster knows: its state is RUNNING, FAILED...

    It has been at work, or over, since a moment in ms since 1970.
    """

    id: str
    name: str
    state: str
    since_ms: int

    @property
    def over(self) -> bool:
        """Whether it has ended for good."""
        return self.state in ("FINISHED", "CANCELED", "FAILED")


@dataclass(frozen=True)
class FlinkRest:
    """A JobManager's REST address."""

    host: str
    port: int

    def overview(self) -> Overview:
        """What the cluster has and what of it is free.

        Raises:
            JobError: the cluster does not answer.
        """
        found = self.get("/overview")
        return Overview(
            version=str(found["flink-version"]),
            taskmanagers=int(found["taskmanagers"]),
            slots=int(found["slots-total"]),
            free_slots=int(found["slots-available"]),
        )

    def configuration(self) -> dict[str, str]:
        """The configuration of the JobManager.

        Raises:
            JobError: the cluster does not answer.
        """
        return {entry["key"]: entry["value"] for entry in self.get("/jobmanager/config")}

    def jars(self) -> list[str]:
        """The names of the jars on the class path of the JobManager.

        Raises:
            JobError: the cluster does not answer.
        """
        return [
            path.rpartition("/")[2] for path in self.get("/jobmanager/environment")["classpath"]
        ]

    def jobs(self) -> list[ClusterJob]:
        """All jobs that the cluster knows of, those that have ended among them.

        Raises:
            JobError: the cluster does not answer, or what answers is no Flink.
        """
        try:
            return [_cluster_job(job) for job in self.get("/jobs/overview")["jobs"]]
        except (KeyError, TypeError):
            raise JobError(f"what answers at {self.host}:{self.port} is no Flink") from None

    def last_state(self, name: str) -> KeptState | None:
        """The newest checkpoint or savepoint that ended jobs of a name have left.

        Raises:
            JobError: the cluster does not answer.
        """
        ended = [job.id for job in self.jobs() if job.name == name and job.over]
        left = [
            KeptState(str(state["external_path"]), int(state["latest_ack_timestamp"]) * 1_000)
            for job in ended
            for kind, state in self.get(f"/jobs/{job}/checkpoints")["latest"].items()
            if kind in ("completed", "savepoint") and state and not state["discarded"]
        ]
        return max(left, key=lambda state: state.at_us, default=None)

    def runs(self, job: str) -> bool:
        """Whether every task of a job is at work.

        Raises:
            JobError: the cluster does not answer, or has no such job.
        """
        vertices = self.get(f"/jobs/{job}")["vertices"]
        return all(vertex["tasks"]["RUNNING"] == vertex["parallelism"] for vertex in vertices)

    def state(self, job: str) -> str:
        """The state of a job: RUNNING, FAILED...

        Raises:
            JobError: the cluster does not answer, or has no such job.
        """
        return str(self.get(f"/jobs/{job}")["state"])

    def counters(self, job: str, names: Sequence[str], since_ms: int) -> dict[str, int]:
        """Counters of the job's operators by the end of their names, summed over subtasks.

        An operator is told of once all its subtasks that are known were opened at `since_ms` (ms
        since 1970) or later: until then Flink still holds the counters of an earlier attempt.

        Raises:
            JobError: the cluster does not answer, or has no such job.
        """
        totals = dict.fromkeys(names, 0)
        for vertex in self.get(f"/jobs/{job}")["vertices"]:
            found = self._metrics(job, vertex["id"], {*names, _OPENED_MS})
            opened = [each["min"] for name, each in found if name == _OPENED_MS]
            if opened and min(opened) >= since_ms:
                for name, each in found:
                    if name in totals:
                        totals[name] += int(each["sum"])
        return totals

    def _metrics(
        self, job: str, vertex: str, names: Collection[str]
    ) -> list[tuple[str, Mapping[str, float]]]:
        """Metrics of a vertex by the end of their names: least, largest, sum over subtasks."""
        path = f"/jobs/{job}/vertices/{vertex}/subtasks/metrics"
        known = [metric["id"] for metric in self.get(path)]
        wanted = [name for name in known if name.rpartition(".")[2] in names]
        found = self.get(f"{path}?get={','.join(wanted)}") if wanted else ()
        return [(each["id"].rpartition(".")[2], each) for each in found]

    def attempt_ms(self, job: str) -> int | None:
        """When a job's present attempt began to be deployed, None if not all tasks are.

        Raises:
            JobError: the cluster does not answer, or has no such job.
        """
        vertices = self.get(f"/jobs/{job}")["vertices"]
        first = min((int(vertex["start-time"]) for vertex in vertices), default=0)
        return first if first > 0 else None

    def committed_ms(self, job: str) -> int:
        """When the newest checkpoint that is complete began (ms since 1970), 0 without any.

        Raises:
            JobError: the cluster does not answer, or has no such job.
        """
        newest = self.get(f"/jobs/{job}/checkpoints")["latest"]["completed"]
        return int(newest["trigger_timestamp"]) if newest else 0

    def failures(self, job: str) -> list[Failure]:
        """The failures of a job, newest first.

        Raises:
            JobError: the cluster does not answer, or has no such job.
        """
        history = self.get(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
        return [Failure(entry["timestamp"], reason(entry["stacktrace"])) for entry in history]

    def stop(self, job: str, savepoints: str) -> str:
        """Ask a job to stop with a savepoint; gives the request's id for `stopped`.

        Raises:
            JobError: the cluster does not answer, or has no such job.
        """
        wanted = {"targetDirectory": savepoints, "drain": False}
        return str(self._post(f"/jobs/{job}/stop", wanted)["request-id"])

    def stopped(self, job: str, request: str) -> bool:
        """Whether a stop is done.

        Raises:
            JobError: the savepoint failed, or the cluster does not answer.
        """
        return self.savepoint(job, request) is not None

    def savepoint(self, job: str, request: str) -> str | None:
        """The URI of a stop's savepoint, None while it is under way.

        Raises:
            JobError: the savepoint failed, or the cluster does not answer.
        """
        answer = self.get(f"/jobs/{job}/savepoints/{request}")
        if answer["status"]["id"] != "COMPLETED":
            return None
        done = answer.get("operation", {})
        if cause := done.get("failure-cause"):
            raise JobError(f"the job could not be stopped: {reason(cause['stack-trace'])}")
        return str(done.get("location", ""))

    def cancel(self, job: str) -> None:
        """Cancel a job as it stands.

        Raises:
            JobError: the cluster does not answer, or has no such job.
        """
        self._request("PATCH", f"/jobs/{job}?mode=cancel", None)

    def get(self, path: str) -> Any:
        """The answer to a path below the address.

        Raises:
            JobError: the cluster does not answer, or has no such thing.
        """
        return self._request("GET", path, None)

    def _post(self, path: str, body: Mapping[str, object]) -> Any:
        return self._request("POST", path, json.dumps(body).encode())

    def _request(self, method: str, path: str, body: bytes | None) -> Any:
        url = f"http://{self.host}:{self.port}{path}"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_WITHIN_S) as answer:
                return json.load(answer)
        except (OSError, HTTPException, ValueError) as error:  # of the last what is no JSON
            raise JobError(f"Flink at {self.host}:{self.port} does not answer: {error}") from None


def _cluster_job(said: Mapping[str, Any]) -> ClusterJob:
    since_ms = max(said["end-time"], said["start-time"])  # the end is -1 before there is one
    return ClusterJob(said["jid"], said["name"], said["state"], since_ms)


def reason(stacktrace: str) -> str:
    """The innermost cause of a Java stack trace in one line.

    A Python exception in an operator comes as pemja's: its text is what Python said.
    """
    causes = [
        line.removeprefix("Caused by: ")
        for line in stacktrace.splitlines()
        if not line.startswith(("\t", " ")) and line.strip()
    ]
    innermost = causes[-1] if causes else stacktrace
    for cause in reversed(causes):
        if "PythonException" in cause:
            said = cause.partition("PythonException: ")[2]
            innermost = re.sub(r"^<class '[\w.]*?(\w+)'>", r"\1", said)
            break
    return innermost[:_LONGEST_REASON]
