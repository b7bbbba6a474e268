"""The files of the offline cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ProofError
from assay.pgtypes.model import Kind, PgType
from assay.proof.cache import Cache, Entry, decode, description_from_json, description_to_json, encode, file_name
from assay.proof.description import Column, Description, NullUse, Parameter, RowBound

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
KINDS: list[Kind] = ["base", "array", "enum", "domain", "composite", "range", "multirange", "pseudo"]


SIMPLE = st.builds(PgType, TEXT, st.sampled_from(KINDS), st.none() | TEXT, labels=TEXTS, not_null=st.booleans())
TYPES = st.recursive(
    SIMPLE,
    lambda parts: st.builds(
        PgType,
        TEXT,
        st.sampled_from(KINDS),
        element=st.none() | parts,
        fields=st.lists(st.tuples(TEXT, parts), max_size=2).map(tuple),
    ),
    max_leaves=4,
)
DESCRIPTIONS = st.builds(
    Description,
    rows=st.sampled_from(RowBound),
    params=st.lists(st.builds(Parameter, TYPES, st.sampled_from(NullUse), TEXT), max_size=3).map(tuple),
    columns=st.lists(
        st.builds(Column, name=TEXT, type=TYPES, nullable=st.booleans(), reason=TEXT, allowed=st.none() | TEXTS),
        max_size=3,
    ).map(tuple),
    reads=TEXTS,
    writes=TEXTS,
    read_only=st.booleans(),
    rows_reason=TEXT,
    unfiltered=st.booleans(),
    notes=TEXTS,
)
ENTRIES = st.builds(Entry, sql=TEXT, description=DESCRIPTIONS, server_version=TEXT, fingerprint=TEXT)


@given(DESCRIPTIONS)
def test_a_description_is_read_back_as_it_was_written(description: Description) -> None:
    assert description_from_json(description_to_json(description)) == description


@given(ENTRIES)
def test_a_file_is_read_back_and_written_the_same_again(entry: Entry) -> None:
    content = encode(entry)
    assert decode(content, Path("f")) == entry
    assert encode(decode(content, Path("f"))) == content


def test_identifiers_of_types_are_not_kept() -> None:
    entry = described(PgType("mood", "enum", oid=16_400, labels=("a",)))
    assert encode(entry) == encode(described(PgType("mood", "enum", oid=99_999, labels=("a",))))
    assert decode(encode(entry), Path("f")).description.columns[0].type.oid == 0


def test_a_plain_type_is_its_name() -> None:
    assert b'"type": "int4"' in encode(described(PgType("int4", oid=23)))


def described(kind: PgType, sql: str = "select 1") -> Entry:
    column = Column("a", kind, True, "because")
    return Entry(sql, Description(RowBound.MANY, (), (column,)), "18.6", "f" * 64)


def test_writing_twice_writes_once(tmp_path: Path) -> None:
    cache, entry = Cache(tmp_path), described(PgType("int4"))
    assert cache.write([entry, entry]) == (file_name("select 1"),)
    assert cache.write([entry]) == ()
    assert [path.name for path in (tmp_path / ".assay").iterdir()] == [file_name("select 1")]


def test_differences_are_named(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    old, kept, new = (described(PgType("int4"), sql) for sql in ("old", "kept", "new"))
    cache.write([old, kept])
    changed = described(PgType("int8"), "kept")
    found = cache.compare([changed, new])
    assert (found.missing, found.changed, found.orphaned) == (
        (file_name("new"),),
        (file_name("kept"),),
        (file_name("old"),),
    )
    assert not Cache(tmp_path).compare([old, kept])


def test_other_migrations_change_a_file_and_a_minor_version_does_not(tmp_path: Path) -> None:
    cache, entry = Cache(tmp_path), described(PgType("int4"))
    cache.write([entry])
    assert cache.compare([replace(entry, fingerprint="0" * 64)]).changed
    assert cache.compare([replace(entry, server_version="17.1")]).changed
    assert not cache.compare([replace(entry, server_version="18.7")])


def test_what_is_not_there_is_none_and_no_folder_is_made(tmp_path: Path) -> None:
    assert Cache(tmp_path).read("select 1") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"{}", b'{"sql": 1, "description": 2, "server": 3, "migrations": 4}']
)
def test_a_file_of_another_form_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".assay").mkdir()
    (tmp_path / ".assay" / file_name("x")).write_bytes(content)
    with pytest.raises(ProofError, match=file_name("x")):
        Cache(tmp_path).read("x")
    assert Cache(tmp_path).compare([described(PgType("int4"), "x")]).changed


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".assay").write_text("a file in the way")
    with pytest.raises(ProofError, match=r"\.assay"):
        Cache(tmp_path).write([described(PgType("int4"))])
