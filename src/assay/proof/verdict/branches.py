"""The queries that a call with clauses or choices stands for, one for each statement that can run."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from assay.pgtypes.hints import read_hint, show
from assay.proof.arguments import UNKNOWN, Arguments
from assay.proof.discover.model import Argument, Call, Place
from assay.proof.findings import Finding, finding
from assay.proof.verdict.omitting import may_be_omitted, must_not_be_omitted, without_omitted
from assay.proof.verdict.parameters import parameter_findings
from assay.proof.verdict.query import Dynamic, Query
from assay.sql.fragments import fault, fragment
from assay.sql.variants import Variant, variants
from assay.wording import counted, shortened

MOST = 1024
"""How many statements one may stand for, each of which is described."""

MOST_TEXT = 32_000_000
"""How many characters they may have together."""


@dataclass(frozen=True, slots=True)
class Branches:
    """A call with clauses or choices, and what it stands for."""

    dynamic: Dynamic
    variants: tuple[Variant, ...]
    """At least one; the first has all clauses in."""
    queries: tuple[Query, ...]
    """One for each variant, whose call has only the arguments that the variant takes."""
    findings: tuple[Finding, ...]
    """What is wrong with the call whichever of them runs."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is given for ``{name}``."""

    name: str
    place: Place
    shown: str
    annotation: Any


