"""Verdicts on arguments: hand-made parameters against the arguments of a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.pgtypes.model import PgType
from assay.proof.description import Description, NullUse, Parameter, RowBound
from assay.proof.discover import discover
from assay.proof.expressions import Expressions
from assay.proof.modules import Modules
from assay.proof.report import finding_lines
from assay.proof.verdict import Verdict, judge, read_query
from assay.proof.verdict.query import Query

Judge = Callable[..., Verdict]

HEAD = """\
from __future__ import annotations
import datetime as dt, enum, uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType
from uuid import UUID
import assay
if TYPE_CHECKING:
    from fractions import Fraction
DeviceId = NewType("DeviceId", UUID)
LIMIT = 20
START: dt.datetime = dt.datetime.now()
class Mood(enum.StrEnum):
    HAPPY = "happy"
    ANGRY = "angry"
@dataclass
class Device:
    id: UUID
    name: str | None
    share: Fraction | None = None
    @property
    def label(self) -> str: ...
    def compute(self): ...
def typed() -> int: ...
async def awaited() -> str: ...
def untyped(): ...
class Service:
    size: int
    def __init__(self, name: str, other):
        self.name = name
        self.other = other
    async def f(self, db: assay.Executor, device: Device, number: int, text: str | None, both: int | str,
                many: list[int], kw: Any, key: DeviceId, mood: Mood, *rest: int, plain=None) -> None:
