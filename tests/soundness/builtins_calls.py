"""Calls of built-in functions with many arguments at a time, on a server, and those that gave a forbidden NULL."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

import asyncpg
from tests.soundness.builtins_hints import hint
from tests.soundness.builtins_targets import Target, instances
from tests.soundness.builtins_values import values

SETUP = """
set statement_timeout = '3s'; set client_min_messages = error; set timezone = 'America/New_York';
create type mood as enum ('bad', 'fine', 'good');
create type pair as (n int, t text);
create type textrange as range (subtype = text, collation = "C", multirange_type_name = textmultirange);
create sequence a_sequence;
create table sampled as select n % 5 as a, n % 5 as b, (n % 3)::text as c from generate_series(1, 500) n;
create statistics of_sample (mcv, ndistinct, dependencies) on a, b, c from sampled;
analyze sampled;
create table hashed (n int, t text, d date) partition by hash (n);
create foreign data wrapper a_wrapper;
create server a_server foreign data wrapper a_wrapper;
prepare a_statement (int, text) as select $1, $2;
prepare another_statement as delete from sampled;
declare a_cursor cursor with hold for select 1;
create function type_name(kind text) returns text language sql as
  $$ select format_type(oid, -1) from pg_type where typname = kind and pg_type_is_visible(oid) $$;
create function put(pool text, kind text, texts text[]) returns int language plpgsql as $$
declare one text; place int := 0;
begin
  execute format('create table %I (i int primary key, v %s)', pool, type_name(kind));
  foreach one in array texts loop
    begin
      if one like '=%' then
        execute format('insert into %I select %s, %s', pool, place, substr(one, 2));
      else
        execute format('insert into %I select %s, %L::%s', pool, place, one, type_name(kind));
      end if;
      place := place + 1;
    exception when others then null; -- a value that this version does not take
    end;
  end loop;
  return place;
end $$;
"""
EACH = """
create or replace function pg_temp.each_call({parameters}out fine bigint, out bad bigint[]) language plpgsql as $each$
declare r record; is_bad bool;
begin
  fine := 0; bad := '{{}}';
  for r in select c.n{chosen} {source} loop
    begin
      is_bad := {condition};
      fine := fine + 1;
      if is_bad then bad := bad || r.n; end if;
    exception when others then null;
    end;
  end loop;
