"""Which Python annotations JSON is decoded into, and which are encoded as JSON."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, Union

import msgspec

from assay.pgtypes.hints import Hint, show


def json_misfit(hint: Hint) -> str | None:
    """Why values of json or jsonb cannot be decoded into an annotation, or None; msgspec itself is asked."""
    if not hint.members:
        return "JSON holds more than null"
    annotation: Any = Union[hint.members]  # noqa: UP007 - made from a tuple
    try:
        msgspec.json.Decoder(annotation)
        unknown = next(_unknown_classes(msgspec.inspect.type_info(annotation), set()), None)
    except (TypeError, NameError) as error:
        return f"JSON cannot be decoded into {show(annotation)}: {str(error).partition(chr(10))[0].rstrip('.')}"
    return f"JSON cannot be decoded into {show(unknown)}" if unknown is not None else None


def json_argument_misfit(annotation: Any) -> str | None:
    """Why values of an annotation cannot be encoded as JSON, or None."""
    try:
        unknown = next(_unknown_classes(msgspec.inspect.type_info(annotation), set()), None)
    except (TypeError, NameError):
        return None
    return f"{show(unknown)} cannot be encoded as JSON" if unknown is not None else None


def _unknown_classes(info: Any, seen: set[int]) -> Iterator[Any]:
    """The classes, at any depth, that neither msgspec nor the runtime's hooks for it know."""
    if id(info) in seen:
        return
    seen.add(id(info))
    if isinstance(info, msgspec.inspect.CustomType) and not _has_hook(info.cls):
        yield info.cls
    for name in getattr(info, "__struct_fields__", ()):
        value = getattr(info, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, (msgspec.inspect.Type, msgspec.inspect.Field)):
                yield from _unknown_classes(part, seen)


def _has_hook(kind: Any) -> bool:
    """Pydantic models and addresses, as the runtime decodes and encodes them."""
    return hasattr(kind, "model_validate") or getattr(kind, "__module__", "") == ipaddress.__name__