"""
LINE = HEAD.count("\n") + 1

INT4, TEXT, UUID_ = PgType("int4"), PgType("text"), PgType("uuid")
MOOD = PgType("mood", "enum", labels=("happy", "sad"))


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    """Judge one call, the last line of a module, against parameters of the given types."""

    def judge_call(call: str, *types: PgType, null: NullUse = NullUse.ACCEPTED, before: str = "") -> Verdict:
        (tmp_path / "m.py").write_text(f"{HEAD}{before}        await db.execute({call})\n")
        discovery = discover(tmp_path, [tmp_path])
        query = read_query(discovery.calls[0])
        assert isinstance(query, Query), query
        params = tuple(Parameter(kind, null, "t.a is NOT NULL") for kind in types)
        with Modules(discovery.project) as modules:
            return judge(query, Description(RowBound.NONE, params, ()), Expressions(discovery.project, modules))

    return judge_call


def lines(verdict: Verdict) -> str:
    return "\n".join(line for found in verdict.findings for line in finding_lines(found))


def codes(verdict: Verdict) -> list[str]:
    return [found.rule.code for found in verdict.findings]


def unverified(verdict: Verdict) -> list[str]:
    return [part.argument for part in verdict.unverified]


FITS = [
    (INT4, "1"),
    (INT4, "-1"),
    (INT4, "number"),
    (INT4, "LIMIT"),
    (INT4, "self.size"),
    (INT4, "typed()"),
    (INT4, "len(many)"),
    (INT4, "1 if number else 2"),
    (INT4, "int(text)"),
    (TEXT, "'a'"),
    (TEXT, "text"),
    (TEXT, "f'{number}'"),
    (TEXT, "self.name"),
    (TEXT, "device.name"),
    (TEXT, "device.label"),
    (TEXT, "await awaited()"),
    (TEXT, "Mood.HAPPY"),
    (UUID_, "device.id"),
    (UUID_, "key"),
    (UUID_, "uuid.uuid4()"),
    (UUID_, "UUID(text)"),
    (MOOD, "'sad'"),
    (MOOD, "Mood.HAPPY"),
    (PgType("timestamptz"), "START"),
    (PgType("timestamptz"), "dt.datetime.now(dt.UTC)"),
    (PgType("date"), "dt.date.today()"),
    (PgType("bool"), "number == 1"),
    (PgType("bool"), "not number"),
    (PgType("int4[]", "array", element=INT4), "many"),
    (PgType("int4[]", "array", element=INT4), "[1, number]"),
    (PgType("numeric"), "Decimal('1')"),
    (PgType("jsonb"), "{'a': 1}"),
    (PgType("jsonb"), "device"),
]


@pytest.mark.parametrize(("kind", "argument"), FITS, ids=str)
def test_an_argument_of_a_known_type_fits(judged: Judge, kind: PgType, argument: str) -> None:
    verdict = judged(f'"q $1", {argument}', kind)
    assert (codes(verdict), unverified(verdict)) == ([], [])


WRONG = [
    (INT4, "'a'", "parameter $1 is int4, 'a' is str", "int4 takes int", "pass int"),
    (INT4, "text", "parameter $1 is int4, text is str | None", "int4 takes int", "pass int"),
    (INT4, "both", "parameter $1 is int4, both is int | str", "int4 takes int", "pass int"),
    (INT4, "device.label", "parameter $1 is int4, device.label is str", "int4 takes int", "pass int"),
    (INT4, "self.name", "parameter $1 is int4, self.name is str", "int4 takes int", "pass int"),
    (TEXT, "number", "parameter $1 is text, number is int", "text takes str", "pass str"),
    (TEXT, "LIMIT", "parameter $1 is text, LIMIT is int", "text takes str", "pass str"),
    (TEXT, "device.id", "parameter $1 is text, device.id is UUID", "text takes str", "pass str"),
    (UUID_, "number", "parameter $1 is uuid, number is int", "uuid takes UUID or str", "pass UUID"),
    (
        MOOD,
        "Mood.ANGRY",
        "parameter $1 is mood, Mood.ANGRY is Mood",
        "mood has no 'angry'",
        "pass Literal['happy', 'sad']",
    ),
    (MOOD, "mood", "parameter $1 is mood, mood is Mood", "mood has no 'angry'", "pass Literal['happy', 'sad']"),
    (
        PgType("timestamptz"),
        "dt.date.today()",
        "parameter $1 is timestamptz, dt.date.today() is date",
        "timestamptz takes datetime",
        "pass datetime",
    ),
    (INT4, "device.share", "parameter $1 is int4, device.share is Fraction | None", "int4 takes int", "pass int"),
]


@pytest.mark.parametrize(("kind", "argument", "message", "why", "fix"), WRONG, ids=str)
def test_an_argument_of_another_type(
    judged: Judge, kind: PgType, argument: str, message: str, why: str, fix: str
) -> None:
    (found,) = judged(f'"q $1", {argument}', kind).findings
    assert (found.rule.code, found.message, found.because, found.fix) == ("ASY302", message, (why,), fix)
    assert (found.place.line, found.place.column) == (LINE, 34)


@pytest.mark.parametrize(
    "argument",
    ["untyped()", "self.other", "kw['a']", "device.compute()", "number + 1", "plain", "rest", "mood.value"],
)
def test_an_argument_of_unknown_type_is_unverified(judged: Judge, argument: str) -> None:
    verdict = judged(f'"q $1", {argument}', INT4)
    assert (codes(verdict), unverified(verdict)) == ([], [argument])


def test_a_name_given_twice_is_unverified(judged: Judge) -> None:
    verdict = judged('"q $1", number', TEXT, before="        number = str(number)\n")
    assert (codes(verdict), unverified(verdict)) == ([], ["number"])


def test_none_where_null_breaks_a_constraint(judged: Judge) -> None:
    assert lines(judged('"q $1", None', TEXT, null=NullUse.REQUIRED)) == (
        f"m.py:{LINE}:34 ASY303 parameter $1 must not be NULL, the argument is None\n"
        "  because t.a is NOT NULL\n"
        "  fix: pass a value, or check for None before the call"
    )
    (found,) = judged('"q $1", text', TEXT, null=NullUse.REQUIRED).findings
    assert found.message == "parameter $1 must not be NULL, text may be None: it is str | None"


def test_none_where_it_matches_nothing_is_a_warning(judged: Judge) -> None:
    verdict = judged('"q $1", text', TEXT, null=NullUse.POINTLESS)
    assert (codes(verdict), verdict.proved) == (["ASY304"], True)
    assert codes(judged('"q $1", kw', TEXT, null=NullUse.POINTLESS)) == []


@pytest.mark.parametrize(
    "test",
    [
        "        if text is None: return\n",
        "        assert text\n",
        "        if not text:\n            raise ValueError\n",
        "        x = text and 1\n",
        "        match text:\n            case None: return\n",
    ],
)
def test_what_the_function_tests_for_none_is_not_told(judged: Judge, test: str) -> None:
    assert codes(judged('"q $1", text', TEXT, null=NullUse.REQUIRED, before=test)) == []


def test_too_few_arguments_are_told_at_the_placeholder(judged: Judge) -> None:
    assert lines(judged('"q $1, $2", number', INT4, INT4)) == (
        f"m.py:{LINE}:33 ASY301 the statement takes 2 parameters, the call gives 1\n"
        "  because its highest placeholder is $2\n"
        "  fix: pass one argument for each placeholder"
    )


def test_too_many_arguments_are_told_at_the_first_of_them(judged: Judge) -> None:
    (found,) = judged('"q $1", number, text', INT4).findings
    assert (found.message, found.place.column) == ("the statement takes 1 parameter, the call gives 2", 42)
    (found,) = judged('"q", number').findings
    assert found.because == ("it has no placeholders",)


def test_unpacked_arguments_are_unverified(judged: Judge) -> None:
    verdict = judged('"q $1, $2", number, *rest', INT4, INT4)
    assert (codes(verdict), [part.parameter for part in verdict.unverified]) == ([], ["$2"])


def test_arguments_by_name(judged: Judge) -> None:
    assert codes(judged('"q :a :b :a", a=1, b="x"', INT4, TEXT)) == []
    (found,) = judged('"q :a :b", b=1, a="x"', INT4, TEXT).findings[:1]
    assert found.message == "parameter :a is int4, 'x' is str"


def test_a_misspelled_placeholder_is_one_finding_at_its_place(judged: Judge) -> None:
    assert lines(judged('"q = :nmae and :id", name="x", id=1', TEXT, INT4)) == (
        f"m.py:{LINE}:31 ASY301 the call does not give :nmae; it gives name=…, which the statement does not have\n"
        "  because its placeholders are :nmae, :id\n"
        "  fix: write :name in the statement, or nmae=… in the call"
    )


def test_a_missing_name(judged: Judge) -> None:
    (found,) = judged('"q = :name"', TEXT).findings
    assert (found.message, found.fix) == ("the call does not give :name", "pass name=…")


def test_a_name_too_many(judged: Judge) -> None:
    (found,) = judged('"q = :name", name="a", nam="b"', TEXT).findings
    assert (found.message, found.place.column) == ("the call gives nam=…, which the statement does not have", 53)
    assert found.fix == "leave nam=… out; the statement has :name"


def test_a_name_for_a_statement_without_names(judged: Judge) -> None:
    (found,) = judged('"q $1", name="a"', TEXT).findings
    assert found.message == "the call gives name=…, which the statement does not have"


def test_names_from_an_object(judged: Judge) -> None:
    assert codes(judged('"q :id :name :label", device', UUID_, TEXT, TEXT)) == []
    (found,) = judged('"q :id", device', INT4).findings
    assert found.message == "parameter :id is int4, device.id is UUID"
    assert codes(judged('"q :name", device', TEXT, null=NullUse.REQUIRED)) == ["ASY303"]


def test_an_object_without_the_field(judged: Judge) -> None:
    (found,) = judged('"q :id :nmae", device', UUID_, TEXT).findings
    assert (found.rule.code, found.message) == ("ASY301", "Device has no field for :nmae")
    assert found.fix == "write :name in the statement, or add nmae to Device"


def test_an_object_and_names_do_not_mix(judged: Judge) -> None:
    (found,) = judged('"q :id :x", device, x=1', UUID_, INT4).findings
    assert found.because == ("they come as keyword arguments, or all from the fields of one object",)


def test_an_object_of_unknown_class_is_unverified(judged: Judge) -> None:
    assert unverified(judged('"q :id :x", plain', UUID_, INT4)) == ["plain.id", "plain.x"]


def test_placeholders_of_both_kinds(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text('import assay\nassay.Pool("u").execute("select $1, :a", 1)\n')
    found = read_query(discover(tmp_path, [tmp_path]).calls[0])
    assert not isinstance(found, Query)
    assert (found.rule.code, found.fix) == ("ASY301", "use one kind of placeholder")
