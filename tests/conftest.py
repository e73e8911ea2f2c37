"""What tests in several folders need: the jars of the real servers and of Flink's connector."""

from __future__ import annotations

import os
import shutil

import pytest

from flink_job import stack
from flink_job.stack.jars import ensure_jars, jars_present, jars_root

# A JVM of some seconds spends more time on its best code than that wins.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
# Two of scikit-learn's threads on a busy core wait for each other, fifty times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

NOT_TESTED = "Kafka and Cassandra did not run in these tests"


LONG = {
    "faults": "takes minutes: `make faults` runs it",
    "soak": "shown in short by another: `make soak` runs it",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker, reason in LONG.items():
        if marker not in config.option.markexpr:
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = {str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)}
    for reason in (reason for reason in reasons if NOT_TESTED in reason):
        terminalreporter.section("REAL SERVERS NOT TESTED", red=True, bold=True)
        terminalreporter.line(reason, red=True)


@pytest.fixture(scope="session")
def server_jars() -> None:
    """Skips, loudly, where the servers can't be had."""
    if all(jars_present(part) for part in stack.PARTS):
        return
    if shutil.which("mvn") is None:
        pytest.skip(
            f"{NOT_TESTED}: there is no Maven (mvn) to fetch their jars, and none are in "
            f"{jars_root()}"
        )
    ensure_jars(stack.PARTS)
