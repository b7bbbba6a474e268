"""A database at one moment, as the session that changes it sees it: files, columns, constraints, locks, scans.

Two looks, one before and one after a statement, tell what the statement did. Sources: PostgreSQL's manual, sections
53.11 (pg_class.relfilenode), 53.13 (pg_locks) and 27.2.26 (pg_stat_get_xact_numscans).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from assay.migrate.ledger import TABLE as LEDGER
from assay.migrate.unfinished import TABLE as UNFINISHED
from assay.runtime.connecting import DriverConnection
from assay.schema.lint.model import Built, Lock, Mode, strongest

_RELATIONS = """
select c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name,
    c.relkind::pg_catalog.text as kind, pg_catalog.pg_relation_filenode(c.oid) as file, i.indrelid as owner,
    coalesce(pg_catalog.pg_stat_get_xact_numscans(c.oid), 0) as scans
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_index i on i.indexrelid = c.oid
where c.relkind in ('r', 'p', 'm', 'v', 'f', 'i', 'I') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not c.relname = any($1::pg_catalog.text[])
"""
_COLUMNS = """
select a.attrelid as relation, a.attnum as number, pg_catalog.quote_ident(a.attname) as name,
    a.attnotnull and not a.atthasdef and a.attidentity = '' and t.typdefault is null as required
from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
where a.attnum > 0 and not a.attisdropped and a.attrelid = any($1::pg_catalog.oid[])
"""
_FOREIGN_KEYS = """
select oid, conrelid as relation from pg_catalog.pg_constraint where contype = 'f' and convalidated
"""
_LOCKS = """
select relation, mode from pg_catalog.pg_locks
where locktype = 'relation' and pid = $1
  and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
"""
_INDEXES = ("i", "I")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or index."""

    name: str
    """Schema and name, as SQL."""
    kind: str
    """The catalog's letter (``pg_class.relkind``)."""
    file: int | None
    """The number of the file that holds its rows, which is another one after a rewrite."""
    owner: int | None
    """Of an index, the table."""
    scans: int
    """How often it was read from end to end, as far as the session has not told the server yet."""

    @property
    def is_index(self) -> bool:
        """Whether it is an index."""
        return self.kind in _INDEXES


@dataclass(frozen=True, slots=True)
class Look:
    """A database at one moment; relations are keyed by their number in pg_class."""

    relations: Mapping[int, Relation]
    columns: Mapping[tuple[int, int], tuple[str, bool]]
    """By relation and number: the name, and whether it has to be given a value."""
    foreign_keys: Mapping[int, int]
    """The validated ones, by number: the table that refers."""
    locks: frozenset[tuple[int, Mode]]
    """Of the session."""
    lock_timeout: bool


async def look(connection: DriverConnection) -> Look:
    """How a database is now for a session."""
    records = await connection.fetch(_RELATIONS, [LEDGER, UNFINISHED])
    relations = {
        record["oid"]: Relation(record["name"], record["kind"], record["file"], record["owner"], record["scans"])
        for record in records
    }
    tables = [number for number, relation in relations.items() if relation.kind in ("r", "p")]
    columns = await connection.fetch(_COLUMNS, tables)
    keys = await connection.fetch(_FOREIGN_KEYS)
    timeout = await connection.fetchval("select pg_catalog.current_setting('lock_timeout')")
    return Look(
        relations,
        {(record["relation"], record["number"]): (record["name"], record["required"]) for record in columns},
        {record["oid"]: record["relation"] for record in keys},
        await locks_of(connection, connection.get_server_pid()),
        timeout != "0",
    )


async def locks_of(connection: DriverConnection, process: int) -> frozenset[tuple[int, Mode]]:
    """The locks on relations that a server process has or waits for."""
    return frozenset((record["relation"], _mode(record["mode"])) for record in await connection.fetch(_LOCKS, process))


def _mode(name: str) -> Mode:
    """``AccessExclusiveLock``, as pg_locks has it."""
    return _BY_NAME[name]


_BY_NAME = {f"{mode.title().replace(' ', '')}Lock": mode for mode in Mode}


