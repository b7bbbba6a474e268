"""The verdict on a call's arguments: each against its parameter."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from assay.pgtypes.hints import read_hint, show
from assay.proof.arguments import UNKNOWN, Arguments
from assay.proof.description import NullUse, Parameter
from assay.proof.discover.model import Argument, Place
from assay.proof.findings import Finding, Keywords, Unverified, finding
from assay.proof.verdict.batches import BatchRow, batch_row
from assay.proof.verdict.omitting import may_be_omitted, must_not_be_omitted, without_omitted
from assay.proof.verdict.query import Query
from assay.proof.verdict.sent import sent_misfit
from assay.wording import counted, shortened


@dataclass(frozen=True, slots=True)
class _Given:
    """What is passed for one parameter."""

    place: Place
    shown: str
    annotation: Any


Outcome = Finding | Unverified


def parameter_findings(query: Query, params: tuple[Parameter, ...], arguments: Arguments) -> Iterator[Outcome]:
    """Everything in which a statement's parameters and a call's arguments differ, and what could not be told."""
    if query.call.batch:
        yield from _in_a_batch(query, params, arguments)
    elif query.statement.names:
        yield from _by_name(query, params, arguments)
    else:
        yield from _by_position(query, params, arguments)


def _in_a_batch(query: Query, params: tuple[Parameter, ...], arguments: Arguments) -> Iterator[Outcome]:
    """Arguments that come in rows, each of which is one execution's."""
    row = batch_row(query, arguments)
    if row is None:
        yield from (_unverified(query, index) for index in range(len(params)))
    elif query.statement.names and row.is_object:
        yield from _of_object(query, params, row.node, row.annotation, arguments)
    elif row.is_object or (query.statement.names and row.is_tuple):
        yield _wrong_kind_of_row(query, row)
    elif not query.statement.names and row.elements is not None:
        yield from _of_tuple(query, params, row.node, row.elements)
    else:
        yield from (_unverified(query, index) for index in range(len(params)))


def _of_tuple(
    query: Query, params: tuple[Parameter, ...], node: ast.expr, elements: tuple[Any, ...]
) -> Iterator[Outcome]:
    place, count = _place(query, node), query.statement.parameter_count
    if len(elements) != count:
        yield finding(
            "ASY301",
            place,
            f"the statement takes {counted(count, 'parameter')}, each row gives {len(elements)}",
            because="a row has one value for each placeholder",
            call=query.place,
            fix="give rows of as many values as the statement has placeholders",
        )
        return
    for index, parameter in enumerate(params):
        shown = f"element {index + 1} of each row"
        yield from _judged(query, index, parameter, _Given(place, shown, elements[index]))


def _wrong_kind_of_row(query: Query, row: BatchRow) -> Finding:
    named = bool(query.statement.names)
    return finding(
        "ASY301",
        _place(query, row.node),
        f"the statement takes its parameters by {'name' if named else 'position'}, each row is {show(row.annotation)}",
        because=f"{'placeholders with names take' if named else 'numbered placeholders take'} their values from "
        f"{'the fields of an object' if named else 'a tuple or a list'}",
        call=query.place,
        fix=f"give rows that are {'objects or mappings' if named else 'tuples'}, or write the placeholders as "
        f"{'$1, $2' if named else ':name'}",
    )


def _by_position(query: Query, params: tuple[Parameter, ...], arguments: Arguments) -> Iterator[Outcome]:
    given = [argument for argument in query.call.arguments if argument.name is None]
    named = [argument for argument in query.call.arguments if argument.name is not None]
    count = query.statement.parameter_count
    if named and not (query.call.surface.library.surplus and count == 0):
        yield _no_such_name(query, named)
    elif len(given) > count or (len(given) < count and not query.call.unpacked):
        yield _wrong_count(query, given, count)
    else:
        for index, parameter in enumerate(params):
            argument = given[index] if index < len(given) else None
            yield from _argument(query, index, parameter, argument, arguments)


def _by_name(query: Query, params: tuple[Parameter, ...], arguments: Arguments) -> Iterator[Outcome]:
    positional = [argument for argument in query.call.arguments if argument.name is None]
    named = {argument.name: argument for argument in query.call.arguments if argument.name is not None}
    if positional and _is_packed(query):
        yield _not_by_name(query, positional)
        return
    if positional:
        yield from _from_object(query, params, positional, named, arguments)
        return
    names = query.statement.names
    missing = [name for name in names if name not in named] if not query.call.unpacked else []
    unknown = [argument for name, argument in named.items() if name not in names]
    if missing or (unknown and not query.call.surface.library.surplus):
        yield _wrong_names(query, missing, unknown)
        return
    for index, parameter in enumerate(params):
        yield from _argument(query, index, parameter, named.get(names[index]), arguments)


