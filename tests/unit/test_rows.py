"""Records become rows of every kind of class; what does not fit is refused before any row is built."""

from __future__ import annotations

import abc
import dataclasses
import pickle
from dataclasses import InitVar, dataclass, field
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar

import attrs
import msgspec
import pydantic
import pytest
from asyncpg import Type
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DecodeError, RowClassError
from assay.runtime.building import make_builder
from assay.runtime.matching import Column
from assay.runtime.rowclass import Making, read_row_class
from assay.runtime.thawing import thawed_twin

TEXT = Type(25, "text", "scalar", "pg_catalog")
JSONB = Type(3802, "jsonb", "scalar", "pg_catalog")
JSONB_ARRAY = Type(3807, "jsonb[]", "array", "pg_catalog")


class Mood(StrEnum):
    SAD = "sad"
    OK = "ok"


class Level(IntEnum):
    LOW = 1


@dataclass
class Plain:
    id: int
    name: str
    mood: Mood | None


@dataclass(slots=True)
class Slots:
    id: int
    name: str
    mood: Mood | None


@dataclass(frozen=True)
class Frozen:
    id: int
    name: str
    mood: Mood | None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class FrozenSlots:
    id: int
    name: str
    mood: Mood | None


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Base:
    id: int


@dataclass(frozen=True, slots=True)
class Derived(Base):
    name: str
    mood: Mood | None


@dataclass(kw_only=True)
class KeywordOnly:
    id: int
    name: str
    mood: Mood | None


class Struct(msgspec.Struct):
    id: int
    name: str
    mood: Mood | None


class KeywordStruct(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    id: int
    name: str
    mood: Mood | None


@attrs.define
class Attrs:
    id: int
    name: str
    mood: Mood | None


@attrs.frozen(kw_only=True)
class FrozenAttrs:
    id: int
    name: str
    mood: Mood | None


class Tuple(NamedTuple):
    id: int
    name: str
    mood: Mood | None


class Typed(TypedDict):
    id: int
    name: str
    mood: Mood | None


class Model(pydantic.BaseModel):
    id: int
    name: str = pydantic.Field(alias="fullName")
    mood: Mood | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and (self.id, self.name, self.mood) == (other.id, other.name, other.mood)


@pydantic.dataclasses.dataclass
class ValidatedDataclass:
    id: int
    name: str
    mood: Mood | None


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Box(Generic[T]):
    id: int
    name: T
    mood: Mood | None


@dataclass(frozen=True)
class WithMetaclass(metaclass=abc.ABCMeta):
    id: int
    name: str
    mood: Mood | None


KINDS: list[Any] = [
    Plain, Slots, Frozen, FrozenSlots, Derived, KeywordOnly, Struct, KeywordStruct, Attrs, FrozenAttrs, Tuple, Typed,
    ValidatedDataclass, Box, WithMetaclass,
]  # fmt: skip


def columns(*names: str, **types: Type) -> list[Column]:
    return [Column(index, name, types.get(name, TEXT)) for index, name in enumerate(names)]


def rows(row: Any, records: list[tuple[Any, ...]], *names: str, **types: Type) -> list[Any]:
    """The rows of records, which are the same whether they are made one by one or together."""
    builder: Any = make_builder(row, columns(*names, **types))
    made: list[Any] = builder(records)
    twice = builder(records * 2)
    alone = [one for record in records for one in builder([record])]
    for others in (twice[: len(made)], twice[len(made) :], alone):
        assert list(map(repr, others)) == list(map(repr, made))
        assert list(map(type, others)) == list(map(type, made))
    return made


def refusal(row: Any, *names: str, **types: Type) -> str:
    with pytest.raises(RowClassError) as caught:
        make_builder(row, columns(*names, **types))
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@given(order=st.permutations(["id", "name", "mood"]), ids=st.lists(st.integers(), max_size=5))
def test_row_of_every_kind_is_what_the_class_itself_makes(kind: Any, order: list[str], ids: list[int]) -> None:
    made = [{"id": number, "name": f"n{number}", "mood": Mood.SAD if number % 2 else None} for number in ids]
    records = [tuple(str(row[name]) if row[name] is Mood.SAD else row[name] for name in order) for row in made]
    assert rows(kind, records, *order) == [kind(**row) for row in made]


def test_generic_class_may_be_given_with_its_arguments() -> None:
    assert rows(Box[str], [(1, "a", None)], "id", "name", "mood") == [Box(1, "a", None)]


@given(order=st.permutations(["id", "name", "mood"]))
def test_pydantic_model_is_filled_by_field_names_whatever_its_aliases(order: list[str]) -> None:
    values = {"id": 1, "name": "a", "mood": "ok"}
    (model,) = rows(Model, [tuple(values[name] for name in order)], *order)
    assert model == Model(id=1, fullName="a", mood=Mood.OK)


@pytest.mark.parametrize("kind", [Frozen, FrozenSlots, Derived, Box])
def test_frozen_dataclass_is_built_by_its_twin_and_is_the_real_thing(kind: Any) -> None:
    assert read_row_class(kind).making is Making.STORE  # type: ignore[union-attr]  # it is one
    (row,) = rows(kind, [(1, "a", None)], "id", "name", "mood")
    assert type(row) is kind
    assert hash(row) == hash(kind(id=1, name="a", mood=None))
    assert pickle.loads(pickle.dumps(row)) == row
    assert dataclasses.replace(row, id=2) == kind(id=2, name="a", mood=None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.id = 2


@pytest.mark.parametrize("kind", [Frozen, FrozenSlots, Derived])
def test_twin_has_the_layout_of_its_class(kind: type) -> None:
    assert thawed_twin(kind) is not None


def test_class_with_more_to_do_than_storing_is_called() -> None:
    @dataclass(frozen=True)
    class Counted:
        id: int
        made: ClassVar[int] = 0
        twice: int = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "twice", self.id * 2)

    @dataclass
    class Own:
        key: int

        def __init__(self, key: int) -> None:
            self.key = key + 1

    @dataclass
    class Initial:
        id: int
        extra: InitVar[int] = 3

    @dataclass
    class Checked:
        id: int

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, -1)

    for kind, attribute, expected in ((Counted, "twice", 2), (Own, "key", 2), (Initial, "id", 1), (Checked, "id", -1)):
        globals()[kind.__name__] = kind
        (row,) = rows(kind, [(1,)], dataclasses.fields(kind)[0].name)
        assert getattr(row, attribute) == expected
        assert read_row_class(kind).making is not Making.STORE  # type: ignore[union-attr]  # it is one


