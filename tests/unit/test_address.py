"""Where a cluster is, as people say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flink_job.runtime.address import rest_address
from operators.base.errors import UsageError


@pytest.mark.parametrize(
    ("given", "expected"),
    [("flink:8081", ("flink", 8081)), ("10.0.0.7:80", ("10.0.0.7", 80)), ("[::1]:1", ("::1", 1))],
)
def test_an_address_that_is_given_comes_first(given: str, expected: tuple[str, int]) -> None:
    assert rest_address(given, {"FLINK_CONF_DIR": "nowhere"}) == expected


@pytest.mark.parametrize("given", ["flink", "flink:", ":8081", "flink:http", "flink:0", "f:65536"])
def test_an_address_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=rf"--address {given}: expected a host and a port"):
        rest_address(given, {})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("rest.address: flink\nrest.port: 8099", ("flink", 8099)),
        ("rest:\n  address: flink\n  port: 8099", ("flink", 8099)),
        ("jobmanager.rpc.address: flink", ("flink", 8081)),
        ("jobmanager: {rpc: {address: other}}\nrest.address: flink", ("flink", 8081)),
    ],
)
def test_else_it_is_that_of_the_configuration(
    tmp_path: Path, settings: str, expected: tuple[str, int]
) -> None:
    (tmp_path / "config.yaml").write_text(settings)
    assert rest_address(None, {"FLINK_CONF_DIR": str(tmp_path)}) == expected


@pytest.mark.parametrize("settings", ["", "a: [", "rest.port: 8081", "- a list"])
def test_a_configuration_without_an_address_is_refused(tmp_path: Path, settings: str) -> None:
    (tmp_path / "config.yaml").write_text(settings)
    with pytest.raises(UsageError, match=r"config\.yaml"):
        rest_address(None, {"FLINK_CONF_DIR": str(tmp_path)})


def test_a_folder_without_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"FLINK_CONF_DIR: .*No such file"):
        rest_address(None, {"FLINK_CONF_DIR": str(tmp_path)})


def test_neither_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--address HOST:PORT .* FLINK_CONF_DIR"):
        rest_address(None, {})
