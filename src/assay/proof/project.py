"""A whole project: its queries found, described, and judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import is_not
from typing import TypeVar

from assay.config import DatabaseUrl, Settings
from assay.errors import ConfigurationError, DatabaseError
from assay.proof.answers import Answer, Answers, NotKept, Progress, Stale, answers_from_cache, answers_from_server
from assay.proof.arguments import Arguments
from assay.proof.basis import Basis, fingerprint_of, read_migrations
from assay.proof.cache import FOLDER, Cache, Differences, Entry, file_name
from assay.proof.created import created_objects
from assay.proof.description import Description
from assay.proof.discover import discover
from assay.proof.discover.files import python_files
from assay.proof.discover.model import Call, Discovery, Place, Unreadable
from assay.proof.discover.source import Source
from assay.proof.expressions import Expressions
from assay.proof.findings import Finding, finding
from assay.proof.fix.changes import Plan
from assay.proof.guard import Guard, Lost
from assay.proof.ignore import Ignore, in_source, in_statements, silence
from assay.proof.modules import Modules
from assay.proof.readonly import read_only_list
from assay.proof.report import Report, queries_to_json
from assay.proof.verdict import Verdict, import_failure, judge, read_query
from assay.proof.verdict.branches import Branches, branches
from assay.proof.verdict.forms import by_form
from assay.proof.verdict.joining import joined, joined_findings
from assay.proof.verdict.query import Dynamic, Query
from assay.proof.verdict.refusal import refused
from assay.sql.placeholders import Statement

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Preparation:
    """What ``assay prepare`` did, or would have to do."""

    queries: int
    """Different statements, each of which has a file."""
    written: tuple[str, ...]
    """Names of files."""
    removed: tuple[str, ...]
    differences: Differences
    """As they were before anything was written."""
    findings: tuple[Finding, ...]
    """Why statements have no answer that could be kept."""
    basis: Basis
    seconds: float
    places: Mapping[str, Place]
    """Where the query of each file stands in the code, by the file's name; the first place of several."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found, with the code that it is about."""

    report: Report
    verdicts: tuple[Verdict, ...]
    """One for each call, in the order of the code."""
    fixes: Plan
    """What ``assay check --fix`` would change."""
    lasting: bool
    """Whether nothing of it depends on what may be otherwise the next time, with the same code and schema."""


def check(
    settings: Settings,
    server: DatabaseUrl | None = None,
    *,
    progress: Progress | None = None,
    discovery: Discovery | None = None,
    guard: Guard | None = None,
) -> Checked:
    """Prove every query of a project.

    Args:
        settings: of the project; when they say offline, the offline cache is all that is asked.
        server: a server to build the schema on, or, without migrations, the database to prove against.
        progress: is told after each statement that a server described.
        discovery: what was found in the project's files, if they were read already.
        guard: what the project's code runs under, in a process that is there for it alone.

    Raises ServerError, MigrationError, ConnectionFailed and the like when there is no schema to be had.
    """
    start = time.perf_counter()
    discovery = discovery or discover_in(settings)
    with Modules(discovery.project, guard) as modules:
        calls = _Calls.of(discovery, modules, settings)
        with modules.left():
            answers = _answers(settings, calls.queries, server, progress)
        _refuse_no_schema(settings, answers, calls.code.created)
        verdicts, findings, ignored = calls.judged(answers)
        fixes = _plan(findings, verdicts, discovery)
    report = _report(discovery, answers, verdicts, [_marked(found, fixes) for found in findings], ignored)
    lasting = not modules.failed and all(map(_lasts, answers.by_sql.values()))
    report = replace(report, seconds=time.perf_counter() - start, queries=queries_to_json(verdicts))
    return Checked(report, tuple(verdicts), fixes, lasting)


def check_each(
    settings: Settings,
    schemas: Iterable[Callable[[Sequence[Statement]], Answers]],
    *,
    discovery: Discovery,
    guard: Guard | None = None,
) -> Iterator[Checked]:
    """Prove the queries of a project on one schema after the other; the code is read and imported once.

    Args:
        settings: of the project.
        schemas: for each, what answers statements on it. A call is judged again where an answer is another object.
        discovery: what was found in the project's files.
        guard: as for ``check``.

    Raises what the schemas raise. Nothing is said of fixes, nor in the reports of single queries.
    """
    with Modules(discovery.project, guard) as modules:
        calls = _Calls.of(discovery, modules, settings)
        statements = [query.statement for query in calls.queries]
        for schema in schemas:
            with modules.left():
                answers = schema(statements)
            verdicts, findings, ignored = calls.judged(answers)
            report = _report(discovery, answers, verdicts, findings, ignored)
            yield Checked(report, tuple(verdicts), Plan(), lasting=False)


def _report(
    discovery: Discovery, answers: Answers, verdicts: Sequence[Verdict], findings: Sequence[Finding], ignored: int
) -> Report:
    return Report(
        findings=_in_order(findings),
        basis=answers.basis,
        files=discovery.files,
        seconds=0.0,
        total=len(verdicts),
        proved=sum(verdict.proved for verdict in verdicts),
        ignored=ignored,
        classless=sum(verdict.is_classless for verdict in verdicts),
        unverified=tuple(part for verdict in verdicts for part in verdict.unverified),
    )