def test_what_a_class_raises_itself_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        rows(Fussy, [(0,)], "id")


@dataclass
class Fussy:
    id: int

    def __post_init__(self) -> None:
        self.id = 1 // self.id


Name = NewType("Name", str)


@pytest.mark.parametrize(
    ("row", "value", "expected"),
    [
        (int, 1, 1),
        (str | None, None, None),
        (Any, "a", "a"),
        (Literal["a", "b"], "a", "a"),
        (Name, "a", "a"),
        (Annotated[Mood, "how"], "ok", Mood.OK),
        (Annotated[int, ["unhashable"]], 3, 3),
        (Mood | None, None, None),
        (Mood | str, "other", "other"),
        (Level, 1, Level.LOW),
        (list[Mood], ["ok", None, ["sad"]], [Mood.OK, None, [Mood.SAD]]),
        (list[int], [1], [1]),
    ],
)
def test_one_value(row: Any, value: Any, expected: Any) -> None:
    (result,) = rows(row, [(value,)], "?column?")
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (tuple[str, Mood], ("a", Mood.OK)),
        (tuple[str, ...], ("a", "ok")),
        (tuple, ("a", "ok")),
        (tuple[Any, str], ("a", "ok")),
    ],
)
def test_tuple_takes_columns_by_position_whatever_their_names(row: Any, expected: Any) -> None:
    (result,) = rows(row, [("a", "ok")], "same", "same")
    assert result == expected
    assert type(result) is tuple


class Payload(msgspec.Struct):
    level: int
    tags: list[Mood] = []
    address: IPv4Address | None = None


