"""Lists of members that stand in a file beside the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flink_job.config.load import load
from operators.base.errors import ConfigError
from operators.rules.checking import MOST_LISTED
from tests.unit.good_config import GOOD


def listed(folder: Path, text: str | bytes, name: str = "vips.csv", **more: Any) -> tuple[Any, ...]:
    """The members that a configuration finds in a file with this text."""
    (folder / "vips.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **more, "segments": {"A": {"members": name}}}))
    return load(path).segments["A"].members


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("ann\nbob\n", ("ann", "bob")),
        ("ann,1\n\n  bob ,2\n,3\n", ("ann", "bob")),
        ('\ufeffuser_id,name\r\n"a,b",x\r\n00042,y\r\n', ("a,b", "00042")),
        ("shopper\nann\n", ("shopper", "ann")),
        ("ann\nuser_id\n", ("ann", "user_id")),
    ],
)
def test_members_are_the_first_column(tmp_path: Path, text: str, users: tuple[str, ...]) -> None:
    assert listed(tmp_path, text) == users


def test_the_header_is_the_field_of_the_user(tmp_path: Path) -> None:
    assert listed(tmp_path, "shopper\nann\n", events={"user": "shopper"}) == ("ann",)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("", "none.csv", "segments.A.members: .*none.csv can't be read: No such file"),
        ("", ".", "segments.A.members: .* can't be read: Is a directory"),
        ("", "a\0b", r"segments.A.members: '.*a.x00b' can't be read: embedded null byte"),
        (b"\xff\xfe", "vips.csv", "segments.A.members: .*vips.csv: expected CSV in UTF-8"),
        ("user_id\n", "vips.csv", "segments.A.when: this is needed where no members are listed"),
        (
            "user_id\n" + "".join(f"{n}\n" for n in range(MOST_LISTED + 5)),
            "vips.csv",
            "segments.A.members: expected up to 10000 users, found 10001",
        ),
    ],
)
def test_what_is_no_list_says_so(
    tmp_path: Path, text: str | bytes, name: str, expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        listed(tmp_path, text, name)
