"""Fields added to row classes, and removed from them."""

from __future__ import annotations

import ast
import inspect
import keyword
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from assay.proof.discover.scopes import Scope
from assay.proof.discover.source import Source
from assay.proof.findings import Fields
from assay.proof.fix.changes import AddField, Change, RemoveField
from assay.proof.fix.locate import Locator, WrittenClass
from assay.proof.fix.spelling import Speller, Unspeakable
from assay.proof.fix.uses import RowUse, ValueUse
from assay.proof.fix.wanted import Contradiction, wanted_new
from assay.runtime.rowclass import read_row_class

_NOT_SEEN = "the project's code has no single class statement for it"


class Members:
    """Changes of the list of a class's fields."""

    def __init__(self, locator: Locator, rows: Sequence[RowUse], speller: Callable[[Source], Speller]) -> None:
        self.locator = locator
        self.rows = rows
        self.speller = speller

    def added(self, subject: Fields) -> list[Change]:
        """A field for a column; raises Contradiction."""
        (name,) = subject.names
        kind, owner = subject.kind, self.locator.written(subject.kind)
        if owner is None:
            raise Contradiction(_NOT_SEEN)
        rows = self._rows(owner)
        for row in rows:
            if name not in row.columns:
                raise Contradiction(f"{_at(row)} fills {owner.name} too, and has no such column")
            if row.lacking:
                raise Contradiction(f"{_at(row)} has no column for {row.lacking[0]}, which it may be meant for")
        _check_name(name, kind, owner, self.locator.lineage(kind))
        uses = [use for row in rows if (use := row.value(name, object)) is not None]
        return [self._addition(kind, owner, name, uses)]

    def _addition(self, kind: type, owner: WrittenClass, name: str, uses: Sequence[ValueUse]) -> Change:
        want, speller = wanted_new(uses), self.speller(owner.source)
        try:
            spelled = speller.spell(want.type or "", owner.scope)
        except Unspeakable as error:
            raise Contradiction(str(error)) from None
        annotation = speller.with_none(spelled.text) if want.null else spelled.text
        after, default = _position(kind, owner, want.null)
        edit = AddField(owner.name, f"{name}: {annotation}{default}", after, spelled.imports)
        return Change(owner.source, edit, owner.source.place(owner.node), f"{owner.name} has {name}: {annotation}")

    def removed(self, subject: Fields) -> list[Change]:
        """Fields without columns that go; raises Contradiction."""
        return [self._removal(subject.kind, name) for name in subject.names]

    def _removal(self, kind: type, name: str) -> Change:
        owner = self.locator.declaring(kind, name)
        field = owner.field(name) if owner is not None else None
        if owner is None or field is None:
            raise Contradiction(_NOT_SEEN)
        if sum(name in base.scope.names for base in self.locator.lineage(kind)) > 1:
            raise Contradiction(f"{kind.__name__} has {name} from more than one class")
        for row in self._rows(owner):
            declaring = self.locator.declaring(row.shape.row.kind, name)
            if declaring is None or declaring.scope is not owner.scope:
                _check_heir(row, declaring, owner, name)
                continue
            if row.fills(name):
                raise Contradiction(f"{_at(row)} fills {owner.name}.{name}")
            if row.surplus:
                raise Contradiction(f'{_at(row)} has a column "{row.surplus[0]}", which may be meant for it')
        if owner.mentions(name):
            raise Contradiction(f"{owner.name} itself uses {name}")
        edit = RemoveField(owner.name, name)
        return Change(owner.source, edit, owner.source.place(field), f"{owner.name} has no {name}")

    def _rows(self, owner: WrittenClass) -> list[RowUse]:
        """The uses of a class and of those that inherit from it."""
        return self._by_class.get(owner.scope, [])

    @cached_property
    def _by_class(self) -> dict[Scope, list[RowUse]]:
        found: defaultdict[Scope, list[RowUse]] = defaultdict(list)
        for row in self.rows:
            for base in self.locator.lineage(row.shape.row.kind):
                found[base.scope].append(row)
        return found


def _at(row: RowUse) -> str:
    return f"the query at {row.place.path}:{row.place.line}"


def _check_name(name: str, kind: type, owner: WrittenClass, lineage: Sequence[WrittenClass]) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise Contradiction(f'"{name}" cannot be the name of a field')
    inherited = not issubclass(kind, dict) and hasattr(kind, name)
    if inherited or any(name in base.scope.names for base in lineage):
        raise Contradiction(f"{owner.name} has something else of that name")
    for heir in _heirs(kind):
        if hasattr(heir, name) or any(argument.name == name for argument in _parameters(heir)):
            raise Contradiction(f"{heir.__name__}, which inherits from {owner.name}, has something of that name")
    if "__init__" in owner.scope.names or "__new__" in owner.scope.names:
        raise Contradiction(f"{owner.name} is made by its own code")


def _check_heir(row: RowUse, heir: WrittenClass | None, owner: WrittenClass, name: str) -> None:
    """An heir that has no column for a field of its own would lose it only when it is checked the next time."""
    if heir is not None and not row.fills(name):
        raise Contradiction(f"{heir.name}, which inherits from {owner.name}, has {name} too")


def _heirs(kind: type) -> list[type]:
    """The classes that inherit from one, as far as they are imported."""
    heirs: list[type] = type.__subclasses__(kind)
    return [*heirs, *(below for heir in heirs for below in _heirs(heir))]


def _position(kind: type, owner: WrittenClass, null: bool) -> tuple[str, str]:
    """The field that a new one comes after, and its default, where Python wants those with defaults last."""
    fields = [(_name(field), field.value is not None) for field in owner.fields()]
    if _any_order(kind, owner):
        return (fields[-1][0] if fields else ""), ""
    above = [row for base in kind.__bases__ if (row := read_row_class(base)) is not None]
    names = {field.keyword for row in above for field in row.fields}
    inherited = any(default for name, default in _defaults(kind).items() if name in names)
    if inherited and not null:
        raise Contradiction("it inherits fields with defaults, which no field without one can follow")
    if inherited:
        return (fields[-1][0] if fields else ""), " = None"
    required = []
    for name, default in fields:
        if default:
            break
        required.append(name)
    return (required[-1] if required else ""), ""


def _name(field: ast.AnnAssign) -> str:
    return field.target.id if isinstance(field.target, ast.Name) else ""


def _any_order(kind: type, owner: WrittenClass) -> bool:
    """Whether the fields of a class may come in any order: by keyword only, without a call, or validated."""
    keyword_only = [argument for argument in _parameters(kind) if argument.kind is argument.KEYWORD_ONLY]
    return (
        issubclass(kind, dict)
        or hasattr(kind, "model_validate")
        or (bool(_parameters(kind)) and len(keyword_only) == len(_parameters(kind)))
    )


def _defaults(kind: type) -> dict[str, bool]:
    """The arguments of a class and whether each has a default; those by keyword only aside."""
    return {
        argument.name: argument.default is not argument.empty
        for argument in _parameters(kind)
        if argument.kind is argument.POSITIONAL_OR_KEYWORD
    }


def _parameters(kind: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(kind).parameters.values())
    except (TypeError, ValueError):
        return []
