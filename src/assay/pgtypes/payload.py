"""Which Python annotations a JSON column decodes into."""

from __future__ import annotations

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
    except (TypeError, NameError) as error:
        return f"JSON cannot be decoded into {show(annotation)}: {str(error).partition(chr(10))[0].rstrip('.')}"
    return None
