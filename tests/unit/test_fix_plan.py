"""What a fix writes, and what it leaves: hand-made descriptions against small modules."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.fixing import MOOD, OUTER, check_by_hand, column, described, fix_by_hand

from assay.pgtypes.model import PgType
from assay.proof.description import Column, Description

HEAD = "from dataclasses import dataclass\nimport assay\n"
CALL = "async def f(db: assay.Executor) -> None:\n    await db.fetch_all({}, 'q')\n"
ID = column("id", "int4")


def mended(
    folder: Path, text: str, *columns: Column, row: str = "Row", more: dict[str, Description] | None = None
) -> str:
    """The module after a fix, less the head and the call that it has in every test."""
    (folder / "module.py").write_text(f"{HEAD}{text}{CALL.format(row)}")
    answers = {"q": described(*columns), **(more or {})}
    fix_by_hand(folder, answers)
    written = (folder / "module.py").read_text()
    assert check_by_hand(folder, answers).plan.changes == ()
    return written.removeprefix(HEAD).removesuffix(CALL.format(row))


def left(
    folder: Path, text: str, *columns: Column, row: str = "Row", more: dict[str, Description] | None = None
) -> list[str]:
    """Why findings are left; nothing may be changed."""
    (folder / "module.py").write_text(f"{HEAD}{text}{CALL.format(row)}")
    found = check_by_hand(folder, {"q": described(*columns), **(more or {})})
    assert found.plan.changes == ()
    return found.left


def field(annotation: str, head: str = "") -> str:
    return f"{head}@dataclass\nclass Row:\n    id: int\n    value: {annotation}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bytes", "bytes | None"),
        ("bytes = b''  # raw", "bytes | None = b''  # raw"),
        ("'bytes'", "'bytes | None'"),
        ('"bytes"', '"bytes | None"'),
        ("(\n        bytes\n    )", "(\n        bytes | None\n    )"),
        ("bytes | bytearray", "bytes | bytearray | None"),
    ],
)
def test_none_is_added_to_an_annotation(tmp_path: Path, before: str, after: str) -> None:
    nullable = column("value", "bytea", null=True)
    assert mended(tmp_path, field(before), ID, nullable) == field(after)


@pytest.mark.parametrize(
    ("head", "before", "after"),
    [
        ("from typing import Optional\nx: Optional[int]\n", "bytes", "Optional[bytes]"),
        ("import typing as t\nx: t.Optional[int]\n", "bytes", "t.Optional[bytes]"),
        ("from typing import Optional\nx: Optional[int]\ny: int | None\n", "bytes", "bytes | None"),
        ("from typing import Union\n", "Union[bytes, bytearray]", "Union[bytes, bytearray, None]"),
        ("from typing import Annotated\n", "Annotated[bytes, 'raw']", "Annotated[bytes | None, 'raw']"),
        ("from typing import Final\n", "Final[bytes]", "Final[bytes | None]"),
    ],
)
def test_none_is_written_as_the_file_writes_it(tmp_path: Path, head: str, before: str, after: str) -> None:
    nullable = column("value", "bytea", null=True)
    assert mended(tmp_path, field(before, head), ID, nullable) == field(after, head)


@pytest.mark.parametrize(
    ("kind", "head", "new_head", "after"),
    [
        ("int8", "", "", "int"),
        ("uuid", "", "from uuid import UUID\n", "UUID"),
        ("uuid", "from uuid import uuid4\n", "from uuid import UUID, uuid4\n", "UUID"),
        ("uuid", "import uuid\n", "import uuid\n", "uuid.UUID"),
        ("uuid", "from uuid import UUID as Id\n", "from uuid import UUID as Id\n", "Id"),
        ("date", "import datetime as dt\n", "import datetime as dt\n", "dt.date"),
        ("timestamptz", "import datetime\n", "import datetime\n", "datetime.datetime"),
        ("uuid", "class UUID: ...\n", "import uuid\nclass UUID: ...\n", "uuid.UUID"),
        ("numeric", "", "from decimal import Decimal\n", "Decimal"),
        ("inet", "", "from ipaddress import IPv4Address, IPv6Address\n", "IPv4Address | IPv6Address"),
        ("jsonb", "", "from typing import Any\n", "dict[str, Any]"),
    ],
)
def test_a_type_is_written_with_the_names_of_the_file(
    tmp_path: Path, kind: str, head: str, new_head: str, after: str
) -> None:
    assert field(after).partition("\n")[2] in mended(tmp_path, field("complex", head), ID, column("value", kind))
    whole = (tmp_path / "module.py").read_text()
    for line in new_head.splitlines():
        assert whole.count(f"{line}\n") == 1, whole


def test_a_type_that_does_not_fit_and_may_be_null_gets_both(tmp_path: Path) -> None:
    assert mended(tmp_path, field("int"), ID, column("value", "text", null=True)) == field("str | None")


def test_none_is_kept_with_another_type(tmp_path: Path) -> None:
    assert mended(tmp_path, field("int | None"), ID, column("value", "text")) == field("str | None")


def test_a_name_that_means_something_else_is_not_written(tmp_path: Path) -> None:
    head = "class UUID: ...\nclass uuid: ...\n"
    assert left(tmp_path, field("int", head), ID, column("value", "uuid")) == [
        '"UUID" means something else in module.py'
    ]


def test_an_attribute_of_the_class_hides_the_name_of_a_type(tmp_path: Path) -> None:
    text = "@dataclass\nclass Row:\n    id: int\n    value: str\n    date: int = 0\n"
    written = mended(tmp_path, text, ID, column("value", "date"), column("date", "int4"))
    assert "    value: datetime.date\n" in written


LITERAL = "from typing import Literal\n"


@pytest.mark.parametrize(
    ("before", "labels", "after"),
    [
        ('Literal["happy"]', ("happy", "sad"), 'Literal["happy", "sad"]'),
        ("Literal['happy']", ("happy", "sad"), "Literal['happy', 'sad']"),
        ("Literal['sad', 'happy', 'odd'] | None", ("happy", "sad"), "Literal['sad', 'happy'] | None"),
        (
            "Literal[\n        'happy',  # good\n        'sad'  # bad\n    ]",
            ("happy", "sad", "angry"),
            "Literal[\n        'happy',  # good\n        'sad',  # bad\n        'angry'\n    ]",
        ),
        ("Literal['it is', \"it's\"]", ("it is", "it's", "new"), "Literal['it is', \"it's\", 'new']"),
    ],
)
def test_a_list_of_values_keeps_what_it_has(tmp_path: Path, before: str, labels: tuple[str, ...], after: str) -> None:
    mood = column("value", PgType("mood", "enum", labels=labels))
    assert mended(tmp_path, field(before, LITERAL), ID, mood) == field(after, LITERAL)


def test_a_list_of_values_that_has_a_name_changes_where_it_stands(tmp_path: Path) -> None:
    head = f"{LITERAL}Mood = Literal['happy']\n"
    mood = Column("value", MOOD, True, "t.value has no NOT NULL constraint")
    after = field("Mood | None", f"{LITERAL}Mood = Literal['happy', 'sad']\n")
    assert mended(tmp_path, field("Mood", head), ID, mood) == after


def test_a_named_list_that_others_use_for_something_else_is_left(tmp_path: Path) -> None:
    other = "@dataclass\nclass Other:\n    value: Mood\n"
    text = f"{LITERAL}Mood = Literal['happy', 'sad']\n{other}{field('Mood')}async def g(db: assay.Executor) -> None:\n"
    text += "    await db.fetch_all(Other, 'other')\n"
    angry = column("value", PgType("temper", "enum", labels=("happy", "angry")))
    more = {"other": described(column("value", MOOD))}
    (why,) = left(tmp_path, text, ID, angry, more=more)
    assert (
        why == "its queries need Literal['happy', 'sad'] at module.py:13 and Literal['happy', 'angry'] at module.py:15"
    )


def test_values_of_a_check_are_listed(tmp_path: Path) -> None:
    limited = column("value", "text", allowed=("low", "high"))
    assert mended(tmp_path, field("Literal['low']", LITERAL), ID, limited) == field("Literal['low', 'high']", LITERAL)


def test_members_of_an_enum_class_are_left(tmp_path: Path) -> None:
    head = "import enum\nclass Mood(enum.StrEnum):\n    HAPPY = 'happy'\n"
    assert left(tmp_path, field("Mood", head), ID, column("value", MOOD)) == [
        "the members of an enum class are not edited"
    ]


def test_an_enum_class_for_another_type_goes(tmp_path: Path) -> None:
    head = "import enum\nclass Mood(enum.StrEnum):\n    HAPPY = 'happy'\n"
    assert mended(tmp_path, field("Mood", head), ID, column("value", "int4")) == field("int", head)


TWO = "async def g(db: assay.Executor) -> None:\n    await db.fetch_all(Row, 'other')\n"


def test_a_shared_class_takes_none_when_one_query_gives_it(tmp_path: Path) -> None:
    more = {"other": described(ID, column("value", "text", null=True))}
    assert mended(tmp_path, field("str") + TWO, ID, column("value", "text"), more=more) == field("str | None") + TWO


def test_a_shared_class_gets_the_type_that_holds_all(tmp_path: Path) -> None:
    more = {"other": described(ID, column("value", "text"))}
    text = column("value", "text", allowed=("a", "b"))
    assert mended(tmp_path, field("int") + TWO, ID, text, more=more) == field("str") + TWO


def test_a_shared_class_is_left_where_queries_need_different_types(tmp_path: Path) -> None:
    more = {"other": described(ID, column("value", "int4"))}
    assert left(tmp_path, field("int") + TWO, ID, column("value", "text"), more=more) == [
        "its queries need int at module.py:8 and str at module.py:10"
    ]


def test_none_is_added_even_where_the_type_is_left(tmp_path: Path) -> None:
    text = field("int") + TWO
    (tmp_path / "module.py").write_text(f"{HEAD}{text}{CALL.format('Row')}")
    answers = {"q": described(ID, column("value", "int4", null=True)), "other": described(ID, column("value", "text"))}
    fix_by_hand(tmp_path, answers)
    assert "    value: int | None\n" in (tmp_path / "module.py").read_text()
    assert check_by_hand(tmp_path, answers).codes == ["ASY204"]


def test_a_missing_field_comes_after_those_without_defaults(tmp_path: Path) -> None:
    text = '@dataclass\nclass Row:\n    id: int\n    """Its number."""\n\n    value: str = ""  # a word\n'
    written = mended(
        tmp_path, text, ID, column("value", "text"), column("size", "int8"), column("at", "date", null=True)
    )
    assert '    """Its number."""\n    size: int\n    at: date | None\n\n    value: str = ""  # a word\n' in written


def test_a_missing_field_of_a_class_on_one_line(tmp_path: Path) -> None:
    text = "@dataclass\nclass Row: id: int; value: str  # short\n"
    written = mended(tmp_path, text, ID, column("value", "text"), column("size", "int8"))
    assert "class Row: id: int; value: str; size: int  # short\n" in written


def test_a_missing_field_that_another_query_has_no_column_for_is_left(tmp_path: Path) -> None:
    more = {"other": described(ID, column("value", "text"))}
    assert left(tmp_path, field("str") + TWO, ID, column("value", "text"), column("size", "int4"), more=more) == [
        "the query at module.py:8 fills Row too, and has no such column"
    ]


def test_a_field_is_not_added_where_another_query_may_mean_another_one(tmp_path: Path) -> None:
    heir = "@dataclass\nclass Heir(Row):\n    name: str\n"
    calls = "async def g(db: assay.Executor) -> None:\n    await db.fetch_all(Heir, 'other')\n"
    columns = (ID, column("value", "text"), column("size", "int4"))
    assert left(tmp_path, field("str") + heir + calls, *columns, more={"other": described(*columns)}) == [
        "the query at module.py:11 has no column for name, which it may be meant for"
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("?column?", '"?column?" cannot be the name of a field'),
        ("class", '"class" cannot be the name of a field'),
        ("_id", '"_id" cannot be the name of a field'),
        ("label", "Row has something else of that name"),
    ],
)
def test_a_column_that_no_field_can_be_named_after_is_left(tmp_path: Path, name: str, why: str) -> None:
    text = field("str") + "    def label(self) -> str: ...\n"
    assert left(tmp_path, text, ID, column("value", "text"), column(name, "int4")) == [why]


def test_a_required_field_after_inherited_defaults_is_left(tmp_path: Path) -> None:
    text = "@dataclass\nclass Base:\n    id: int = 0\n@dataclass\nclass Row(Base):\n    pass\n"
    assert left(tmp_path, text, ID, column("size", "int4")) == [
        "it inherits fields with defaults, which no field without one can follow"
    ]


def test_a_nullable_field_after_inherited_defaults_has_one(tmp_path: Path) -> None:
    text = "@dataclass\nclass Base:\n    id: int = 0\n@dataclass\nclass Row(Base):\n    pass\n"
    assert "    size: int | None = None\n" in mended(tmp_path, text, ID, column("size", "int4", null=True))


def test_a_field_without_a_column_goes_with_its_docstring_and_leaves_comments(tmp_path: Path) -> None:
    text = '@dataclass\nclass Row:\n    """A row."""\n\n    # numbers\n    size: int  # how big\n    """How big."""\n    id: int\n'
    assert mended(tmp_path, text, ID) == '@dataclass\nclass Row:\n    """A row."""\n\n    # numbers\n    id: int\n'


def test_the_last_field_leaves_pass(tmp_path: Path) -> None:
    text = "@dataclass\nclass Base:\n    id: int\n@dataclass\nclass Row(Base):\n    size: int\n"
    assert mended(tmp_path, text, ID).endswith("class Row(Base):\n    pass\n")


def test_a_field_that_another_query_fills_is_left(tmp_path: Path) -> None:
    more = {"other": described(ID, column("value", "text"))}
    assert left(tmp_path, field("str") + TWO, ID, more=more) == ["the query at module.py:8 fills Row.value"]


def test_a_field_that_its_class_uses_is_left(tmp_path: Path) -> None:
    text = field("str") + "    def label(self) -> str:\n        return self.value\n"
    assert left(tmp_path, text, ID) == ["Row itself uses value"]


HEIR = "@dataclass\nclass Heir(Row):\n    value: str\nasync def g(db: assay.Executor) -> None:\n    await db.fetch_all(Heir, 'other')\n"


def test_a_field_that_an_heir_has_too_is_left(tmp_path: Path) -> None:
    assert left(tmp_path, field("str") + HEIR, ID, more={"other": described(ID)}) == [
        "Heir has value from more than one class",
        "Heir, which inherits from Row, has value too",
    ]


def test_a_field_that_an_heir_has_for_itself_goes(tmp_path: Path) -> None:
    more = {"other": described(ID, column("value", "text"))}
    assert mended(tmp_path, field("str") + HEIR, ID, more=more) == field("str").replace("    value: str\n", "") + HEIR


def test_a_field_that_may_only_be_misnamed_is_not_offered(tmp_path: Path) -> None:
    assert left(tmp_path, field("str"), ID, column("vale", "text")) == []


def test_an_inherited_field_changes_where_it_is_declared(tmp_path: Path) -> None:
    text = "@dataclass\nclass Base:\n    value: str\n@dataclass\nclass Row(Base):\n    id: int\n"
    after = text.replace("value: str", "value: str | None")
    assert mended(tmp_path, text, ID, column("value", "text", null=True)) == after


def test_a_class_of_another_module_gets_the_import_there(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(
        '"""Models."""\n\nfrom dataclasses import dataclass\n\n@dataclass\nclass Row:\n    id: int\n'
    )
    head = "from models import Row\n"
    assert mended(tmp_path, head, column("id", "uuid")) == head
    assert (tmp_path / "models.py").read_text() == (
        '"""Models."""\n\nfrom dataclasses import dataclass\nfrom uuid import UUID\n\n@dataclass\nclass Row:\n    id: UUID\n'
    )


def test_a_class_without_a_class_statement_is_left(tmp_path: Path) -> None:
    text = "from typing import TypedDict\nRow = TypedDict('Row', {'id': int})\n"
    (why,) = left(tmp_path, text, column("id", "text"))
    assert why == "where Row.id is annotated cannot be told from the code"


def test_a_nested_row_that_may_be_missing_takes_none(tmp_path: Path) -> None:
    text = "@dataclass\nclass Team:\n    id: int\n@dataclass\nclass Row:\n    id: int\n    team: Team\n"
    missing = Column("team.id", PgType("int4"), True, OUTER, joined=("t",))
    assert mended(tmp_path, text, ID, missing) == text.replace("team: Team", "team: Team | None")


def test_a_field_of_a_nested_row_changes(tmp_path: Path) -> None:
    text = "@dataclass\nclass Team:\n    id: int\n@dataclass\nclass Row:\n    id: int\n    team: Team\n"
    assert mended(tmp_path, text, ID, column("team.id", "text")) == text.replace("    id: int\n@", "    id: str\n@")


@pytest.mark.parametrize(
    ("row", "columns", "after"),
    [
        ("str", [column("a", "text", null=True)], "str | None"),
        ("int", [column("a", "text")], "str"),
        ("tuple[int, str]", [ID, column("a", "text", null=True)], "tuple[int, str | None]"),
        ("tuple[int, ...]", [ID, column("a", "int4", null=True)], "tuple[int | None, ...]"),
    ],
)
def test_a_row_that_is_no_class_changes_in_the_call(
    tmp_path: Path, row: str, columns: list[Column], after: str
) -> None:
    (tmp_path / "module.py").write_text(f"{HEAD}{CALL.format(row)}")
    fix_by_hand(tmp_path, {"q": described(*columns)})
    assert (tmp_path / "module.py").read_text() == f"{HEAD}{CALL.format(after)}"


def test_a_row_that_is_named_elsewhere_is_left(tmp_path: Path) -> None:
    assert left(tmp_path, "Row = tuple[int, str]\n", ID, column("a", "text", null=True)) == [
        "the row is a name for something that is written elsewhere"
    ]


NAMED = "async def g(db: assay.Executor, {}) -> None:\n    await db.execute('set :key_id', {})\n"


def test_a_misspelled_keyword_is_respelled(tmp_path: Path) -> None:
    text = NAMED.format("key_id: int", "key_idd=key_id")
    written = mended(tmp_path, text, ID, row="int", more={"set :key_id": described(params=1)})
    assert written == NAMED.format("key_id: int", "key_id=key_id")


def test_a_keyword_is_left_when_the_statement_is_what_is_misspelled(tmp_path: Path) -> None:
    text = NAMED.format("keyid: int", "keyid=keyid")
    assert left(tmp_path, text, ID, row="int", more={"set :key_id": described(params=1)}) == [
        '"keyid" has a meaning in the code, so that :key_id may be what is misspelled'
    ]


def test_a_keyword_that_is_close_to_nothing_is_not_offered(tmp_path: Path) -> None:
    text = NAMED.format("key_id: int", "other=key_id")
    assert left(tmp_path, text, ID, row="int", more={"set :key_id": described(params=1)}) == []
