"""What a server says of an error, whichever driver brought it, and the error of Assay's that it becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from assay.config import DatabaseUrl
from assay.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    DatabaseError,
    Error,
    ResourceError,
    UndefinedDatabase,
    database_error_class,
)
from assay.sql.placeholders import Statement


@dataclass(frozen=True, slots=True)
class Report:
    """The fields of an error message (manual, section "Error and Notice Message Fields")."""

    message: str
    sqlstate: str = ""
    detail: str | None = None
    hint: str | None = None
    constraint: str | None = None
    schema: str | None = None
    table: str | None = None
    column: str | None = None
    position: int | None = None
    """In characters from 1."""
    sent: str | None = None
    """The statement that it is about."""

    @property
    def first_line(self) -> str:
        """The message without what follows on further lines."""
        return self.message.partition("\n")[0]

    def as_written(self, statement: Statement) -> Report:
        """The same with the statement, and the position in it, as the user wrote it."""
        if self.position is None or not statement.edits:
            return self
        position = statement.source_offset(self.position - 1) + 1
        return replace(self, position=position, sent=statement.source)


def line_and_column(statement: str, position: int) -> tuple[int, int]:
    """The line and column, both from 1, of a character of a statement, from 1 (as the server counts them)."""
    before = statement[: max(position - 1, 0)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def refused_statement(report: Report) -> DatabaseError:
    """The error for a statement that the server refused."""
    return database_error_class(report.sqlstate)(
        _text(report),
        sqlstate=report.sqlstate,
        detail=report.detail,
        hint=report.hint,
        constraint=report.constraint,
        schema=report.schema,
        table=report.table,
        column=report.column,
        position=report.position,
        statement=report.sent,
    )


def _text(report: Report) -> str:
    text = report.message
    if report.position is not None and report.sent:
        line, column = line_and_column(report.sent, report.position)
        text += f" (line {line}, column {column})"
    return ". ".join([text, *(part.rstrip(".") for part in (report.detail, report.hint) if part)])


def refused_connection(report: Report, url: DatabaseUrl) -> Error:
    """The error for a connection to ``url`` that the server refused."""
    return _REFUSALS.get(report.sqlstate, _refused)(report, url)


def cannot_connect(url: DatabaseUrl) -> str:
    """How the message of every error of opening begins."""
    return f"Cannot connect to {url.place}"


def _wrong_password(report: Report, url: DatabaseUrl) -> Error:
    what = "did not accept the password" if url.password else "asks for a password, and none was given,"
    return AuthenticationFailed(
        f"{cannot_connect(url)}: the server {what} for user {_user(url)}; correct the user and password in the URL",
        sqlstate=report.sqlstate,
    )


def _not_authorized(report: Report, url: DatabaseUrl) -> Error:
    return AuthenticationFailed(
        f"{cannot_connect(url)}: {report.first_line}; correct the user in the URL, or let that user in on the server",
        sqlstate=report.sqlstate,
    )


def _no_database(report: Report, url: DatabaseUrl) -> Error:
    return UndefinedDatabase(
        f"{cannot_connect(url)}: the server has no such database; create it with: assay db create",
        sqlstate=report.sqlstate,
    )


def _not_now(report: Report, url: DatabaseUrl) -> Error:
    return ConnectionFailed(f"{cannot_connect(url)}: {report.first_line}; try again in a moment")


def _too_many(report: Report, url: DatabaseUrl) -> Error:
    return ResourceError(
        f"{cannot_connect(url)}: {report.first_line}; close connections that are not needed, or raise max_connections",
        sqlstate=report.sqlstate,
    )


def _refused(report: Report, url: DatabaseUrl) -> Error:
    text = f"{cannot_connect(url)}: {report.first_line}"
    if report.sqlstate.startswith("08"):
        return ConnectionFailed(text)
    kind = database_error_class(report.sqlstate)
    return kind(text, sqlstate=report.sqlstate, detail=report.detail, hint=report.hint)


_REFUSALS: dict[str, Callable[[Report, DatabaseUrl], Error]] = {
    "28P01": _wrong_password,
    "28000": _not_authorized,
    "3D000": _no_database,
    "57P03": _not_now,
    "53300": _too_many,
}


def _user(url: DatabaseUrl) -> str:
    return f'"{url.user}"' if url.user else "of the operating system"
