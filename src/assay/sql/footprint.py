"""What a statement leaves behind in the session that ran it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from assay.sql.lexer import BLANK, Kind, Token, tokenize


class Footprint(IntEnum):
    """What has to be done before somebody else uses the session; the greater includes the lesser."""

    NONE = 0
    """Nothing stays, once its transaction is over."""
    STATE = 1
    """Settings, listeners, locks or temporary objects may stay: reset them."""
    LASTING = 2
    """It changed what a reset does not undo, or what the driver relies on: end the session."""


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_PASSING = _words(
    "select insert update delete merge values table with begin start commit end rollback abort savepoint release",
    "explain show fetch move close copy lock truncate analyze vacuum notify",
)
"""The first words of statements that leave nothing by themselves."""
_LASTING = _words("prepare deallocate discard load")
_STATEFUL_FUNCTIONS = _words(
    "set_config setseed set_limit pg_advisory_lock pg_advisory_lock_shared pg_try_advisory_lock",
    "pg_try_advisory_lock_shared dblink_connect dblink_connect_u pg_replication_origin_session_setup",
)
_WITHIN_TRANSACTION = _words("local transaction constraints")
_TEMPORARY = _words("temp temporary local global pg_temp")


def footprint(sql: str) -> Footprint:
    """Judge a statement, or several with semicolons between them, by its words.

    What is not known to leave nothing counts as leaving state. What functions do behind the statement's back cannot
    be seen here, nor what DO blocks and procedures prepare.
    """
    words = [(token, _folded(sql, token)) for token in tokenize(sql) if token.kind not in BLANK]
    texts = [word for _, word in words]
    found = [_by_first_words(texts[start:]) for start in _starts(texts)]
    if any(_is_stateful_call(texts, index) for index, (token, _) in enumerate(words) if _is_name(token)):
        found.append(Footprint.STATE)
    return max(found, default=Footprint.NONE)


def needs_own_session(sql: str) -> str | None:
    """What in a statement, or in several, works only in a session that its sender keeps; None when nothing does.

    A word of :data:`LASTING_STATE`, ``"session advisory lock"``, or the name of a function.
    """
    words = [(token, _folded(sql, token)) for token in tokenize(sql) if token.kind not in BLANK]
    texts = [word for _, word in words]
    for start in _starts(texts):
        statement = texts[start:]
        end = statement.index(";") if ";" in statement else len(statement)
        found = _kept_by(statement[:end])
        if found is not None:
            return found
    calls = (text for index, (token, text) in enumerate(words) if _is_name(token) and _is_stateful_call(texts, index))
    return next((_LOCK if text.startswith(("pg_advisory", "pg_try")) else text for text in calls), None)


LASTING_STATE = _words("set reset listen unlisten prepare deallocate discard load", "declare create into")
"""What :func:`needs_own_session` names by the first word of the statement, or by INTO."""
_LOCK = "session advisory lock"


def _kept_by(texts: list[str]) -> str | None:
    """The word by which a single statement leaves something behind after its transaction."""
    first, second = (*texts[:2], "", "")[:2]
    match first:
        case "set":
            keeps = second not in _WITHIN_TRANSACTION
        case "prepare":
            keeps = second != "transaction"
        case "declare":
            keeps = "hold" in texts and texts[texts.index("hold") - 1] == "with"
        case "create":
            keeps = bool(_TEMPORARY & {*texts[1:4]}) and "drop" not in texts  # as in ON COMMIT DROP
        case _:
            keeps = first in LASTING_STATE
    return first if keeps else None


def _folded(sql: str, token: Token) -> str:
    text = sql[token.start : token.end]
    if token.kind is Kind.QUOTED:
        return text.strip('"')
    return text.lower() if token.kind is Kind.WORD else text


def _is_name(token: Token) -> bool:
    return token.kind in (Kind.WORD, Kind.QUOTED)


def _starts(texts: list[str]) -> Iterator[int]:
    """Where statements start, past opening parentheses."""
    fresh = True
    for index, text in enumerate(texts):
        if fresh and text not in (";", "("):
            yield index
            fresh = False
        fresh = fresh or text == ";"


def _by_first_words(texts: list[str]) -> Footprint:
    first, second = (*texts[:2], "", "")[:2]
    if first in _LASTING:
        return Footprint.LASTING
    if first in _PASSING or (first == "set" and second in _WITHIN_TRANSACTION):
        return Footprint.NONE
    if first == "declare" and "hold" not in texts:
        return Footprint.NONE
    return Footprint.STATE


def _is_stateful_call(texts: list[str], index: int) -> bool:
    following = texts[index + 1] if index + 1 < len(texts) else ""
    if texts[index] == "into" and following in _TEMPORARY:
        return True
    if texts[index] not in _STATEFUL_FUNCTIONS or following != "(":
        return False
    return texts[index] != "set_config" or _arguments(texts, index + 2)[2:] != [["true"]]


def _arguments(texts: list[str], start: int) -> list[list[str]]:
    """The words of each argument of a call, from behind its opening parenthesis."""
    arguments: list[list[str]] = [[]]
    depth = 1
    for text in texts[start:]:
        depth += (text in ("(", "[")) - (text in (")", "]"))
        if depth == 0:
            break
        if text == "," and depth == 1:
            arguments.append([])
        else:
            arguments[-1].append(text)
    return arguments