def _is_packed(query: Query) -> bool:
    return query.call.surface.passing == "packed"


def _not_by_name(query: Query, positional: list[Argument]) -> Finding:
    names, given = query.statement.names, counted(len(positional), "parameter")
    return finding(
        "ASY301",
        _place(query, positional[0].node),
        f"the statement takes {query.placeholders(names)} by name, the call gives {given} by position",
        because="placeholders with names take their values from a dictionary",
        call=query.place,
        fix=f'pass a dictionary with "{names[0]}"',
    )


def _from_object(
    query: Query,
    params: tuple[Parameter, ...],
    positional: list[Argument],
    named: dict[str, Argument],
    arguments: Arguments,
) -> Iterator[Outcome]:
    """``:name`` placeholders taken from the fields of one object."""
    if named or len(positional) > 1:
        names = query.placeholders(query.statement.names)
        yield finding(
            "ASY301",
            _place(query, [*positional, *named.values()][1].node),
            f"the statement takes {names} by name, {counted(len(positional), 'parameter')} by position",
            because="they come as keyword arguments, or all from the fields of one object",
            call=query.place,
            fix=f"pass {query.statement.names[0]}=…",
        )
        return
    yield from _fields(query, params, positional[0].node, arguments)


def _fields(query: Query, params: tuple[Parameter, ...], node: ast.expr, arguments: Arguments) -> Iterator[Outcome]:
    kind = arguments.type_of(node, query.call.scope, query.call.source)
    yield from _of_object(query, params, node, kind, arguments)


def _of_object(
    query: Query, params: tuple[Parameter, ...], node: ast.expr, kind: Any, arguments: Arguments
) -> Iterator[Outcome]:
    """The fields of an object of a class, or of each object where there are many."""
    place = _place(query, node)
    shown = f"each of {_short(node)}: " if query.call.batch else f"{_short(node)}."
    fields = arguments.fields(kind)
    lacking = [name for name in query.statement.names if name not in fields] if fields else []
    if lacking:
        yield _no_field(query, place, show(kind), fields, lacking)
        return
    for index, parameter in enumerate(params):
        name = query.statement.names[index]
        member = arguments.member(kind, name)
        if member is UNKNOWN:
            yield Unverified(place, f":{name}", f"{shown}{name}")
        else:
            yield from _judged(query, index, parameter, _Given(place, f"{shown}{name}", member))


def _no_field(query: Query, place: Place, title: str, fields: list[str], lacking: list[str]) -> Finding:
    close = get_close_matches(lacking[0], fields, n=1)
    return finding(
        "ASY301",
        place,
        f"{title} has no field for {query.placeholders(lacking)}",
        because=f"its fields are {', '.join(fields)}",
        call=query.place,
        fix=f"{f'write :{close[0]} in the statement, or ' if close else ''}add {lacking[0]} to {title}",
    )


def _argument(
    query: Query, index: int, parameter: Parameter, argument: Argument | None, arguments: Arguments
) -> Iterator[Outcome]:
    if argument is None:
        yield _unverified(query, index)
        return
    kind = arguments.type_of(argument.node, query.call.scope, query.call.source)
    place, shown = _place(query, argument.node), _short(argument.node)
    if kind is UNKNOWN:
        yield Unverified(place, query.parameter_name(index), shown, arguments.why_unknown(argument.node))
    else:
        yield from _judged(query, index, parameter, _Given(place, shown, kind))


def _judged(query: Query, index: int, parameter: Parameter, given: _Given) -> Iterator[Finding]:
    name = query.parameter_name(index)
    if may_be_omitted(given.annotation):
        if name not in query.omittable:
            yield must_not_be_omitted(query.call, name, given.place, f"{given.shown} is {show(given.annotation)}")
        present = without_omitted(given.annotation)
        if present is None:
            return
        given = _Given(given.place, given.shown, present)
    misfit = sent_misfit(query.call.surface, parameter.type, given.annotation)
    if misfit is not None:
        wanted = f"pass {misfit.annotation}" if misfit.annotation else "cast the parameter in the statement"
        yield finding(
            "ASY302",
            given.place,
            f"parameter {name} is {parameter.type}, {given.shown} is {_type_shown(given.annotation)}",
            because=misfit.why,
            call=query.place,
            fix=wanted,
        )
    hint = read_hint(given.annotation)
    if hint.optional and not hint.open and parameter.null is not NullUse.ACCEPTED:
        yield _null(query, name, parameter, given)


