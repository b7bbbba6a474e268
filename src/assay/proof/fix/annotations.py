"""Annotations changed so that they hold what the columns give."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from assay.pgtypes.hints import read_hint
from assay.proof.discover.source import Source
from assay.proof.findings import Element, Fields
from assay.proof.fix.changes import Change, Replace, Span
from assay.proof.fix.locate import Locator, Written, span_of
from assay.proof.fix.spelling import Spelled, Speller, Unspeakable, inner_node, quoted
from assay.proof.fix.uses import RowUse, ValueUse
from assay.proof.fix.wanted import Contradiction, Wanted, wanted
from assay.proof.rowclasses import ByPosition, Single
from assay.proof.verdict import Verdict
from assay.proof.verdict.rows import may_be_none

_Spot = tuple[str, Span]
_COMMENTS = "there are comments inside the annotation"


class Annotations:
    """Changes of annotations; whoever shares one is asked for all that it must hold."""

    def __init__(
        self,
        locator: Locator,
        rows: Sequence[RowUse],
        verdicts: Sequence[Verdict],
        speller: Callable[[Source], Speller],
    ) -> None:
        self.locator = locator
        self.rows = rows
        self.verdicts = verdicts
        self.speller = speller

    def of_field(self, subject: Fields, *, null: bool) -> list[Change]:
        """What to change about the annotation of a field, of which perhaps ``null`` alone is wrong.

        Raises Contradiction.
        """
        (name,) = subject.names
        owner = self.locator.declaring(subject.kind, name)
        written = self._field(subject.kind, name)
        if owner is None or written is None:
            raise Contradiction(f"where {subject.kind.__name__}.{name} is annotated cannot be told from the code")
        uses = self._by_spot[_spot(written)][1]
        return self._changes(f"{owner.name}.{name}", written, uses, _want(uses, null=null))

    def of_element(self, subject: Element, verdicts: Sequence[Verdict], *, null: bool) -> list[Change]:
        """What to change about the row expression of a call, given the verdicts on all that it runs.

        Raises Contradiction.
        """
        written = _written_element(subject.index, verdicts[0])
        uses = [use for verdict in verdicts for use in _element_uses(subject.index, verdict)]
        want = _want(uses, null=null)
        if written is None or (want.type is not None and self.locator.is_alias(written)):
            raise Contradiction("the row is a name for something that is written elsewhere")
        label = "the row" if subject.index is None else f"element {subject.index + 1} of the row"
        return self._changes(label, written, uses, want)

    def _field(self, kind: type, name: str) -> Written | None:
        owner = self.locator.declaring(kind, name)
        field = owner.field(name) if owner is not None else None
        return Written(field.annotation, owner.source, owner.scope) if owner is not None and field is not None else None

    @cached_property
    def _by_spot(self) -> dict[_Spot, tuple[Written, list[ValueUse]]]:
        """The annotations of fields, and what each must hold."""
        found: dict[_Spot, tuple[Written, list[ValueUse]]] = {}
        for row in self.rows:
            for field in row.shape.fields:
                use = row.value(field.name, field.annotation)
                written = self._field(row.shape.row.kind, field.name) if use is not None else None
                if use is not None and written is not None:
                    found.setdefault(_spot(written), (written, []))[1].append(use)
        return found

    @cached_property
    def _by_literal(self) -> dict[_Spot, list[ValueUse]]:
        """What every ``Literal[...]`` must hold, under whatever name; fields that become something else aside."""
        found: defaultdict[_Spot, list[ValueUse]] = defaultdict(list)
        for written, uses in (*self._by_spot.values(), *self._elements()):
            literal = self.locator.literal(written)
            if literal is not None and not _leaves_literal(uses):
                found[_spot(literal[0])] += uses
        return found

    def _elements(self) -> Iterator[tuple[Written, list[ValueUse]]]:
        """The same for the row expressions of calls."""
        for verdict in self.verdicts:
            for index in _indexes(verdict):
                written = _written_element(index, verdict)
                if written is not None:
                    yield written, _element_uses(index, verdict)

    def _changes(self, label: str, written: Written, uses: Sequence[ValueUse], want: Wanted) -> list[Change]:
        add_none = want.null and not read_hint(uses[0].annotation).optional
        literal = self.locator.literal(written) if want.labels else None
        if literal is not None and literal[1]:
            return self._of_alias(*literal) + (self._with_none(label, written) if add_none else [])
        try:
            spelled = self._spelled(written, want, literal[0] if literal is not None else None, add_none=add_none)
        except Unspeakable as error:
            raise Contradiction(str(error)) from None
        return [_change(label, inner_node(written.node), written, spelled)]

    def _of_alias(self, literal: Written, name: str) -> list[Change]:
        """A list of values that has a name changes where it stands, for all who use it."""
        want = wanted(self._by_literal[_spot(literal)])
        if not want.labels:
            raise Contradiction(f"{name} is used for other columns too")
        return [
            _change(name, literal.node, literal, Spelled(_relisted(literal, want.labels, self.speller(literal.source))))
        ]

    def _with_none(self, label: str, written: Written) -> list[Change]:
        want = Wanted(None, null=True)
        return [_change(label, inner_node(written.node), written, self._spelled(written, want, None, add_none=True))]

    def _spelled(self, written: Written, want: Wanted, literal: Written | None, *, add_none: bool) -> Spelled:
        speller, node = self.speller(written.source), inner_node(written.node)
        present = node.value if isinstance(node, ast.Constant) else speller.text_of(node)
        if want.type is None:
            spelled = Spelled(str(present))
        elif literal is not None:
            relisted = _relisted(literal, want.labels, speller)
            spelled = Spelled(str(present).replace(speller.text_of(literal.node), relisted, 1))
        else:
            spelled = speller.spell(want.type, written.scope if written.scope.kind == "class" else None)
            add_none = want.null
            if "#" in str(present):
                raise Contradiction(_COMMENTS)
        text = speller.with_none(spelled.text) if add_none else spelled.text
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = quoted(text, speller.text_of(node)[0])
        return Spelled(text, spelled.imports)


def _want(uses: Sequence[ValueUse], *, null: bool) -> Wanted:
    """What an annotation should be; where no type will do, None is still to be among its values."""
    try:
        return wanted(uses)
    except Contradiction:
        if null:
            return Wanted(None, null=True)
        raise


def _leaves_literal(uses: Sequence[ValueUse]) -> bool:
    """Whether an annotation becomes something else than a list of values."""
    try:
        want = wanted(uses)
    except Contradiction:
        return False
    return want.type is not None and not want.labels


def _change(label: str, node: ast.expr, written: Written, spelled: Spelled) -> Change:
    edit = Replace(span_of(node, written.source), spelled.text, spelled.imports)
    what = f"{label} is {' '.join(spelled.text.split())}"
    return Change(written.source, edit, written.source.place(node), what)


def _spot(written: Written) -> _Spot:
    return str(written.source.path), written.span


def _relisted(literal: Written, labels: Sequence[str], speller: Speller) -> str:
    """A ``Literal[...]`` with other values; what stays is left as it is."""
    assert isinstance(literal.node, ast.Subscript)  # noqa: S101 - the locator finds nothing else
    node, inner = literal.node, literal.node.slice
    present = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    values = [part.value if isinstance(part, ast.Constant) else part for part in present]
    new = [quoted(label, speller.quote) for label in labels if label not in values]
    kept = [part for part, value in zip(present, values, strict=True) if value is None or value in labels]
    text, begin = speller.text_of(node), speller.source.span(node)[0]
    if len(kept) == len(present):
        end = speller.source.span(present[-1])[1] - begin
        return text[:end] + _appended(text[:end], text[end:], new)
    if "#" in text:
        raise Contradiction(_COMMENTS)
    return f"{speller.text_of(node.value)}[{', '.join([*map(speller.text_of, kept), *new])}]"


def _appended(before: str, after: str, new: Sequence[str]) -> str:
    """What follows the last value of a list when there are new ones: on lines of their own, where it stands on one."""
    line_end = re.match(r"(,?)([ \t]*(?:#[^\n]*)?\n)", after)
    if line_end is None or "\n" not in before:
        return "".join(f", {label}" for label in new) + after
    last_line = before.rpartition("\n")[2]
    indent = last_line[: len(last_line) - len(last_line.lstrip())]
    lines = ",\n".join(f"{indent}{label}" for label in new)
    return f",{line_end[2]}{lines}{line_end[1]}\n{after[line_end.end() :]}"


def _indexes(verdict: Verdict) -> Sequence[int | None]:
    """The elements of a call's rows; None for a row that is one value."""
    match verdict.shape:
        case Single():
            return [None]
        case ByPosition(elements=elements):
            return range(len(elements))
    return []


def _written_element(index: int | None, verdict: Verdict) -> Written | None:
    """Where an element of a call's rows is annotated, when that is in the call."""
    row = verdict.call.row
    if isinstance(row, ast.Subscript) and index is not None:
        parts = row.slice.elts if isinstance(row.slice, ast.Tuple) else [row.slice]
        row = parts[index] if index < len(parts) else None
    elif index is not None:
        row = None
    return Written(row, verdict.call.source, verdict.call.scope) if row is not None else None


def _element_uses(index: int | None, verdict: Verdict) -> list[ValueUse]:
    """What an element of a call's rows must hold."""
    columns = [column for description in verdict.descriptions for column in description.columns]
    place = verdict.call.place
    match verdict.shape:
        case Single(annotation=annotation):
            pairs = [(annotation, column) for column in columns]
        case ByPosition(elements=elements, any_number=True):
            pairs = [(elements[0], column) for column in columns]
        case ByPosition(elements=elements) if index is not None:
            found = [one.columns[index] for one in verdict.descriptions if index < len(one.columns)]
            pairs = [(elements[index], column) for column in found]
        case _:
            pairs = []
    return [ValueUse(annotation, column, may_be_none(column), place) for annotation, column in pairs]
