"""What of a table goes to state: small entries, pages that split, and clear refusals."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from operators.base.errors import FlockwiseError
from operators.pages.journal import ROWS_PER_PAGE, Journal
from operators.pages.layout import Field, Layout
from operators.pages.stored import PageImage
from operators.pages.table import UserTable, set_keys

FIELDS = [
    Field("wide", "f8", 500),
    Field("count", "i4", 3, initial=7),
    Field("city", "i8", initial=-1, coded=True),
]


def journal(fields: list[Field] = FIELDS) -> Journal:
    return Journal(UserTable(Layout(fields), {"seen": ""}))


def add(to: Journal, users: list[str], city: str | None = None) -> bytes:
    """Touch some users: count one up, and set their city."""
    table = to.table
    rows = np.unique(table.rows_of(users))
    to.begin(rows)
    count = table.cells("count")
    np.add.at(count.flat, count.at(rows, 1), 1)
    if city is not None:
        table.cells("city").put_one(rows, table.dictionary.add(city))
    keys = set_keys(rows, table.codes_of([city] * len(rows)))
    if city is not None:
        table.sets["seen"].put(keys, np.full(len(keys), 9))
        to.note("seen", keys, np.full(len(keys), 9))
    return to.commit()


def same(one: Journal, other: Journal) -> bool:
    pairs = [(j.table.users, j.table.words.tolist(), j.head) for j in (one, other)]
    sets = [
        dict(zip(*(column.tolist() for column in j.table.sets["seen"].items()), strict=True))
        for j in (one, other)
    ]
    return pairs[0] == pairs[1] and sets[0] == sets[1]


def test_a_row_starts_as_its_fields_say() -> None:
    table = journal().table
    row = table.rows_of(["ann"])
    assert table.cells("count").take(row).tolist() == [[7, 7, 7]]
    assert table.cells("city").take_one(row).tolist() == [-1]
    assert table.layout.width == 500 + 2 + 1


def test_an_entry_holds_what_changed_and_not_whole_rows() -> None:
    writer = journal()
    first = add(writer, [f"user-{n}" for n in range(100)], "Rome")
    second = add(writer, [f"user-{n}" for n in range(100)], None)
    assert len(first) < 100 * 100
    assert len(second) < 100 * 20  # a row has 4,000 bytes
    reader = journal()
    reader.restore(None, [], [first, second])
    assert same(reader, writer)


def test_state_is_the_same_from_the_log_and_from_pages() -> None:
    writer, log = journal(), []
    writer.head = {"version": 5}
    for batch in range(6):
        users = [f"user-{n}" for n in range(batch * 50, batch * 50 + 120)]
        log.append(add(writer, users, f"city-{batch}"))
        writer.head["version"] += 1
    from_log = journal()
    from_log.restore(None, [], log)
    writer.head = dict(from_log.head)
    compaction = writer.compact()
    pages = dict(compaction.pages)
    from_pages = journal()
    from_pages.restore(compaction.head, pages.values(), [])
    assert same(from_log, from_pages)
    tail = [add(writer, ["user-3", "new"], "Oslo"), add(writer, ["user-3"], "Oslo")]
    restored = journal()
    restored.restore(compaction.head, pages.values(), tail)
    assert same(restored, writer)
    city = restored.table.cells("city").take_one(restored.table.rows_of(["new"]))
    assert restored.table.dictionary.text(int(city[0])) == "Oslo"


def test_there_are_more_pages_as_users_come_and_they_hold_each_once() -> None:
    writer = journal([Field("count", "i4", 3), FIELDS[2]])
    pages: dict[int, bytes] = {}
    for start in range(0, 4 * ROWS_PER_PAGE, ROWS_PER_PAGE):
        add(writer, [f"user-{n}" for n in range(start, start + ROWS_PER_PAGE)], "Rome")
        compaction = writer.compact()
        pages |= compaction.pages
    assert len(pages) == 4
    reader = journal([Field("count", "i4", 3), FIELDS[2]])
    reader.restore(compaction.head, pages.values(), [])
    assert sorted(reader.table.users) == sorted(writer.table.users)
    assert same(reader, writer)


def test_only_pages_that_were_touched_are_written_anew() -> None:
    writer = journal()
    add(writer, [f"user-{n}" for n in range(4 * ROWS_PER_PAGE)])
    assert len(writer.compact().pages) == 4
    add(writer, ["user-1"])
    assert len(writer.compact().pages) == 1


def test_it_is_time_to_compact_when_the_log_is_longer_than_the_pages() -> None:
    writer = journal()
    users = [f"user-{n}" for n in range(1_000)]
    add(writer, users, "Rome")
    writer.compact()
    assert not writer.due()
    for _ in range(1_000):
        if writer.due():
            break
        add(writer, users)
    assert writer.due()
    writer.compact()
    assert not writer.due()


def test_texts_that_nobody_refers_to_are_let_go_and_their_codes_given_out_again() -> None:
    writer = journal()
    add(writer, ["ann"], "Rome")
    code = writer.table.dictionary.code("Rome")
    add(writer, ["ann"], "Oslo")
    keys, _ = writer.table.sets["seen"].items()
    writer.drop("seen", np.array([writer.table.dictionary.text(int(k)) == "Rome" for k in keys]))
    compaction = writer.compact()
    assert writer.table.dictionary.code("Rome") is None
    reader = journal()
    reader.restore(compaction.head, compaction.pages.values(), [])
    assert reader.table.dictionary.code("Rome") is None
    entry = add(writer, ["bob"], "Lima")
    assert writer.table.dictionary.code("Lima") == code
    reader.restore(None, [], [entry])
    assert reader.table.dictionary.code("Lima") == code


def test_what_stands_beside_rows_is_what_stands_in_them() -> None:
    fields = [Field("a", "i8"), Field("due", "i8", initial=9, as_column=True)]
    writer, log = journal(fields), []
    for number in range(200):  # so that there is room for more of them twice
        rows = np.unique(writer.table.rows_of([f"user-{number}", "ann"]))
        writer.begin(rows)
        writer.table.cells("due").put_one(rows, number)
        if number == 150:
            writer.free(writer.table.rows_of(["user-3"]))
        log.append(writer.commit())
    moved, restored = journal([FIELDS[1], *fields]), journal(fields)
    restored.restore(None, [], log)
    moved.adopt(journal(fields))
    for made in (writer, restored):
        rows = made.table.rows()
        column = made.table.column("due")
        assert column[rows].tolist() == made.table.words[rows, 1].tolist()
        assert sorted(set(range(made.table.extent)) - set(rows.tolist())) == []
    moved = journal([FIELDS[1], *fields])
    moved.adopt(restored)
    assert moved.table.column("due").tolist() == writer.table.column("due").tolist()


def test_state_of_another_format_is_refused() -> None:
    writer = journal()
    add(writer, ["ann"])
    head = msgspec.msgpack.decode(writer.compact().head)
    head[0] = 99
    with pytest.raises(FlockwiseError, match="written in format 99, this version reads 3 and 4"):
        journal().restore(msgspec.msgpack.encode(head), [], [])


def test_state_whose_pages_were_of_hashes_is_read_and_written_anew() -> None:
    writer = journal()
    add(writer, [f"user-{n}" for n in range(3 * ROWS_PER_PAGE)], "Rome")
    pages = writer.compact().pages
    head = msgspec.msgpack.decode(writer.compact().head)
    odd = [image(writer, writer.table.hashes % 4 == page) for page in range(4)]
    head[0], head[2] = 3, len(odd)
    reader = journal()
    assert reader.restore(msgspec.msgpack.encode(head), odd, [add(writer, ["user-1", "new"])])
    assert same(reader, writer)
    renewed = reader.compact()
    state = dict(enumerate(odd)) | dict(renewed.pages)
    assert len(state) == len(pages) + 1 == 4
    again = journal()
    assert not again.restore(renewed.head, state.values(), [])
    assert same(again, writer)


def image(of: Journal, where: NDArray[np.bool_]) -> bytes:
    """An image of some users of a table."""
    table, rows = of.table, np.flatnonzero(where)
    entries = zip(*(column.tolist() for column in table.sets["seen"].items()), strict=True)
    own = [(key, value) for key, value in entries if where[key >> 32]]
    keys, values = np.array(own, np.int64).reshape(-1, 2).T
    return msgspec.msgpack.encode(
        PageImage(
            rows.tobytes(),
            [table.users[row] for row in rows.tolist()],
            table.words[rows].tobytes(),
            table.dictionary.pairs(range(len(table.dictionary))),
            {"seen": (keys.tobytes(), values.tobytes())},
        )
    )


WIDE = [Field("seen", "i8"), Field("sums", "f8", 6, initial=(1, 2, 3), labels=("a", "b", "c"))]
OTHER = [
    Field("sums", "f8", 6, initial=(7, 8, 9), labels=("c", "new", "a")),
    Field("flag", "i4", initial=5),
    Field("seen", "i8"),
]


def filled(fields: list[Field]) -> Journal:
    """Two users, of whom one has been counted."""
    made = journal(fields)
    made.head = {"clock_us": 3}
    rows = made.table.rows_of(["ann", "bob"])
    made.begin(rows)
    made.table.cells("sums").put(rows[:1], [10, 11, 20, 21, 30, 31])
    made.table.cells("seen").put_one(rows, [4, 6])
    keys = set_keys(rows, made.table.codes_of(["Rome", "Oslo"]))
    made.table.sets["seen"].put(keys, np.array([8, 9]))
    made.note("seen", keys, np.array([8, 9]))
    return made


@pytest.mark.parametrize("from_log", [True, False])
def test_rows_of_another_layout_keep_what_means_the_same(from_log: bool) -> None:
    writer = filled(WIDE)
    head, entry = writer.first_head(), writer.commit()
    compaction = writer.compact()
    moved = Journal(UserTable(Layout(OTHER), {"seen": "", "added": ""}))
    state = (head, [], [entry]) if from_log else (compaction.head, compaction.pages.values(), [])
    assert moved.restore(*state)
    rows = moved.table.rows_of(["ann", "bob"])
    assert moved.table.cells("sums").take(rows).tolist() == [
        [30, 31, 8, 8, 10, 11],
        [3, 3, 8, 8, 1, 1],
    ]
    assert moved.table.cells("seen").take_one(rows).tolist() == [4, 6]
    assert moved.table.cells("flag").take_one(rows).tolist() == [5, 5]
    assert moved.head == {"clock_us": 3}
    assert len(moved.table.sets["seen"]) == 2
    assert len(moved.table.sets["added"]) == 0
    # What is written at once is of the new layout.
    after = moved.compact()
    reader = Journal(UserTable(Layout(OTHER), {"seen": "", "added": ""}))
    assert not reader.restore(after.head, after.pages.values(), [])
    assert same(reader, moved)


def test_a_set_of_another_meaning_begins_anew() -> None:
    writer = filled(WIDE)
    writer.commit()
    compaction = writer.compact()
    moved = Journal(UserTable(Layout(WIDE), {"seen": "other"}))
    assert moved.restore(compaction.head, compaction.pages.values(), [])
    assert len(moved.table.sets["seen"]) == 0
    assert moved.table.dictionary.code("Rome") is not None
    moved.compact()
    assert moved.table.dictionary.code("Rome") is None