_LASTING = ("0A", "22", "42")
"""Classes of SQLSTATE that depend on the statement and the schema alone: unsupported, data, syntax and access."""


def _lasts(answer: Answer) -> bool:
    if isinstance(answer, DatabaseError):
        return answer.sqlstate is None or answer.sqlstate.startswith(_LASTING)
    return isinstance(answer, Description)


def _plan(findings: Sequence[Finding], verdicts: Sequence[Verdict], discovery: Discovery) -> Plan:
    if not any(found.subject is not None for found in findings):
        return Plan()
    from assay.proof.fix.plan import plan

    return plan(findings, verdicts, discovery.project)


def _marked(found: Finding, fixes: Plan) -> Finding:
    return replace(found, fixable=found in fixes.fixable, left=fixes.left.get(found, ""))


def prepare(
    settings: Settings, server: DatabaseUrl | None = None, *, write: bool = True, guard: Guard | None = None
) -> Preparation:
    """Bring the offline cache up to date, or, unless ``write``, only say how it is not.

    Files of queries that are gone are removed, unless a file of code could not be read: they may be in there.

    Raises what ``check`` does, and ProofError when a file cannot be written.
    """
    start = time.perf_counter()
    discovery = discover_in(settings)
    with Modules(discovery.project, guard) as modules:
        code = _Code.of(discovery, modules)
        read = [_read(call, code) for call in discovery.calls]
    queries = [query for part in read for query in _queries(part)]
    answers = _answers(replace(settings, offline=False), queries, server)
    _refuse_no_schema(settings, answers, code.created)
    entries, lists = _entries(answers), read_only_list(queries, answers)
    cache = Cache(settings.root)
    differences = cache.compare(entries, lists)
    written = cache.write(entries, lists) if write else ()
    removed = differences.orphaned if write and not discovery.unreadable else ()
    cache.remove(removed)
    findings = [_unreadable(part) for part in discovery.unreadable]
    findings += [found for part in read for found in _refusals(part, answers, code.created)]
    seconds = time.perf_counter() - start
    places = {file_name(query.statement.source): query.place for query in reversed(queries)}
    return Preparation(len(entries), written, removed, differences, _in_order(findings), answers.basis, seconds, places)


def discover_in(settings: Settings) -> Discovery:
    """Find the queries in the code of a project."""
    return discover(settings.root, settings.source, skip=(settings.migrations,))


def _ignores(discovery: Discovery, queries: Sequence[Query], settings: Settings) -> list[Ignore]:
    """The comments that silence findings, of every file that was read, with queries or without."""
    read = (discovery.project.read(path) for path in python_files(settings.source, (settings.migrations,)))
    sources = [source for source in read if isinstance(source, Source)]
    return [*in_statements(queries), *(ignore for source in sources for ignore in in_source(source))]


def _answers(
    settings: Settings, queries: Sequence[Query], server: DatabaseUrl | None, progress: Progress | None = None
) -> Answers:
    """Answers for all queries; where there are none, no server is started."""
    statements = [query.statement for query in queries]
    if settings.offline:
        return answers_from_cache(settings, statements)
    if not statements:
        migrations = read_migrations(settings)
        return Answers(Basis("", fingerprint_of(migrations), len(migrations)), {})
    return asyncio.run(answers_from_server(settings, statements, server, progress))


_UNDEFINED_TABLE = "42P01"


def _refuse_no_schema(settings: Settings, answers: Answers, created: Mapping[str, Place]) -> None:
    """Raise ConfigurationError where every statement would be refused, since nobody said what the tables are."""
    refused = (answer for answer in answers.by_sql.values() if isinstance(answer, DatabaseError))
    lacking = any(answer.sqlstate == _UNDEFINED_TABLE for answer in refused)
    if answers.basis.bare and lacking and not created:
        raise ConfigurationError(
            f"There is no schema to prove against: {settings.migrations} has no migrations, and {answers.basis.place} "
            "has no tables; write migrations there, or name a database that has the tables with --database-url or "
            "DATABASE_URL"
        )


@dataclass(frozen=True, slots=True)
class _Code:
    """What is known of the code around calls: it looks up their classes and types."""

    expressions: Expressions
    arguments: Arguments
    created: Mapping[str, Place]
    """Where the project's own statements create objects, by their names."""

    @classmethod
    def of(cls, discovery: Discovery, modules: Modules) -> _Code:
        expressions = Expressions(discovery.project, modules)
        return cls(expressions, Arguments(expressions), created_objects(discovery.calls))

    def looked(self, source: Source, look: Callable[[], _T]) -> _T:
        """What comes of a look at classes, which may run their code; where that goes astray, the module is lost."""
        modules = self.expressions.modules
        try:
            with modules.running(source):
                return look()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, Lost):
                raise
            modules.give_up(source, error)
        return look()


