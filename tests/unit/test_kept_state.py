"""Which savepoint or checkpoint a job goes on from: the newest that is complete, of it alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flink_job.runtime.kept_state import KeptState, as_uri, is_here, job_folder, newest_state
from operators.base.errors import UsageError


def leave(folder: Path, at_s: int, *, complete: bool = True) -> str:
    """A savepoint or checkpoint that was complete at a moment."""
    folder.mkdir(parents=True)
    (folder / "data").touch()
    if complete:
        (folder / "_metadata").touch()
        os.utime(folder / "_metadata", (at_s, at_s))
    return folder.as_uri()


def folders(tmp_path: Path, kind: str = "segment") -> list[str]:
    return [job_folder((tmp_path / part).as_uri(), "shop", kind) for part in ("chk", "save")]


def test_jobs_have_folders_of_their_own() -> None:
    assert job_folder("s3://bucket/checkpoints/", "shop", "upsert") == (
        "s3://bucket/checkpoints/shop/upsert"
    )
    assert job_folder("file:///a", "a shop/2", "segment") == "file:///a/a%20shop%2F2/segment"


def test_the_newest_complete_state_of_a_job_is_found(tmp_path: Path) -> None:
    own = tmp_path / "chk" / "shop" / "segment"
    assert newest_state(folders(tmp_path), None) is None
    older = leave(own / "aaa" / "chk-9", 100)
    found = newest_state(folders(tmp_path), None)
    assert found is not None
    assert (found.uri, found.at_us, found.kind) == (older, 100_000_000, "checkpoint")

    newer = leave(tmp_path / "save" / "shop" / "segment" / "savepoint-1", 200)
    leave(own / "bbb" / "chk-2", 300, complete=False)
    leave(tmp_path / "chk" / "shop" / "upsert" / "ccc" / "chk-7", 400)
    leave(tmp_path / "chk" / "other" / "segment" / "ddd" / "chk-7", 500)
    found = newest_state(folders(tmp_path), None)
    assert found is not None
    assert (found.uri, found.kind) == (newer, "savepoint")
    upserts = newest_state(folders(tmp_path, "upsert"), None)
    assert upserts is not None
    assert upserts.uri.endswith("/upsert/ccc/chk-7")


def test_what_the_cluster_remembers_counts_if_it_is_there(tmp_path: Path) -> None:
    left = leave(tmp_path / "laid out as before" / "chk-3", 100)
    found = newest_state(folders(tmp_path), KeptState(left, 0))
    assert found is not None
    assert (found.uri, found.at_us) == (left, 100_000_000)
    gone = KeptState((tmp_path / "gone" / "chk-1").as_uri(), 0)
    assert newest_state(folders(tmp_path), gone) is None
    newer = leave(tmp_path / "chk" / "shop" / "segment" / "aaa" / "chk-1", 200)
    found = newest_state(folders(tmp_path), KeptState(left, 0))
    assert found is not None
    assert found.uri == newer


@pytest.mark.parametrize("base", ["s3://bucket/checkpoints", "hdfs:/checkpoints"])
def test_of_a_place_out_of_reach_the_cluster_tells_or_a_savepoint_is_asked_for(base: str) -> None:
    with pytest.raises(UsageError, match=r"can't be looked into from this machine, .*--savepoint$"):
        newest_state([job_folder(base, "shop", "segment")], None)
    left = KeptState(f"{base}/x/chk-1", 100)
    assert newest_state([job_folder(base, "shop", "segment")], left) == left


def test_whether_a_state_is_seen_from_here(tmp_path: Path) -> None:
    uri = leave(tmp_path / "a b" / "savepoint-1", 100)
    assert is_here(uri)
    assert is_here(uri.replace("file:///", "file:/"))
    assert not is_here(as_uri(str(tmp_path)))
    assert not is_here("s3://bucket/savepoint-1")
