"""Verdicts: what a statement takes and returns, against what the code around it declares."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from assay.errors import ParameterError, RowClassError
from assay.proof.arguments import Arguments
from assay.proof.description import Description
from assay.proof.discover.libraries import Owner
from assay.proof.discover.model import Call, NotConstant, Sql
from assay.proof.expressions import Expressions, Unresolved
from assay.proof.findings import Finding, Unverified, finding
from assay.proof.modules import ImportFailure
from assay.proof.rowclasses import Shape, row_shape
from assay.proof.verdict.copying import copy_findings
from assay.proof.verdict.parameters import parameter_findings
from assay.proof.verdict.query import Dynamic, Query
from assay.proof.verdict.rows import row_findings
from assay.proof.verdict.statement import statement_findings
from assay.sql.styles import Misplaced, Style, parse
from assay.sql.templates import TemplateError, parse_template


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one call."""

    call: Call
    sql: str | None
    """The statement as in the code; None when it is not constant."""
    description: Description | None
    findings: tuple[Finding, ...]
    unverified: tuple[Unverified, ...] = ()
    shape: Shape | None = None
    """How its rows are built; None where there are none, or where that could not be made out."""
    differing: tuple[Description, ...] = ()
    """Where a call runs one of several statements whose columns differ, what is known of each."""
    branches: tuple[Description, ...] = ()
    """What is known of each of the statements that a template stands for."""

    @property
    def descriptions(self) -> tuple[Description, ...]:
        """All that is known of the statements that the call runs."""
        return self.differing or ((self.description,) if self.description is not None else ())

    @property
    def is_classless(self) -> bool:
        """Whether it returns columns that no row class is named for, as other libraries' calls do."""
        of_others = self.call.surface.owner is not Owner.ASSAY and self.call.row is None
        return of_others and any(description.columns for description in self.descriptions)

    @property
    def proved(self) -> bool:
        """Whether nothing is wrong with it; warnings do not count."""
        return not any(found.is_error for found in self.findings)


def read_query(call: Call) -> Query | Dynamic | Finding:
    """The query of a call, or the finding that says why it has none that can be proven.

    The queries that a Dynamic stands for are found by :func:`assay.proof.verdict.branches.branches`.
    """
    if isinstance(call.sql, NotConstant):
        return finding(
            "ASY102",
            call.sql.place,
            f"the SQL of {call.surface.method} is not a constant",
            because=call.sql.why,
            call=call.place,
        )
    try:
        template = parse_template(call.sql.text) if call.style is Style.ASSAY else None
        if template is not None:
            return Dynamic(call, call.sql, template)
        return Query(call, call.sql, parse(call.sql.text, call.style, call.expanding))
    except TemplateError as error:
        return finding("ASY108", call.sql.place(error.offset + 1), error.what, call=call.place, fix=error.remedy)
    except ParameterError as error:
        return finding("ASY301", call.sql.place(1), error.message, call=call.place, fix="use one kind of placeholder")
    except Misplaced as error:
        return _misplaced(call, call.sql, error)


def _misplaced(call: Call, sql: Sql, error: Misplaced) -> Finding:
    """What a library takes for a placeholder and is none, or what only its driver knows how to write."""
    place = sql.place(error.offset + 1)
    if error.certain:
        return finding("ASY301", place, error.message, call=call.place, fix=error.fix)
    message = "the statement could not be proven"
    return finding("ASY105", place, message, because=error.message, call=call.place, fix=error.fix)


def judge(
    query: Query, description: Description, expressions: Expressions, arguments: Arguments | None = None
) -> Verdict:
    """Compare a described statement with the code around its call.

    Give the same ``arguments`` to judge many queries of a project.
    Where the call's module cannot be imported, the finding says why. Of Assay's calls the statement alone is judged
    then; of other libraries', what the text of the module tells of the arguments too.
    """
    findings = list(statement_findings(query, description))
    unverified: list[Unverified] = []
    failure = import_failure(query.call, expressions)
    if failure is not None:
        return Verdict(query.call, query.sql.text, description, (*findings, failure))
    shape = None
    if query.call.row is not None and not any(found.rule.code == "ASY403" for found in findings):
        shape = _shape(query, query.call.row, expressions)
        findings += [shape] if isinstance(shape, Finding) else row_findings(query, shape, description)
    arguments = arguments or Arguments(expressions)
    is_copy = query.call.surface.table
    for outcome in (
        copy_findings(query, description, arguments)
        if is_copy
        else parameter_findings(query, description.params, arguments)
    ):
        if isinstance(outcome, Unverified):
            unverified.append(outcome)
        else:
            findings.append(outcome)
    findings += _not_imported(query.call, unverified, expressions)
    known = None if isinstance(shape, Finding) else shape
    return Verdict(query.call, query.sql.text, description, tuple(findings), tuple(unverified), known)


def import_failure(call: Call, expressions: Expressions) -> Finding | None:
    """Why the classes and annotations at a call cannot be looked up; the same finding for all who need the module.

    Other libraries' calls have no row classes, so their module's text may tell enough: see ``_not_imported``.
    """
    if call.surface.owner is not Owner.ASSAY or (call.row is None and not call.arguments):
        return None
    return _import_failure(call, expressions)


def _not_imported(call: Call, unverified: list[Unverified], expressions: Expressions) -> list[Finding]:
    """That the module of another library's call cannot be imported: an error where that leaves arguments unknown."""
    if call.surface.owner is Owner.ASSAY or not (call.arguments or call.unpacked):
        return []
    found = _import_failure(call, expressions)
    if found is None:
        return []
    if any(part.why for part in unverified):
        return [found]
    return [replace(found, because=_ENOUGH).as_warning()]


_ENOUGH = ("the types of the arguments around its queries could be read from its text",)


def _import_failure(call: Call, expressions: Expressions) -> Finding | None:
    module = expressions.modules.load(call.source)
    if not isinstance(module, ImportFailure):
        return None
    return finding(
        "ASY103",
        module.place,
        f"{module.place.path} cannot be imported: {module.why}",
        because="without it the classes and annotations around the queries that need it are not known",
        fix=module.fix,
    )


def _shape(query: Query, row: ast.expr, expressions: Expressions) -> Shape | Finding:
    """How the call's rows are built."""
    source = query.call.source
    why, fix = _only_for_type_checkers(query, row, expressions)
    try:
        if not why:
            return row_shape(expressions.evaluate(row, query.call.scope, source))
    except Unresolved as error:
        why, fix = str(error), "name a class, a tuple of types or a scalar type that is defined in a module"
    except RowClassError as error:
        why, _, fix = error.message.partition("; ")
    except Exception as error:  # a class of the project raises what it likes when it is looked at
        why, fix = f"{type(error).__name__}: {error}", "make the class one whose fields can be read"
    place = source.place(row)
    return finding("ASY104", place, "the row class cannot be made out", because=why, call=query.place, fix=fix)


def _only_for_type_checkers(query: Query, row: ast.expr, expressions: Expressions) -> tuple[str, str]:
    """Why a row means something to type checkers and nothing to the running code, and what to do; empty if it does."""
    for node in ast.walk(row):
        if isinstance(node, ast.Name) and expressions.is_for_type_checkers(node, query.call.scope, query.call.source):
            return f'"{node.id}" is imported for type checkers alone', "import it outside of `if TYPE_CHECKING`"
    if isinstance(row, ast.Constant) and isinstance(row.value, str):
        return "it is a string, which names no class when the code runs", "write it without quotes"
    return "", ""