class Inner(pydantic.BaseModel):
    level: int


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        (Payload, '{"level": 1, "tags": ["ok"]}', Payload(1, [Mood.OK])),
        (Payload, '{"level": 1, "address": "10.0.0.1"}', Payload(1, address=IPv4Address("10.0.0.1"))),
        (Slots, '{"id": 1, "name": "a", "mood": null}', Slots(1, "a", None)),
        (Attrs, '{"id": 1, "name": "a", "mood": "ok"}', Attrs(1, "a", Mood.OK)),
        (Typed, '{"id": 1, "name": "a", "mood": "ok"}', {"id": 1, "name": "a", "mood": "ok"}),
        (list[Inner], '[{"level": 1}]', [Inner(level=1)]),
        (Inner | None, "null", None),
        (dict[str, Any], '{"a": [1.5]}', {"a": [1.5]}),
        (Any, "[1]", [1]),
        (str, '{"a":1}', '{"a":1}'),
        (str | None, '"a"', '"a"'),
        (tuple[int, str], '[1, "a"]', (1, "a")),
        (Payload | None, None, None),
    ],
)
def test_json_is_decoded_into_the_class_of_the_field(annotation: Any, text: str | None, expected: Any) -> None:
    assert rows(tuple[annotation, int], [(text, 1)], "payload", "n", payload=JSONB) == [(expected, 1)]


def test_one_json_value_may_be_an_optional_class() -> None:
    assert rows(Payload | None, [('{"level": 1}',), (None,)], "payload", payload=JSONB) == [Payload(1), None]


def test_json_arrays_are_decoded_by_element() -> None:
    values = ['{"level": 1}', None]
    assert rows(list[Payload], [(values,)], "payload", payload=JSONB_ARRAY) == [[Payload(1), None]]
    assert rows(list[str], [(values,)], "payload", payload=JSONB_ARRAY) == [values]


def test_json_that_does_not_fit_names_column_and_path() -> None:
    builder = make_builder(tuple[int, Payload], columns("n", "payload", payload=JSONB))
    with pytest.raises(DecodeError, match=r'column "payload" does not fit Payload: .*`\$\.level`'):
        builder([(1, '{"level": 1}'), (2, '{"level": "high"}')])


def test_json_for_pydantic_that_does_not_fit_names_column_and_path() -> None:
    builder = make_builder(tuple[list[Inner]], columns("payload", payload=JSONB))
    with pytest.raises(DecodeError, match=r'(?s)column "payload" does not fit list\[Inner\]: .*level.*\$\[0\]'):
        builder([('[{"level": "high"}]',)])


def test_value_that_is_no_member_of_the_enum_is_named() -> None:
    builder = make_builder(Plain, columns("id", "name", "mood"))
    with pytest.raises(DecodeError, match=r"column \"mood\" does not fit Mood \| None: 'mad' is not one of its values"):
        builder([(1, "a", "mad")])


def test_value_that_pydantic_refuses_is_named_without_showing_it() -> None:
    builder = make_builder(Model, columns("id", "name", "mood"))
    with pytest.raises(DecodeError, match='column "id" does not fit Model') as caught:
        builder([("secret", "a", None)])
    assert "secret" not in str(caught.value)


def test_plain_enum_is_found_by_value() -> None:
    class Colour(Enum):
        RED = 1

    assert rows(Colour, [(1,)], "c") == [Colour.RED]


@dataclass
class Author:
    id: int
    name: str | None


@dataclass(frozen=True)
class Editor:
    note: str | None
    boss: Author | None


@dataclass
class Book:
    title: str
    author: Author | None
    editor: Editor | None


BOOK = ("title", "author.id", "author.name", "editor.note", "editor.boss.id", "editor.boss.name")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (("t", 1, "a", "n", 2, None), Book("t", Author(1, "a"), Editor("n", Author(2, None)))),
        (("t", None, None, None, None, None), Book("t", None, None)),
        (("t", 1, None, "n", None, None), Book("t", Author(1, None), Editor("n", None))),
        (("t", None, "left over", None, 1, "b"), Book("t", None, None)),
    ],
)
def test_nested_row_is_none_when_what_cannot_be_none_is_null(record: tuple[Any, ...], expected: Book) -> None:
    assert rows(Book, [record], *BOOK) == [expected]


