"""A configuration is checked whole: every mistake at once, each with its path and its mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flink_job.config.load import check, load
from flink_job.plan import Plan
from operators.base.errors import ConfigError, UsageError
from tests.unit.good_config import GOOD


def problems(**changes: Any) -> list[str]:
    """The mistakes of the good configuration with some parts changed; None takes one out."""
    data = {name: part for name, part in (GOOD | changes).items() if part is not None}
    with pytest.raises(ConfigError) as raised:
        check(data, "shop.yaml")
    found = [str(problem) for problem in raised.value.problems]
    assert str(raised.value).startswith(f"shop.yaml has {len(found)} mistake")
    return found


def test_a_segment_is_read_by_the_names_that_are_written() -> None:
    written = {"when": "TRUE", "from": "2026-12-01", "members": ["ann", 17], "untill": "2027"}
    assert problems(segments={"A": written}) == [
        "segments.A.untill: unknown name 'untill', did you mean 'until'?"
    ]
    del written["untill"]
    (segment,) = check(GOOD | {"segments": {"A": written}}, "shop.yaml").segments.values()
    assert (segment.opens, segment.members) == ("2026-12-01", ("ann", 17))
    (told,) = problems(segments={"A": {"when": "TRUE", "opens": "2026-12-01"}})
    assert told.startswith("segments.A.opens: unknown name 'opens'")


def test_a_good_configuration_has_no_mistakes() -> None:
    assert check(GOOD, "shop.yaml").name == "shop"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sauce": {}}, "sauce: unknown name 'sauce', did you mean 'source'?"),
        ({"source": None}, "source: this is needed and is not there"),
        ({"source": {}}, "source: expected either kafka or files"),
        ({"source": []}, "source: expected a mapping of names to values, found a list"),
        (
            {"source": {"kafka": {"topic": "t"}}},
            "source.kafka.bootstrap: this is needed and is not there",
        ),
        (
            {"source": {"kafka": {"bootstrap": 9092, "topic": "t"}}},
            "source.kafka.bootstrap: expected 'str', found 9092",
        ),
        (
            {"source": {"kafka": {"bootstrap": "b", "topic": "t", "start": "soon"}}},
            "source.kafka.start: expected a time such as 2026-01-31T12:00:00Z, found 'soon', or "
            "earliest or latest",
        ),
        (
            {"source": {"kafka": {"bootstrap": "b", "topic": "t", "bounded": True}}},
            "run.as_of: a bounded run from Kafka needs the moment to end with, such as "
            "2026-01-31T12:00:00Z",
        ),
        (
            {
                "source": {
                    "kafka": {"bootstrap": "b", "topic": "t", "security": {"protocol": "SASL_SSL"}}
                }
            },
            "source.kafka.security: SASL_SSL needs user and password",
        ),
        (
            {"output": {"kafka": {"bootstrap": "b", "properties": {"ssl.key.password": "x"}}}},
            "output.kafka.properties.ssl.key.password: expected a reference such as "
            "${KAFKA_PASSWORD}: secrets stand in the environment, not in a file",
        ),
        (
            {"output": {"kafka": {"bootstrap": "b", "assignments": "a", "transitions": "a"}}},
            "output.kafka: expected different topics, found a, a, dead-letters",
        ),
        ({"features": {}}, "features: expected at least one feature"),
        (
            {"features": ["views"]},
            "features: expected a mapping of names to values, found a list",
        ),
        (
            {"segments": {"A": {"members": ["ann", True]}}},
            "segments.A.members: expected 'int | str', found True",
        ),
        (
            {"features": {"x": {"funnel": ["a", ["b", "c"]], "within": "1h"}}},
            "features.x.funnel: expected 'str', found a list",
        ),
        (
            {"features": GOOD["features"] | {"views": {"conut": "view"}}},
            "features.views.conut: unknown name 'conut', did you mean 'count'?",
        ),
        (
            {"features": GOOD["features"] | {"views": {"count": "view"}}},
            "features.views.window: expected session, lifetime, today, yesterday, this_week, "
            "this_month, last_month or a duration such as 1h",
        ),
        (
            {"features": GOOD["features"] | {"views": {"count": "view", "window": "1 fortnight"}}},
            "features.views.window: expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 "
            "years), found '1 fortnight', or session or lifetime",
        ),
        (
            {"features": {"x": {"funnel": ["view"], "within": "1h"}}},
            "features.x.funnel: expected 2 to 20 event types in their order, found 1",
        ),
        (
            {"features": {"x": {"funnel": ["view", "cart"]}}},
            "features.x.within: expected a duration such as 30m",
        ),
        (
            {"features": {"x": {"funnel": ["view", "cart"], "within": "soon"}}},
            "features.x.within: expected a duration",
        ),
        (
            {"features": {"x": {"count": "view", "where": "price >", "window": "1h"}}},
            "features.x.where: ",
        ),
        (
            {"features": {"x": {"count": "view", "where": "a = 1 OR a = 'b'", "window": "1h"}}},
            "features.x.where: column 1: the sides don't match: a is a category, 1 is a number",
        ),
        (
            {"features": {"x": {"sessions": "1h", "where": "a = 1"}}},
            "features.x.where: 'sessions' takes tile, zone; not 'where'",
        ),
        (
            {"features": GOOD["features"] | {"x": {"count": "view", "sum": "p", "window": "1h"}}},
            "features.x: expected one of count, sum, mean, min, max, median, percentile, last, "
            "first, since, since_first, since_change, hour, weekday, distinct, most_frequent, "
            "unique_list, decayed_count, decayed_sum, rate, unmatched, funnel, funnel_time, "
            "duration, sessions, returned_after, per_session, bounce_rate, active_days, "
            "found count and sum",
        ),
        (
            {"features": GOOD["features"] | {"two words": {"since": "view"}}},
            "features.two words: expected a name of letters, digits and _, up to 100 of them",
        ),
        (
            {"features": GOOD["features"] | {"cluster": {"since": "view"}}},
            "features.cluster: 'cluster' is taken: it names a column of every assignment",
        ),
        (
            {"features": GOOD["features"] | {"x": {"since": "view", "window": "1h"}}},
            "features.x.window: 'since' takes has, type, unit, where; not 'window'",
        ),
        (
            {"features": GOOD["features"] | {"x": {"since": "view", "unit": "hour"}}},
            "features.x.unit: expected seconds or minutes or hours or days, found 'hour', did you "
            "mean 'hours'?",
        ),
        (
            {"features": GOOD["features"] | {"x": {"count": "v", "window": "1h", "tile": "7m"}}},
            "features.x.tile: expected a tile that divides the window 1h into 1 to 1000 parts, "
            "found '7m'",
        ),
        (
            {"segments": {"Engaged": {"when": "product_view > 3"}}},
            "segments.Engaged.when: column 1: unknown feature 'product_view', did you mean "
            "'product_views'?",
        ),
        (
            {"clusters": {"c": {"k": 1, "features": ["product_views"]}}},
            "clusters.c.k: expected auto or a whole number from 2 to 200, found 1",
        ),
        (
            {"clusters": {"c": GOOD["clusters"]["shoppers"] | {"names": {"3": "Buyers"}}}},
            "clusters.c.names: expected names that are whole numbers, found '3'",
        ),
        (
            {"clusters": {"c": GOOD["clusters"]["shoppers"] | {"names": {3: {"nam": "Buyers"}}}}},
            "clusters.c.names.3.nam: unknown name 'nam', did you mean 'name'?",
        ),
        (
            {"clusters": {"c": GOOD["clusters"]["shoppers"] | {"names": {3: ["Buyers"]}}}},
            "clusters.c.names.3: expected 'str | object', found a list",
        ),
        (
            {"clusters": {"two words": GOOD["clusters"]["shoppers"]}},
            "clusters.two words: expected a name of letters, digits and _, up to 100 of them",
        ),
        (
            {
                "features": GOOD["features"] | {"cluster_a": {"since": "view"}},
                "clusters": {"a": GOOD["clusters"]["shoppers"]},
            },
            "clusters.a: conditions ask for it as 'cluster_a', which is a feature, too",
        ),
        (
            {"segments": {"Engaged": {"when": "cluster_shopper = 3"}}},
            "segments.Engaged.when: column 1: unknown feature 'cluster_shopper', did you mean "
            "'cluster_shoppers'?",
        ),
        (
            {"clusters": {"c": {"k": 2, "features": ["product_views"], "scale": "robst"}}},
            "clusters.c.scale: expected minmax or standard or robust, found 'robst', did you mean "
            "'robust'?",
        ),
        (
            {"clusters": {"c": {"k": 2, "features": ["product_views"], "log": "product_views"}}},
            "clusters.c.log: expected auto or a list, found 'product_views'",
        ),
        (
            {"store": {"kind": "sqlight", "path": "x"}},
            "store.kind: expected sqlite or cassandra, found 'sqlight', did you mean 'sqlite'?",
        ),
        (
            {"store": {"kind": "cassandra", "hosts": ["h"], "user": "u", "password": "hunter2"}},
            "store.password: expected a reference such as ${PASSWORD}",
        ),
        ({"run": {"lanes": 1000}}, "run.lanes: expected 1 to 128, found 1000"),
        ({"run": {"parallelism": 9}}, "run.parallelism: expected 1 to 8 (run.lanes), found 9"),
        ({"run": {"clock": "sun"}}, "run.clock: expected wall or event, found 'sun'"),
        ({"run": {"batch": "fast"}}, "run.batch: expected a duration"),
        ({"run": {"forget_after": "soon"}}, "run.forget_after: expected a duration"),
        ({"run": {"forget_after": ""}}, "run.forget_after: expected a duration"),
        ({"run": {"memory": "much"}}, "run.memory: expected a size such as 512MB, 2GB or 1.5GiB"),
        (
            {"run": {"forget_after": "10m"}},
            "run.forget_after: expected at least 30m (events.session_gap), found '10m'",
        ),
        (
            {"run": {"forget_after": "10m", "lanes": 0}, "events": {"id": "id"}},
            "run.forget_after: expected at least 1d (events.dedup_within), found '10m'",
        ),
        (
            {
                "features": GOOD["features"] | {"x": {"count": "view", "window": "30d"}},
                "run": {"forget_after": "29d"},
            },
            "run.forget_after: expected at least 30d (features.x), found '29d'",
        ),
        (
            {
                "features": GOOD["features"] | {"x": {"funnel": ["a", "b"], "within": "2h"}},
                "run": {"forget_after": "1h"},
            },
            "run.forget_after: expected at least 2h (features.x.within), found '1h'",
        ),
        ({"run": {"as_of": "2026-01-01"}}, "run.as_of: only a bounded run ends at a moment"),
        ({"events": {"session_gap": "0s"}}, "events.session_gap: expected a duration"),
        ({"events": {"no_session": ["-1"]}}, "events.no_session: expected events.session"),
        (
            {"events": {"format": "segment", "no_session": ["-1"]}},
            "events.no_session: expected events.session",
        ),
        (
            {"events": {"id": ["content", "event_id"]}},
            "events.id: expected content to stand last",
        ),
        ({"events": {"type": {"constant": ""}}}, "events.type.constant: expected a type"),
        ({"events": {"type": {"const": "x"}}}, "events.type.const: unknown name 'const'"),
        ({"events": {"type": {"constant": 5}}}, "events.type.constant: expected 'str', found 5"),
        ({"events": {"type": 5}}, "events.type: expected"),
        ({"events": {"each": ""}}, "events.each: expected the name of a field"),
        ({"events": {"user": ""}}, "events.user: expected the name of a field of the events"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_was_expected(
    changes: dict[str, Any], expected: str
) -> None:
    found = problems(**changes)
    assert any(problem.startswith(expected) for problem in found), found
    assert "hunter2" not in " ".join(found)


@pytest.mark.parametrize("after", ["30m", "90d"])
def test_users_may_be_forgotten_once_nothing_asks_for_their_past(after: str) -> None:
    lifetime = check(GOOD | {"run": {"forget_after": after}}, "shop.yaml").lifetime
    assert str(lifetime) == f"forgotten after {after} without events"


def test_a_run_that_says_nothing_forgets_nobody() -> None:
    assert check(GOOD, "shop.yaml").lifetime is None


def test_every_mistake_is_told_at_once_whatever_part_it_is_in() -> None:
    found = problems(
        nmae="shop",
        source={"kafka": {"bootstrap": "b"}},
        features=GOOD["features"] | {"views": {"count": "view", "window": "1y"}},
        clusters={"c": {"k": 1, "features": []}},
        run={"lanes": "many", "resolution": "often"},
    )
    paths = {problem.split(":")[0] for problem in found}
    assert paths == {"nmae", "source.kafka.topic", "features.views.window", "run.lanes"}

    found = problems(
        source={"kafka": {"bootstrap": "b", "topic": "t", "start": "x"}},
        segments={"A": {"when": "nothing > 1"}, "B": {"when": "device > 3"}},
        clusters={"c": {"k": 1, "features": ["nothing"]}},
        run={"lanes": 0},
    )
    paths = {problem.split(":")[0] for problem in found}
    assert paths >= {
        "source.kafka.start",
        "segments.A.when",
        "segments.B.when",
        "clusters.c.k",
        "clusters.c.features",
        "run.lanes",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1, column 5"),
        ("a: 1\na: 2", "line 2, column 1: the name 'a' stands here twice"),
        ("just text", "the file: expected a mapping of names to values, found 'just text'"),
        ("", "the file: expected a mapping of names to values, found nothing"),
        ("{" * 5_000, "not YAML|line"),
        ("a: !!python/object:os.system x", "line 1"),
        ("? [a]\n: 1", "line 1, column 3: found unhashable key"),
        ('a:\n  b: "x\\ud800"', r"line 2, column 6: 'x.ud800' has half of a character"),
    ],
)
def test_what_is_no_configuration_at_all_says_so(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load(path)


def test_a_file_that_is_not_there_or_not_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UsageError, match="expected UTF-8"):
        load(tmp_path / "bytes.yaml")


def test_paths_are_those_of_the_file_and_times_stay_texts(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(
        yaml.safe_dump(GOOD | {"source": {"files": {"paths": ["data/a.csv"]}}})
        + "run: {as_of: 2026-01-31T12:00:00Z, state: /var/state}\n"
    )
    config = load(path)
    plan = Plan(config, tmp_path)
    files = plan.paths.files()
    assert files is not None
    assert files.paths == [str(tmp_path / "data" / "a.csv")]
    assert plan.folder.path == Path("/var/state")
    assert plan.as_of_us() == 1_769_860_800_000_000


@pytest.mark.parametrize(
    ("written", "user"),
    [
        ("4711", 4711),
        ("-5", -5),
        ("0", 0),
        *((text, text) for text in ("00042", "0x1F", "1_000", "+491701", "12:30:45", "0b1")),
        ('"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_a_listed_user_is_what_is_written(tmp_path: Path, written: str, user: str | int) -> None:
    path = tmp_path / "shop.yaml"
    good = {name: part for name, part in GOOD.items() if name != "segments"}
    path.write_text(f"{yaml.safe_dump(good)}\nsegments: {{A: {{members: [{written}]}}}}")
    assert load(path).segments["A"].members == (user,)


def test_secrets_are_read_from_the_environment_where_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    security = {
        "protocol": "SASL_SSL",
        "mechanism": "SCRAM-SHA-512",
        "user": "${KAFKA_USER}",
        "password": "${KAFKA_PASSWORD}",
    }
    kafka = {"bootstrap": "${KAFKA}:9092", "topic": "events", "security": security}
    plan = Plan(check(GOOD | {"source": {"kafka": kafka}}, "shop.yaml"), tmp_path)
    monkeypatch.delenv("KAFKA", raising=False)
    with pytest.raises(UsageError, match=r"source.kafka.bootstrap: .*KAFKA to be set"):
        plan.kafka.input_broker()
    for name, value in (("KAFKA", "host"), ("KAFKA_USER", "ann"), ("KAFKA_PASSWORD", 'p"w\\')):
        monkeypatch.setenv(name, value)
    broker = plan.kafka.input_broker()
    assert broker is not None
    assert broker.bootstrap == "host:9092"
    assert 'p"w' not in repr(broker)
    assert broker.java_properties()["sasl.jaas.config"].endswith(
        'scram.ScramLoginModule required username="ann" password="p\\"w\\\\";'
    )
    assert broker.python_options()["sasl_plain_password"] == 'p"w\\'
