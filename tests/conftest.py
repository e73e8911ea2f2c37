"""What tests in several folders need: the run's rests, what starts servers, and the servers."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from flink_job import stack
from flink_job.stack import CassandraAccess
from flink_job.stack.jars import JarKind, ensure_jars, jars_present, jars_root
from tests import effort, order, starting
from tests.session import Session, is_worker, shared_folder

# Tests start hundreds of processes: compiling our modules in each would take a minute in all.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A shell lets what it starts in the background ignore Ctrl-C, `nohup` a closed terminal, and so
# would all that tests start and send it to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# A JVM of some seconds spends more time on its best code than that wins.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
# Two of scikit-learn's threads on a busy core wait for each other, fifty times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# On a machine that has much to do examples come slowly, and that is all. Everybody's `make test`
# draws the same ones, so what is red there is red here; `make soak` draws others each time.
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not effort.chosen(),
)
settings.load_profile("patient")

NOT_TESTED = "Kafka and Cassandra did not run in these tests"


LONG = {
    "long": "its kind is tested in short: `make long` runs it",
    "faults": "takes minutes: `make faults` runs it",
    "soak": "shown in short by another: `make soak` runs it",
}
SESSION = pytest.StashKey[Session]()


def pytest_configure(config: pytest.Config) -> None:
    if not is_worker():
        config.stash[SESSION] = Session()


def pytest_sessionstart(session: pytest.Session) -> None:
    if not is_worker():
        # As pytest-xdist does, which makes the folders of its workers in it.
        factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
        rests, servers = session.config.stash[SESSION], shared_folder(factory)
        rests.remove(factory.getbasetemp(), unless_done=True)
        for part in stack.PARTS:
            rests.remove(servers / part / "data")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if not is_worker():
        session.config.stash[SESSION].done(exitstatus)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker, reason in LONG.items():
        if marker not in config.option.markexpr:
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=reason))
    items.sort(key=order.place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    with starting.allowed(item):
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = {str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)}
    for reason in (reason for reason in reasons if NOT_TESTED in reason):
        terminalreporter.section("REAL SERVERS NOT TESTED", red=True, bold=True)
        terminalreporter.line(reason, red=True)


@pytest.fixture(scope="session")
def server_jars() -> None:
    """Skips, loudly, where the servers can't be had."""
    # Flink's connector too: a job over Kafka can't even be planned without it.
    needed: list[JarKind] = [*stack.PARTS, "flink"]
    if all(jars_present(kind) for kind in needed):
        return
    if shutil.which("mvn") is None:
        pytest.skip(
            f"{NOT_TESTED}: there is no Maven (mvn) to fetch their jars, and none are in "
            f"{jars_root()}"
        )
    ensure_jars(needed)


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory, server_jars: None) -> Path:
    """The folder of the servers that all tests of the run share, whichever worker they are in.

    The first that needs a server starts it, and nobody ends it but the run's guardian.
    """
    return shared_folder(tmp_path_factory)


@pytest.fixture(scope="session")
def kafka(stack_folder: Path) -> str:
    """The bootstrap address of a real broker."""
    bootstrap = stack.up(stack_folder, parts=("kafka",)).bootstrap
    assert bootstrap is not None
    return bootstrap


@pytest.fixture(scope="session")
def cassandra(stack_folder: Path) -> CassandraAccess:
    """A real node, with the keyspace and the role of flockwise."""
    access = stack.up(stack_folder, parts=("cassandra",)).cassandra
    assert access is not None
    return access


@pytest.fixture
def own_stack(tmp_path: Path, server_jars: None) -> Iterator[Path]:
    """The folder of a stack that one test may treat as it likes; a name that needs quoting."""
    folder = tmp_path / "a stack's folder"
    yield folder
    stack.down(folder)
