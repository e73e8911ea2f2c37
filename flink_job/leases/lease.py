"""Holding the name and the topics of a job: taken before it starts, kept while it works."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from kafka.errors import KafkaError

from flink_job.kafka_client import reading
from flink_job.leases.fencing import shut_out_own
from flink_job.leases.folder import folder_held
from flink_job.leases.holders import LeaseHolder
from flink_job.leases.registry import Registry, registry
from flink_job.plan import Plan
from flink_job.runtime.process_identity import ProcessIdentity, somebody
from flink_job.runtime.progress import OnStep
from flink_job.runtime.rest import FlinkRest
from operators.base.errors import FlockwiseError, JobError, UsageError
from operators.base.moments import iso_at, now_us
from operators.contracts.leases import HEARTBEAT_US, Heartbeat, Lease

# A job that is at work is heard of within this. One that its cluster does not know may be about to
# be restarted: longer than the longest pause between restarts.
_SILENT_S: Final = 10.0
_SILENT_OUT_OF_SIGHT_S: Final = 75.0


@dataclass(frozen=True)
class Place:
    """Where a job is to run, for people; on a cluster its REST address and the job's name there.

    `state` names the state that it goes on from, or a new one.
    """

    said: str
    state: str
    resumes: bool = False
    cluster: str | None = None
    job: str | None = None

    @classmethod
    def here(cls, plan: Plan, state: str | None) -> Place:
        """In this process, going on from a state or, without one, beginning anew."""
        said = f"`flockwise run` in {plan.folder.path} on {socket.gethostname()}"
        return cls(said, state or secrets.token_hex(8), resumes=state is not None)

    @classmethod
    def on(cls, rest: FlinkRest, job: str, *, resumes: bool) -> Place:
        """On a cluster."""
        address = f"{rest.host}:{rest.port}"
        said = f"the cluster at {address}"
        return cls(said, secrets.token_hex(8), resumes, address, job)


@dataclass
class HeldLease:
    """A lease that this process took.

    `lost` is set once another start has ended it. A job on a cluster has its heartbeats
    `kept_by_job` once it is at work.
    """

    lease: Lease
    lost: threading.Event = field(default_factory=threading.Event)
    kept_by_job: bool = False

    def check(self) -> None:
        """Make sure that it still holds.

        Raises:
            JobError: another start has ended it.
        """
        if self.lost.is_set():
            raise JobError(
                f"another start of '{self.lease.name}' has taken over, since this one was not "
                "heard of; what this one had not committed, the other does"
            )


@contextmanager
def leased(plan: Plan, place: Place, told: OnStep) -> Iterator[HeldLease | None]:
    """Hold the name and the topics of a plan, which must be there.

    Heartbeats are written meanwhile, and the end is noted unless the job keeps the lease. A plan
    that writes a folder has no lease: None, and the folder is held.

    Raises:
        UsageError: a job that is at work holds them, or the topics have another's records.
        PreflightError: Kafka does not answer, or does not let us.
    """
    broker = plan.kafka.output_broker()
    folder = plan.paths.output_folder()
    if folder is not None or broker is None:
        whose = f"'{plan.config.name}', started by {somebody()} at {iso_at(now_us())}: {place.said}"
        with folder_held(folder or plan.folder.path, whose):
            yield None
        return
    with registry(broker, plan.kafka.topics().leases) as topic:
        held = HeldLease(_acquired(topic, plan, place, told))
        with _heartbeats(topic, held):
            try:
                yield held
            finally:
                if held.lost.is_set():
                    shut_out_own(plan, held.lease)


def _acquired(topic: Registry, plan: Plan, place: Place, told: OnStep) -> Lease:
    topics = plan.kafka.topics().own()
    before = topic.holders.in_the_way(plan.config.name, topics)
    for holder in before:
        if _at_work(topic, holder, told):
            raise UsageError(_refusal(plan, holder.lease))
        _check_topics(plan, holder.lease, topics)
        _check_state(place, holder.lease, plan)
    lease = _lease(plan, place, topics, [holder.lease for holder in before])
    topic.write(lease)
    holders = topic.catch_up()
    if holders.of(lease.token) is None:
        raise UsageError(_refusal(plan, holders.in_the_way(lease.name, topics)[0].lease))
    for holder in before:
        topic.forget(holder.lease)
    return lease


def _at_work(topic: Registry, holder: LeaseHolder, told: OnStep) -> bool:
    """Whether the job of a lease still is; what shows at once is not waited for."""
    lease = holder.lease
    if holder.ended or _process_is_gone(lease):
        return False
    states = _on_its_cluster(lease) if lease.cluster else []
    if any(states):
        return True
    told(f"looking whether '{lease.name}' is still at work: {lease.place}")
    out_of_sight = lease.cluster is not None and not states
    return topic.hear(holder, _SILENT_OUT_OF_SIGHT_S if out_of_sight else _SILENT_S)


def _process_is_gone(lease: Lease) -> bool:
    if lease.machine is None or lease.process is None:
        return False
    pid, started = lease.process
    return ProcessIdentity(pid, started, lease.machine).gone()


def _on_its_cluster(lease: Lease) -> list[bool]:
    """Of each job of that name that the cluster knows: whether it is not over; none if it is away.

    One that is over may be of an earlier start, while this one is about to come.
    """
    host, _, port = (lease.cluster or "").rpartition(":")
    with suppress(JobError, ValueError):
        return [not job.over for job in FlinkRest(host, int(port)).jobs() if job.name == lease.job]
    return []


def _check_topics(plan: Plan, lease: Lease, topics: Sequence[str]) -> None:
    """Another's topics are free only once they are empty."""
    broker = plan.kafka.output_broker()
    shared = sorted(set(topics) & set(lease.topics))
    if lease.name == plan.config.name or broker is None:
        return
    held = [topic for topic in shared if reading.holds_records(broker, topic)]
    if held:
        raise UsageError(
            f"topic '{held[0]}' has the records of the job '{lease.name}', started at {lease.at} "
            f"({lease.place}): give this configuration topics of its own, or that name"
        )


