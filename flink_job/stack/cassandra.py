"""A Cassandra node with password authentication."""

from __future__ import annotations

from typing import ClassVar, Final

from flink_job.runtime.deploy import deploy_folder
from flink_job.stack.ports import Part, exchange
from flink_job.stack.server import Java, Server, write_settings

_SETTINGS: Final = "cassandra.yaml"

# A frame of the native protocol v4: OPTIONS needs no login, SUPPORTED is its answer.
_OPTIONS_FRAME: Final = bytes([4, 0, 0, 0, 5, 0, 0, 0, 0])
_FRAME_HEADER_LENGTH: Final = 9
_OPCODE_AT: Final = 4
_SUPPORTED: Final = 6


class CassandraServer(Server):
    """The node of a stack."""

    part: ClassVar[Part] = "cassandra"
    title: ClassVar[str] = "Cassandra"
    start_within_s: ClassVar[float] = 120.0

    @property
    def port(self) -> int:
        assert self.ports.cassandra is not None
        return self.ports.cassandra

    def prepare(self, java: Java) -> None:
        write_settings(_SETTINGS, self.folder, self.ports)

    def command(self, java: Java) -> list[str]:
        folder = deploy_folder() / "stack"
        options = [
            f"@{folder / 'cassandra.jvm'}",
            f"-Dlogback.configurationFile={folder / 'cassandra-logback.xml'}",
            f"-Dcassandra.config={(self.folder / _SETTINGS).as_uri()}",
            f"-Dcassandra.storagedir={self.data}",
            f"-Dcassandra.logdir={self.folder}",
        ]
        return java.command(options, "org.apache.cassandra.service.CassandraDaemon")

    def answers(self) -> bool:
        header = exchange(self.port, _OPTIONS_FRAME, _FRAME_HEADER_LENGTH)
        return len(header) == _FRAME_HEADER_LENGTH and header[_OPCODE_AT] == _SUPPORTED
