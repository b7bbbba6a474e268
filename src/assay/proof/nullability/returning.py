"""The rules for RETURNING: what a statement that changes rows shows of them.

Sources: the manual's sections 6.4 (Returning Data from Modified Rows) and 39.1 (triggers run before the row is
stored and may change it), and ExecProcessReturning() in src/backend/executor/nodeModifyTable.c.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from assay.catalog.model import TriggerEvents
from assay.proof.facts import VarUse
from assay.proof.levels import Known, Level, Scope
from assay.proof.nodes import Command, RteKind, items
from assay.proof.nullability.answer import Nullness, maybe, never
from assay.proof.nullability.tables import table_column
from assay.proof.querytree import Node

if TYPE_CHECKING:
    from assay.catalog.model import Relation
    from assay.proof.inference import Inference

OLD, NEW = 1, 2
"""VarReturningType."""
BY_SOURCE = 1
"""MergeMatchKind: WHEN NOT MATCHED BY SOURCE."""


def returning_scope(level: Level) -> Scope:
    """Where the RETURNING list is evaluated: conditions held for the rows found, not for what became of them."""
    if level.query["commandType"] == Command.MERGE:
        return replace(level.scope, known=Known(), returning=True)
    return replace(level.scope, known=replace(level.scope.known, expressions=frozenset()), returning=True)


def returned(inference: Inference, scope: Scope, use: VarUse) -> Nullness | None:
    """A column in RETURNING, where the statement has a say in it; None for one that is as anywhere else."""
    level = scope.level
    if use.relation != level.query["resultRelation"]:
        return maybe("WHEN NOT MATCHED BY SOURCE has no source row") if _without_source(level) else None
    relation = target(inference, level)
    if relation is None:
        return maybe("a table that is not known")
    if rewritten(inference, level):
        return maybe(f"a rule on {relation.label} may put another statement in its place")
    command = level.query["commandType"]
    absent = _absent(level, command, use.returning)
    if absent:
        return maybe(absent)
    if use.attribute == 0:
        return never(f"a row of {relation.label}")
    if relation.kind == "v":
        return _of_view(inference, level, relation, use)
    # What is inserted into a partitioned table goes into its partitions, though the tree does not mark it so.
    below = bool(_target_entry(level)["inh"]) or relation.kind == "p"
    shown = table_column(inference, relation, use.attribute, below=below)
    return shown if not shown.nullable else _by_statement(inference, scope, relation, use, shown)


def _without_source(level: Level) -> bool:
    return any(action.get("matchKind") == BY_SOURCE for action in items(level.query, "mergeActionList"))


def _target_entry(level: Level) -> Node:
    return level.entry(level.query["resultRelation"])


def target(inference: Inference, level: Level) -> Relation | None:
    """The relation that the statement changes."""
    return inference.catalog.relations.get(_target_entry(level)["relid"])


_EVENTS = {Command.INSERT: "insert", Command.UPDATE: "update", Command.DELETE: "delete"}


def targets(inference: Inference, level: Level) -> list[Relation]:
    """The relation that the statement changes, and for a view the ones below it, on to the table that has the rows."""
    found: list[Relation] = []
    relation = target(inference, level)
    while relation is not None:
        found.append(relation)
        relation = _below_view(inference, relation)
    return found


def _below_view(inference: Inference, relation: Relation) -> Relation | None:
    """The one relation that a view selects from; None for other views and for tables."""
    query = inference.view(relation.oid) if relation.kind == "v" else None
    if query is None or not query.get("jointree"):
        return None
    sources = items(query["jointree"], "fromlist")
    if len(sources) != 1 or sources[0].tag != "RANGETBLREF":
        return None
    entry = query["rtable"][sources[0]["rtindex"] - 1]
    return inference.catalog.relations.get(entry["relid"]) if entry["rtekind"] == RteKind.RELATION else None


def rewritten(inference: Inference, level: Level) -> bool:
    """Whether rewrite rules may change what the statement does and returns (manual section 41.4)."""
    if level.query["commandType"] not in _EVENTS:
        return False
    events = {_EVENTS[Command(level.query["commandType"])]}
    if level.query.get("onConflict") is not None:
        events.add("update")
    return any(events & relation.rules for relation in targets(inference, level))


def answered_by_trigger(inference: Inference, level: Level) -> bool:
    """Whether an INSTEAD OF trigger decides what the statement returns (manual section 39.1)."""
    every = (trigger for relation in targets(inference, level) for trigger in relation.triggers)
    return any(trigger & TriggerEvents.INSTEAD for trigger in every)


def _absent(level: Level, command: int, version: int) -> str:
    """Why there may be no old or no new row; empty when there is one."""
    if version == OLD and command in (Command.INSERT, Command.MERGE):
        return "an inserted row has no old version"
    if version == NEW and command in (Command.DELETE, Command.MERGE):
        return "a deleted row has no new version"
    return ""


def _of_view(inference: Inference, level: Level, relation: Relation, use: VarUse) -> Nullness:
    if answered_by_trigger(inference, level):
        return maybe(f"an INSTEAD OF trigger decides what is returned from {relation.label}")
    query = inference.view(relation.oid)
    if query is None:
        return maybe(f"the definition of {relation.label} is not known")
    inner = inference.level(query, None, ignore_conditions=True)
    columns = inference.output(inner)
    return columns[use.attribute - 1] if 0 < use.attribute <= len(columns) else maybe("a column that is not known")


def _by_statement(inference: Inference, scope: Scope, relation: Relation, use: VarUse, otherwise: Nullness) -> Nullness:
    """What the statement itself says of a column that may be NULL in the table."""
    level, command = scope.level, scope.level.query["commandType"]
    if relation.kind == "f" or relation.foreign_below:
        return otherwise
    known = (use.relation, use.attribute) in level.scope.known.columns
    kept = never("compared in a condition that NULL does not pass") if known else otherwise
    if command == Command.DELETE or (command == Command.UPDATE and use.returning == OLD):
        return kept
    if changed_by_triggers(relation) or command == Command.MERGE or _is_generated(relation, use.attribute):
        return otherwise
    assigned = _assigned(items(level.query, "targetList"), use.attribute)
    if command == Command.UPDATE:
        return inference.expression(assigned, level.scope) if assigned is not None else kept
    if assigned is None:
        return otherwise
    answers = [inference.expression(assigned, level.scope)]
    conflict = level.query.get("onConflict")
    if conflict is not None and conflict["action"] == _DO_UPDATE:
        replaced = _assigned(items(conflict, "onConflictSet"), use.attribute)
        answers.append(otherwise if replaced is None else inference.expression(replaced, _conflict_scope(level)))
    return next((answer for answer in answers if answer.nullable), never("the statement gives it a value"))


_DO_UPDATE = 2
"""OnConflictAction."""


def _conflict_scope(level: Level) -> Scope:
    return replace(level.scope, known=Known())


def _is_generated(relation: Relation, number: int) -> bool:
    attribute = relation.attributes.get(number)
    return attribute is not None and bool(attribute.generated)


def _assigned(entries: list[Node], number: int) -> Node | None:
    """The expression that an INSERT or UPDATE gives to a column, if it gives one."""
    for entry in entries:
        if entry["resno"] == number and not entry["resjunk"]:
            expression: Node = entry["expr"]
            return expression
    return None


def changed_by_triggers(relation: Relation) -> bool:
    """Whether a trigger may change or drop a row before it is stored."""
    return any(
        trigger & TriggerEvents.BEFORE
        and trigger & TriggerEvents.ROW
        and trigger & (TriggerEvents.INSERT | TriggerEvents.UPDATE)
        for trigger in relation.triggers
    )
