"""The parameters that a call gives, as far as the code shows them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from assay.proof.discover.libraries import Owner
from assay.proof.discover.model import Argument, Wrapper
from assay.proof.discover.surfaces import Surface


@dataclass(frozen=True, slots=True)
class Given:
    """What a call gives for the parameters of its statement."""

    arguments: tuple[Argument, ...] = ()
    unpacked: bool = False
    """Whether there may be more than the code shows."""
    batch: bool = False
    """Whether they are many sets of parameters."""
    present: bool = False
    """Whether there are any at all: without, several drivers leave placeholders alone."""


def argument(node: ast.Call, index: int, keywords: tuple[str, ...]) -> ast.expr | None:
    """The argument of a call at a position, or by one of its names."""
    before = node.args[: index + 1]
    if len(before) == index + 1 and not any(isinstance(part, ast.Starred) for part in before):
        return before[index]
    return next((given.value for given in node.keywords if given.arg in keywords), None)


def given_to(node: ast.Call, surface: Surface) -> Given:
    """What a call of a surface gives, by the way in which its library takes parameters."""
    match surface.passing:
        case "later":
            return Given(unpacked=True, present=True)
        case "packed":
            return _packed(node, surface)
        case "spread":
            return _spread(node, surface)


def _spread(node: ast.Call, surface: Surface) -> Given:
    given = node.args[surface.sql + 1 :]
    positional = [Argument(part) for part in given if not isinstance(part, ast.Starred)]
    keywords = node.keywords if surface.owner is Owner.ASSAY else []
    taken = {*surface.options, *(("sql", "row") if len(node.args) <= surface.sql else ())}
    named = [Argument(k.value, k.arg) for k in keywords if k.arg is not None and k.arg not in taken]
    unpacked = surface.batch or len(positional) < len(given) or any(k.arg is None for k in keywords)
    arguments = (*positional, *named)
    return Given(arguments, unpacked, surface.batch, bool(arguments) or unpacked)


def _packed(node: ast.Call, surface: Surface) -> Given:
    packed = argument(node, surface.sql + 1, surface.params)
    if packed is None:
        starred = any(isinstance(part, ast.Starred) for part in node.args[surface.sql + 1 :])
        return Given(unpacked=True, present=True) if starred else _by_keyword(node, surface)
    if isinstance(packed, ast.Constant) and packed.value is None:
        return Given()
    if surface.batch or (surface.owner is Owner.SQLALCHEMY and isinstance(packed, (ast.List, ast.ListComp))):
        return Given(unpacked=True, batch=True, present=True)
    return _display(packed)


def _by_keyword(node: ast.Call, surface: Surface) -> Given:
    """SQLAlchemy 1 takes each parameter as a keyword argument too."""
    if not surface.options:
        return Given()
    known = {*surface.options, *surface.keywords, *surface.params}
    named = tuple(Argument(k.value, k.arg) for k in node.keywords if k.arg is not None and k.arg not in known)
    unpacked = any(k.arg is None for k in node.keywords)
    return Given(named, unpacked, present=bool(named) or unpacked)


def _display(packed: ast.expr) -> Given:
    """The parts of a tuple, a list, or a dictionary that is written out."""
    match packed:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            arguments = [Argument(part) for part in parts if not isinstance(part, ast.Starred)]
            return Given(tuple(arguments), len(arguments) < len(parts), present=True)
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            arguments = [
                Argument(value, key.value)
                for key, value in pairs
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            ]
            return Given(tuple(arguments), len(arguments) < len(keys), present=True)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            arguments = [Argument(keyword.value, keyword.arg) for keyword in keywords if keyword.arg is not None]
            return Given(tuple(arguments), len(arguments) < len(keywords), present=True)
    return Given(unpacked=True, present=True)


def with_bound(given: Given, wrapper: Wrapper | None) -> Given:
    """What a call gives together with what ``bindparams()`` gave its text before; the call comes first."""
    if wrapper is None or not (wrapper.bound or wrapper.unpacked):
        return given
    names = {part.name for part in given.arguments}
    bound = tuple(part for part in wrapper.bound if part.name not in names)
    arguments = (*given.arguments, *bound)
    return replace(given, arguments=arguments, unpacked=given.unpacked or wrapper.unpacked, present=True)
