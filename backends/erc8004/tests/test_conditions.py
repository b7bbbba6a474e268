"""Line 5: what conditions ask, and what is no condition."""

from __future__ import annotations

import operator
from typing import Any
from uuid import UUID

import pytest
from backends.erc8004.conditions import FIELDS, ConditionError, read
from backends.erc8004.models import Condition, Json, State
from backends.erc8004.tests.making import event
from hypothesis import given
from hypothesis import strategies as st

COMPARISONS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def condition(kind: str, field: str, comparison: str, value: str, config: Json | None = None) -> Condition:
    return Condition(1, UUID(int=0), kind, field, comparison, value, config)  # type: ignore[arg-type]  # some are wrong


def holds(field: str, comparison: str, value: str, **fields: Any) -> bool:
    return read(condition("field", field, comparison, value)).asks(event(0, **fields), {})


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.sampled_from(sorted(COMPARISONS)))
def test_line_5_numbers_compare_as_python_compares_them(score: int, value: int, comparison: str) -> None:
    assert holds("score", comparison, str(value), score=score) == COMPARISONS[comparison](score, value)


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_line_5_large_numbers_are_compared_exactly(one: int, other: int) -> None:
    assert holds("agent_id", "=", str(other), agent_id=one) == (one == other)
    assert holds("agent_id", "<", str(other), agent_id=one) == (one < other)


@given(st.text(max_size=5), st.text(max_size=5))
def test_line_5_texts_are_equal_contained_or_listed(tag: str, value: str) -> None:
    assert holds("tag1", "=", value, tag1=tag) == (tag == value)
    assert holds("tag1", "!=", value, tag1=tag) == (tag != value)
    assert holds("tag1", "contains", value, tag1=tag) == (value in tag)


@pytest.mark.parametrize(
    ("field", "comparison", "value", "answers"),
    [
        ("score", ">", "79.5", {80: True, 79: False}),
        ("score", "in", "[1, 2, 80]", {80: True, 3: False}),
        ("score", "=", "8e1", {80: True}),
        ("tag1", "in", '["speed", "price"]', {"speed": True, "quality": False, "Speed": False}),
        ("tag1", "contains", "pee", {"speed": True, "quality": False}),
        ("client_address", "=", "0xABCD", {"0xabcd": True, "0xAbCd": True, "0xabce": False}),
        ("client_address", "!=", "0xABCD", {"0xabcd": False, "0x1": True}),
        ("client_address", "in", '["0xABCD"]', {"0xabcd": True, "0x1": False}),
        ("client_address", "contains", "BC", {"0xabcd": True, "0x1": False}),
    ],
)
def test_line_5_each_operator(field: str, comparison: str, value: str, answers: dict[Any, bool]) -> None:
    assert {found: holds(field, comparison, value, **{field: found}) for found in answers} == answers


@pytest.mark.parametrize("comparison", ["=", "!=", "<", ">=", "in"])
def test_a_field_that_the_event_does_not_have_satisfies_nothing(comparison: str) -> None:
    value = "[7]" if comparison == "in" else "7"
    assert not holds("score", comparison, value, score=None)


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_field_can_be_asked_about(field: str) -> None:
    value = 7 if FIELDS[field] == "number" else "7"
    assert holds(field, "=", "7", **{field: value})
    assert not holds(field, "=", "8", **{field: value})


@pytest.mark.parametrize(
    ("kind", "field", "comparison", "value", "config", "what"),
    [
        ("field", "id", "=", "1", None, "no field 'id'"),
        ("field", "__class__", "=", "1", None, "no field"),
        ("field", "score", "contains", "1", None, "contains cannot be asked of score; it takes !=, <"),
        ("field", "tag1", "<", "a", None, "< cannot be asked of tag1"),
        ("field", "score", "=", "much", None, "'much' is not a number"),
        ("field", "score", "=", "nan", None, "is not a number"),
        ("field", "score", "=", "inf", None, "is not a number"),
        ("field", "score", "<", "1e999999", None, "is not a number"),
        ("field", "score", "in", "1, 2", None, "takes a list in JSON"),
        ("field", "score", "in", '["x"]', None, "'x' is not a number"),
        ("field", "tag1", "in", '{"a": 1}', None, "takes a list in JSON"),
        ("ema", "tag1", ">", "1", {"alpha": 0.5}, "tag1 has no average"),
        ("ema", "score", "in", "[1]", {"alpha": 0.5}, "cannot be asked of a number that is remembered"),
        ("ema", "score", ">", "1", None, "takes the config"),
        ("ema", "score", ">", "1", {"alpha": 0}, "takes the config"),
        ("ema", "score", ">", "1", {"alpha": 1.5}, "takes the config"),
        ("ema", "score", ">", "1", {"alpha": True}, "takes the config"),
        ("ema", "score", ">", "1", {"alpha": 0.5, "beta": 1}, "takes the config"),
        ("count", "score", ">", "1", None, "a count takes the field 'events'"),
        ("count", "events", ">", "1", {"window_seconds": 0}, "takes no config, or"),
        ("count", "events", ">", "1", {"window": 5}, "takes no config, or"),
        ("count", "events", "contains", "1", None, "cannot be asked of a number"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(
    kind: str, field: str, comparison: str, value: str, config: Json | None, what: str
) -> None:
    with pytest.raises(ConditionError, match=what):
        read(condition(kind, field, comparison, value, config))


@given(st.lists(st.integers(0, 100), min_size=1, max_size=40), st.floats(0.01, 1))
def test_line_5_the_average_stays_within_what_went_into_it(scores: list[int], alpha: float) -> None:
    asked = read(condition("ema", "score", ">", "1000", {"alpha": alpha}))
    state: State = {}
    for score in scores:
        assert not asked.asks(event(1, score=score), state)
    assert state["1"].ema is not None
    assert min(scores) - 1e-9 <= state["1"].ema <= max(scores) + 1e-9
    assert state["1"].seen == len(scores)


def test_line_5_the_average_is_exponential() -> None:
    asked = read(condition("ema", "score", "<", "60", {"alpha": 0.5}))
    state: State = {}
    assert [asked.asks(event(1, score=score), state) for score in (80, 40, 50)] == [False, False, True]
    assert state["1"].ema == 55


def test_an_event_without_the_value_leaves_the_average_alone() -> None:
    asked = read(condition("ema", "score", ">", "10", {"alpha": 0.5}))
    state: State = {}
    asked.asks(event(1, score=80), state)
    assert not asked.asks(event(1, score=None), state)
    assert state["1"].seen == 1


def test_line_5_a_count_begins_anew_with_each_window_of_block_time() -> None:
    asked = read(condition("count", "events", ">=", "3", {"window_seconds": 60}))
    state: State = {}
    times = [0, 10, 59, 60, 70, 200, 201, 202]
    answers = [asked.asks(event(0, timestamp=1_700_000_000 + after), state) for after in times]
    assert answers == [False, False, True, False, False, False, False, True]


def test_line_5_a_count_without_a_window_goes_on() -> None:
    asked = read(condition("count", "events", "=", "3"))
    state: State = {}
    answers = [asked.asks(event(0, timestamp=1_700_000_000 + 10**6 * n), state) for n in range(4)]
    assert answers == [False, False, True, False]
