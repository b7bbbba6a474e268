"""The statements that turn what one inventory has into what another has, in an order that PostgreSQL accepts."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from assay.schema.altering import (
    LATE,
    TYPES,
    alter,
    as_created,
    column_type,
    drop,
    labels,
    parent_and_bound,
    set_default,
)
from assay.schema.casting import has_cast
from assay.schema.compare import ORDER, Difference, compare
from assay.schema.inventory import Inventory, Key, Object

_REMADE = frozenset({
    "view", "materialized view", "view column", "function", "procedure", "aggregate", "constraint", "index",
    "statistics", "rule", "trigger", "policy", "publication", "event trigger", "foreign table", "server",
    "foreign data wrapper", "operator", "cast", "range type",
})  # fmt: skip
"""What loses nothing when it is dropped and created anew, so it may be when it is in the way; a range type that a
column has cannot be dropped, and cannot be renamed away either, for its constructors keep its name."""
_REBUILT = frozenset({"index", "constraint", "statistics"})
"""What PostgreSQL itself rebuilds when a column gets another type."""
_ROUTINES = frozenset({"function", "procedure"})
_REPLACED = "assay_replaced_{0}"
_UNCHECKED = "SET check_function_bodies = false"
_CHECKED = "RESET check_function_bodies"


@dataclass(slots=True)
class _Plan:
    """What is to be done, while it is being found out."""

    old: Inventory
    new: Inventory
    changes: Mapping[Key, Difference]
    again: set[Key] = field(default_factory=set)
    """What is dropped and created anew."""
    retyped: set[Key] = field(default_factory=set)
    """Types that are replaced, with the columns moved over."""
    detached: set[Key] = field(default_factory=set)
    """Columns whose default is in the way."""
    unwritten: list[str] = field(default_factory=list)

    @property
    def gone(self) -> set[Key]:
        return {key for key, change in self.changes.items() if change.built is None}

    @property
    def added(self) -> set[Key]:
        return {key for key, change in self.changes.items() if change.live is None}

    @property
    def altered(self) -> list[Difference]:
        remade = self.again | self.retyped
        return [self._own(change) for key, change in self.changes.items() if change.facets and key not in remade]

    def _own(self, change: Difference) -> Difference:
        """A change without what an inherited column gets with the one that it is inherited from."""
        source = self.changes.get(change.object.source or ("", ""))
        if source is None:
            return change
        return replace(change, facets=tuple(one for one in change.facets if one not in source.facets))


def close(old: Inventory, new: Inventory) -> tuple[str, ...]:
    """The statements, without semicolons, that turn what ``old`` has into what ``new`` has.

    A comment above a statement says what data it loses. What cannot be written is a comment as well.
    """
    changes = compare(old, new)
    statements = _written(_Plan(old, new, changes))
    # A label that is added cannot be used in the same transaction, those of a new type can (manual, ALTER TYPE).
    used = {key for key, change in changes.items() if key[0] == "enum" and _uses_added_label(change, statements)}
    return _written(_Plan(old, new, changes, retyped=used)) if used else statements


def _written(plan: _Plan) -> tuple[str, ...]:
    _choose(plan)
    _spread(plan)
    early, middle, late = _made(plan)
    statements = [*_detach(plan), *early, *_drops(plan), *middle, *late, *_attach(plan)]
    if any(text.startswith(("CREATE OR REPLACE FUNCTION", "CREATE OR REPLACE PROC")) for text in statements):
        statements = [_UNCHECKED, *statements, _CHECKED]
    return (*(text for text in statements if text), *plan.unwritten)


def _uses_added_label(change: Difference, statements: Iterable[str]) -> bool:
    if change.live is None or change.built is None:
        return False
    added = set(labels(change.built)) - set(labels(change.live))
    others = [text for text in statements if not text.startswith(f"ALTER TYPE {change.object.identity} ADD VALUE ")]
    return any(label in text for label in added for text in others)


# --- what has to be made anew


def _choose(plan: _Plan) -> None:
    """Sort what cannot be altered into what is made anew, what is replaced, and what cannot be written."""
    for key, change in plan.changes.items():
        old, new = change.live, change.built
        if old is None or new is None or key in plan.again | plan.retyped:
            continue
        stuck = [one.name for one in change.facets if alter(old, new, one.name) is None]
        if stuck and new.kind in TYPES and new.kind not in _REMADE:
            plan.retyped.add(key)
        elif stuck and (new.kind in _REMADE or new.kind == "column"):
            owner = plan.new.objects.get(("foreign table", new.table))
            plan.again.add(owner.key if owner else key)
        elif stuck:
            plan.unwritten.append(f"-- not written: {new.kind} {_line(new.identity)} has another {', '.join(stuck)}")


def _spread(plan: _Plan) -> None:
    """Add what depends on what is dropped, replaced or given another type."""
    dependents = plan.old.dependents()
    types = {one.object.key for one in plan.altered if _has_other_type(one)}
    waiting = [*plan.gone, *plan.again, *plan.retyped, *types]
    passed = set(plan.retyped)
    while waiting:
        key = waiting.pop()
        for dependent in sorted(dependents.get(key, ())):
            if dependent not in plan.new.objects or dependent in plan.again | plan.retyped:
                continue
            if key in types and key not in passed and dependent[0] in _REBUILT:
                continue
            if _place_dependent(plan, key, dependent, passed):
                waiting.append(dependent)


def _place_dependent(plan: _Plan, key: Key, dependent: Key, passed: set[Key]) -> bool:
    """Take up one that depends on another; whether what depends on it in turn is concerned, too."""
    item = plan.old.objects[dependent]
    if dependent[0] in _REMADE or (dependent[0] == "column" and "generated" in item.facets and key[0] != "table"):
        plan.again.add(dependent)
        return True
    if dependent[0] in TYPES and key in plan.retyped:
        plan.retyped.add(dependent)
        passed.add(dependent)
        return True
    if dependent[0] == "column" and key[0] != "table" and dependent not in passed:
        if "default" in item.facets:
            plan.detached.add(dependent)
        if key in plan.retyped:
            passed.add(dependent)
            return True
    return False


def _has_other_type(change: Difference) -> bool:
    return change.object.kind == "column" and any(one.name in ("type", "collation") for one in change.facets)


# --- what is taken away


def _detach(plan: _Plan) -> list[str]:
    columns = [plan.old.objects[key] for key in sorted(plan.detached)]
    return [
        f"ALTER TABLE {one.table} ALTER COLUMN {one.name} DROP DEFAULT" for one in columns if one.key not in plan.gone
    ]


def _attach(plan: _Plan) -> list[str]:
    columns = [plan.new.objects[key] for key in sorted(plan.detached) if key in plan.new.objects]
    return [text for one in columns if "generated" not in one.facets for text in set_default(one)]


def _drops(plan: _Plan) -> list[str]:
    keys = plan.gone | plan.again
    ordered = reversed(_sorted(keys, plan.old))
    return [
        _marked(drop(plan.old.objects[key]), plan.old.objects[key])
        for key in ordered
        if not _falls_with(plan, key, keys)
    ]


def _falls_with(plan: _Plan, key: Key, keys: set[Key]) -> bool:
    """Whether an object goes with another one that is dropped."""
    item = plan.old.objects[key]
    above = item.source if item.source in keys else item.parent
    if above not in keys or above is None or above[0] == "schema":
        return False
    if item.facets.get("definition", "").startswith("FOREIGN KEY"):  # tables may refer to each other in a circle
        return not (plan.old.needs.get(key, frozenset()) & keys - {above})
    return True


def _marked(statement: str, item: Object) -> str:
    what = {
        "table": f"the rows of {item.identity}",
        "column": f"the values of {item.identity}",
        "sequence": f"where {item.identity} stands",
    }.get(item.kind)
    if what is None or "generated" in item.facets or not statement:
        return statement
    return f"-- loses data: {_line(what)}\n{statement}"


def _line(text: str) -> str:
    return " ".join(text.split())


# --- what is made


def _made(plan: _Plan) -> tuple[list[str], list[str], list[str]]:
    """What has to come before the drops, the creations and changes, and what comes last."""
    early: list[str] = []
    middle: list[str] = []
    late: list[str] = []
    changed = {one.object.key: one for one in plan.altered}
    for key in _sorted(plan.added | plan.again | plan.retyped | changed.keys(), plan.new):
        if key in plan.retyped:
            middle += _retype(plan, key)
        elif key in changed:
            _change(plan, changed[key], early, middle, late)
        else:
            middle.append(_creation(plan, key))
            _finish(plan.new.objects[key], middle, late)
    return early, middle, late


def _creation(plan: _Plan, key: Key) -> str:
    item = plan.new.objects[key]
    if item.kind == "column" and (_is_new(plan, item.parent) or _is_new(plan, item.source)):
        return ""
    return _without_kept(plan, item) + item.sql


def _without_kept(plan: _Plan, item: Object) -> str:
    """What drops an index or a constraint that a table keeps when it is no partition any more."""
    table = plan.changes.get(("table", item.table))
    if table is None or table.live is None or "partition of" not in table.live.facets:
        return ""
    match item.kind:
        case "index":
            return f"DROP INDEX IF EXISTS {item.identity};\n"
        case "constraint":
            return f"ALTER TABLE {item.table} DROP CONSTRAINT IF EXISTS {item.name};\n"
    return ""


def _is_new(plan: _Plan, key: Key | None) -> bool:
    return key in plan.added or key in plan.again


def _finish(item: Object, middle: list[str], late: list[str]) -> None:
    """What the statement that creates an object does not say."""
    bare = replace(item, facets=as_created(item))
    for name in sorted(bare.facets.keys() | item.facets.keys()):
        if bare.facets.get(name) != item.facets.get(name):
            (late if name in LATE else middle).extend(alter(bare, item, name) or [])


def _change(plan: _Plan, change: Difference, early: list[str], middle: list[str], late: list[str]) -> None:
    old, new = change.live, change.built
    if old is None or new is None:
        return
    names = [one.name for one in change.facets]
    if _has_other_type(change):
        directly = has_cast(plan.old.casts, old.facets["type"], new.facets["type"])
        middle += [_risky(text, old, new) for text in column_type(old, new, through_text=not directly)]
        names = [name for name in names if name not in ("type", "collation", "default")]
    for name in names:
        statements = alter(old, new, name) or []
        if name == "partition of":
            _split(old, statements, early, late)
        else:
            (late if name in LATE else middle).extend(statements)


def _split(old: Object, statements: list[str], early: list[str], late: list[str]) -> None:
    detached, _ = parent_and_bound(old.facets.get("partition of", ""))
    early += statements[:1] if detached else []
    late += statements[1:] if detached else statements


def _risky(statement: str, old: Object, new: Object) -> str:
    if " USING " not in statement or old.facets["type"] == new.facets["type"]:
        return statement
    return (
        f"-- may lose data: each {_line(new.identity)} is cast from {_line(old.facets['type'])} to "
        f"{_line(new.facets['type'])}\n{statement}"
    )


def _retype(plan: _Plan, key: Key) -> list[str]:
    """A type made anew under its name, the columns of the old one moved over, the old one dropped."""
    old, new = plan.old.objects[key], plan.new.objects[key]
    kind = "DOMAIN" if key[0] == "domain" else "TYPE"
    schema = old.identity.removesuffix(old.name)
    replaced = _REPLACED.format(sorted(plan.retyped).index(key) + 1)
    middle = [f"ALTER {kind} {old.identity} RENAME TO {replaced}"]
    middle.append(new.sql)
    _finish(new, middle, middle)
    for column in _columns_of(plan, key):
        moved = column_type(
            replace(column, facets={}), replace(column, facets=_without_default(column)), through_text=True
        )
        middle += [
            f"-- fails when a value of {_line(column.identity)} is none of the new type\n{text}" for text in moved
        ]
    return [*middle, f"DROP {kind} {schema}{replaced}"]


def _columns_of(plan: _Plan, key: Key) -> list[Object]:
    users = [
        one for one in plan.new.objects.values() if one.kind == "column" and key in plan.old.needs.get(one.key, ())
    ]
    return [one for one in users if not one.source and one.key not in plan.again]


def _without_default(column: Object) -> dict[str, str]:
    return {name: value for name, value in column.facets.items() if name != "default"}


# --- order


def _sorted(keys: Iterable[Key], inventory: Inventory) -> list[Key]:
    """Keys so that each comes after what it needs, by kind and name where that leaves a choice."""
    left = {key: _needed(key, inventory) for key in keys}
    for key in left:
        left[key] &= left.keys() - {key}
    users: dict[Key, list[Key]] = {}
    for key, needed in left.items():
        for one in needed:
            users.setdefault(one, []).append(key)
    ready = [(_rank(key), key) for key, needed in left.items() if not needed]
    heapq.heapify(ready)
    found: list[Key] = []
    while left:
        if not ready:  # a circle, as of a table and a function of its row type
            ready = [min((_rank(key), key) for key in left)]
        _, key = heapq.heappop(ready)
        if left.pop(key, None) is None:
            continue
        found.append(key)
        for user in users.get(key, ()):
            if user in left:
                left[user].discard(key)
                if not left[user]:
                    heapq.heappush(ready, (_rank(user), user))
    return found


def _needed(key: Key, inventory: Inventory) -> set[Key]:
    """What an object needs; a table also what its columns do, for they are created in one statement."""
    needed = set(inventory.needs.get(key, ()))
    if key[0].endswith("table"):
        for column, item in inventory.objects.items():
            if column[0] == "column" and item.parent == key:
                needed |= inventory.needs.get(column, frozenset()) - {key}
    return needed - {one for one in needed if one[0] == "column" and inventory.objects[one].parent == key}


def _rank(key: Key) -> int:
    return ORDER.index(key[0])