end $each$
"""
Choice = tuple[int | None, ...]
"""Which value each argument has, by its number in the table of values; None is NULL."""


@dataclass(slots=True)
class Outcome:
    """What came of many calls."""

    functions: int = 0
    tried: int = 0
    returned: int = 0
    cut_short: int = 0
    silent: list[str] = field(default_factory=list)
    """Functions that no call of came back from, or that there are no values for."""
    bad: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.functions} functions, {self.tried:,} calls, {self.returned:,} returned, {self.cut_short} rounds cut"
            f" short, {len(self.silent)} functions that never returned, {len(self.bad)} forbidden NULLs"
        )


class Caller:
    """Runs calls on a connection of its own database, with the values of each type in a table."""

    def __init__(self, connection: asyncpg.Connection, more: int, seed: int) -> None:
        self.connection = connection
        self.more = more
        """How many random values there are of a type besides its edges."""
        self.rng = random.Random(seed)
        self._sizes: dict[str, int] = {}

    async def all(self, targets: Iterable[Target], limit: int) -> Outcome:
        """Call functions up to that many times for each choice of types."""
        outcome = Outcome()
        for target in targets:
            before = outcome.returned
            concrete = list(instances(target))
            for one in concrete:
                await self.run(one, limit, outcome)
            outcome.functions += bool(concrete)
            if concrete and outcome.returned == before:
                outcome.silent.append(str(target))
        return outcome

    async def run(self, target: Target, limit: int, outcome: Outcome) -> None:
        """Call a function with concrete types up to that many times."""
        pools = [await self._pool(target, place) for place in range(len(target.arguments))]
        if "" in pools:
            return
        choices = self._choices(target, [self._sizes[pool] for pool in pools], limit)
        cut, bad = outcome.cut_short, len(outcome.bad)
        for start in range(0, len(choices), 1000):
            await self._round(target, pools, choices[start : start + 1000], outcome)
            if outcome.cut_short > cut + 1 or len(outcome.bad) > bad:
                return

    async def _pool(self, target: Target, place: int) -> str:
        """The table of values for an argument, made when it is asked for first; empty where there are no values."""
        kind, count = target.arguments[place], len(target.arguments)
        texts = hint(target.name, target.arguments, place)
        name = f"values_{target.name}_{place}_{kind}_{count}" if texts else f"values_{kind}"
        if name not in self._sizes:
            texts = texts or values(kind, self.more, self.rng)
            put = "select put($1, $2, $3)"
            self._sizes[name] = await self.connection.fetchval(put, name, kind, texts) if texts else 0
        return name if self._sizes[name] else ""

    def _choices(self, target: Target, sizes: list[int], limit: int) -> list[Choice]:
        """All combinations of values if they are few enough, else some."""
        values: list[list[int | None]] = [[*range(size)] for size in sizes]
        for place in target.nullable:
            values[place].append(None)
        if math.prod(map(len, values)) <= limit:
            return [*itertools.product(*values)]
        return [tuple(self.rng.choice(one) for one in values) for _ in range(limit)]

    async def _round(self, target: Target, pools: list[str], choices: list[Choice], outcome: Outcome) -> None:
        """Up to a thousand calls: in one statement if none of them fails, else each on its own."""
        outcome.tried += len(choices)
        columns = [list(column) for column in zip(*choices, strict=True)]
        try:
            try:
                fine, bad = await self._together(target, pools, columns)
            except asyncpg.QueryCanceledError:
                raise
            except asyncpg.PostgresError:
                fine, bad = await self._each(target, pools, columns)
        except asyncpg.QueryCanceledError:
            outcome.cut_short += 1
            return
        outcome.returned += fine
        for place in bad[:3]:
            outcome.bad.append(await self._shown(target, pools, choices[place - 1]))

    async def _together(
        self, target: Target, pools: list[str], columns: list[list[int | None]]
    ) -> tuple[int, list[int]]:
        condition = target.is_bad([f"x{n}.v" for n in range(len(pools))])
        source = _source(pools, [f"${n + 1}" for n in range(len(pools))])
        rows = f"select c.n, {condition} as bad {source}"
        counted = f"select count(*), coalesce(array_agg(n) filter (where bad), '{{}}') from ({rows}) s"
        row = await self.connection.fetchrow(counted, *columns)
        return row[0], row[1]

    async def _each(self, target: Target, pools: list[str], columns: list[list[int | None]]) -> tuple[int, list[int]]:
        places = range(len(pools))
        await self.connection.execute(
            EACH.format(
                parameters="".join(f"g{n} int[], " for n in places),
                chosen="".join(f", x{n}.v as v{n}" for n in places),
                source=_source(pools, [f"g{n}" for n in places]),
                condition=target.is_bad([f"r.v{n}" for n in places]),
            )
        )
        arguments = ", ".join(f"${n + 1}" for n in places)
        row = await self.connection.fetchrow(f"select * from pg_temp.each_call({arguments})", *columns)
        return row[0], row[1]

    async def _shown(self, target: Target, pools: list[str], choice: Choice) -> str:
        """A call as SQL that can be pasted."""
        texts = []
        for kind, pool, place in zip(target.arguments, pools, choice, strict=True):
            literal = f"select format('%L::%s', v, type_name($1)) from \"{pool}\" where i = $2"
            texts.append("null" if place is None else await self.connection.fetchval(literal, kind, place))
        return target.call(texts)


def _source(pools: list[str], arrays: list[str]) -> str:
    if not arrays:
        return "from (values (1::bigint)) c(n)"
    places = ", ".join(f"i{n}" for n in range(len(arrays)))
    typed = ", ".join(f"{array}::int[]" for array in arrays)
    joins = "".join(f' left join "{pool}" x{n} on x{n}.i = c.i{n}' for n, pool in enumerate(pools))
    return f"from unnest({typed}) with ordinality c({places}, n){joins}"
