"""Nested rows by dotted aliases: ``| None`` exactly where an outer join may find no row, and the runtime agrees."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.fixtures.projects import Project

from assay.config import DatabaseUrl

SCHEMA = """\
create table author (id integer primary key, name text not null, nick text);
create table book (id integer primary key, title text not null, author_id integer references author,
                   translator_id integer references author, previous integer references book);
create view credited as
    select b.id, b.title, a.id as author_id, a.name as author_name
    from book b left join author a on a.id = b.author_id;
"""
MODULE = """\
from __future__ import annotations

from dataclasses import dataclass

import assay


@dataclass
class Author:
    id: int
    name: str


@dataclass
class Known:
    id: int
    nick: {nick}


@dataclass
class Book:
    id: int
    author: {author}


@dataclass
class Sequel:
    id: int
    previous: {previous}


@dataclass
class Nicked:
    id: int
    author: Known | None


async def rows(db: assay.Executor) -> list[{row}]:
    return await db.fetch_all(
        {row},
        '''
        {sql}
        ''',
    )
"""
LEFT = 'select b.id, a.id as "author.id", a.name as "author.name" from book b left join author a on a.id = b.author_id'
NICK = LEFT.replace("name", "nick")
TWO = """
select b.id, p.id as "previous.id", a.id as "previous.author.id", a.name as "previous.author.name"
from book b left join (book p left join author a on a.id = p.author_id) on p.id = b.previous
"""


def make(
    folder: Path,
    server: DatabaseUrl,
    sql: str,
    *,
    row: str = "Book",
    author: str = "Author | None",
    previous: str = "Book | None",
    nick: str = "str | None",
) -> Project:
    project = Project(folder, server)
    project.write("pyproject.toml", "[tool.assay]\n")
    project.write("migrations/1_schema.sql", SCHEMA)
    project.write("rows.py", MODULE.format(sql=sql, row=row, author=author, previous=previous, nick=nick))
    return project


def findings(project: Project) -> list[str]:
    done = project.check()
    assert done.err == ""
    return [line.partition(" ")[2] for line in done.lines if re.match(r"\S+:\d+:\d+ ASY", line)]


def missing(row: str, field: str, kind: str) -> str:
    return f'ASY203 columns "{field}.…" may all be NULL, {row}.{field} is {kind}'


PROVEN = {
    "a left join": {"sql": LEFT},
    "an inner join": {"sql": LEFT.replace("left join", "join"), "author": "Author"},
    "an inner join, optional all the same": {"sql": LEFT.replace("left join", "join")},
    "a left join that a condition turns inner": {"sql": f"{LEFT} where a.name <> ''", "author": "Author"},
    "a condition that leaves it outer": {"sql": f"{LEFT} where a.id is null"},
    "a column that may be NULL in a row that is found": {"sql": NICK, "row": "Nicked"},
    "a right join": {
        "sql": LEFT.replace("book b left join author a", "author a right join book b"),
    },
    "a subquery": {"sql": f"select s.* from ({LEFT}) s"},
    "a view": {"sql": 'select id, author_id as "author.id", author_name as "author.name" from credited'},
    "a lateral subquery": {
        "sql": 'select b.id, l.id as "author.id", l.name as "author.name" '
        "from book b left join lateral (select * from author where id = b.author_id limit 1) l on true"
    },
    "an expression over the row": {"sql": LEFT.replace("a.name as", "upper(a.name) as")},
    "rows inside rows": {"sql": TWO, "row": "Sequel"},
    "rows inside rows that are there together": {
        "sql": TWO.replace("(book p left join", "(book p join"),
        "row": "Sequel",
        "author": "Author",
    },
}
WRONG = {
    "a left join": ({"sql": LEFT, "author": "Author"}, [missing("Book", "author", "Author")]),
    "a full join": (
        {"sql": LEFT.replace("b.id", "coalesce(b.id, 0) as id", 1).replace("left", "full"), "author": "Author"},
        [missing("Book", "author", "Author")],
    ),
    "NULL in a row that is found": (
        {"sql": NICK, "row": "Nicked", "nick": "str"},
        ['ASY203 column "nick" may be NULL, Known.nick is str'],
    ),
    "columns of two rows": (
        {
            "sql": 'select b.id, a.id as "author.id", t.name as "author.name" from book b '
            "left join author a on a.id = b.author_id left join author t on t.id = b.translator_id"
        },
        ['ASY203 column "id" may be NULL, Author.id is int', 'ASY203 column "name" may be NULL, Author.name is str'],
    ),
    "a value that is there without the row": (
        {"sql": LEFT.replace("a.name as", "coalesce(a.name, '') as")},
        ['ASY203 column "id" may be NULL, Author.id is int'],
    ),
    "the row inside, not the one around": (
        {"sql": TWO, "row": "Sequel", "author": "Author"},
        [missing("Book", "author", "Author")],
    ),
    "the row around": ({"sql": TWO, "row": "Sequel", "previous": "Book"}, [missing("Sequel", "previous", "Book")]),
    "a union, where nothing tells": (
        {"sql": f"{LEFT} union all {LEFT}"},
        ['ASY203 column "id" may be NULL, Author.id is int', 'ASY203 column "name" may be NULL, Author.name is str'],
    ),
}


@pytest.mark.parametrize("options", PROVEN.values(), ids=PROVEN.keys())
def test_proven(tmp_path: Path, server: DatabaseUrl, options: dict[str, str]) -> None:
    assert findings(make(tmp_path, server, **options)) == []


@pytest.mark.parametrize(("options", "expected"), WRONG.values(), ids=WRONG.keys())
def test_wrong(tmp_path: Path, server: DatabaseUrl, options: dict[str, str], expected: list[str]) -> None:
    assert findings(make(tmp_path, server, **options)) == expected


def test_the_reason_and_the_remedy_name_the_row(tmp_path: Path, server_18: DatabaseUrl) -> None:
    project = make(tmp_path, server_18, LEFT, author="Author")
    assert project.check().lines[1:3] == [
        "  because an outer join may find no row of a",
        "  fix: annotate it Author | None   (assay check --fix)",
    ]


def test_the_offline_cache_keeps_the_fact(tmp_path: Path, server_18: DatabaseUrl) -> None:
    project = make(tmp_path, server_18, NICK, row="Nicked")
    assert project.run("prepare", "--database-url", server_18.reveal()).code == 0
    (path,) = (tmp_path / ".assay").glob("query-*.json")
    columns = json.loads(path.read_text())["description"]["columns"]
    assert [column.get("joined") for column in columns] == [None, ["a"], ["a"]]
    assert [column.get("null_in_row", "") for column in columns] == [
        "",
        "",
        "author.nick has no NOT NULL constraint",
    ]
    assert project.run("check", ASSAY_OFFLINE="true").code == 0
    project.replace("rows.py", "author: Known | None", "author: Known")
    done = project.run("check", ASSAY_OFFLINE="true")
    assert done.code == 1
    assert missing("Nicked", "author", "Known") in done.out


RUN = """\
import asyncio, sys
import assay
from rows import *

