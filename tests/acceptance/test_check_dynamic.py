"""``assay check`` proves every statement that clauses and choices stand for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl

HEAD = """\
from __future__ import annotations
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Literal
import assay
from assay import OMIT, Omitted
Order = Literal["name", "id desc"]
class Sorting(StrEnum):
    LENGTH = "length(name), id"
    NEWEST = "id desc"
class Number(Enum):
    ONE = 1
@dataclass
class Row:
    id: int
    name: str
@dataclass
class Wanted:
    name: str | Omitted = OMIT
    order: Order = "name"
"""


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    """A project with one query that has nothing wrong with it."""
    made = make_project(tmp_path, server_18)
    made.write("src/app/queries.py", "")
    return made


def query(project: Project, call: str, parameters: str = "") -> None:
    """Write the one query of the project."""
    project.write(
        "src/app/queries.py",
        f"{HEAD}async def f(db: assay.Executor{', ' if parameters else ''}{parameters}) -> Any:\n    return await db.{call}\n",
    )


def findings(project: Project) -> list[str]:
    """What the check says, without places, notes and remedies."""
    done = project.check()
    assert done.err == ""
    return [line.partition(" ")[2] for line in done.lines[:-1] if " ASY" in line]


def proved(project: Project) -> bool:
    done = project.check()
    return done.code == 0 and "Proved 1 of 1 query" in done.lines[-1]


SEARCH = '''fetch_all(Row, """
    select id, name from person
    where true [[ and name = :name ]] [[ and id > :least ]]
    order by {order} [[ limit :limit ]]
