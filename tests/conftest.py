"""What tests in several folders need: the jars of the real servers and of Flink's connector."""

from __future__ import annotations

import shutil

import pytest

from flink_job import stack
from flink_job.stack.jars import ensure_jars, jars_present, jars_root

SKIPPED = pytest.StashKey[str]()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    reason = config.stash.get(SKIPPED, "")
    if reason:
        terminalreporter.section("REAL SERVERS NOT TESTED", red=True, bold=True)
        terminalreporter.line(reason, red=True)


@pytest.fixture(scope="session")
def server_jars(request: pytest.FixtureRequest) -> None:
    """Skips, loudly, where the servers can't be had."""
    if all(jars_present(part) for part in stack.PARTS):
        return
    if shutil.which("mvn") is None:
        reason = (
            "Kafka and Cassandra did not run in these tests: there is no Maven (mvn) to fetch "
            f"their jars, and none are in {jars_root()}"
        )
        request.config.stash[SKIPPED] = reason
        pytest.skip(reason)
    ensure_jars(stack.PARTS)
