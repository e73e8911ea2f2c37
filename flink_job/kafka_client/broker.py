"""Where a Kafka is and how to log in there, for Flink's client and for kafka-python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flink_job.config.model import KafkaSecurity
from flink_job.config.secrets import resolve


@dataclass(frozen=True)
class Broker:
    """Where Kafka is and how to log in; the password is never shown."""

    bootstrap: str
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    @classmethod
    def of(cls, bootstrap: str, security: KafkaSecurity, path: str) -> Broker:
        """The broker of a part of the configuration, with its references resolved.

        Raises:
            UsageError: a variable that is referred to is not set.
        """
        user, password = security.user, security.password
        return cls(
            bootstrap=resolve(bootstrap, f"{path}.bootstrap"),
            protocol=security.protocol,
            mechanism=security.mechanism,
            user=user and resolve(user, f"{path}.security.user"),
            password=password and resolve(password, f"{path}.security.password"),
            ca_file=security.ca_file,
        )

    def java_properties(self) -> dict[str, str]:
        """How Flink's client logs in."""
        properties = {"security.protocol": self.protocol}
        if self.protocol.startswith("SASL"):
            kind = "plain.Plain" if self.mechanism == "PLAIN" else "scram.Scram"
            login = f"org.apache.kafka.common.security.{kind}LoginModule required"
            # The connector's jar carries Kafka under a name of its own.
            login = f"org.apache.flink.kafka.shaded.{login}"
            user, password = (_quoted(text or "") for text in (self.user, self.password))
            properties["sasl.mechanism"] = self.mechanism
            properties["sasl.jaas.config"] = f"{login} username={user} password={password};"
        if self.ca_file and self.protocol.endswith("SSL"):
            properties["ssl.truststore.type"] = "PEM"
            properties["ssl.truststore.location"] = self.ca_file
        return properties

    def python_options(self) -> dict[str, Any]:
        """How kafka-python logs in."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "security_protocol": self.protocol,
            "client_id": "flockwise",
        }
        if self.protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.user
            options["sasl_plain_password"] = self.password
        if self.ca_file and self.protocol.endswith("SSL"):
            options["ssl_cafile"] = self.ca_file
        return options


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
