"""Random statements over a small schema: joins nested at will, subqueries, WITH, set operations, groups, windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

SCHEMA = """
create type mood as enum ('calm', 'busy');
create table a (id int primary key, x int, y int not null, s text, t text not null, f bool, m mood);
create table b (id int not null, k int unique, x int, s text not null, u text check (coalesce(u <> '', false)), g bool not null,
    z int generated always as (k + 1) stored, unique (id, s));
create table c (a_id int references a (id), b_k int, x int not null default 7, s text, arr int[], j jsonb, check (case when b_k > 0 then b_k < 100 else false end));
create table p (id int not null, x int, s text, primary key (id)) partition by range (id);
create table p1 partition of p for values from (minvalue) to (3);
create table p2 partition of p default;
create table h (id int, x int not null, s text, unique (id));
create table h1 (extra text) inherits (h);
create view v as select a.id, a.x, b.s, b.k, b.z from a left join b on b.id = a.id;
create view w as select id, x, s from a where s is not null and x > 0;
create function strict_sum(i int, j int) returns int language sql immutable strict begin atomic select i + j; end;
create function found_s(i int) returns text language sql stable begin atomic select s from a where id = i; end;
create function or_else(i int, j int default 1, k text default null) returns int language sql
    begin atomic select coalesce(i, j, length(k)); end;
