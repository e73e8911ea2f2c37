"""Over TLS a store talks to those alone whose certificate it can check."""

from __future__ import annotations

import os
import random
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flink_job.runtime.java import java_home
from flink_job.runtime.progress import silent
from flink_job.stack import CassandraAccess
from flink_job.stack.access import access
from flink_job.stack.accounts import secure
from flink_job.stack.cassandra import CassandraServer
from flink_job.stack.jars import jars_folder
from flink_job.stack.ports import Ports, choose_ports
from flink_job.stack.server import Java
from flink_job.stores.cassandra_session import Node
from operators.base.errors import PreflightError
from tests.stack.histories import assignment
from tests.stack.servers import cassandra_store

pytestmark = pytest.mark.stack

ENCRYPTION = """
client_encryption_options:
  enabled: true
  keystore: {keystore}
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
"""


@dataclass(frozen=True)
class TlsServer(CassandraServer):
    """A node that serves its clients over TLS only."""

    keystore: Path

    def prepare(self, java: Java) -> None:
        super().prepare(java)
        with (self.folder / "cassandra.yaml").open("a") as settings:
            settings.write(ENCRYPTION.format(keystore=self.keystore))

    def answers(self) -> bool:
        try:
            ssl.get_server_certificate(("127.0.0.1", self.port), timeout=1.0)
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class Encrypted:
    """A node over TLS and the certificate to trust."""

    access: CassandraAccess
    certificate: str


def certificate(folder: Path, subject: str) -> Path:
    """A self-signed certificate and its key, in one PEM file."""
    key, signed = folder / "key.pem", folder / "cert.pem"
    files = ("-keyout", str(key), "-out", str(signed))
    names = ("-subj", "/CN=node", "-addext", f"subjectAltName={subject}")
    how = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    subprocess.run(["openssl", *how, *names, *files], check=True, capture_output=True)
    (folder / "both.pem").write_text(key.read_text() + signed.read_text())
    return signed


def serve(folder: Path, subject: str) -> Iterator[Encrypted]:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    signed = certificate(folder, subject)
    ports = choose_ports(Ports(), "cassandra", None, random.SystemRandom())
    server = TlsServer(folder / "cassandra", ports, folder / "both.pem")
    java = Java(java_home(os.environ) / "bin" / "java", jars_folder("cassandra"))
    try:
        server.start(java, os.environ, silent)
        reached = access(folder, ports).cassandra
        assert reached is not None
        trusting = ssl.create_default_context(cafile=signed)
        trusting.check_hostname = False
        node = Node((reached.host,), reached.port, tls=trusting)
        secure(node, reached.admin(), reached.login())
        yield Encrypted(reached, str(signed))
    finally:
        server.stop()


@pytest.fixture(scope="module")
def by_address(tmp_path_factory: pytest.TempPathFactory, server_jars: None) -> Iterator[Encrypted]:
    yield from serve(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, server_jars: None) -> Iterator[Encrypted]:
    yield from serve(tmp_path_factory.mktemp("elsewhere"), "DNS:elsewhere.example")


def test_a_trusted_node_is_used(by_address: Encrypted) -> None:
    store = cassandra_store(by_address.access, ca_file=by_address.certificate)
    store.check()
    store.apply([assignment("ann", 1, ["bots"])], [])
    assert store.lookup("ann") == assignment("ann", 1, ["bots"])
    store.close()


def test_a_node_that_nobody_vouches_for_is_refused(by_address: Encrypted, tmp_path: Path) -> None:
    other = certificate(tmp_path, "IP:127.0.0.1")
    with pytest.raises(PreflightError, match="certificate verify failed"):
        cassandra_store(by_address.access, ca_file=str(other)).check()


def test_a_node_over_tls_is_not_reached_without(by_address: Encrypted) -> None:
    with pytest.raises(PreflightError, match="can't be used"):
        cassandra_store(by_address.access).check()


@pytest.mark.long
def test_a_node_must_be_the_one_that_its_certificate_names(elsewhere: Encrypted) -> None:
    with pytest.raises(PreflightError, match="certificate"):
        cassandra_store(elsewhere.access, ca_file=elsewhere.certificate).check()
    store = cassandra_store(elsewhere.access, ca_file=elsewhere.certificate, verify_hosts=False)
    store.check()
    store.close()