async def main():
    async with assay.Pool(sys.argv[1]) as pool:
        async with pool.transaction() as db:
            await db.execute({schema!r})
            await db.execute("insert into author values (1, 'A', null)")
            await db.execute("insert into book values (1, 'x', 1, null, null), (2, 'y', null, null, 1), (3, 'z', 1, 1, 2)")
            for row in sorted(await rows(db), key=repr):
                print(row)
            raise SystemExit

asyncio.run(main())
"""
BUILT = {
    "a left join": (
        {"sql": LEFT},
        [
            "Book(id=1, author=Author(id=1, name='A'))",
            "Book(id=2, author=None)",
            "Book(id=3, author=Author(id=1, name='A'))",
        ],
    ),
    "NULL in a row that is found": (
        {"sql": NICK, "row": "Nicked"},
        [
            "Nicked(id=1, author=Known(id=1, nick=None))",
            "Nicked(id=2, author=None)",
            "Nicked(id=3, author=Known(id=1, nick=None))",
        ],
    ),
    "rows inside rows": (
        {"sql": TWO, "row": "Sequel"},
        [
            "Sequel(id=1, previous=None)",
            "Sequel(id=2, previous=Book(id=1, author=Author(id=1, name='A')))",
            "Sequel(id=3, previous=Book(id=2, author=None))",
        ],
    ),
}


@pytest.mark.parametrize(("options", "built"), BUILT.values(), ids=BUILT.keys())
def test_what_is_proven_is_what_is_built(
    tmp_path: Path, database_18: DatabaseUrl, options: dict[str, str], built: list[str]
) -> None:
    project = make(tmp_path, database_18, **options)
    project.write("run.py", RUN.format(schema=SCHEMA))
    done = project.python("run.py", database_18.reveal())
    assert (done.out.splitlines(), done.err) == (built, "")
