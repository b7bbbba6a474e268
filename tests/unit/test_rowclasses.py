"""Row classes of every kind: the runtime and the check read the same fields, of the same types."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from assay.errors import RowClassError
from assay.pgtypes.hints import see_through, show
from assay.pgtypes.model import PgType
from assay.proof.description import Column, Description, RowBound
from assay.proof.discover import discover
from assay.proof.expressions import Expressions
from assay.proof.findings import Finding
from assay.proof.modules import Modules
from assay.proof.verdict import judge, read_query
from assay.proof.verdict.query import Query
from assay.runtime.rowclass import Making, read_row_class

KINDS = """\
from __future__ import annotations
import enum
from dataclasses import dataclass, field, InitVar, KW_ONLY
from typing import (TYPE_CHECKING, Annotated, Any, ClassVar, Generic, NamedTuple, NewType, NotRequired, Optional,
                    Required, TypedDict, TypeVar)
import attrs, msgspec, pydantic, typing_extensions as te
import assay
if TYPE_CHECKING:
    import row_moods
    from row_moods import Mood
    from row_moods import nobody
T = TypeVar("T")
U = TypeVar("U", bound=str)

@dataclass
class Base:
    id: int
    name: str = "x"
@dataclass
class Inherited(Base):
    nick: str | None = field(default=None, kw_only=True)
    total: ClassVar[int] = 3
class Undecorated(Inherited): pass
@dataclass
class Passed:
    id: int
    secret: InitVar[str]
    extra: InitVar[int] = 3
    size: int = field(init=False, default=0)
    def __post_init__(self, secret, extra): self.size = len(secret)
@dataclass
class ByKeyword:
    id: int
    _: KW_ONLY
    name: str
class Renamed(msgspec.Struct, rename="camel"):
    user_id: int
    name: str = msgspec.field(name="n")
@attrs.define
class Aliased:
    _id: int
    name: str = attrs.field(alias="n")
class Named(NamedTuple):
    id: int
    name: str = "x"
class Partial(TypedDict, total=False):
    id: Required[int]
    name: str
class Fuller(Partial):
    nick: NotRequired[str]
    age: Annotated[int, "years"]
class Wrapped(te.TypedDict):
    id: te.ReadOnly[te.NotRequired[int]]
    name: Annotated[te.NotRequired[str], "x"]
    nick: te.ReadOnly[te.Required[str]]
class Validated(pydantic.BaseModel):
    id: int = pydantic.Field(alias="ID")
    name: str

@dataclass
class Box(Generic[T]):
    id: int
    value: T
@dataclass
class StrBox(Box[str]): pass
class Deeper(StrBox): pass
@dataclass
class Pair(Generic[T, U]):
    first: T
    second: list[U] | None
@dataclass
class Half(Pair[int, U], Generic[U, T]):
    third: T
class GenericStruct(msgspec.Struct, Generic[T]):
    value: T
class GenericModel(pydantic.BaseModel, Generic[T]):
    value: T
class Submodel(GenericModel[str]):
    more: int
class GenericTuple(NamedTuple, Generic[T]):
    value: T
class GenericDict(TypedDict, Generic[T]):
    value: NotRequired[T]
@attrs.define
class GenericAttrs(Generic[T]):
    value: Optional[T]

@dataclass
class Forward:
    later: Later | None
@dataclass
class Later:
    id: int
@dataclass
class Checked:
    mood: Mood
    moods: list[row_moods.Mood]
@dataclass
class Nobodys:
    x: nobody
@dataclass
class Undefined:
    x: Unheard
NewId = NewType("NewId", int)
IntAlias = te.TypeAliasType("IntAlias", int)
BoxAlias = te.TypeAliasType("BoxAlias", Box[T], type_params=(T,))
@dataclass
class Seen:
    new: NewId
    optional: Optional[NewId]
    annotated: Annotated[int, "x"]
    alias: IntAlias

