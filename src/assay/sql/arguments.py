"""The arguments of a call put in the order of a statement's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from operator import attrgetter
from typing import Any

from assay.errors import ParameterError
from assay.sql.omit import OMIT
from assay.sql.placeholders import Statement
from assay.sql.templates import Template
from assay.wording import shortened

_ROW_MARKS = ("__dataclass_fields__", "__struct_fields__", "__attrs_attrs__", "_fields", "__pydantic_fields__")
"""What marks a class with named fields: dataclass, msgspec.Struct, attrs, NamedTuple, pydantic."""


def arrange(statement: Statement, args: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values for ``$1``, ``$2``, ... of a statement.

    Args:
        statement: what takes them.
        args: the values by position; or, for ``:name`` placeholders, one row object or mapping to take them from.
        named: the values by name.

    Raises ParameterError when something is missing or left over.
    """
    if not statement.names:
        return _by_position(statement, args, named)
    if args:
        return _from_object(statement, args, named)
    return _by_name(statement, named)


def arrange_template(template: Template, args: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values for the keys of a template, in their order; what is put for a choice is not looked at.

    Choices come by name, as keyword arguments or from the object that ``:name`` placeholders are taken from.

    Raises ParameterError when something is missing or left over, and for OMIT where nothing can be left out.
    """
    statement, choices = template.statement, template.choices
    lacking = [name for name in choices if name not in named]
    from_object = bool(lacking) and len(args) == 1 and not statement.positional_count
    if lacking and not from_object:
        raise ParameterError(f"{{{lacking[0]}}} has no text; pass {lacking[0]}=...{_shown(statement)}")
    found = dict(zip(lacking, _fields(args[0], tuple(lacking)), strict=True)) if from_object else {}
    chosen = [found[name] if name in found else named[name] for name in choices]
    rest = {name: value for name, value in named.items() if name not in choices}
    values = (*arrange(statement, () if from_object and not statement.names else args, rest), *chosen)
    for key, value in zip(template.keys, values, strict=True):
        if value is OMIT and key not in template.omittable:
            raise ParameterError(f"{key} is OMIT, and stands outside of [[ ]]; give it a value{_shown(statement)}")
    return values


def _by_position(statement: Statement, args: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    count = statement.positional_count
    if named:
        name = next(iter(named))
        raise ParameterError(f"The statement has no placeholder :{name}{_slice_hint(statement, name)}")
    if len(args) != count:
        raise ParameterError(f"The statement takes {_counted(count)}, {len(args)} given{_shown(statement)}")
    return args


def _by_name(statement: Statement, named: Mapping[str, Any]) -> tuple[Any, ...]:
    try:
        values = tuple([named[name] for name in statement.names])
    except KeyError as error:
        name = error.args[0]
        raise ParameterError(f"The placeholder :{name} has no value; pass {name}=...{_shown(statement)}") from None
    if len(values) != len(named):
        raise _unknown(statement, next(name for name in named if name not in statement.names))
    return values


def _from_object(statement: Statement, args: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    if named or len(args) != 1:
        raise ParameterError(
            f"The statement takes {_names(statement)} by name: as keyword arguments, "
            "or all of them from the fields of one object, not both"
        )
    return _fields(args[0], statement.names)


def _fields(source: object, names: tuple[str, ...]) -> tuple[Any, ...]:
    """The values of an object's fields, or under a mapping's keys."""
    if isinstance(source, Mapping):
        missing = next((name for name in names if name not in source), None)
        if missing is not None:
            raise ParameterError(f"The mapping has no key {missing!r}, which the placeholder :{missing} takes")
        return tuple([source[name] for name in names])
    kind: Any = type(source)
    return _getter(names, kind)(source)


@lru_cache(maxsize=1024)
def _getter(names: tuple[str, ...], kind: type) -> Callable[[Any], tuple[Any, ...]]:
    if not any(hasattr(kind, mark) for mark in _ROW_MARKS):
        raise ParameterError(
            f"The statement takes :{', :'.join(names)} by name: pass {names[0]}=..., "
            f"or an object with such fields; {kind.__name__} has none"
        )
    get = attrgetter(*names)
    return _checked(names, get if len(names) > 1 else lambda source: (get(source),))


def _checked(names: tuple[str, ...], get: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
    def values(source: Any) -> tuple[Any, ...]:
        try:
            return get(source)
        except AttributeError:
            name = next(name for name in names if not hasattr(source, name))
            raise ParameterError(
                f"{type(source).__name__} has no field {name!r}, which the placeholder :{name} takes"
            ) from None

    return values


def _unknown(statement: Statement, name: str) -> ParameterError:
    close = get_close_matches(name, statement.names, n=1)
    hint = f"; did you mean {close[0]}=...?" if close else _slice_hint(statement, name)
    return ParameterError(f"The statement has no placeholder :{name}, only {_names(statement)}{hint}")


def _slice_hint(statement: Statement, name: str) -> str:
    if f"[:{name}" not in statement.source.replace(" ", ""):
        return ""
    return f"; [:{name}] is a slice up to the column {name}, write [(:{name})] for the placeholder"


def _names(statement: Statement) -> str:
    return ", ".join(f":{name}" for name in statement.names)


def _counted(count: int) -> str:
    match count:
        case 0:
            return "no parameters"
        case 1:
            return "1 parameter ($1)"
        case _:
            return f"{count} parameters ($1 to ${count})"


def _shown(statement: Statement) -> str:
    """The beginning of the statement, so that the message says which one it is."""
    return f", in: {shortened(statement.source)}"
