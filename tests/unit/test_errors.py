"""The tree of errors is what its module says it is."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from assay import errors
from assay.errors import DatabaseError, Error, database_error_class

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Error)]
LINE = re.compile(r"^ {4}(?P<stems>[│ ]*(?:[├└]── )?)(?P<name>[A-Z]\w+)(?: {2,}(?P<text>.+))?$", re.MULTILINE)


def documented() -> list[tuple[str, str | None, str | None]]:
    """Each class of the docstring's tree: its name, its parent's, and what is said of its SQLSTATEs."""
    branches: list[str] = []
    found: list[tuple[str, str | None, str | None]] = []
    for match in LINE.finditer(inspect.cleandoc(errors.__doc__ or "").replace("\n", "\n")):
        depth = len(match["stems"]) // 4
        branches[depth:] = [match["name"]]
        found.append((match["name"], branches[depth - 1] if depth else None, match["text"]))
    return found


def parent(kind: type[Error]) -> str | None:
    return kind.__base__.__name__ if kind is not Error and kind.__base__ else None


def test_docstring_shows_every_class_under_its_parent() -> None:
    assert {(name, above) for name, above, _ in documented()} == {(kind.__name__, parent(kind)) for kind in CLASSES}
    assert len(documented()) == len(CLASSES)


def test_docstring_shows_the_codes_of_each_class() -> None:
    for name, _, text in documented():
        kind = getattr(errors, name)
        if not issubclass(kind, DatabaseError) or kind is DatabaseError:
            continue
        codes = re.findall(r"\b(?=\w*\d)[0-9A-Z]{2}(?:[0-9A-Z]{3})?\b", text or "")
        assert tuple(codes) == kind.codes, name


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_has_a_sentence_that_is_its_default_message(kind: type[Error]) -> None:
    assert kind.__doc__
    assert str(kind()) == kind().message == kind.__doc__.partition("\n")[0]
    assert str(kind("It broke")) == "It broke"


@pytest.mark.parametrize(
    ("sqlstate", "name"),
    [
        ("23505", "UniqueViolation"),
        ("23001", "IntegrityError"),
        ("40001", "SerializationFailure"),
        ("40P01", "DeadlockDetected"),
        ("25006", "ReadOnlyTransaction"),
        ("25P02", "TransactionError"),
        ("42501", "InsufficientPrivilege"),
        ("42P01", "StatementError"),
        ("3D000", "UndefinedDatabase"),
        ("3F000", "DatabaseError"),
        ("57014", "QueryCanceled"),
        ("57P01", "OperatorIntervention"),
        ("54001", "ResourceError"),
        ("28P01", "AuthenticationFailed"),
        ("22012", "DataError"),
        ("", "DatabaseError"),
        ("XX000", "DatabaseError"),
    ],
)
def test_sqlstate_finds_the_class(sqlstate: str, name: str) -> None:
    assert database_error_class(sqlstate).__name__ == name


def test_no_code_belongs_to_two_classes() -> None:
    codes = [code for kind in CLASSES if issubclass(kind, DatabaseError) for code in vars(kind).get("codes", ())]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"]
)
def test_error_survives_copying_and_pickling(kind: type[Error], duplicate: object) -> None:
    error = kind("It broke")
    if isinstance(error, DatabaseError):
        error = type(error)(
            "It broke", sqlstate="23505", detail="d", hint="h", constraint="c", schema="s", table="t", column="n",
            position=3, statement="select",
        )  # fmt: skip
    twin = duplicate(error)  # type: ignore[operator]  # it is one of two functions
    assert type(twin) is kind
    assert (str(twin), vars(twin)) == (str(error), vars(error))