def branches(dynamic: Dynamic, arguments: Arguments) -> Branches | Finding:
    """Find the queries, or why there are none that can be proven."""
    if dynamic.call.surface.batch:
        return _in_a_batch(dynamic)
    texts: dict[str, dict[str, bool]] = {}
    for choice in _choices(dynamic, arguments):
        found = choice if isinstance(choice, Finding) else _texts(dynamic, choice)
        if isinstance(found, Finding):
            return found
        texts |= found
    limit = max(1, min(MOST, MOST_TEXT // len(dynamic.sql.text)))
    every = variants(dynamic.template, {name: tuple(found) for name, found in texts.items()}, limit)
    if every is None:
        return _too_many(dynamic, texts, limit)
    return _refused_text(dynamic, every, texts) or _branches(dynamic, every, arguments)


def _branches(dynamic: Dynamic, every: list[Variant], arguments: Arguments) -> Branches:
    call = _without_choices(dynamic)
    whole = _query(dynamic, call, every[0])
    findings = tuple(found for found in parameter_findings(whole, (), arguments) if isinstance(found, Finding))
    if findings:
        call = replace(call, arguments=(), unpacked=True)
    queries = tuple(_query(dynamic, _taking(call, one), one) for one in every)
    return Branches(dynamic, tuple(every), queries, findings)


def _query(dynamic: Dynamic, call: Call, one: Variant) -> Query:
    statement = replace(one.statement, source=one.statement.text)  # answers are kept by it
    return Query(call, dynamic.sql, statement, dynamic.template.omittable)


def _without_choices(dynamic: Dynamic) -> Call:
    """The call without what is given for choices alone."""
    call, template = dynamic.call, dynamic.template
    kept = tuple(argument for argument in call.arguments if argument.name not in template.choices)
    if not template.statement.parameter_count and _object(dynamic) is not None:
        kept = tuple(argument for argument in kept if argument.name is not None)
    return replace(call, arguments=kept)


def _taking(call: Call, one: Variant) -> Call:
    """The call with only the arguments that a variant takes."""
    names = one.statement.names
    positional = [argument for argument in call.arguments if argument.name is None]
    if not names and one.statement.numbers:
        kept = [positional[index] for index in one.taken if index < len(positional)]
    elif not names:
        kept = []
    else:
        kept = [*positional, *(argument for argument in call.arguments if argument.name in names)]
    return replace(call, arguments=tuple(kept))


def _object(dynamic: Dynamic) -> Argument | None:
    """The one object that names are taken from."""
    positional = [argument for argument in dynamic.call.arguments if argument.name is None]
    one = len(positional) == 1 and not dynamic.template.statement.positional_count
    return positional[0] if one else None


def _choices(dynamic: Dynamic, arguments: Arguments) -> Iterator[_Choice | Finding]:
    call, source = dynamic.call, _object(dynamic)
    named = {argument.name: argument.node for argument in call.arguments}
    for name in dynamic.template.choices:
        node = named.get(name)
        if node is not None:
            kind = arguments.type_of(node, call.scope, call.source)
            yield _Choice(name, call.source.place(node), _short(node), kind)
        elif source is not None:
            kind = arguments.type_of(source.node, call.scope, call.source)
            member = arguments.member(kind, name) if kind is not UNKNOWN else UNKNOWN
            yield _Choice(name, call.source.place(source.node), f"{_short(source.node)}.{name}", member)
        else:
            yield _not_given(dynamic, name)


def _texts(dynamic: Dynamic, choice: _Choice) -> dict[str, dict[str, bool]] | Finding:
    """By the name of a choice, its texts, and of each whether all that gives it is an enum's member."""
    key = f"{{{choice.name}}}"
    annotation = choice.annotation
    if annotation is not UNKNOWN and may_be_omitted(annotation):
        if key not in dynamic.template.omittable:
            return must_not_be_omitted(dynamic.call, key, choice.place, f"{choice.shown} is {show(annotation)}")
        annotation = without_omitted(annotation)
    found: dict[str, bool] = {}
    for value in _values(annotation):
        text = fragment(value)
        if text is None:
            return _no_literal(dynamic, choice)
        found[text] = found.get(text, True) and isinstance(value, Enum)
    return {choice.name: found}


def _values(annotation: Any) -> Iterator[object]:
    """The values that an annotation lists; another object where it allows any that are not listed."""
    hint = read_hint(annotation) if annotation is not UNKNOWN else None
    if hint is None or hint.optional or not hint.members:
        yield annotation
        return
    for member in hint.members:
        if typing.get_origin(member) is typing.Literal:
            yield from typing.get_args(member)
        elif isinstance(member, type) and issubclass(member, Enum) and list(member):
            yield from member
        else:
            yield member


def _refused_text(dynamic: Dynamic, every: list[Variant], texts: Mapping[str, Mapping[str, bool]]) -> Finding | None:
    """The finding for a text that the runtime does not take."""
    for one in every:
        for name, text in one.chosen:
            why = fault(text, fixed=texts[name][text], called=name in one.called)
            if why is not None:
                message = f"{{{name}}} cannot be {text!r}"
                fix = "take it out, or make it a member of a StrEnum"
                return finding("ASY107", _place(dynamic, name), message, because=why, call=dynamic.call.place, fix=fix)
    return None


def _no_literal(dynamic: Dynamic, choice: _Choice) -> Finding:
    unknown = choice.annotation is UNKNOWN
    kind = "is not annotated where it could be seen" if unknown else f"is {show(choice.annotation)}"
    return finding(
        "ASY107",
        choice.place,
        f"{{{choice.name}}} takes one of the strings of a Literal or an enum, {choice.shown} {kind}",
        because="every statement that can run is proven, and their words must be known for that",
        call=dynamic.call.place,
    )


def _not_given(dynamic: Dynamic, name: str) -> Finding:
    if dynamic.call.unpacked:
        message = f"what {{{name}}} can be is unknown, since it is unpacked from something else"
        fix = f"pass {name}=…"
        return finding("ASY107", dynamic.call.place, message, call=dynamic.call.place, fix=fix)
    message = f"the call does not give {{{name}}}"
    return finding("ASY301", _place(dynamic, name), message, call=dynamic.call.place, fix=f"pass {name}=…")


def _too_many(dynamic: Dynamic, texts: Mapping[str, Mapping[str, bool]], limit: int) -> Finding:
    clauses = len(dynamic.template.clauses)
    parts = [counted(clauses, "clause")] if clauses else []
    parts += [f"{counted(len(found), 'text')} for {{{name}}}" for name, found in texts.items()]
    size = "" if limit == MOST else f" of {len(dynamic.sql.text):,} characters each"
    return finding(
        "ASY106",
        dynamic.sql.place(1),
        f"the statement stands for more than {limit:,} statements{size}, too many to prove each",
        because=f"it has {' and '.join(parts)}, in every combination",
        call=dynamic.call.place,
    )


def _in_a_batch(dynamic: Dynamic) -> Finding:
    return finding(
        "ASY108",
        dynamic.sql.place(dynamic.template.holes[0].start + 1),
        f"{dynamic.call.surface.method} has no use for clauses and choices",
        because="it runs one statement for all sets of parameters",
        call=dynamic.call.place,
        fix="write the statement without them",
    )


def _place(dynamic: Dynamic, name: str) -> Place:
    """Where a choice first stands."""
    start = next(hole.start for hole in dynamic.template.holes if hole.key == f"{{{name}}}")
    return dynamic.sql.place(start + 1)


def _short(node: ast.expr) -> str:
    return shortened(ast.unparse(node), 40)
