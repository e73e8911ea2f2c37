"""What a server of the stack is: its folder, how to run it and how to tell that it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import ClassVar, Final

from flink_job.runtime.class_archive import archive_options
from flink_job.runtime.deploy import deploy_folder
from flink_job.runtime.progress import OnStep
from flink_job.stack import processes
from flink_job.stack.ports import HOST, Part, Ports
from operators.base.errors import PreflightError

_STOP_WITHIN_S: Final = 30.0
_PASSED_ON: Final = ("HOME", "JAVA_TOOL_OPTIONS", "LANG", "PATH", "TMPDIR")


@dataclass(frozen=True)
class Java:
    """What runs a server: the `java` program and the folder of its jars."""

    program: Path
    jars: Path

    def command(self, options: Sequence[str], main: str, *arguments: str) -> list[str]:
        """The command line of a main class."""
        name, home = main.rpartition(".")[2], self.program.parent.parent
        archive = archive_options(name, home, sorted(self.jars.glob("*.jar")))
        class_path = ("-cp", f"{self.jars}/*")
        return [str(self.program), *options, *archive, *class_path, main, *arguments]


@dataclass(frozen=True)
class Server(ABC):
    """One server of a stack, in a folder of its own, listening on 127.0.0.1 only."""

    folder: Path
    ports: Ports

    part: ClassVar[Part]
    title: ClassVar[str]
    start_within_s: ClassVar[float]

    @property
    @abstractmethod
    def port(self) -> int:
        """The port for clients."""

    @property
    def address(self) -> str:
        """host:port for clients."""
        return f"{HOST}:{self.port}"

    @property
    def data(self) -> Path:
        """The folder that holds what the server stores."""
        return self.folder / "data"

    @property
    def pid_file(self) -> Path:
        """The file whose lock the running server holds."""
        return self.folder / "pid"

    @property
    def log_file(self) -> Path:
        """What the server writes to its terminal."""
        return self.folder / f"{self.part}.log"

    @abstractmethod
    def prepare(self, java: Java) -> None:
        """Write the settings and whatever a first start needs."""

    @abstractmethod
    def command(self, java: Java) -> list[str]:
        """The command line that runs the server in its folder."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether something speaks the server's protocol on the port now."""

    def start(self, java: Java, environ: Mapping[str, str], progress: OnStep) -> None:
        """Start the server and wait until it answers; a start that fails leaves no process.

        Raises:
            PreflightError: it ended, or did not answer in time.
        """
        progress(f"Starting {self.title}")
        self.folder.mkdir(exist_ok=True)
        self.prepare(java)
        log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        passed_on = {name: environ[name] for name in _PASSED_ON if name in environ}
        try:
            processes.start(self.command(java), self.pid_file, self.log_file, passed_on)
            self.wait(log_start)
        except BaseException:
            self.stop()
            raise

    def wait(self, log_start: int = 0) -> None:
        """Wait until the server answers; its log is quoted from `log_start` on.

        Raises:
            PreflightError: it ended, or did not answer in time.
        """
        over = processes.wait_until(
            lambda: self.running() is None or self.answers(), self.start_within_s
        )
        if self.running() is None:
            raise PreflightError(f"{self.title} ended while starting: {self._complaint(log_start)}")
        if not over:
            raise PreflightError(
                f"{self.title} did not answer within {self.start_within_s:.0f} s: "
                f"{self._complaint(log_start)}"
            )

    def stop(self) -> bool:
        """End the server if it runs; says whether it did."""
        return processes.stop(self.pid_file, _STOP_WITHIN_S)

    def running(self) -> int | None:
        """The server's pid while it runs."""
        return processes.running(self.pid_file)

    def _complaint(self, log_start: int) -> str:
        log = self.log_file.read_bytes()[log_start:].decode(errors="replace")
        wrong = [line for line in log.splitlines() if "ERROR" in line or "Exception" in line]
        return f"{wrong[0].strip() if wrong else 'no error in its log'} (log: {self.log_file})"


def write_settings(name: str, folder: Path, ports: Ports) -> None:
    """Write a settings file of deploy/stack with this stack's ports filled in."""
    template = Template((deploy_folder() / "stack" / name).read_text())
    filled = template.substitute(
        kafka_port=ports.kafka,
        controller_port=ports.controller,
        cassandra_port=ports.cassandra,
        storage_port=ports.storage,
    )
    (folder / name).write_text(filled)