async def f(db: assay.Pool):
"""
MOODS = "import enum\nclass Mood(enum.StrEnum):\n    HAPPY = 'happy'\n    SAD = 'sad'\n"
Fields = list[tuple[str, str]]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The classes, imported."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "row_kinds.py").write_text(f"{KINDS}    pass\n")
    (folder / "row_moods.py").write_text(MOODS)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("row_kinds")
    sys.path.remove(str(folder))
    for name in ("row_kinds", "row_moods"):
        sys.modules.pop(name, None)


READ: dict[str, tuple[str, Fields]] = {
    "an inherited field with a default": ("Base", [("id", "int"), ("name", "str")]),
    "fields of a class and its base": ("Inherited", [("id", "int"), ("name", "str"), ("nick", "str | None")]),
    "a subclass that adds nothing": ("Undecorated", [("id", "int"), ("name", "str"), ("nick", "str | None")]),
    "init-only fields": ("Passed", [("id", "int"), ("secret", "str"), ("extra?", "int")]),
    "fields by keyword": ("ByKeyword", [("id", "int"), ("name", "str")]),
    "a renaming struct": ("Renamed", [("user_id", "int"), ("name", "str")]),
    "attrs with aliases": ("Aliased", [("_id", "int"), ("name", "str")]),
    "a named tuple": ("Named", [("id", "int"), ("name", "str")]),
    "a typed dict that is not total": ("Partial", [("id", "Required[int]"), ("name?", "str")]),
    "a typed dict on another": (
        "Fuller",
        [("id", "Required[int]"), ("name?", "str"), ("nick?", "NotRequired[str]"), ("age", "int")],
    ),
    "markers inside others": (
        "Wrapped",
        [("id?", "ReadOnly[NotRequired[int]]"), ("name?", "NotRequired[str]"), ("nick", "ReadOnly[Required[str]]")],
    ),
    "pydantic with an alias": ("Validated", [("id", "int"), ("name", "str")]),
    "a generic class": ("Box[int]", [("id", "int"), ("value", "int")]),
    "a generic class without arguments": ("Box", [("id", "int"), ("value", "T")]),
    "a base with arguments": ("StrBox", [("id", "int"), ("value", "str")]),
    "a base's base with arguments": ("Deeper", [("id", "int"), ("value", "str")]),
    "two variables": ("Pair[int, str]", [("first", "int"), ("second", "list[str] | None")]),
    "a variable that means two things": (
        "Half[str, bytes]",
        [("first", "int"), ("second", "list[str] | None"), ("third", "bytes")],
    ),
    "a generic struct": ("GenericStruct[int]", [("value", "int")]),
    "a generic model": ("GenericModel[int]", [("value", "int")]),
    "a model on a generic one": ("Submodel", [("value", "str"), ("more", "int")]),
    "a generic tuple": ("GenericTuple[int]", [("value", "int")]),
    "a generic dict": ("GenericDict[int]", [("value?", "NotRequired[int]")]),
    "a generic attrs class": ("GenericAttrs[int]", [("value", "int | None")]),
    "a class inside a generic one": ("Box[Later]", [("id", "int"), ("value", "Later")]),
    "a forward reference": ("Forward", [("later", "Later | None")]),
    "names for type checkers alone": ("Checked", [("mood", "Mood"), ("moods", "list[Mood]")]),
    "an alias of a generic class": ("BoxAlias[str]", [("id", "int"), ("value", "str")]),
    "what is seen through": (
        "Seen",
        [("new", "NewId"), ("optional", "NewId | None"), ("annotated", "int"), ("alias", "IntAlias")],
    ),
}


@pytest.mark.parametrize(("row", "fields"), READ.values(), ids=READ.keys())
def test_fields(kinds: ModuleType, row: str, fields: Fields) -> None:
    read = read_row_class(see_through(eval(row, vars(kinds))))
    assert read is not None
    found = [(field.name if field.required else f"{field.name}?", show(field.annotation)) for field in read.fields]
    assert found == fields


def test_what_is_lent_to_a_module_is_taken_back(kinds: ModuleType) -> None:
    read_row_class(kinds.Checked)
    assert not {"Mood", "row_moods"} & set(vars(kinds))


def test_init_only_fields_are_passed_by_name(kinds: ModuleType) -> None:
    read = read_row_class(kinds.Passed)
    assert read is not None
    assert read.making is Making.CALL_BY_NAME


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Nobodys", "name 'nobody', which cannot be imported"),
        ("Undefined", "name 'Unheard', which its module does not define or import; define row classes"),
    ],
)
def test_annotations_that_name_nothing(kinds: ModuleType, row: str, words: str) -> None:
    with pytest.raises(RowClassError) as caught:
        read_row_class(getattr(kinds, row))
    assert words in caught.value.message


Judge = Callable[..., list[Finding]]


def column(name: str, kind: str | PgType) -> Column:
    return Column(name, PgType(kind) if isinstance(kind, str) else kind, False, "")


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    """What is found where a row of a kind is filled from columns of types."""

    def judge_call(row: str, head: str = "", **columns: str | PgType) -> list[Finding]:
        (tmp_path / "row_kinds.py").write_text(f"{KINDS}    pass\n")
        (tmp_path / "row_moods.py").write_text(MOODS)
        code = f"from __future__ import annotations\nimport assay\n{head or 'from row_kinds import *'}\n"
        (tmp_path / "m.py").write_text(f"{code}async def f(db: assay.Pool): await db.fetch_all({row}, 'q')\n")
        discovery = discover(tmp_path, [tmp_path / "m.py"])
        query = read_query(discovery.calls[0])
        assert isinstance(query, Query)
        described = Description(RowBound.MANY, (), tuple(column(name, kind) for name, kind in columns.items()))
        with Modules(discovery.project) as modules:
            return list(judge(query, described, Expressions(discovery.project, modules)).findings)

    return judge_call


def messages(found: list[Finding]) -> list[str]:
    return [f"{one.rule.code} {one.message}" for one in found]


PLAIN = [fields for fields in READ.values() if fields[0] not in ("Forward", "Box[Later]", "Checked")]
"""Those whose columns are of plain types."""


@pytest.mark.parametrize(("row", "fields"), PLAIN, ids=[row for row, _ in PLAIN])
def test_the_check_takes_rows_that_fit(judged: Judge, row: str, fields: Fields) -> None:
    kinds = {"int": "int4", "str": "text", "bytes": "bytea", "T": "text"}
    columns: dict[str, str | PgType] = {}
    for name, annotation in fields:
        plain = annotation.replace("NewId", "int").replace("IntAlias", "int").removesuffix(" | None")
        inner = plain.replace("ReadOnly[", "").replace("NotRequired[", "").replace("Required[", "").rstrip("]")
        array = PgType("text[]", "array", element=PgType("text")) if plain == "list[str]" else None
        columns[name.rstrip("?")] = array or kinds[inner]
    assert messages(judged(row, **columns)) == []


def test_type_arguments_are_compared(judged: Judge) -> None:
    assert messages(judged("Box[int]", id="int4", value="text")) == [
        'ASY204 column "value" is text, Box[int].value is int'
    ]
    assert messages(judged("StrBox", id="int4", value="int4")) == ['ASY204 column "value" is int4, StrBox.value is str']


def test_a_class_in_a_type_argument_is_a_nested_row(judged: Judge) -> None:
    assert messages(judged("Box[Later]", id="int4", **{"value.id": "int4"})) == []
    assert messages(judged("Box[Later]", id="int4", **{"value.id": "text"})) == [
        'ASY204 column "id" is text, Later.id is int'
    ]


def test_an_enum_that_is_imported_for_type_checkers_is_compared(judged: Judge) -> None:
    mood = PgType("mood", "enum", labels=("happy", "sad"))
    moods = PgType("mood[]", "array", element=mood)
    assert messages(judged("Checked", mood=mood, moods=moods)) == []
    angry = PgType("mood", "enum", labels=("happy", "sad", "angry"))
    (found,) = judged("Checked", mood=angry, moods=moods)
    assert found.message == 'column "mood" is mood, Checked.mood is Mood'


def test_an_init_only_field_needs_its_column_unless_it_has_a_default(judged: Judge) -> None:
    assert messages(judged("Passed", id="int4", secret="text")) == []
    assert messages(judged("Passed", id="int4", extra="int4")) == ["ASY201 field Passed.secret has no column"]


def test_a_row_that_is_imported_for_type_checkers_alone_is_not_there(judged: Judge) -> None:
    head = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from row_kinds import Base"
    (found,) = judged("Base", head, id="int4", name="text")
    assert (found.rule.code, found.because, found.fix) == (
        "ASY104",
        ('"Base" is imported for type checkers alone',),
        "import it outside of `if TYPE_CHECKING`",
    )


def test_annotations_that_name_nothing_are_one_finding(judged: Judge) -> None:
    (found,) = judged("Undefined", x="int4")
    assert found.rule.code == "ASY104"
    assert found.because == ("The annotations of Undefined name 'Unheard', which its module does not define or import",)
