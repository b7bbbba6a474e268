"""Forms of values: what is encoded is decoded to the same, and text forms are read as the server writes them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.runtime.sync.codecs import containers, literals, moments, numbers, plain, shapes
from assay.runtime.sync.codecs.codec import Codec
from assay.runtime.sync.codecs.table import ENTRIES, NAMES, builtin

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def encode_text(value: str) -> bytes:
    return value.encode()


def decode_text(data: Any) -> str:
    return str(data, "utf-8")


TEXT_CODEC = Codec(asyncpg.Type(25, "text", "scalar", "pg_catalog"), decode_text, str, encode_text)


def shaped(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Arrays of one, two and three dimensions, each list of a dimension as long as the others."""
    size = st.integers(1, 3)
    one = st.lists(elements)
    two = size.flatmap(lambda n: st.lists(st.lists(elements, min_size=n, max_size=n), min_size=1, max_size=3))
    three = st.tuples(size, size).flatmap(
        lambda n: st.lists(
            st.lists(st.lists(elements, min_size=n[1], max_size=n[1]), min_size=n[0], max_size=n[0]),
            min_size=1,
            max_size=2,
        )
    )
    return one | two | three


@given(shaped(st.none() | TEXT))
def test_binary_array_is_decoded_to_what_was_encoded(values: list[Any]) -> None:
    data = containers.encode_array(encode_text, 25)(values)
    assert containers.decode_array(decode_text)(data) == values
    assert containers.decode_array(decode_text)(memoryview(data)) == values


@given(shaped(st.none() | TEXT), st.sampled_from(",;"))
def test_text_array_is_read_as_it_was_written(values: list[Any], delimiter: str) -> None:
    text = literals.encode_array_text(encode_text, delimiter)(values).decode()
    assert literals.read_array(str, delimiter)(text) == values


@given(st.lists(st.none() | TEXT, min_size=1, max_size=5))
def test_composite_is_decoded_to_what_was_encoded(values: list[Any]) -> None:
    names = [f"f{number}" for number in range(len(values))]
    attributes = [TEXT_CODEC] * len(values)
    data = containers.encode_composite(names, attributes)(values)
    record = containers.decode_composite(names, attributes)(data)
    assert isinstance(record, asyncpg.Record)
    assert dict(record) == dict(zip(names, values, strict=True))
    assert containers.encode_composite(names, attributes)(dict(record)) == data
    assert containers.decode_record(lambda oid: decode_text)(data) == tuple(values)


def as_the_server_writes(values: list[Any]) -> str:
    """The text form of a composite: function record_out of the server quotes more than it must."""
    quoted = ("" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '""') + '"' for v in values)
    return f"({','.join(quoted)})"


@given(st.lists(st.none() | TEXT, min_size=1, max_size=5))
def test_composite_in_text_is_read(values: list[Any]) -> None:
    names = [f"f{number}" for number in range(len(values))]
    record = literals.read_composite(names, [TEXT_CODEC] * len(values))(as_the_server_writes(values))
    assert list(record) == values


@given(st.none() | TEXT, st.none() | TEXT, st.booleans(), st.booleans())
def test_range_is_decoded_and_read(low: str | None, high: str | None, lower_inc: bool, upper_inc: bool) -> None:
    given_range: Any = asyncpg.Range(low, high, lower_inc=lower_inc, upper_inc=upper_inc)
    assert containers.decode_range(decode_text)(containers.encode_range(encode_text)(given_range)) == given_range
    inner = as_the_server_writes([low, high])[1:-1]
    text = f"{'[' if given_range.lower_inc else '('}{inner}{']' if given_range.upper_inc else ')'}"
    assert literals.read_range(str)(text) == given_range
    assert literals.read_multirange(str)(f"{{{text},empty_is_never_here}}")[0] == given_range