""", name=name, least=least, order=order, limit=limit)'''
TYPES = "name: str | Omitted = OMIT, least: int | Omitted = OMIT, limit: int | Omitted = OMIT, order: Order = 'name'"


def test_every_combination_is_proven(project: Project) -> None:
    query(project, SEARCH, TYPES)
    assert proved(project)
    verdict = project.check("--output-format", "json").json["queries"][0]
    assert verdict["description"]["columns"][0]["name"] == "id"
    done = project.run("prepare", "--database-url", project.server.reveal())
    assert done.lines[-1].startswith("Prepared 16 queries, 16 new")
    assert len(list((project.root / ".assay").glob("query-*.json"))) == 16
    offline = project.run("check", ASSAY_OFFLINE="true")
    assert (offline.code, "Proved 1 of 1 query" in offline.out) == (0, True)


def test_offline_a_missing_branch_is_named_once(project: Project) -> None:
    query(project, 'fetch_all(int, "select id from person [[ where id = $1 ]]", x)', "x: int | Omitted")
    project.run("prepare", "--database-url", project.server.reveal())
    files = list((project.root / ".assay").glob("query-*.json"))
    assert len(files) == 2
    next(file for file in files if "where" in file.read_text()).unlink()
    done = project.run("check", ASSAY_OFFLINE="true")
    assert done.code == 1
    assert "the query is not in the offline cache, with [[ where id = $1 ]] in place" in done.out


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ('fetch_all(Row, "select id, name from person order by {o}", o=o)', "o: Sorting"),
        ('fetch_all(Row, "select id, name from person order by {o}", o=o)', "o: Literal[Sorting.NEWEST] | Literal['id']"),
        ('fetch_all(Row, "select id, name from person order by {o}", o="id")', ""),
        ('fetch_all(Row, "select id, name from person [[ order by {o} ]]", o=o)', "o: Order | Omitted"),
        ('fetch_all(Row, "select id, name from person [[ order by {o} ]]", o=o if o else OMIT)', "o: Order"),
        ('fetch_all(Row, "select id, name from person where name = :name order by {order}", w)', "w: Row2"),
        ('fetch_all(Row, "select id, name from person [[ where name = :name ]] order by {order}", w)', "w: Wanted"),
        ('fetch_all(Row, "select id, name from person [[ where name = :name ]] order by {o}", w, o="id")', "w: Wanted"),
        ('fetch_all(Row, "select id, name from person order by {order}", w)', "w: Wanted"),
        ('fetch_one(int | None, "select {f}(id)::int from person", f=f)', "f: Aggregate"),
        ('fetch_all(int, "select id from person where true [[ and id = $1 ]] [[ and name = $2 ]]", a, b)',
         "a: int | Omitted, b: str | Omitted"),
        ('fetch_all(int, "select id from person where true [[ and id = $1 ]] [[ and name = $2 ]]", a, assay.OMIT)',
         "a: int"),
        ('fetch_all(int, "select id from person [[ where name = any(:names) ]]", names=n)', "n: list[str] | Omitted"),
        ('execute("update person set name = :name [[ , nick = :nick ]] where id = :id", name="x", nick=n, id=1)',
         "n: str | None | Omitted"),
        ('fetch_all(list[list[int]], "select array[[id], [:a::int]] from person [[ where id = :b ]]", a=1, b=b)',
         "b: int | Omitted"),
    ],
)  # fmt: skip
def test_what_is_right_is_proved(project: Project, call: str, parameters: str) -> None:
    query(project, call, parameters)
    text = (project.root / "src/app/queries.py").read_text()
    more = "class Row2(Row):\n    order: Order\nclass Aggregate(StrEnum):\n    MIN = 'min'\n    MAX = 'max'\n"
    project.write("src/app/queries.py", text.replace("async def", f"{more}async def", 1))
    assert findings(project) == []
    assert proved(project)


@pytest.mark.parametrize(
    ("call", "parameters", "expected"),
    [
        (
            'fetch_all(int, "select id from person where true [[ and nmae = :name ]] [[ and id = :id ]]", name="", id=1)',
            "",
            'ASY101 column "nmae" does not exist, with [[ and nmae = :name ]] in place',
        ),
        (
            'fetch_all(int, "select p.id from person p [[ join team t on t.id = :id ]] where t.id = 1", id=i)',
            "i: int | Omitted",
            'ASY101 missing FROM-clause entry for table "t", with [[ join team t on t.id = :id ]] left out',
        ),
        (
            'fetch_all(int, "select id from person where true [[ and id = :id [[ and nmae = :name ]] ]]", name="", id=1)',
            "",
            'ASY101 column "nmae" does not exist, with [[ and nmae = :name ]] in place',
        ),
        (
            'fetch_all(int, "select id from person order by {o}", o=o)',
            "o: Literal['id', 'nmae']",
            """ASY101 column "nmae" does not exist, with {o} = 'nmae'""",
        ),
        (
            'fetch_all(int, "select id from person where [[ id = :id [[ and name = :name ]] ]]", id=1, name="")',
            "",
            "ASY101 syntax error at end of input, with [[ id = :id [[ and name = :name ]] ]] left out",
        ),
        (
            'fetch_optional(Row, "select id, name from person [[ where id = :id ]]", id=i)',
            "i: int | Omitted",
            (
                "ASY401 warning: the statement can return many rows, fetch_optional raises TooManyRows at the second, "
                "with [[ where id = :id ]] left out"
            ),
        ),
        (
            'fetch_all(str, "select {c} from person", c=c)',
            "c: Literal['name', 'nick']",
            """ASY203 column "nick" may be NULL, the row is str, with {c} = 'nick'""",
        ),
        (
            'execute("delete from person [[ where id = :id ]]", id=i)',
            "i: int | Omitted",
            "ASY501 warning: the statement changes every row of its table, with [[ where id = :id ]] left out",
        ),
        (
            'fetch_all(int, "select id from person [[ where id = :id ]]", id=i)',
            "i: str | Omitted",
            "ASY302 parameter :id is int4, i is str, with [[ where id = :id ]] in place",
        ),
        (
            'fetch_all(int, "select id from person [[ where name = $1 ]] [[ limit $2 ]]", i, n)',
            "i: str | Omitted, n: str | Omitted",
            "ASY302 parameter $2 is int8, n is str, with [[ limit $2 ]] in place",
        ),
        (
            'fetch_all(int, "select id from person where id > :id [[ and name > :name and id < :id ]]", id=i, name="")',
            "i: int | Omitted",
            "ASY302 :id must not be OMIT, i is int | Omitted",
        ),
        (
            'fetch_all(int, "select id from person where id = $1", i)',
            "i: int | Omitted",
            "ASY302 $1 must not be OMIT, i is int | Omitted",
        ),
        (
            'fetch_all(int, "select id from person order by {o}", o=o)',
            "o: Order | Omitted",
            "ASY302 {o} must not be OMIT, o is Literal['name', 'id desc'] | Omitted",
        ),
        (
            'fetch_all(int, "select id from person order by {o}")',
            "",
            "ASY301 the call does not give {o}",
        ),
        (
            'fetch_all(int, "select id from person [[ where id = :id ]] order by {o}", o="id", di=1)',
            "",
            "ASY301 the call does not give :id; it gives di=…, which the statement does not have",
        ),
        (
            'fetch_all(int, "select id from person [[ where id = $1 ]] [[ limit $2 ]]", 1)',
            "",
            "ASY301 the statement takes 2 parameters, the call gives 1",
        ),
        (
            'fetch_all(int, "select id from person order by {o}", o=o)',
            "o: str",
            "ASY107 {o} takes one of the strings of a Literal or an enum, o is str",
        ),
        (
            'fetch_all(int, "select id from person order by {o}", o=o)',
            "o: Order | None",
            "ASY107 {o} takes one of the strings of a Literal or an enum, o is Literal['name', 'id desc'] | None",
        ),
        (
            'fetch_all(int, "select id from person order by {o}", o=o)',
            "o: Number",
            "ASY107 {o} takes one of the strings of a Literal or an enum, o is Number",
        ),
        (
            'fetch_all(int, "select id from person order by {o}", o=o)',
            "o",
            "ASY107 {o} takes one of the strings of a Literal or an enum, o is not annotated where it could be seen",
        ),
        (
            'fetch_all(int, "select id from person order by {o}", **o)',
            "o: Any",
            "ASY107 what {o} can be is unknown, since it is unpacked from something else",
        ),
        (
            'fetch_all(int, "select id from person order by {o}", o="length(name)")',
            "",
            "ASY107 {o} cannot be 'length(name)'",
        ),
        (
            'fetch_all(int, "select {f}(id)::int from person", f="min")',
            "",
            "ASY107 {f} cannot be 'min'",
        ),
        (
            'fetch_all(int, "select id from person [[ where id = :id", id=1)',
            "",
            "ASY108 the clause is not closed",
        ),
        (
            'execute_many("delete from person [[ where id = :id ]]", [])',
            "",
            "ASY108 execute_many has no use for clauses and choices",
        ),
    ],
)
def test_what_is_wrong_is_found_once_with_its_branch(
    project: Project, call: str, parameters: str, expected: str
) -> None:
    query(project, call, parameters)
    assert findings(project) == [expected]


def test_an_argument_that_was_tested_keeps_its_other_values(project: Project) -> None:
    query(
        project,
        'fetch_all(int, "select id from person [[ where id = :id ]] order by {o}", id=i, o=o)',
        "o: Order | Omitted, i: int | Omitted",
    )
    project.replace(
        "src/app/queries.py",
        "    return await",
        "    if o is OMIT:\n        return []\n    if i is not OMIT and i < 0:\n        raise ValueError\n    return await",
    )
    assert findings(project) == []
    assert project.check("--output-format", "json").json["unverified"] == []


def test_more_than_1024_statements_are_a_finding(project: Project) -> None:
    clauses = " ".join(f"[[ and id <> :p{number} ]]" for number in range(10))
    given = ", ".join(f"p{number}=1" for number in range(10))
    query(
        project,
        f'fetch_all(int, "select id from person where true {clauses} order by {{o}}", o=o, {given})',
        "o: Order",
    )
    assert findings(project) == ["ASY106 the statement stands for more than 1,024 statements, too many to prove each"]
    assert "because it has 10 clauses and 2 texts for {o}, in every combination" in project.check().out


def test_findings_point_into_the_statement(project: Project) -> None:
    query(
        project,
        'fetch_all(int, "select id from person where true [[ and x > :x ]] [[ and nmae = :name ]]", x=1, name=2)',
    )
    project.replace("src/app/queries.py", "x > :x", "id > :x")
    lines = project.check().lines
    assert lines[0].startswith(f"{project.place('src/app/queries.py', 'nmae')} ASY101")
    assert lines[2].index("^") == lines[1].index("nmae")


def test_a_module_that_cannot_be_imported_is_one_finding(project: Project) -> None:
    query(project, SEARCH, TYPES)
    project.replace("src/app/queries.py", "import assay\n", "import assay, not_there\n")
    assert [found[:30] for found in findings(project)] == ["ASY103 src/app/queries.py cann"]


def test_comments_silence_findings_of_branches(project: Project) -> None:
    query(
        project, 'execute("delete from person [[ where id = :id ]] -- assay: ignore[ASY501]", id=i)', "i: int | Omitted"
    )
    assert proved(project)
