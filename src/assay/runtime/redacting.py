"""Errors without values: what was passed to a statement, or stands in a row, may be a secret."""

from __future__ import annotations

import re
from dataclasses import replace

from assay.errors import ParameterError
from assay.runtime.reports import Report

_KEY_VALUES = re.compile(r"\) ?= ?\(.*\)", re.DOTALL)
"""``Key (email)=(somebody@example.org) already exists.``"""
_FAILING_ROW = re.compile(r"Failing row contains .*", re.DOTALL)
_QUOTED = re.compile(r'(?::)? ?"(?:.*)"', re.DOTALL)
"""``invalid input syntax for type integer: "abc"``, ``value "99999999999" is out of range for type integer``."""

_TYPE = r"'?[\w.]+'?"
_TELLING = re.compile(
    "|".join(
        [
            rf"(?:{_TYPE} object|assay\.OMIT) cannot be interpreted as an integer",
            rf"expected [\w.]+(?: or [\w.]+)?, got {_TYPE}",
            rf"expected a datetime\.date or datetime\.datetime instance, got {_TYPE}",
            r"value out of \w+ range|Python int too large to convert to C \w+",
            rf"a (?:boolean|bytes-like object) is required(?: \(got type {_TYPE}\)|, not {_TYPE})",
            rf"must be real number, not {_TYPE}",
            rf"[\w ,]+ expected \(got type {_TYPE}\)",
            r"can't subtract offset-naive and offset-aware datetimes",
            rf"{_TYPE} object has no attribute '\w+'",
            r"non-homogeneous array|too many elements in [\w ]+|[\w ]+ too (?:long|large)",
            r"inconsistent sub-array dimensions[\w ]*|null value not allowed in hstore key",
        ]
    )
)
"""Reasons of drivers and of Python that name types and limits, and no values."""
_ELEMENT = re.compile(r"invalid array element(?: at index \d+)?: ")


def redacted(report: Report) -> Report:
    """The same error of the server without the values in it.

    The names of constraints and columns stay, and so does what is said of a place in the statement's text, since
    that is a constant there.
    """
    detail = report.detail
    if report.sqlstate[:2] in ("23", "44"):
        detail = _FAILING_ROW.sub("", _KEY_VALUES.sub(")", detail or "")) or None
    if report.sqlstate[:2] != "22" or report.position is not None:
        return replace(report, detail=detail)
    return replace(report, message=_QUOTED.sub("", report.message), detail=None)


def unfit_argument(shown: str, kind: str | None, reason: str, row: int | None = None) -> ParameterError:
    """The error for an argument that cannot be sent as its type; ``shown`` is the parameter, ``$1`` or ``:name``."""
    return unfit_value(f"query argument {shown}", kind, reason, row)


def unfit_value(place: str, kind: str | None, reason: str, row: int | None = None) -> ParameterError:
    """The error for a value that cannot be sent as its type.

    Args:
        place: what it is for: ``column "id"``.
        kind: its type's name, if that is known.
        reason: what the driver or Python says; left out unless it is known to name no value.
        row: its row, from 1, where there are many.
    """
    where = f", in row {row}" if row is not None else ""
    what = f"it does not fit the type {kind}" if kind else "it does not fit its type"
    return ParameterError(f"invalid input for {place}{where}: {what}{_because(reason)}")


def _because(reason: str) -> str:
    reason = reason.replace("'Omitted' object", "assay.OMIT")
    bare = _ELEMENT.sub("", reason)
    return f" ({reason})" if _TELLING.fullmatch(bare) else ""
