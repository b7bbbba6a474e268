"""Which calls take SQL, and what each is given.

A call counts when its object is known to be a library's. When that is not known, it counts if the code around speaks
for it: the file imports a library, or another file of the project does, and the arguments are what its method takes.
What counts and has no constant statement is reported; what does not count is left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from assay.proof.discover.fold import Folder
from assay.proof.discover.given import argument, given_to, with_bound
from assay.proof.discover.libraries import LIBRARIES, OTHER_LIBRARIES, PACKAGES, Library, Owner
from assay.proof.discover.model import Call, Form, Sql
from assay.proof.discover.receivers import Receivers
from assay.proof.discover.resolve import Project
from assay.proof.discover.scopes import Scope
from assay.proof.discover.source import Source
from assay.proof.discover.statements import split, style_of
from assay.proof.discover.surfaces import DRIVER_SQL, METHODS, Surface
from assay.proof.discover.tables import inserting_into
from assay.proof.discover.wording import holds_statement, is_named_like_a_database, is_statement, is_written_for

_METHOD = re.compile(rf"\.\s*(?:{'|'.join(METHODS)})\b")
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+(\w+)", re.MULTILINE)


class CallFinder:
    """Finds the calls of one project's files that count."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.folder = Folder(project)
        self.receivers = Receivers(project)
        self._everywhere: tuple[Library, ...] | None = None

    def find(self, source: Source) -> Iterator[Call]:
        """The calls of a file, in the order of the code."""
        if _METHOD.search(source.text) is None:
            return
        likely = self._likely(source)
        for node, scope in sorted(source.found.calls, key=lambda found: (found[0].lineno, found[0].col_offset)):
            yield from self._calls(node, scope, source, likely)

    def _likely(self, source: Source) -> tuple[Library, ...]:
        """The libraries that an object may be of whose kind is not known, the likeliest first."""
        imported = source.found.packages
        found = _libraries(imported)
        if LIBRARIES[Owner.ASSAY] in found or not imported & OTHER_LIBRARIES:
            return found or self._of_project()
        return ()

    def _of_project(self) -> tuple[Library, ...]:
        """The libraries that any file of the project imports; where there are none, and no others, any may be meant."""
        if self._everywhere is None:
            sources = (self.project.read(path) for path in self.project.files)
            imported = {name for part in sources if isinstance(part, Source) for name in _IMPORT.findall(part.text)}
            unknown = () if imported & OTHER_LIBRARIES else tuple(LIBRARIES[owner] for owner in _UNNAMED)
            self._everywhere = _libraries(imported) or unknown
        return self._everywhere

    def _calls(self, node: ast.Call, scope: Scope, source: Source, likely: tuple[Library, ...]) -> Iterator[Call]:
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 - the survey collects no other calls
        surfaces = METHODS[node.func.attr]
        if all(_statement_of(node, surface) is None for surface in surfaces.values()):
            return
        owner = self.receivers.owner(node.func.value, scope, source)
        if owner is Owner.UNKNOWN:
            possible = [surfaces[library.owner] for library in likely if library.owner in surfaces]
            yield from self._of_unknown(node, scope, source, possible)
        elif owner in surfaces:
            yield from self._of_known(node, scope, source, surfaces[owner])

    def _of_known(self, node: ast.Call, scope: Scope, source: Source, surface: Surface) -> Iterator[Call]:
        statement = _statement_of(node, surface)
        if statement is not None:
            forms = self.folder.forms(statement, source, scope)
            yield from _found(surface, node, scope, source, [f for f in forms if _is_sql(surface, f, statement)])

    def _of_unknown(self, node: ast.Call, scope: Scope, source: Source, possible: list[Surface]) -> Iterator[Call]:
        """The calls of an object of unknown kind: of the first library whose method the arguments fit."""
        for surface in possible:
            statement = _statement_of(node, surface)
            if statement is None or not _fits(surface, node):
                continue
            forms = self.folder.forms(statement, source, scope)
            if not _takes_wrapped(surface, forms):
                continue
            forms = tuple(form for form in forms if form.wrapper is not None or not _takes_objects(surface))
            if _speaks_for_itself(surface, node, statement, forms, source):
                yield from _found(surface, node, scope, source, forms)
                return