def _check_state(place: Place, lease: Lease, plan: Plan) -> None:
    """A state that others have gone beyond would repeat what they did."""
    if (
        place.resumes
        and place.cluster is None
        and lease.name == plan.config.name
        and lease.state != place.state
    ):
        raise UsageError(
            f"'{lease.name}' was started elsewhere after this state was left, by {lease.by} at "
            f"{lease.at} ({lease.place}): go on there, or begin anew with --fresh"
        )


def _lease(plan: Plan, place: Place, topics: Sequence[str], before: Sequence[Lease]) -> Lease:
    fence = max([now_us(), *(lease.fence + 1 for lease in before)])
    here = ProcessIdentity.own() if place.cluster is None else None
    own = [lease for lease in before if lease.name == plan.config.name]
    return Lease(
        name=plan.config.name,
        token=f"{fence}-{secrets.token_hex(8)}",
        fence=fence,
        topics=list(topics),
        by=somebody(),
        place=place.said,
        at=iso_at(now_us()),
        over=[lease.token for lease in before],
        machine=here.boot if here else None,
        process=(here.pid, here.started) if here else None,
        cluster=place.cluster,
        job=place.job,
        state=place.state,
        anew_us=max((lease.anew_us for lease in own), default=0) if place.resumes else now_us(),
    )


def _refusal(plan: Plan, lease: Lease) -> str:
    whose = f"by {lease.by} at {lease.at}: {lease.place}"
    if lease.name == plan.config.name:
        return (
            f"'{lease.name}' is at work, started {whose}; end that first, or give this "
            "configuration another name and other topics"
        )
    shared = sorted(set(plan.kafka.topics().own()) & set(lease.topics))
    return (
        f"topic '{shared[0]}' belongs to the job '{lease.name}', which is at work, started "
        f"{whose}; give this configuration topics of its own"
    )


@contextmanager
def _heartbeats(topic: Registry, held: HeldLease) -> Iterator[None]:
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(topic, held, over), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        if not held.kept_by_job and not held.lost.is_set():
            # Without it the next start has to wait for a silence, which says the same.
            with suppress(FlockwiseError, KafkaError):
                topic.write(Heartbeat(held.lease.token, iso_at(now_us()), ended=True))


def _keep(topic: Registry, held: HeldLease, over: threading.Event) -> None:
    """Write heartbeats until it is over, or another start has ended the lease."""
    while not over.is_set():
        # Whatever it is, Kafka is away for now: it must go on, and may not miss that it has lost.
        with suppress(Exception):
            topic.tell(Heartbeat(held.lease.token, iso_at(now_us())))
        with suppress(Exception):
            topic.listen()
        if topic.holders.of(held.lease.token) is None:
            held.lost.set()
            return
        over.wait(HEARTBEAT_US / 1e6)
