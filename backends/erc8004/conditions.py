"""Conditions of triggers: read once, then asked of each event.

A condition that names a field which the event does not have does not hold, whatever its operator: as in SQL, nothing
is equal to NULL, and nothing differs from it. Addresses and hashes are compared without regard to case.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any, Literal, TypeAlias, TypeGuard

import msgspec

import assay

from .models import Condition, ConditionType, Json, Memory, NewEvent, State

Kind: TypeAlias = Literal["number", "text", "hex"]
Operand: TypeAlias = Decimal | str | frozenset[Decimal | str]
Asks: TypeAlias = Callable[[NewEvent, State], bool]

FIELDS: dict[str, Kind] = {
    "agent_id": "number",
    "block_number": "number",
    "feedback_index": "number",
    "log_index": "number",
    "response": "number",
    "score": "number",
    "timestamp": "number",
    "event_type": "text",
    "file_uri": "text",
    "metadata_key": "text",
    "metadata_value": "text",
    "response_uri": "text",
    "tag": "text",
    "tag1": "text",
    "tag2": "text",
    "token_uri": "text",
    "block_hash": "hex",
    "client_address": "hex",
    "file_hash": "hex",
    "owner": "hex",
    "request_hash": "hex",
    "response_hash": "hex",
    "transaction_hash": "hex",
    "validator_address": "hex",
}
"""What conditions can ask about."""

COUNTED = "events"
"""The field of a condition that counts: it is about events as such."""

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MEMBERSHIP: dict[str, Callable[[Any, Any], bool]] = {
    "in": lambda value, wanted: value in wanted,
    "contains": lambda value, wanted: wanted in value,
}
_OPERATORS: dict[Kind, frozenset[str]] = {
    "number": frozenset({*_COMPARISONS, "in"}),
    "text": frozenset({"=", "!=", "in", "contains"}),
    "hex": frozenset({"=", "!=", "in", "contains"}),
}


class ConditionError(assay.Error):
    """A condition that cannot be asked; the message says why, and what it takes."""


@dataclass(frozen=True, slots=True)
class Question:
    """A condition that was read."""

    asks: Asks
    stateful: bool
    """Whether it remembers; such questions are asked only of events for which all others hold."""


def read(condition: Condition) -> Question:
    """Make a condition ready to be asked. Raises ConditionError."""
    key = str(condition.id)
    config = condition.config or {}
    match condition.condition_type:
        case "field":
            return Question(_field(condition.field, condition.operator, condition.value), stateful=False)
        case "ema":
            return Question(_ema(key, condition.field, condition.operator, condition.value, config), stateful=True)
        case "count":
            return Question(_count(key, condition.field, condition.operator, condition.value, config), stateful=True)


def is_stateful(kinds: Iterable[ConditionType]) -> bool:
    """Whether a trigger with conditions of these types has to remember."""
    return any(kind != "field" for kind in kinds)


# --- fields


def _field(field: str, comparison: str, value: str) -> Asks:
    kind = _kind(field)
    if comparison not in _OPERATORS[kind]:
        raise ConditionError(f"{comparison} cannot be asked of {field}; it takes {_listed(_OPERATORS[kind])}")
    wanted: Operand = _members(kind, value) if comparison == "in" else _scalar(kind, value)
    compare = _COMPARISONS.get(comparison) or _MEMBERSHIP[comparison]
    get = attrgetter(field)
    fold = kind == "hex"

    def asks(event: NewEvent, _: State) -> bool:
        found = get(event)
        if found is None:
            return False
        return compare(found.lower() if fold else found, wanted)

    return asks


def _kind(field: str) -> Kind:
    try:
        return FIELDS[field]
    except KeyError:
        raise ConditionError(f"events have no field {field[:80]!r} to ask about; it takes {_listed(FIELDS)}") from None


def _scalar(kind: Kind, value: str) -> Decimal | str:
    match kind:
        case "number":
            return _number(value)
        case "hex":
            return value.lower()
        case "text":
            return value


def _members(kind: Kind, value: str) -> frozenset[Decimal | str]:
    """The members of a list, which is written in JSON."""
    try:
        members = msgspec.json.decode(value, type=list[int | float | str])
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise ConditionError('in takes a list in JSON, such as ["0xab", "0xcd"] or [1, 2]') from None
    return frozenset(_scalar(kind, str(member)) for member in members)


def _number(value: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    # An exponent of a few digits would make comparisons with integers take forever.
    if not number.is_finite() or abs(number.adjusted()) > 40:
        raise ConditionError(f"{value[:80]!r} is not a number to compare with")
    return number


# --- what remembers


def _ema(key: str, field: str, comparison: str, value: str, config: Json) -> Asks:
    """The exponential moving average of a field: each event's value counts alpha, what was before the rest."""
    if _kind(field) != "number":
        raise ConditionError(f"{field} has no average; take a number, such as score")
    compare, wanted = _comparison(comparison), float(_number(value))
    alpha = config.get("alpha")
    if not _is_number(alpha) or not 0 < alpha <= 1 or set(config) != {"alpha"}:
        raise ConditionError('an average takes the config {"alpha": a}, with a above 0 and at most 1')
    get = attrgetter(field)

    def asks(event: NewEvent, state: State) -> bool:
        found = get(event)
        if found is None:
            return False
        memory = state.setdefault(key, Memory())
        memory.ema = float(found) if memory.ema is None else alpha * found + (1 - alpha) * memory.ema
        memory.seen += 1
        return compare(memory.ema, wanted)

    return asks


def _count(key: str, field: str, comparison: str, value: str, config: Json) -> Asks:
    """How many events there were, in all or since a window of block time began with the first of them."""
    if field != COUNTED:
        raise ConditionError(f"a count takes the field {COUNTED!r}")
    compare, wanted = _comparison(comparison), _number(value)
    window = config.get("window_seconds")
    if set(config) - {"window_seconds"} or (window is not None and not (_is_number(window) and 0 < window < 2**40)):
        raise ConditionError('a count takes no config, or {"window_seconds": n}, with n above 0')

    def asks(event: NewEvent, state: State) -> bool:
        memory = state.setdefault(key, Memory())
        if memory.since is None or (window is not None and event.timestamp >= memory.since + window):
            memory.since, memory.seen = event.timestamp, 0
        memory.seen += 1
        return compare(memory.seen, wanted)

    return asks


def _comparison(comparison: str) -> Callable[[Any, Any], bool]:
    try:
        return _COMPARISONS[comparison]
    except KeyError:
        raise ConditionError(f"{comparison} cannot be asked of a number that is remembered") from None


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