def _null(query: Query, name: str, parameter: Parameter, given: _Given) -> Finding:
    required = parameter.null is NullUse.REQUIRED
    rule = "must not be NULL" if required else "matches nothing when it is NULL"
    shown = f"{given.shown} may be None: it is {show(given.annotation)}"
    return finding(
        "ASY303" if required else "ASY304",
        given.place,
        f"parameter {name} {rule}, {'the argument is None' if given.annotation is None else shown}",
        because=parameter.reason,
        call=query.place,
    )


def _wrong_count(query: Query, given: list[Argument], count: int) -> Finding:
    surplus = given[count:]
    place = _place(query, surplus[0].node) if surplus else query.placeholder_place(len(given))
    return finding(
        "ASY301",
        place,
        f"the statement takes {counted(count, 'parameter')}, the call gives {len(given)}",
        because=f"its highest placeholder is {query.parameter_name(count - 1)}" if count else "it has no placeholders",
        call=query.place,
        fix="pass one argument for each placeholder",
    )


def _no_such_name(query: Query, named: list[Argument]) -> Finding:
    return finding(
        "ASY301",
        _place(query, named[0].node),
        f"the call gives {_keywords(query, named)}, which the statement does not have",
        because="the statement has no placeholders with names",
        call=query.place,
        fix=f"write {query.placeholders([named[0].name or ''])} in the statement, or pass the value by position",
    )


def _wrong_names(query: Query, missing: list[str], unknown: list[Argument]) -> Finding:
    """One finding for both sides: a misspelled name is missing on the one and unknown on the other."""
    given = [argument.name or "" for argument in unknown]
    lacks = f"the call does not give {query.placeholders(missing)}" if missing else ""
    extra = f"gives {_keywords(query, unknown)}, which the statement does not have" if given else ""
    message = f"{lacks}; it {extra}" if lacks and extra else lacks or f"the call {extra}"
    place = query.placeholder_place(query.statement.names.index(missing[0])) if missing else None
    return finding(
        "ASY301",
        place or _place(query, unknown[0].node),
        message,
        because=f"its placeholders are {query.placeholders(query.statement.names)}",
        call=query.place,
        fix=_names_remedy(query, missing, given),
        subject=None if _is_packed(query) else _respelled(missing, given),
    )


def _respelled(missing: list[str], given: list[str]) -> Keywords | None:
    """The names that the arguments should have, where each of them is close to just one that is missing."""
    close = [get_close_matches(name, missing) for name in given]
    names = [matches[0] for matches in close if len(matches) == 1]
    if not given or len(names) < len(given) or sorted(names) != sorted(missing):
        return None
    return Keywords(tuple(zip(given, names, strict=True)))


def _names_remedy(query: Query, missing: list[str], given: list[str]) -> str:
    candidates = missing or list(query.statement.names)
    close = get_close_matches(given[0], candidates, n=1) if given else []
    if len(missing) == 1 and len(given) == 1:
        close = missing
    if close and close[0] in missing:
        return f"write {query.placeholders(given[:1])} in the statement, or {_keyword(query, close[0])} in the call"
    if close:
        return f"leave {_keyword(query, given[0])} out; the statement has {query.placeholders(close)}"
    if missing:
        return f"pass {_keyword(query, missing[0])}"
    return f"leave {_keyword(query, given[0])} out"


def _unverified(query: Query, index: int) -> Unverified:
    return Unverified(query.place, query.parameter_name(index), "")


def _place(query: Query, node: ast.expr) -> Place:
    return query.call.source.place(node)


def _short(node: ast.expr) -> str:
    return shortened(ast.unparse(node), 40)


def _keywords(query: Query, arguments: list[Argument]) -> str:
    return ", ".join(_keyword(query, argument.name or "") for argument in arguments)


def _keyword(query: Query, name: str) -> str:
    """How the call gives a parameter by name."""
    return f'"{name}": …' if _is_packed(query) else f"{name}=…"


def _type_shown(annotation: Any) -> str:
    """Of a literal value its class, which says more than the value again."""
    values = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
    return show(type(values[0])) if len(values) == 1 else show(annotation)
