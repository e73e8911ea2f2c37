"""What is said of a JVM that has ended."""

from __future__ import annotations

import pytest

from flink_job.runtime.jvm_end import how_it_ended


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (137, "", "Java was ended by signal 9, as the system does where memory is short"),
        (143, "", "Java was ended by signal 15"),
        (
            3,
            "Terminating due to java.lang.OutOfMemoryError: Java heap space\n",
            "Java ran out of memory (Java heap space)",
        ),
        (3, "", "Java ran out of memory"),
        (
            134,
            "#\n# A fatal error has been detected by the Java Runtime Environment:\n#\n"
            "#  SIGSEGV (0xb) at pc=0x00, pid=7, tid=8\n#\n",
            "Java crashed: SIGSEGV (0xb) at pc=0x00, pid=7, tid=8",
        ),
        (1, "Unrecognized option: -x\nCould not create it.\n", None),
        (1, "", "Java ended with exit code 1"),
    ],
)
def test_how_it_ended(code: int, said: str, expected: str | None) -> None:
    found = how_it_ended(code, said)
    assert found == (expected or "Java ended with exit code 1: Could not create it.")
