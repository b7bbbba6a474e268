"""Errors name parameters, columns and classes, and no values."""

from __future__ import annotations

import pytest

from assay.runtime.redacting import redacted, unfit_argument
from assay.runtime.reports import Report, refused_statement

SERVER = [
    (
        Report("duplicate key", "23505", "Key (email)=(ada@secret.example) already exists."),
        "duplicate key. Key (email) already exists",
    ),
    (
        Report("no reference", "23503", 'Key (a, b)=(1, sec)ret) is not present in table "team".'),
        'no reference. Key (a, b) is not present in table "team"',
    ),
    (Report("null value", "23502", "Failing row contains (1, secret,\n null)."), "null value"),
    (
        Report('new row violates check option for view "v"', "44000", "Failing row contains (secret)."),
        'new row violates check option for view "v"',
    ),
    (
        Report("no partition", "23514", "Partition key of the failing row contains (name) = (secret)."),
        "no partition. Partition key of the failing row contains (name)",
    ),
    (Report('invalid input syntax for type integer: "secret"', "22P02"), "invalid input syntax for type integer"),
    (
        Report("invalid input syntax for type json", "22P02", 'Token "secret" is invalid.'),
        "invalid input syntax for type json",
    ),
    (Report('value "99secret" is out of range for type integer', "22003"), "value is out of range for type integer"),
    (Report('invalid input value for enum mood: "a "b" secret"', "22P02"), "invalid input value for enum mood"),
]


@pytest.mark.parametrize(("report", "told"), SERVER)
def test_values_in_errors_of_the_server_are_left_out(report: Report, told: str) -> None:
    error = refused_statement(redacted(report))
    assert str(error) == told
    assert "sec" not in f"{error.detail}"


KEPT = [
    Report('invalid input syntax for type integer: "abc"', "22P02", position=8, sent="select 'abc'::int"),
    Report('relation "secret" does not exist', "42P01"),
    Report('duplicate key value violates unique constraint "team_pkey"', "23505"),
    Report("division by zero", "22012"),
    Report("said by a function", "P0001", "with (a)=(b)"),
]


@pytest.mark.parametrize("report", KEPT)
def test_what_is_no_value_is_kept(report: Report) -> None:
    assert redacted(report) == report


TELLING = [
    "'str' object cannot be interpreted as an integer",
    "expected str, got int",
    "expected a datetime.date or datetime.datetime instance, got 'str'",
    "value out of int32 range",
    "a sized iterable container expected (got type 'int')",
    "list, tuple or Range object expected (got type int)",
    "a bytes-like object is required, not 'int'",
    "must be real number, not str",
    "can't subtract offset-naive and offset-aware datetimes",
    "'str' object has no attribute 'toordinal'",
    "non-homogeneous array",
    "invalid array element at index 0: expected str, got int",
]


@pytest.mark.parametrize("reason", TELLING)
def test_reason_that_names_types_is_told(reason: str) -> None:
    assert str(unfit_argument("$1", "int4", reason)) == (
        f"invalid input for query argument $1: it does not fit the type int4 ({reason})"
    )


@pytest.mark.parametrize(
    "reason",
    ["invalid UUID 'secret'", "could not convert string to float: 'secret'", "secret", "expected str, got 'a secret'",
     "invalid array element at index 0: 'secret' is wrong", "'secret' does not appear to be an IPv4 or IPv6 address", ""],
)  # fmt: skip
def test_reason_that_may_name_a_value_is_left_out(reason: str) -> None:
    assert str(unfit_argument(":id", None, reason, row=3)) == (
        "invalid input for query argument :id, in row 3: it does not fit its type"
    )


def test_omit_is_told_by_its_name() -> None:
    told = str(unfit_argument("$1", "int4", "'Omitted' object cannot be interpreted as an integer"))
    assert told.endswith("(assay.OMIT cannot be interpreted as an integer)")