_UNNAMED = (Owner.ASSAY, Owner.ASYNCPG, Owner.PSYCOPG2)


def _libraries(packages: Collection[str]) -> tuple[Library, ...]:
    found = {PACKAGES[package].owner for package in packages if package in PACKAGES}
    return tuple(library for owner, library in LIBRARIES.items() if owner in found)


def _statement_of(node: ast.Call, surface: Surface) -> ast.expr | None:
    return argument(node, surface.sql, surface.keywords)


def _found(surface: Surface, node: ast.Call, scope: Scope, source: Source, forms: Collection[Form]) -> Iterator[Call]:
    row = argument(node, surface.row, ("row",)) if surface.row is not None else None
    for form in forms:
        given = with_bound(given_to(node, surface), form.wrapper)
        call = Call(
            surface,
            source,
            scope,
            node,
            row,
            inserting_into(form.sql) if surface.table else form.sql,
            given.arguments,
            given.unpacked,
            batch=given.batch,
            style=style_of(surface, form, given),
            expanding=form.wrapper.expanding if form.wrapper is not None else frozenset(),
            branch=form.branch if len(forms) > 1 else "",
        )
        yield from split(call, given)


def _takes_objects(surface: Surface) -> bool:
    """Whether statements are mostly objects, so that only ``text()`` is SQL."""
    return surface.owner is Owner.SQLALCHEMY and surface.method != DRIVER_SQL


_WRAPPERS = {
    "text": frozenset({Owner.SQLALCHEMY, Owner.DATABASES}),
    "SQL": frozenset({Owner.PSYCOPG, Owner.PSYCOPG2}),
}
"""The libraries that take what a string is wrapped in."""


def _takes_wrapped(surface: Surface, forms: Collection[Form]) -> bool:
    """Whether a surface takes what the strings are wrapped in."""
    return all(form.wrapper is None or surface.owner in _WRAPPERS[form.wrapper.name] for form in forms)


def _is_sql(surface: Surface, form: Form, statement: ast.expr) -> bool:
    """Whether a form of what a known library is given is a string, and not an object that it makes SQL of."""
    if form.wrapper is not None or surface.owner not in (Owner.SQLALCHEMY, Owner.DATABASES):
        return True
    if surface.method == DRIVER_SQL:
        return True
    return is_statement(form.sql.text) if isinstance(form.sql, Sql) else holds_statement(statement)


def _fits(surface: Surface, node: ast.Call) -> bool:
    """Whether the arguments of a call are such as the method takes."""
    match surface.passing:
        case "packed":
            return len(node.args) <= surface.sql + 2
        case "spread" if surface.row is not None:
            return len(node.args) > surface.sql or {"row", "sql"} & {keyword.arg for keyword in node.keywords} != set()
    return True


def _speaks_for_itself(
    surface: Surface, node: ast.Call, statement: ast.expr, forms: Collection[Form], source: Source
) -> bool:
    """Whether a call of an object of unknown kind must be of the surface's library."""
    texts = [form.sql.text for form in forms if isinstance(form.sql, Sql)]
    if texts:
        given = given_to(node, surface)
        wrapped = any(form.wrapper is not None for form in forms)
        return any(is_statement(text) and (wrapped or is_written_for(surface.owner, text, given)) for text in texts)
    if not forms or holds_statement(statement):
        return bool(forms)
    assert isinstance(node.func, ast.Attribute)  # noqa: S101 - as above
    imported = not surface.library.packages.isdisjoint(source.found.packages)
    wrapped = any(form.wrapper is not None for form in forms)
    return imported and (wrapped or (is_named_like_a_database(node.func.value) and not surface.generic))