create function rows_of(i int) returns table (m int, n text) language sql begin atomic select y, s from a where id > i; end;
create function one_of(i int, out m int, out n text) language sql begin atomic select coalesce(i, 0), max(t) from a; end;
create function text_body(i int) returns int language sql stable set search_path = pg_catalog as 'select $1 + 1';
create function maybe(i int) returns int language plpgsql immutable as 'begin if i > 2 then return null; end if; return i; end';
"""

TABLES: dict[str, list[tuple[str, str]]] = {
    "a": [("id", "int"), ("x", "int"), ("y", "int"), ("s", "text"), ("t", "text"), ("f", "bool")],
    "b": [("id", "int"), ("k", "int"), ("x", "int"), ("s", "text"), ("u", "text"), ("g", "bool"), ("z", "int")],
    "c": [("a_id", "int"), ("b_k", "int"), ("x", "int"), ("s", "text")],
    "p": [("id", "int"), ("x", "int"), ("s", "text")],
    "h": [("id", "int"), ("x", "int"), ("s", "text")],
    "v": [("id", "int"), ("x", "int"), ("s", "text"), ("k", "int"), ("z", "int")],
    "w": [("id", "int"), ("x", "int"), ("s", "text")],
}

DATA = {
    "empty": "",
    "sparse": """
        insert into a values (1, 1, 1, 'a', 'a', true, 'calm'), (2, null, 2, null, 'b', null, null);
        insert into b (id, k, x, s, u, g) values (1, 1, null, 'a', 'u', true);
        insert into c values (1, 1, 1, null, null, null);
        insert into p values (1, null, null);
        insert into h values (1, 1, null);
    """,
    "nulls": """
        insert into a select i, case when i % 2 = 0 then i end, i % 3, case when i % 3 = 0 then chr(96 + i) end, chr(96 + i % 4),
            case i % 3 when 0 then true when 1 then false end, case when i % 2 = 1 then 'busy'::mood end from generate_series(1, 7) i;
        insert into b (id, k, x, s, u, g) select i % 4, case when i % 3 > 0 then i end, case when i % 2 = 0 then i end, chr(96 + i), 'u', i % 2 = 0
            from generate_series(1, 8) i;
        insert into c select case when i % 2 = 0 then i end, i, i, case when i % 3 = 0 then chr(96 + i) end,
            case i % 3 when 0 then array[1, null] when 1 then '{}'::int[] end, case when i % 2 = 0 then '{"a": null, "b": 1}'::jsonb end
            from generate_series(1, 6) i;
        insert into p select i, case when i % 2 = 0 then i end, case when i % 3 = 0 then 'p' end from generate_series(0, 5) i;
        insert into h select i, i % 2, case when i % 3 = 0 then 'h' end from generate_series(1, 4) i;
        insert into h1 select i, i % 2, case when i % 3 = 0 then 'h' end, 'e' from generate_series(1, 4) i;
    """,
}

Columns = list[tuple[str, str]]
"""The columns in reach: how to write them, and their type (int, text or bool)."""


@dataclass
class Writer:
    """Writes statements; the same random numbers give the same statements."""

    random: Random
    names: int = 0
    withs: list[tuple[str, Columns]] = field(default_factory=list)

    def statement(self) -> str:
        if self.chance(12):
            return self.change()
        return self.query(self.random.choice([1, 2, 2, 3]), [])[0]

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def pick(self, options: Sequence[Callable[[], str]]) -> str:
        return self.random.choice(options)()

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    # Queries.

    def query(self, depth: int, outer: Columns) -> tuple[str, Columns]:
        """A query in any form, and the columns it returns."""
        kept = list(self.withs)
        prefix = ""
        if depth > 1 and self.chance(15):
            prefix = self.with_clause(depth, outer)
        types = [self.random.choice(["int", "text", "bool"]) for _ in range(self.random.randint(1, 3))]
        if depth > 1 and self.chance(12):
            text = self.set_operation(depth, outer, types)
        else:
            text = self.select(depth, outer, types)
        self.withs = kept
        return prefix + text, [(f"c{number}", kind) for number, kind in enumerate(types)]

    def with_clause(self, depth: int, outer: Columns) -> str:
        name = self.name()
        if self.chance(35):
            body = (
                f"select 1 as c0, {self.expression('text', [], 1)} as c1 union all "
                f"select c0 + 1, {self.expression('text', [('c1', 'text'), ('c0', 'int')], 1)} from {name} where c0 < 3"
            )
            self.withs.append((name, [("c0", "int"), ("c1", "text")]))
            return f"with recursive {name} (c0, c1) as ({body}) "
        text, columns = self.query(depth - 1, outer)
        self.withs.append((name, columns))
        return f"with {name} as {self.random.choice(['', 'materialized ', 'not materialized '])}({text}) "

    def set_operation(self, depth: int, outer: Columns, types: list[str]) -> str:
        left, right = self.select(depth - 1, outer, types), self.select(depth - 1, outer, types)
        operation = self.random.choice(["union", "union all", "intersect", "except", "intersect all", "except all"])
        limit = self.random.choice(["", "", " limit 1", " limit 2"])
        return f"({left}) {operation} ({right}){limit}"

    def select(self, depth: int, outer: Columns, types: list[str]) -> str:
        source, columns = self.source(depth, outer)
        reach = columns + outer
        where = f" where {self.condition(reach, 2)}" if self.chance(55) else ""
        if columns and self.chance(25):
            return self.grouped(source, columns, outer, where, types)
        if columns and self.chance(10):
            listed = ", ".join(f"{self.aggregate(kind, columns)} as c{n}" for n, kind in enumerate(types))
            having = f" having {self.aggregate('int', columns)} > 0" if self.chance(30) else ""
            return f"select {listed}{source}{where}{having}"
        listed = ", ".join(f"{self.output(kind, reach, columns)} as c{n}" for n, kind in enumerate(types))
        distinct = "distinct " if self.chance(10) else ""
        order = " order by 1" if self.chance(20) else ""
        limit = self.random.choice(["", "", "", " limit 1", " limit 2", " offset 1"])
        return f"select {distinct}{listed}{source}{where}{order}{limit}"

    def grouped(self, source: str, columns: Columns, outer: Columns, where: str, types: list[str]) -> str:
        keys = self.random.sample(columns, min(len(columns), self.random.randint(1, 2)))
        texts = [text for text, _ in keys]
        if self.chance(15) and keys[0][1] == "int":
            texts[0] = f"{texts[0]} + 1"
        form = self.random.choice(
            ["{}", "{}", "rollup ({})", "cube ({})", "grouping sets (({}), ())", "grouping sets ({})"]
        )
        group = form.format(", ".join(texts))
        available = [(text, kind) for text, (_, kind) in zip(texts, keys, strict=True)]
        listed = []
        for number, kind in enumerate(types):
            if self.chance(45) and any(k == kind for _, k in available):
                text = self.random.choice([t for t, k in available if k == kind])
            else:
                text = self.aggregate(kind, columns)
            if self.chance(20):
                text = self.around(kind, text, available)
            listed.append(f"{text} as c{number}")
        having = ""
        if self.chance(25):
            text, _ = self.random.choice(available)
            having = self.random.choice(
                [f" having {text} is not null", f" having {self.aggregate('int', columns)} > 0"]
            )
        return f"select {', '.join(listed)}{source}{where} group by {group}{having}"

    def around(self, kind: str, text: str, columns: Columns) -> str:
        constant = self.constant(kind)
        return self.random.choice(
            [f"coalesce({text}, {constant})", f"nullif({text}, {constant})", f"greatest({text}, {constant})"]
        )

    # FROM.

    def source(self, depth: int, outer: Columns) -> tuple[str, Columns]:
        if self.chance(6):
            return "", []
        parts, columns = [], []
        for _ in range(self.random.choice([1, 1, 1, 2])):
            text, more = self.item(depth, outer, columns if self.chance(40) else [])
            parts.append(text)
            columns += more
        return f" from {', '.join(parts)}", columns

    def item(self, depth: int, outer: Columns, beside: Columns) -> tuple[str, Columns]:
        if depth > 0 and self.chance(45):
            return self.join(depth, outer)
        if depth > 0 and self.chance(20):
            name = self.name()
            lateral = "lateral " if beside else ""
            text, columns = self.query(depth - 1, outer + beside)
            return f"{lateral}({text}) {name}", [(f"{name}.{column}", kind) for column, kind in columns]
        return self.relation(outer + beside)

    def relation(self, outer: Columns) -> tuple[str, Columns]:
        name = self.name()
        if self.withs and self.chance(35):
            source, columns = self.random.choice(self.withs)
            return f"{source} {name}", [(f"{name}.{column}", kind) for column, kind in columns]
        if self.chance(8):
            return self.random.choice([
                (f"generate_series(1, {self.random.randint(0, 3)}) {name} (c0)", [(f"{name}.c0", "int")]),
                (f"(values (1, 'v'), (2, null)) {name} (c0, c1)", [(f"{name}.c0", "int"), (f"{name}.c1", "text")]),
                (f"(values ({self.expression('int', outer, 1)})) {name} (c0)" if not outer else f"(values (3)) {name} (c0)", [(f"{name}.c0", "int")]),
                (f"unnest(array[1, null, 3]) with ordinality {name} (c0, c1)", [(f"{name}.c0", "int")]),
                (f"maybe(3) {name} (c0)", [(f"{name}.c0", "int")]),
                (f"rows_of({self.constant('int')}) {name} (c0, c1)", [(f"{name}.c0", "int"), (f"{name}.c1", "text")]),
                (f"one_of({self.leaf('int')}) {name} (c0, c1)", [(f"{name}.c0", "int"), (f"{name}.c1", "text")]),
            ])  # fmt: skip
        table = self.random.choice(list(TABLES))
        only = "only " if table == "h" and self.chance(50) else ""
        return f"{only}{table} {name}", [(f"{name}.{column}", kind) for column, kind in TABLES[table]]

    def join(self, depth: int, outer: Columns) -> tuple[str, Columns]:
        left, left_columns = self.item(depth - 1, outer, [])
        kind = self.random.choice(["join", "left join", "left join", "right join", "full join", "cross join"])
        if kind in ("join", "left join") and self.chance(15):
            name = self.name()
            text, columns = self.query(depth - 1, outer + left_columns)
            right, right_columns = f"lateral ({text}) {name}", [(f"{name}.{c}", k) for c, k in columns]
        else:
            right, right_columns = self.item(depth - 1, outer, [])
        both = left_columns + right_columns
        if kind == "cross join":
            return f"({left} cross join {right})", both
        on = (
            self.equality(left_columns, right_columns)
            if kind == "full join" or self.chance(70)
            else self.condition(both, 1)
        )
        return f"({left} {kind} {right} on {on})", both

    def equality(self, left: Columns, right: Columns) -> str:
        pairs = [(a, b) for a, kind in left for b, other in right if kind == other]
        if not pairs:
            return "true"
        first, second = self.random.choice(pairs)
        return f"{first} = {second}"

    # Expressions.

    def output(self, kind: str, reach: Columns, own: Columns) -> str:
        if own and self.chance(8):
            return self.window(kind, own)
        if kind == "int" and self.chance(3):
            return f"generate_series(1, {self.random.randint(0, 2)})"
        return self.expression(kind, reach, 2)

    def constant(self, kind: str) -> str:
        return self.random.choice(
            {
                "int": ["0", "1", "2", "3", "-1"],
                "text": ["'a'", "'b'", "''"],
                "bool": ["true", "false"],
                "int[]": ["'{1}'", "'{2}'", "'{}'", "'{1,3}'", "'{null}'", "'{{2}}'"],
                "text[]": ["'{a}'", "'{b}'", "'{}'", "'{a,b}'", "'{null}'"],
            }[kind]
        )

    def column(self, kind: str, reach: Columns) -> str:
        fitting = [text for text, other in reach if other == kind]
        return self.random.choice(fitting) if fitting and not self.chance(8) else self.leaf(kind)

    def leaf(self, kind: str) -> str:
        return f"null::{kind}" if self.chance(10) else self.constant(kind)

    def expression(self, kind: str, reach: Columns, depth: int) -> str:
        if depth <= 0 or self.chance(40):
            return self.column(kind, reach)
        sub = lambda other: self.expression(other, reach, depth - 1)  # noqa: E731 - read beside the lists below
        common = [
            lambda: f"coalesce({sub(kind)}, {sub(kind)})",
            lambda: f"nullif({sub(kind)}, {sub(kind)})",
            lambda: f"case when {self.condition(reach, depth - 1)} then {sub(kind)} else {sub(kind)} end",
            lambda: f"case when {self.condition(reach, depth - 1)} then {sub(kind)} end",
            lambda: self.guarded(kind, reach),
            lambda: f"({self.scalar(kind, reach, depth)})",
        ]
        special = {
            "int": [
                lambda: f"({sub('int')} + {sub('int')})",
                lambda: f"-({sub('int')})",
                lambda: f"length({sub('text')})",
                lambda: f"greatest({sub('int')}, {sub('int')})",
                lambda: f"strict_sum({sub('int')}, {sub('int')})",
                lambda: f"maybe({sub('int')})",
                lambda: f"text_body({sub('int')})",
                lambda: f"or_else({sub('int')})",
                lambda: f"or_else(j => {sub('int')}, i => {sub('int')})",
                lambda: f"or_else({sub('int')}, k => {sub('text')}, j => {sub('int')})",
                lambda: f"(array[{sub('int')}, 2])[1]",
                lambda: f"cardinality(array[{sub('int')}])",
                lambda: f"array_length(array[{sub('int')}], 1)",
                lambda: f"position({sub('text')} in {sub('text')})",
                lambda: f"(row({sub('int')}, 1)).f1",
            ],
            "text": [
                lambda: f"({sub('text')} || {sub('text')})",
                lambda: f"upper({sub('text')})",
                lambda: f"{sub('int')}::text",
                lambda: f"concat({sub('text')}, {sub('int')})",
                lambda: f"found_s({sub('int')})",
                lambda: f"substr({sub('text')}, 1, 2)",
                lambda: f"split_part({sub('text')}, 'a', 1)",
                lambda: f"format('%s', {sub('text')})",
                lambda: f"jsonb_build_object('a', {sub('text')}) ->> 'a'",
            ],
            "bool": [lambda: f"({self.condition(reach, depth - 1)})"],
        }[kind]
        return self.pick(common + special + special)

    def guarded(self, kind: str, reach: Columns) -> str:
        text = self.column(kind, reach)
        other = self.constant(kind)
        return self.random.choice([
            f"case when {text} is null then {other} else {text} end",
            f"case when {text} is not null then {text} else {other} end",
            f"case when {text} > {other} then {text} else {other} end",
            f"case {text} when {other} then {text} else {other} end",
            f"case when not ({text} is not null) then {other} when {text} = {other} then {other} else {text} end",
        ])  # fmt: skip

    def scalar(self, kind: str, reach: Columns, depth: int) -> str:
        source, columns = self.source(min(depth - 1, 1), reach)
        where = f" where {self.condition(columns + reach, 1)}" if self.chance(70) else ""
        if columns and self.chance(45):
            return f"select {self.aggregate(kind, columns)}{source}{where}"
        return f"select {self.column(kind, columns + reach)}{source}{where} limit 1"

    def aggregate(self, kind: str, columns: Columns) -> str:
        filtered = f" filter (where {self.condition(columns, 0)})" if self.chance(15) else ""
        text = lambda other: self.expression(other, columns, 1)  # noqa: E731 - read beside the lists below
        return self.random.choice({
            "int": [f"count(*){filtered}", f"max({text('int')}){filtered}", f"sum({text('int')}){filtered}::int",
                    f"count({text('text')}){filtered}", f"cardinality(array_agg({text('int')}){filtered})"],
            "text": [f"min({text('text')}){filtered}", f"string_agg({text('text')}, ','){filtered}",
                     f"json_agg({text('text')}){filtered}::text"],
            "bool": [f"bool_and({text('bool')}){filtered}", f"every({text('bool')}){filtered}"],
        }[kind])  # fmt: skip

    def window(self, kind: str, columns: Columns) -> str:
        text = self.column(kind, columns)
        order = self.random.choice(
            [f"order by {self.random.choice(columns)[0]}", "", f"partition by {self.random.choice(columns)[0]}"]
        )
        frame = ""
        if order.startswith("order"):
            frame = self.random.choice([
                "", "", " rows between 1 preceding and 1 following", " rows between 2 preceding and 1 preceding",
                " rows between unbounded preceding and unbounded following exclude current row",
                " groups between current row and 1 following", " rows between 1 following and 2 following",
            ])  # fmt: skip
        over = f"over ({order}{frame})"
        calls = {
            "int": [f"row_number() {over}", f"max({text}) {over}", f"count(*) {over}", f"sum({text}) {over}"],
            "text": [f"min({text}) {over}"],
            "bool": [f"bool_or({text}) {over}"],
        }[kind]
        calls += [
            f"first_value({text}) {over}",
            f"lag({text}) {over}",
            f"lead({text}, 1, {self.constant(kind)}) {over}",
            f"nth_value({text}, 2) {over}",
        ]
        call = self.random.choice(calls)
        return f"({call})::{kind}" if kind == "int" else call

    def condition(self, reach: Columns, depth: int) -> str:
        kind = self.random.choice(["int", "int", "text"])
        left = self.column(kind, reach)
        right = self.column(kind, reach) if self.chance(35) else self.constant(kind)
        simple = [
            f"{left} = {right}", f"{left} = {right}", f"{left} = {self.constant(kind)}", f"{left} > {right}", f"{left} is not null",
            f"{left} is null", f"{left} in ({right}, {self.constant(kind)})", f"{left} not in ({self.constant(kind)}, {right})",
            f"{left} is distinct from {right}", f"{left} is not distinct from {right}", f"({left} = {right}) is true",
            f"({left} = {right}) is not true", f"({left} = {right}) is not unknown", f"{left} = any(array[{right}])",
            f"{left} <> all(array[{right}, {self.constant(kind)}])", f"{left} between {right} and {self.constant(kind)}",
            f"coalesce({left}, {right}) = {self.constant(kind)}", f"{left} = any('{{}}'::{kind}[])", f"{left} <> all('{{}}'::{kind}[])",
            f"({left}, {right}) > ({right}, {self.constant(kind)})", f"row({left}, {right}) is not null",
            f"{left} = any({self.constant(f'{kind}[]')})", f"{left} is not distinct from {self.constant(kind)}",
            f"case {left} when {right} then true when {self.constant(kind)} then {left} is null else false end",
        ]  # fmt: skip
        if depth <= 0 or self.chance(50):
            return self.random.choice(simple)
        first, second = self.condition(reach, depth - 1), self.condition(reach, depth - 1)
        return self.pick([
            lambda: f"({first} and {second})", lambda: f"({first} or {second})", lambda: f"not ({first})",
            lambda: f"exists ({self.scalar(kind, reach, depth)})", lambda: f"not exists ({self.scalar(kind, reach, depth)})",
            lambda: f"{left} in ({self.scalar(kind, reach, depth)})", lambda: f"{left} not in ({self.scalar(kind, reach, depth)})",
            lambda: f"{left} = ({self.scalar(kind, reach, depth)})", lambda: f"{left} < all ({self.scalar(kind, reach, depth)})",
            lambda: f"coalesce({first}, {self.random.choice(['true', 'false', second])})",
            lambda: f"({first}) is {self.random.choice(['', 'not '])}{self.random.choice(['true', 'false', 'unknown'])}",
            lambda: f"case when {first} then {second} else {self.random.choice(['true', 'false', 'null'])} end",
            lambda: f"case when {first} then {left} when {second} then {right} end is not null",
            lambda: f"({first}) is distinct from ({second})",
        ])  # fmt: skip

    # Statements that change rows.

    def change(self) -> str:
        table = self.random.choice(["a", "b", "c", "p", "h", "w"])
        columns = [(f"{table}.{column}", kind) for column, kind in TABLES[table]]
        listed = ", ".join(text for text, _ in columns)
        assignable = [(c, k) for c, k in TABLES[table] if c not in ("z", "id", "k", "b_k")]
        where = f" where {self.condition(columns, 1)}" if self.chance(80) else ""
        if self.chance(35):
            return f"delete from {table}{where} returning {listed}"
        column, kind = self.random.choice(assignable)
        if self.chance(55):
            other = ""
            if self.chance(40):
                other, more = self.relation([])
                other = f" from {other}"
                columns = columns + more
                listed = ", ".join(text for text, _ in columns)
                where = f" where {self.condition(columns, 1)}"
            value = self.random.choice(
                [self.expression(kind, columns, 1), self.expression(kind, columns, 1), "default"]
            )
            return f"update {table} set {column} = {value}{other}{where} returning {listed}"
        names = ", ".join(name for name, _ in TABLES[table] if name != "z")
        values = ", ".join(self.constant(k) if self.chance(80) else "null" for name, k in TABLES[table] if name != "z")
        conflict = self.random.choice(["", "", " on conflict do nothing"])
        if table in ("a", "p") and self.chance(50):
            conflict = f" on conflict (id) do update set {column} = {self.expression(kind, [], 1)}"
        return f"insert into {table} ({names}) values ({values}){conflict} returning {listed}"