@pytest.mark.parametrize("wrong", [[[1], [1, 2]], [[1], 2], [1, [2]], "ab", 5, {"a": 1}, [[[[[[[1]]]]]]]])
def test_what_is_no_array_is_refused(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        containers.encode_array(numbers.whole(4), 23)(wrong)


@pytest.mark.parametrize("wrong", [(1, 2, 3), "ab", 5])
def test_what_is_no_range_is_refused(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        containers.encode_range(numbers.whole(4))(wrong)


def test_changed_composite_is_noticed() -> None:
    data = containers.encode_composite(["a", "b"], [TEXT_CODEC, TEXT_CODEC])(["1", "2"])
    with pytest.raises(containers.TypeChanged):
        containers.decode_composite(["a"], [TEXT_CODEC])(data)


VALUES: dict[str, Any] = {
    "bool": True,
    **dict.fromkeys(("int2", "int4", "int8", "oid", "xid", "cid", "xid8", "oid8", "pg_lsn"), 77),
    "float4": 1.5,
    "float8": -2.25,
    "numeric": Decimal("-1.250"),
    "bytea": b"\x00a",
    "char": b"a",
    "bit": asyncpg.BitString("101"),
    "varbit": asyncpg.BitString("1"),
    "date": dt.date(2020, 2, 29),
    "time": dt.time(1, 2, 3, 4),
    "timetz": dt.time(1, 2, tzinfo=dt.timezone(dt.timedelta(hours=-3))),
    "timestamp": dt.datetime(1, 1, 2),
    "timestamptz": dt.datetime(9999, 1, 1, tzinfo=dt.UTC),
    "interval": dt.timedelta(-1, 5, 7),
    "point": asyncpg.Point(1, 2),
    "line": asyncpg.Line(1, 2, 3),
    "lseg": asyncpg.LineSegment((1, 2), (3, 4)),
    "box": asyncpg.Box((3, 4), (1, 2)),
    "path": asyncpg.Path((1, 2), is_closed=True),
    "polygon": asyncpg.Polygon((1, 2), (3, 4)),
    "circle": asyncpg.Circle((1, 2), 3),
    "tid": (1, 2),
    "pg_snapshot": (1, 2, (1,)),
    "txid_snapshot": (1, 2, ()),
}
NOT_SENT = {"pg_mcv_list", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary"}
ELSEWHERE = {"uuid", "inet", "cidr", "void"}
"""Whose values the integration tests send, or that have none."""


@pytest.mark.parametrize("name", sorted(ENTRIES.keys() - NOT_SENT - ELSEWHERE))
def test_value_is_decoded_to_what_was_encoded(name: str) -> None:
    entry, value = ENTRIES[name], VALUES[name]
    assert entry.encode is not None
    assert entry.decode is not None
    data = entry.encode(value)
    assert entry.decode(data) == entry.decode(memoryview(data)) == value


def test_every_named_type_has_a_codec_or_no_values() -> None:
    without = {name for oid, name in NAMES.items() if builtin(oid, "utf-8", lambda _: str) is None}
    pseudo = {name for name in without if name.startswith(("any", "pg_ddl")) or name.endswith("_handler")}
    assert without - pseudo == {
        *("record", "internal", "trigger", "event_trigger", "opaque"),
        *("abstime", "reltime", "tinterval", "smgr", "text[]", "oid[]"),
    }


@pytest.mark.parametrize(
    ("encode", "wrong"),
    [
        (numbers.whole(2), 32768),
        (numbers.whole(4, signed=False), -1),
        (numbers.whole(8), "1"),
        (numbers.encode_bool, 1),
        (numbers.encode_float8, "1"),
        (numbers.encode_float4, 1e300),
        (numbers.encode_numeric, Decimal("1e-20000")),
        (numbers.encode_numeric, Decimal("1e200000")),
        (moments.encode_timestamp, "2020-01-01"),
        (moments.encode_timestamp, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
        (plain.encode_bytes, "text"),
        (plain.encode_uuid, 5),
        (plain.encode_tid, (1, 2, 3)),
        (plain.encode_inet, "nowhere"),
        (shapes.encode_point, (1,)),
    ],
)
def test_value_that_does_not_fit_is_refused(encode: Any, wrong: Any) -> None:
    with pytest.raises(Exception, match=r"\w"):
        encode(wrong)


def test_older_text_form_of_bytes_is_read() -> None:
    assert plain.read_bytes(r"\x00ff") == b"\x00\xff"
    assert plain.read_bytes(r"a\\b\001\377") == b"a\\b\x01\xff"
    assert [plain.read_char(text) for text in ("", "a", "\\", r"\377")] == [b"\0", b"a", b"\\", b"\xff"]
