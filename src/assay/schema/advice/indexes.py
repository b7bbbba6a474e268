"""Rules on indexes: redundant, missing, unused and invalid ones."""

from __future__ import annotations

from collections.abc import Iterator

from assay.schema.advice.covering import Redundant, redundant
from assay.schema.advice.model import Facts, ForeignKey, Index, IndexKey, Subject, Table
from assay.schema.advice.rules import Advice
from assay.wording import counted

UNUSED_DAYS = 30.0
"""So long the statistics must go back before an index is called unused."""
SMALLEST_UNUSED = 1024 * 1024
"""Bytes; a smaller index that is not used costs next to nothing."""
_KINDS = {"primary": "the primary key", "constraint": "a unique constraint"}


def subject_of(table: Table, index: Index) -> Subject:
    """An index, as findings name it."""
    columns = table.names(tuple(key.column for key in index.keys if key.column))
    verbs = frozenset() if index.constraint else frozenset({"index"})
    return Subject(index.label, index.schema, (index.name,), table.name, columns, verbs)


def redundant_indexes(facts: Facts) -> Iterator[Advice]:
    """SCH101 and SCH102; those on partitions too, unless they are part of one on the partitioned table."""
    for table in facts.tables:
        for found in redundant(table.indexes):
            yield _redundant(table, found)


def _redundant(table: Table, found: Redundant) -> Advice:
    index, kept = found.index, found.kept
    sql = (f"alter table {table.label} drop constraint {index.constraint};",) if index.constraint else (index.removal,)
    subject = subject_of(table, index)
    if found.same_keys:
        message = f"index {index.label} does nothing that {kept.label} does not do"
        return Advice("SCH101", subject, message, (_alike(index, kept),), sql)
    message = f"index {index.label} is the beginning of {kept.label}"
    because = f"{kept.definition} answers every query that {index.definition} does"
    return Advice("SCH102", subject, message, (because,), sql)


def _alike(index: Index, kept: Index) -> str:
    role = _KINDS["primary"] if kept.primary else _KINDS["constraint"] if kept.constraint else ""
    of = f", and {kept.label} is that of {role}" if role else ""
    if index.definition == kept.definition:
        return f"both are {index.definition}{of}"
    return f"the one is {index.definition}, the other {kept.definition}{of}"


def unindexed_foreign_keys(facts: Facts) -> Iterator[Advice]:
    """SCH103."""
    for table in facts.own_tables:
        for key in table.foreign_keys:
            if not any(finds(index, key) for index in table.indexes):
                yield _unindexed(table, key)


def finds(index: Index, key: ForeignKey) -> bool:
    """Whether an index leads to the rows that refer to a row by a foreign key.

    It does when it begins with the columns of the key, in any order, or has but one row for some of them.
    """
    columns = {number: place for place, number in enumerate(key.columns)}
    if not index.valid or not _has_every_row(index, key):
        return False
    whole = index.unique and len(index.keys) <= len(columns)
    first = index.keys if whole else index.keys[: len(columns)]
    found = {one.column for one in first if _looks_up(one, key, columns)}
    return len(found) == len(first) if whole else len(found) == len(columns)


def _has_every_row(index: Index, key: ForeignKey) -> bool:
    """Whether no row that refers to another is left out by the condition of a partial index."""
    referring = {f"({one.text} IS NOT NULL)" for one in index.keys if one.column in key.columns}
    return not index.predicate or index.predicate in referring


def _looks_up(one: IndexKey, key: ForeignKey, columns: dict[int, int]) -> bool:
    place = columns.get(one.column)
    return place is not None and one.family in key.families[place] and one.collation == key.collations[place]


def _unindexed(table: Table, key: ForeignKey) -> Advice:
    columns = table.quoted(key.columns)
    concurrently = "" if table.partitioned else "concurrently "
    names = table.names(key.columns)
    return Advice(
        "SCH103",
        Subject(f"{table.label}.{key.quoted}", table.schema, (*names, key.referred_name), table.name, names),
        f"foreign key {key.quoted} of {table.label} ({columns}) has no index",
        (f"for each row of {key.referred_label} that is deleted, or gets another key, all of {table.label} is read",),
        (f"create index {concurrently}on {table.label} ({columns});",),
    )


def invalid_indexes(facts: Facts) -> Iterator[Advice]:
    """SCH105; one that may be under construction at this moment is left alone."""
    for table in facts.tables:
        for index in table.indexes:
            if not index.valid and not index.being_built and not index.attached:
                yield _invalid(table, index)


def _invalid(table: Table, index: Index) -> Advice:
    message = f"index {index.label} is not valid"
    if index.partitioned:
        because = "it becomes valid when an index of each partition is attached to it"
        advice = "alter index ... attach partition, for each partition that has none"
        return Advice("SCH105", subject_of(table, index), message, (because,), advice=advice)
    because = "a CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY that failed left it behind"
    leftover = index.name.endswith(("_ccnew", "_ccold"))
    sql = index.removal if leftover and index.droppable else f"reindex index concurrently {index.label};"
    return Advice("SCH105", subject_of(table, index), message, (because,), (sql,))


def unused_indexes(facts: Facts, days: float = UNUSED_DAYS) -> Iterator[Advice]:
    """SCH104; ``days`` is how long the statistics must go back."""
    if facts.statistics is None or facts.statistics.days < days:
        return
    for table in facts.tables:
        for index in table.indexes:
            if _unused(table, index):
                yield _as_unused(table, index, facts.statistics.days, facts.statistics.replicas)


def _unused(table: Table, index: Index) -> bool:
    """Whether an index does nothing that the statistics do not count: a unique one does, and one that a foreign key
    would lack."""
    judged = index.valid and index.droppable and not index.unique and not index.partitioned
    return judged and not index.scans and index.size >= SMALLEST_UNUSED and not _only_for_a_key(table, index)


def _only_for_a_key(table: Table, index: Index) -> bool:
    others = [other for other in table.indexes if other is not index]
    return any(finds(index, key) and not any(finds(o, key) for o in others) for key in table.foreign_keys)


def _as_unused(table: Table, index: Index, days: float, replicas: int) -> Advice:
    size = f"{index.size / 1024 / 1024:,.0f} MB"
    because = [f"this server's statistics go back {days:,.0f} days; an index may be younger than that"]
    if replicas:
        because.append(f"{counted(replicas, 'replica')} of it count for themselves: ask them too")
    message = f"index {index.label} ({size}) has not been used in {days:,.0f} days"
    return Advice("SCH104", subject_of(table, index), message, tuple(because), (index.removal,))
