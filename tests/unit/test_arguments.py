"""Arguments reach the parameters that they are meant for, or are refused in words that say why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

import attrs
import msgspec
import pydantic
import pytest

from assay.errors import ParameterError
from assay.sql.arguments import arrange
from assay.sql.placeholders import parse


@dataclass(slots=True)
class Data:
    id: int
    name: str


class Struct(msgspec.Struct):
    id: int
    name: str


@attrs.define
class Attrs:
    id: int
    name: str


class Tuple(NamedTuple):
    id: int
    name: str


class Model(pydantic.BaseModel):
    id: int
    name: str


def arranged(sql: str, *args: Any, **named: Any) -> tuple[Any, ...]:
    return arrange(parse(sql), args, named)


@pytest.mark.parametrize("kind", [Data, Struct, Attrs, Tuple, Model, dict])
def test_names_are_taken_from_the_fields_of_one_object(kind: Any) -> None:
    source = kind(id=1, name="a")
    assert arranged("values (:name, :id, :name)", source) == ("a", 1)
    assert arranged("values (:name)", source) == ("a",)


def test_names_are_taken_from_keywords_in_the_order_of_the_statement() -> None:
    assert arranged("values (:b, :a)", a=1, b=2) == (2, 1)


def test_positions_are_passed_on() -> None:
    assert arranged("values ($2, $1)", 1, 2) == (1, 2)


@pytest.mark.parametrize(
    ("sql", "args", "named", "words"),
    [
        ("select $1", (), {}, r"takes 1 parameter \(\$1\), 0 given, in: select \$1"),
        ("select $1, $2", (1,), {}, r"takes 2 parameters \(\$1 to \$2\), 1 given"),
        ("select 1", (1,), {}, "takes no parameters, 1 given"),
        ("select $1", (1,), {"x": 2}, "no placeholder :x$"),
        ("select :a, :b", (), {"a": 1}, ":b has no value; pass b=..."),
        ("select :name", (), {"name": 1, "nam": 2}, ":nam, only :name; did you mean name=...?"),
        ("select a[:n], :b", (), {"b": 1, "n": 2}, r"slice up to the column n, write \[\(:n\)\]"),
        ("select a[ :n]", (), {"n": 2}, r"slice up to the column n, write \[\(:n\)\]"),
        ("select :a", (1, 2), {}, "not both"),
        ("select :a", (Data(1, "a"),), {"a": 1}, "not both"),
        ("select :id, :missing", (Data(1, "a"),), {}, "Data has no field 'missing', which the placeholder :missing"),
        ("select :missing", ({"id": 1},), {}, "no key 'missing', which the placeholder :missing"),
    ],
)
def test_what_does_not_fit_is_refused(sql: str, args: tuple[Any, ...], named: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        arranged(sql, *args, **named)


def test_a_value_is_not_taken_for_a_row_object() -> None:
    with pytest.raises(ParameterError, match=r"pass time=\.\.\., or an object with such fields; UUID has none"):
        arranged("select :time", uuid4())


def test_long_statement_is_shortened_in_messages() -> None:
    with pytest.raises(ParameterError) as caught:
        arranged("select $1 " + "x" * 100)
    assert str(caught.value).endswith("xx...")
    assert len(str(caught.value)) < 130
