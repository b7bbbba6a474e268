"""Laws of fixes, on generated classes and statements: what it mends is mended, and there it ends."""

from __future__ import annotations

import io
import os
import tempfile
import tokenize
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.fixing import MOOD, check_by_hand, column, described, fix_by_hand

from assay.proof.description import Column, Description

IMPORTS = """\
import datetime as dt
import enum
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict, Union

import attrs
import msgspec
import pydantic
import assay
"""
ALIASES = """\
Mood = Literal['happy', "sad"]  # how it is
Level = Literal[
    "low",  # the lowest
    "high",  # the highest
]
class Colour(enum.StrEnum):
    RED = "red"
"""
HEADS = [
    "@dataclass\nclass {}:",
    "@dataclass(kw_only=True)\nclass {}:",
    "class {}(msgspec.Struct):",
    "@attrs.define\nclass {}:",
    "class {}(NamedTuple):",
    "class {}(TypedDict):",
    "class {}(pydantic.BaseModel):",
]
ANNOTATIONS = [
    "int",
    "str",
    "(bytes)",
    "'str'",
    '"int | None"',
    "dt.datetime",
    "Decimal",
    "Mood",
    "Level",
    "Optional[Mood]",
    "Literal['happy']",
    'Literal["happy", "angry"] | None',
    "Union[int, str]",
    "Optional[int]",
    "Annotated[str, 1]",
    "list[int]",
    "Any",
    "Colour",
]
NAMES = ["id", "name", "date", "uuid", "low", "more"]
TYPES = ["int4", "text", "uuid", "timestamptz", "date", "numeric", "jsonb", "bytea"]

fields = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(ANNOTATIONS), st.booleans(), st.booleans()),
    min_size=1,
    max_size=4,
    unique_by=lambda field: field[0],
)
limited = st.sampled_from([None, ("low", "high"), ("low", "mid"), ("happy", "sad", "angry")])
columns = st.builds(
    lambda name, kind, null, allowed: column(name, kind, null=null, allowed=allowed if kind == "text" else None),
    st.sampled_from(NAMES),
    st.sampled_from([*TYPES, MOOD]),
    st.booleans(),
    limited,
)
statements = st.lists(columns, min_size=1, max_size=5, unique_by=lambda found: found.name)


def class_text(name: str, head: str, members: list[tuple[str, str, bool, bool]], default: str = "") -> str:
    """A class whose fields have, some of them, a comment above and a comment beside them, and a docstring."""
    lines = [head.format(name), f'    """The {name}."""', ""]
    for field, annotation, commented, documented in members:
        lines += [f"    # before {field}"] if commented else []
        lines += [f"    {field}: {annotation}{default}" + (f"  # beside {field}" if documented else "")]
        lines += [f'    """{field}, documented."""'] if documented and "NamedTuple" not in head else []
    return "\n".join(lines) + "\n"


def inheriting(head: str) -> str:
    """The same kind of class, inheriting from the first; of named tuples none can."""
    if "NamedTuple" in head:
        return HEADS[0]
    return head.partition("class {}")[0] + "class {}(First):"


def comments(text: str) -> set[str]:
    return {
        token.string for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
    }


@st.composite
def projects(draw: st.DrawFn) -> tuple[str, dict[str, Description]]:
    """A module with classes and queries, and what the statements return."""
    future = draw(st.sampled_from(["", "from __future__ import annotations\n"]))
    text, answers = f'"""A module."""\n{future}{IMPORTS}{ALIASES}', {}
    head, default = draw(st.sampled_from(HEADS)), draw(st.sampled_from(["", "", " = None"]))
    default = "" if "TypedDict" in head else default
    names = ["First", *draw(st.sampled_from([[], ["Second"], ["Heir"]]))]
    text += class_text("First", head, draw(fields), default)
    if "Second" in names:
        text += class_text("Second", draw(st.sampled_from(HEADS)), draw(fields))
    elif "Heir" in names:
        text += class_text("Heir", inheriting(head), draw(fields), default)
    text += "async def f(db: assay.Executor, key_id: int) -> None:\n"
    for number in range(draw(st.integers(1, 3))):
        row = draw(st.sampled_from([*names, "str", "int | None", "Mood"]))
        found: list[Column] = draw(statements)
        sql = f"select {number}"
        answers[sql] = described(*(found if row in names else found[:1]))
        text += f"    await db.fetch_all({row}, '{sql}')  # query {number}\n"
    return text, answers


def check_laws(folder: Path, text: str, answers: Mapping[str, Description]) -> None:
    path = folder / "module.py"
    path.write_text(text)
    before = check_by_hand(folder, answers)
    fix_by_hand(folder, answers)
    after, mended = check_by_hand(folder, answers), path.read_text()
    left = Counter(found.rule.code for found in before.findings if found not in before.plan.fixable)
    assert Counter(after.codes) == left, mended
    assert after.plan.changes == (), mended
    gone = {f"# beside {name}" for name in NAMES}
    assert comments(text) - gone <= comments(mended), mended
    fix_by_hand(folder, answers)
    assert path.read_text() == mended


@settings(max_examples=60, deadline=None)
@given(projects())
def test_what_is_mended_stays_so_and_nothing_else_changes(project: tuple[str, dict[str, Description]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_laws(Path(folder).resolve(), *project)


@pytest.mark.soak
@pytest.mark.timeout(0)
@settings(max_examples=int(os.environ.get("ASSAY_SOAK_EXAMPLES", "5000")), deadline=None)
@given(projects())
def test_soak_what_is_mended_stays_so(project: tuple[str, dict[str, Description]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_laws(Path(folder).resolve(), *project)


@pytest.mark.parametrize("head", HEADS)
def test_every_kind_of_class_takes_a_new_field(tmp_path: Path, head: str) -> None:
    text = f"{IMPORTS}{class_text('First', head, [('id', 'int', True, True), ('name', 'str', False, False)])}"
    text += "async def f(db: assay.Executor) -> None:\n    await db.fetch_all(First, 'q')\n"
    answers = {
        "q": described(column("id", "int4"), column("name", "text", null=True), column("uuid", "uuid", null=True))
    }
    check_laws(tmp_path, text, answers)
    assert check_by_hand(tmp_path, answers).findings == ()