@dataclass(frozen=True, slots=True)
class Difference:
    """What lies between two looks, told of the relations that a base has."""

    base: Look
    """The database without the pending migrations."""
    before: Look
    after: Look

    def rewritten(self) -> Iterator[str]:
        """Tables whose rows lie in another file."""
        return (self.base.relations[number].name for number in self._changed_files() if not self._is_index(number))

    def built(self) -> Iterator[Built]:
        """Indexes of tables that are not rewritten, new ones or such that were built anew."""
        changed = set(self._changed_files())
        for number, relation in self.after.relations.items():
            owner = relation.owner
            if owner is None or relation.file is None or owner not in self.base.relations:
                continue
            if owner not in changed and (number in changed or number not in self.before.relations):
                yield Built(relation.name, self.base.relations[owner].name)

    def scanned(self) -> Iterator[str]:
        """Tables that were read from end to end; for a foreign key, the one that refers, however it was read."""
        more = {number for number, now in self.after.relations.items() if now.scans > self._scans_before(number)}
        new_keys = self.after.foreign_keys.keys() - self.before.foreign_keys.keys()
        checked = {self.after.foreign_keys[key] for key in new_keys} if more else set[int]()
        for number, relation in self.base.relations.items():
            both = number in self.before.relations and number in self.after.relations
            if both and not relation.is_index and number in more | checked:
                yield relation.name

    def dropped(self) -> Iterator[str]:
        """Tables and columns that are gone."""
        for number, relation in self.base.relations.items():
            if relation.kind in _TABLES and number in self.before.relations and number not in self.after.relations:
                yield f"{_TABLES[relation.kind]} {relation.name}"
        for key, (name, _) in self.before.columns.items():
            if key not in self.after.columns and key in self.base.columns and key[0] in self.after.relations:
                yield f"column {self.base.relations[key[0]].name}.{name}"

    def required(self) -> Iterator[str]:
        """New columns of tables that have to be given a value."""
        for key, (name, required) in self.after.columns.items():
            if required and key not in self.before.columns and key[0] in self.base.relations:
                yield f"{self.base.relations[key[0]].name}.{name}"

    def locks(self) -> tuple[Lock, ...]:
        """Those that the session has after and had not before."""
        new = self.after.locks - self.before.locks
        return told_locks(self.base, {lock for lock in new if not self._matters_not(*lock)})

    def held(self) -> tuple[Lock, ...]:
        """Those that it had before."""
        return told_locks(self.base, self.before.locks)

    def _scans_before(self, number: int) -> int:
        was = self.before.relations.get(number)
        return 0 if was is None else was.scans

    def _matters_not(self, number: int, mode: Mode) -> bool:
        """Whether it is a lock on an index whose table was locked as much before."""
        owner = self.base.relations[number].owner if number in self.base.relations else None
        return owner is not None and (owner, mode) in self.before.locks

    def _is_index(self, number: int) -> bool:
        return self.base.relations[number].is_index

    def _changed_files(self) -> Iterator[int]:
        for number in self.base.relations:
            was, now = self.before.relations.get(number), self.after.relations.get(number)
            if was is not None and now is not None and was.file != now.file:
                yield number


_TABLES = {"r": "table", "p": "table", "f": "foreign table", "m": "materialized view", "v": "view"}


def told_locks(base: Look, locks: Iterable[tuple[int, Mode]]) -> tuple[Lock, ...]:
    """Locks by the names of tables; one on an index counts where all reads of its table wait for it."""
    found = []
    for number, mode in locks:
        relation = base.relations.get(number)
        if relation is None:
            continue
        if not relation.is_index:
            found.append(Lock(relation.name, mode, stored=relation.kind not in ("v", "f")))
        elif mode is Mode.ACCESS_EXCLUSIVE and relation.owner is not None and relation.owner in base.relations:
            found.append(Lock(base.relations[relation.owner].name, mode, relation.name))
    plain = sorted(found, key=lambda lock: bool(lock.through))
    return strongest(tuple(plain))
