"""Values between the driver's form and the class of the field they belong to."""

from __future__ import annotations

import ipaddress
import math
import typing
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeAlias

import asyncpg
import msgspec

from assay.errors import RowClassError
from assay.pgtypes.hints import class_of, read_hint, show

Converter: TypeAlias = Callable[[Any], Any]

_JSON = frozenset({"json", "jsonb"})
_JSON_ARRAYS = frozenset({"json[]", "jsonb[]"})


def converter(annotation: Any, column: asyncpg.Type) -> Converter | None:
    """What turns the driver's value, never None, into the field's; None where it is that already.

    JSON is decoded into the annotation's class; ``str`` keeps the JSON text itself. Members of an enum class are
    found by their values. A list is converted by its elements. Raises RowClassError for an annotation that JSON
    cannot be decoded into.
    """
    if _is_json(column, _JSON):
        return _json_converter(annotation)
    if _is_json(column, _JSON_ARRAYS):
        return _each(_json_converter(_element(annotation)))
    return _value_converter(annotation)


def encoder(parameter: asyncpg.Type) -> Converter | None:
    """What turns an argument, never None, into the form that the driver takes; None where it is that already.

    For JSON a string is taken for the JSON text itself, everything else is encoded. An element of an array of JSON is
    one value: a list in such an array is a JSON array, not one more dimension. For a type of the user's own, which may
    be an enum or hold one, members of enum classes become their values.
    """
    if _is_json(parameter, _JSON):
        return _to_json
    if parameter.schema != "pg_catalog":
        return _value_of if parameter.kind == "scalar" else _values_in
    return _to_json_array if _is_json(parameter, _JSON_ARRAYS) else None


def _is_json(kind: asyncpg.Type, names: frozenset[str]) -> bool:
    # The driver gives a domain the name and schema of its base.
    return kind.name in names and kind.schema == "pg_catalog"


def _json_converter(annotation: Any) -> Converter | None:
    if read_hint(annotation).members == (str,):
        return None
    try:
        return msgspec.json.Decoder(annotation, dec_hook=_from_builtins).decode
    except TypeError as error:
        raise RowClassError(f"JSON cannot be decoded into {show(annotation)}: {error}") from None


def _from_builtins(kind: Any, value: Any) -> Any:
    """For msgspec, what it does not know itself: pydantic models and addresses."""
    if hasattr(kind, "model_validate"):
        return _validated(kind, value)
    if isinstance(kind, type) and kind.__module__ == ipaddress.__name__:
        return kind(value)
    raise NotImplementedError(f"JSON cannot be decoded into {show(kind)}")


def _validated(model: Any, value: Any) -> Any:
    try:
        return model.model_validate(value)
    except ValueError as error:
        if not hasattr(error, "errors"):
            raise
        raise ValueError("{1} in {0}".format(*first_invalid(error))) from None


def first_invalid(error: Any) -> tuple[str, str]:
    """Where and what pydantic found first; the value, which may be a secret, is left out."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ".".join(map(str, first["loc"])), first["msg"]


def _to_builtins(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if type(value).__module__ == ipaddress.__name__:
        return str(value)
    raise NotImplementedError(f"a {type(value).__name__} cannot be encoded as JSON")


def _to_json(value: Any) -> str:
    if isinstance(value, str):
        return value
    encoded = msgspec.json.encode(value, enc_hook=_to_builtins)
    # A float that is not finite would be written as null, and be lost.
    if b"null" in encoded and _is_endless(msgspec.to_builtins(value, enc_hook=_to_builtins)):
        raise ValueError("it has a float that is infinite or no number, which JSON cannot write")
    return encoded.decode()


def _is_endless(value: Any) -> bool:
    """Whether a float that is not finite is in there."""
    match value:
        case float():
            return not math.isfinite(value)
        case dict():
            return any(map(_is_endless, value.values()))
        case list() | tuple():
            return any(map(_is_endless, value))
        case _:
            return False


def _to_json_array(values: Any) -> list[str | None]:
    return [None if value is None else _to_json(value) for value in values]


def _value_of(value: Any) -> Any:
    return value.value if isinstance(value, Enum) and not isinstance(value, str) else value


def _values_in(value: Any) -> Any:
    """Arrays, composites and ranges with values for the members of enum classes in them."""
    match value:
        case asyncpg.Record():
            return value
        case list() | tuple() | set() | frozenset():
            return [*map(_values_in, value)] if isinstance(value, list) else tuple(map(_values_in, value))
        case dict():
            return {name: _values_in(part) for name, part in value.items()}
        case asyncpg.Range(isempty=False):
            ends = _value_of(value.lower), _value_of(value.upper)
            return asyncpg.Range(*ends, lower_inc=value.lower_inc, upper_inc=value.upper_inc)
        case _:
            return _value_of(value)


def _value_converter(annotation: Any) -> Converter | None:
    members = read_hint(annotation).members
    enums = [member for member in members if isinstance(member, type) and issubclass(member, Enum)]
    if enums:
        return _enum_converter(enums, exact=len(enums) == len(members))
    if _is_list(annotation):
        element = _element(annotation)
        convert = _value_converter(element)
        return convert if _is_list(element) else _each(convert)
    return None


def _is_list(annotation: Any) -> bool:
    return any(class_of(member) is list for member in read_hint(annotation).members)


def _enum_converter(enums: list[type[Enum]], *, exact: bool) -> Converter:
    """Members by their values; unless ``exact``, what is no member's value stays as it is."""
    table = {member.value: member for kind in enums for member in kind}
    return table.__getitem__ if exact else lambda value: table.get(value, value)


def _element(annotation: Any) -> Any:
    """What a list holds by its annotation; Any where that is not said."""
    for member in read_hint(annotation).members:
        arguments = typing.get_args(member)
        if arguments and class_of(member) not in (None, dict):
            return arguments[0]
    return Any


def _each(convert: Converter | None) -> Converter | None:
    """A converter for lists, of any number of dimensions, of what ``convert`` takes."""
    if convert is None:
        return None

    def convert_list(values: Any) -> Any:
        return [
            None if value is None else convert_list(value) if type(value) is list else convert(value)
            for value in values
        ]

    return convert_list
