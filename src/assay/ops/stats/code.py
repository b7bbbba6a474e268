"""The statements of the project's code, by their normal forms, with where they stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from assay.config import Settings
from assay.ops.stats.normalising import normalised
from assay.proof.discover.model import Call, Discovery
from assay.proof.guard import Guard, Lost
from assay.proof.verdict import import_failure, read_query
from assay.proof.verdict.query import Dynamic, Query

if TYPE_CHECKING:
    from assay.proof.arguments import Arguments
    from assay.proof.expressions import Expressions

Places = dict[str, tuple[str, ...]]
"""For the normal form of a statement where it stands in the code: ``src/app/queries.py:12``."""


def statements_of(settings: Settings) -> Places:
    """The statements of a project; one with clauses or choices has each of its variants.

    Only for the words that a statement chooses between is the code imported, in a process of its own.

    Raises ProofError when that process cannot go on.
    """
    from assay.proof.project import discover_in

    discovery = discover_in(settings)
    read = [(call, read_query(call)) for call in discovery.calls]
    found = [_told(call, query) for call, query in read if isinstance(query, Query)]
    if any(isinstance(query, Dynamic) for _, query in read):
        from assay.proof.apart import apart

        found += apart(partial(_variants, discovery), settings.import_timeout)
    places: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for text, path, line in found:
        places[normalised(text)].add((path, line))
    return {text: tuple(f"{path}:{line}" for path, line in sorted(each)) for text, each in places.items()}


_Told = tuple[str, str, int]
"""A statement as it is sent, and the file and line of its call."""


def _told(call: Call, query: Query) -> _Told:
    return query.statement.text, call.place.path, call.place.line


def _variants(discovery: Discovery, guard: Guard, progress: object) -> list[_Told]:
    from assay.proof.arguments import Arguments
    from assay.proof.expressions import Expressions
    from assay.proof.modules import Modules

    with Modules(discovery.project, guard) as modules:
        expressions = Expressions(discovery.project, modules)
        arguments = Arguments(expressions)
        return [told for call in discovery.calls for told in _of_call(call, expressions, arguments)]


def _of_call(call: Call, expressions: Expressions, arguments: Arguments) -> Iterator[_Told]:
    from assay.proof.verdict.branches import Branches, branches

    dynamic = read_query(call)
    if not isinstance(dynamic, Dynamic):
        return
    if dynamic.template.choices and import_failure(call, expressions) is not None:
        return
    try:
        with expressions.modules.running(call.source):
            found = branches(dynamic, arguments)
    except Lost as error:
        expressions.modules.give_up(call.source, error)
        return
    if isinstance(found, Branches):
        yield from (_told(call, query) for query in found.queries)