def test_nested_row_that_is_not_optional_is_always_built() -> None:
    kind = dataclasses.make_dataclass("Always", [("author", Author)])
    assert rows(kind, [(None, None)], "author.id", "author.name") == [kind(Author(None, None))]  # type: ignore[arg-type]  # NULL


@given(st.permutations(range(len(BOOK))))
def test_nested_columns_may_come_in_any_order(order: list[int]) -> None:
    record = ("t", 1, "a", "n", 2, "b")
    expected = Book("t", Author(1, "a"), Editor("n", Author(2, "b")))
    assert rows(Book, [tuple(record[index] for index in order)], *(BOOK[index] for index in order)) == [expected]


@pytest.mark.parametrize("kind", [Struct, Attrs, Tuple, Typed, FrozenSlots, KeywordStruct])
def test_nested_row_may_be_of_any_kind(kind: Any) -> None:
    outer = dataclasses.make_dataclass("Outer", [("inner", kind | None if kind is not Typed else kind)])
    (row,) = rows(outer, [(1, "a", "ok")], "inner.id", "inner.name", "inner.mood")
    assert row.inner == kind(id=1, name="a", mood=Mood.OK)  # type: ignore[attr-defined]  # made above


class Partial(TypedDict):
    id: int
    name: NotRequired[str]


def test_key_that_is_not_required_may_lack_its_column() -> None:
    assert rows(Partial, [(1,)], "id") == [{"id": 1}]
    assert rows(Partial, [(1, "a")], "id", "name") == [{"id": 1, "name": "a"}]


def test_column_without_field_is_refused() -> None:
    message = refusal(Plain, "id", "name", "mood", "nam")
    assert message.startswith('The column "nam" has no field in Plain (did you mean name?); add the field nam')


def test_field_without_column_is_refused_default_or_not() -> None:
    kind = dataclasses.make_dataclass("Kind", [("id", int), ("name", str, field(default="x"))])
    assert refusal(kind, "id") == (
        'The field name of Kind has no column (the statement returns id); select one, if need be with AS "name", '
        "or take the field out of the class"
    )


def test_nested_field_without_column_is_refused() -> None:
    message = refusal(Book, "title", "author.id", "editor.note", "editor.boss.id", "editor.boss.name")
    assert "The field name of Author has no column" in message
    assert 'AS "author.name"' in message
    assert 'AS "author.id"' in refusal(Book, "title")


def test_two_columns_for_one_field_are_refused() -> None:
    assert 'Two columns, "id" and "id", are for the field id of Author' in refusal(Author, "id", "name", "id")
    assert 'Two columns, "author" and "author.id"' in refusal(Book, "title", "author", "author.id")


def test_dotted_column_needs_a_row_class() -> None:
    assert "and that is int" in refusal(Author, "id.x", "name")


def test_dotted_column_without_field_is_refused() -> None:
    assert 'The column "publisher.id" has no field in Book; add the field publisher' in refusal(Book, "publisher.id")


def test_one_value_takes_one_column() -> None:
    assert refusal(int, "a", "b").startswith("int is one value, and the statement returns 2 columns (a, b)")


def test_tuple_takes_as_many_columns_as_it_has_elements() -> None:
    message = refusal(tuple[int, str], "a")
    assert message.startswith("tuple[int, str] has 2 elements, and the statement returns 1 column (a)")


def test_statement_without_columns_is_refused() -> None:
    assert "run it with execute, or add a RETURNING clause" in refusal(Plain)


def test_optional_row_class_is_refused() -> None:
    assert refusal(Author | None, "id") == (
        "A row is never None; ask for Author, with fetch_optional if there may be none"
    )


def test_class_that_json_cannot_be_decoded_into_is_refused() -> None:
    message = refusal(tuple[Payload | dict[str, Any]], "payload", payload=JSONB)
    assert message.startswith("JSON cannot be decoded into Payload | dict[str, Any]: Type unions may not")


def test_annotation_that_cannot_be_evaluated_is_refused() -> None:
    kind = dataclasses.make_dataclass("Kind", [("id", "Unheard")])
    assert "name 'Unheard'" in refusal(kind, "id")