@dataclass(frozen=True, slots=True)
class _Calls:
    """The calls of a project, read, and what was last made of each."""

    discovery: Discovery
    ignores: list[Ignore]
    code: _Code
    read: list[Query | Branches | Finding]
    queries: list[Query]
    known: dict[int, tuple[tuple[Answer, ...], Verdict]] = field(default_factory=dict)
    """By the number of the call, the answers that its verdict rests on, and the verdict."""

    @classmethod
    def of(cls, discovery: Discovery, modules: Modules, settings: Settings) -> _Calls:
        code = _Code.of(discovery, modules)
        read = [_read(call, code) for call in discovery.calls]
        queries = [query for part in read for query in _queries(part)]
        return cls(discovery, _ignores(discovery, queries, settings), code, read, queries)

    def judged(self, answers: Answers) -> tuple[list[Verdict], Sequence[Finding], int]:
        """The verdicts, the findings that no comment silences, and how many comments silence."""
        verdicts = by_form([self._verdict(number, answers) for number in range(len(self.read))])
        findings = [_unreadable(part) for part in self.discovery.unreadable]
        findings += [found for verdict in verdicts for found in verdict.findings]
        silenced = silence(_in_order(findings), self.ignores, verdicts)
        return verdicts, silenced.findings, silenced.ignored

    def _verdict(self, number: int, answers: Answers) -> Verdict:
        part = self.read[number]
        given = tuple(answers.by_sql[query.statement.source] for query in _queries(part))
        before, verdict = self.known.get(number, ((), None))
        if verdict is None or len(before) != len(given) or any(map(is_not, before, given)):
            verdict = _verdict(self.discovery.calls[number], part, answers, self.code)
            self.known[number] = given, verdict
        return verdict


def _read(call: Call, code: _Code) -> Query | Branches | Finding:
    """What a call runs. Only for the words that a statement can hold is the code around it imported."""
    found = read_query(call)
    if not isinstance(found, Dynamic):
        return found

    def parted() -> Branches | Finding:
        failure = import_failure(call, code.expressions) if found.template.choices else None
        return failure or branches(found, code.arguments)

    return code.looked(call.source, parted)


def _queries(part: Query | Branches | Finding) -> tuple[Query, ...]:
    match part:
        case Query():
            return (part,)
        case Branches(queries=queries):
            return queries
        case _:
            return ()


def _verdict(call: Call, part: Query | Branches | Finding, answers: Answers, code: _Code) -> Verdict:
    match part:
        case Query():
            return _on_query(part, answers, code)
        case Branches(queries=queries):
            return joined(part, [_on_query(query, answers, code) for query in queries])
        case _:
            return Verdict(call, None, None, (part,))


def _on_query(query: Query, answers: Answers, code: _Code) -> Verdict:
    answer = answers.by_sql[query.statement.source]
    if isinstance(answer, Description):
        return code.looked(query.call.source, lambda: judge(query, answer, code.expressions, code.arguments))
    return Verdict(query.call, query.sql.text, None, (_unanswered(query, answer, code.created),))


def _unanswered(query: Query, answer: DatabaseError | NotKept | Stale, created: Mapping[str, Place]) -> Finding:
    match answer:
        case DatabaseError():
            return refused(query, answer, created)
        case NotKept(file=file):
            message = "the query is not in the offline cache"
            return finding("ASY901", query.place, message, because=f"there is no {FOLDER}/{file}", call=query.place)
        case Stale(file=file):
            message = "the query's answer in the offline cache is out of date"
            because = f"{FOLDER}/{file} was written for other migrations"
            return finding("ASY902", query.place, message, because=because, call=query.place)


def _entries(answers: Answers) -> list[Entry]:
    basis = answers.basis
    return [
        Entry(sql, answer, basis.server_version, basis.fingerprint)
        for sql, answer in answers.by_sql.items()
        if isinstance(answer, Description)
    ]


def _refusals(part: Query | Branches | Finding, answers: Answers, created: Mapping[str, Place]) -> tuple[Finding, ...]:
    """Why there is no answer to keep."""
    if isinstance(part, Finding):
        return (part,)
    found: list[list[Finding]] = []
    for query in _queries(part):
        answer = answers.by_sql[query.statement.source]
        found.append([refused(query, answer, created)] if isinstance(answer, DatabaseError) else [])
    return joined_findings(part, found) if isinstance(part, Branches) else tuple(found[0])


_READ_BY = "correct it, or run assay with the Python that the code is written for"


def _unreadable(part: Unreadable) -> Finding:
    return finding("ASY103", part.place, f"{part.place.path} cannot be read: {part.why}", fix=_READ_BY)


def _in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """By place, each once: a module that several files cannot import is one finding, an error if it is one for any."""
    unread = {(found.place, found.message) for found in findings if found.rule.code == "ASY103" and found.is_error}
    kept = (found for found in findings if found.is_error or (found.place, found.message) not in unread)
    return tuple(sorted(dict.fromkeys(kept), key=lambda found: (found.place, found.rule.code)))
