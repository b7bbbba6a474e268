"""Row classes written for made-up statements: whatever the columns are, the class takes them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.fixtures.fixing import MOOD, check_by_hand, column, described

from assay.errors import UsageError
from assay.pgtypes.model import PgType
from assay.proof.description import Column
from assay.proof.rowsource import Style, row_source

ODD = PgType("odd type", "enum", labels=("a-b", "a b", "1st", "", "None", "über", '"quoted"', "mro", "_x_", "A B"))
SHADY = PgType("date", "enum", schema="Other", labels=("name", "value"))
NAMES = [
    "id",
    "date",
    "datetime",
    "int",
    "str",
    "list",
    "Decimal",
    "UUID",
    "Any",
    "Literal",
    "asyncpg",
    "Mood",
    "match",
]
TYPES: list[str | PgType] = [
    "int4",
    "text",
    "uuid",
    "date",
    "timestamptz",
    "numeric",
    "jsonb",
    "inet",
    MOOD,
    ODD,
    SHADY,
]

types = st.sampled_from(TYPES)
arrays = st.builds(
    lambda kind: PgType(f"{kind}[]", "array", element=PgType(kind) if isinstance(kind, str) else kind), types
)
ranges = st.sampled_from([PgType("int4range", "range", element=PgType("int4"))])
columns = st.builds(
    lambda name, kind, null, allowed: column(name, kind, null=null, allowed=allowed if kind == "text" else None),
    st.sampled_from([*NAMES, "team.id", "team.name", "team.boss.id", "date.of"]),
    types | arrays | ranges,
    st.booleans(),
    st.sampled_from([None, ("a", 'b"', "c'", "\\")]),
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(columns, min_size=1, max_size=6, unique_by=lambda found: found.name),
    st.sampled_from(["dataclass", "struct"]),
)
def test_a_class_that_is_written_fits_its_statement(found: list[Column], style: Style) -> None:
    answer = described(*found)
    try:
        source = row_source(answer, style, "Row")
    except UsageError as error:
        assert "Two columns are named" in str(error)  # noqa: PT017 - the only reason there is for these
        assume(False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "row.py").write_text(source)
        (folder / "q.py").write_text(
            "import assay\nfrom row import Row\nasync def f(db: assay.Pool): await db.fetch_all(Row, 'q')\n"
        )
        assert check_by_hand(folder, {"q": answer}).findings == (), source


def test_labels_have_members_of_their_own() -> None:
    source = row_source(described(column("odd", ODD)), "dataclass", "Row")
    members = [line.strip() for line in source.splitlines() if " = " in line]
    assert members == [
        'A_B = "a-b"',
        'A_B_2 = "a b"',
        'LABEL_1ST = "1st"',
        'EMPTY = ""',
        'NONE = "None"',
        'ÜBER = "über"',
        "QUOTED = '\"quoted\"'",
        'MRO = "mro"',
        'X = "_x_"',
        'A_B_3 = "A B"',
    ]


def test_tables_in_the_docstring_do_not_end_it() -> None:
    answer = described(column("id", "int4"))
    object.__setattr__(answer, "reads", ('public.a"""b.id', "other.c\\.id", "public.d\ne.id"))
    source = row_source(answer, "dataclass", "Row")
    namespace: dict[str, type] = {}
    exec(source, namespace)
    assert namespace["Row"].__doc__ == 'A row of a"""b, d e and other.c\\.'


def test_many_tables_are_wrapped() -> None:
    answer = described(column("id", "int4"))
    object.__setattr__(answer, "reads", tuple(f"public.table_number_{n}.id" for n in range(9)))
    source = row_source(answer, "dataclass", "Row")
    assert max(map(len, source.splitlines())) <= 120
    assert '    """A row of table_number_0, ' in source
    assert source.count('"""') == 2


def test_what_cannot_be_fetched_is_told() -> None:
    with pytest.raises(UsageError, match='No field can hold the column "v": gtsvector cannot be fetched'):
        row_source(described(column("v", "gtsvector")), "struct", "Row")
