"""A Kafka broker that is its own controller (KRaft)."""

from __future__ import annotations

import base64
import subprocess
import uuid
from typing import ClassVar, Final

from flink_job.kafka_client.library import KafkaAdminClient, KafkaError
from flink_job.runtime.deploy import deploy_folder
from flink_job.stack.ports import Part, is_free
from flink_job.stack.server import Java, Server, write_settings
from operators.base.errors import PreflightError

_SETTINGS: Final = "kafka.properties"
_ANSWER_WITHIN_MS: Final = 2_000


class KafkaServer(Server):
    """The broker of a stack."""

    part: ClassVar[Part] = "kafka"
    title: ClassVar[str] = "Kafka"
    start_within_s: ClassVar[float] = 60.0

    @property
    def port(self) -> int:
        assert self.ports.kafka is not None
        return self.ports.kafka

    def prepare(self, java: Java) -> None:
        write_settings(_SETTINGS, self.folder, self.ports)
        if not (self.data / "meta.properties").exists():
            self._format(java)

    def command(self, java: Java) -> list[str]:
        return java.command(_options(), "kafka.Kafka", _SETTINGS)

    def answers(self) -> bool:
        if is_free(self.port):
            return False
        try:
            with KafkaAdminClient(
                bootstrap_servers=self.address,
                bootstrap_timeout_ms=_ANSWER_WITHIN_MS,
                request_timeout_ms=_ANSWER_WITHIN_MS,
            ) as admin:
                return any(
                    not broker["is_fenced"] for broker in admin.describe_cluster()["brokers"]
                )
        except KafkaError:
            return False

    def _format(self, java: Java) -> None:
        """Give the empty data folder its cluster id, as KRaft asks for."""
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ("format", f"--cluster-id={cluster_id}", "--config", _SETTINGS)
        with self.log_file.open("ab") as log:
            done = subprocess.run(
                java.command(_options(), "kafka.tools.StorageTool", *arguments),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        if done.returncode:
            raise PreflightError(f"Kafka's data folder can't be formatted (log: {self.log_file})")


def _options() -> list[str]:
    folder = deploy_folder() / "stack"
    logging = (folder / "kafka-log4j2.properties").as_uri()
    return [f"@{folder / 'kafka.jvm'}", f"-Dlog4j2.configurationFile={logging}"]
