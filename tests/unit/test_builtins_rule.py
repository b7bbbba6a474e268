"""The rule that reads PostgreSQL's C source for functions that may return NULL."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
HEADER = """
#define PG_FUNCTION_ARGS FunctionCallInfo fcinfo
#define PG_RETURN_NULL() \\
\tdo { fcinfo->isnull = true; return (Datum) 0; } while (0)
#define PG_GETARG_INT32(n) DatumGetInt32(fcinfo->args[n].value)
#define PG_RETURN_TEXT_OR_NULL(x) \\
\tdo { if (x) PG_RETURN_TEXT_P(x); else PG_RETURN_NULL(); } while (0)
#define SRF_RETURN_DONE(f) do { end_MultiFuncCall(fcinfo, f); PG_RETURN_NULL(); } while (0)
#define FunctionCallInvoke(fcinfo) ((* (fcinfo)->flinfo->fn_addr) (fcinfo))
"""


@pytest.fixture
def reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Why the function ``asked`` of a C file may return NULL; empty if it cannot."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    nulls = importlib.import_module("builtins_nulls")
    csource = importlib.import_module("builtins_csource")

    def ask(*functions: str) -> str:
        for folder, name, text in (
            ("src/include", "fmgr.h", HEADER),
            ("src/backend", "asked.c", "\n".join(functions)),
        ):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_text(text)
        answer: str = nulls.NullRule(csource.CSource.read(tmp_path)).reason("asked")
        return answer

    return ask


def c_function(name: str, *lines: str, parameters: str = "PG_FUNCTION_ARGS") -> str:
    """A function laid out as PostgreSQL's are."""
    body = "".join(f"\t{line}\n" for line in lines)
    return f"Datum\n{name}({parameters})\n{{\n{body}}}\n"


def test_a_function_that_leaves_the_flag_alone_cannot_return_null(reason: Any) -> None:
    assert reason(c_function("asked", "int a = PG_GETARG_INT32(0);", "PG_RETURN_INT32(a);")) == ""


def test_a_function_that_returns_null_outright_may(reason: Any) -> None:
    assert reason(c_function("asked", "if (x)", "\tPG_RETURN_NULL();", "PG_RETURN_INT32(1);")) == "PG_RETURN_NULL"


def test_comments_and_strings_are_not_code(reason: Any) -> None:
    assert (
        reason(c_function("asked", "/* no PG_RETURN_NULL() */", 'elog(DEBUG1, "fcinfo->isnull");', "return 1;")) == ""
    )


def test_null_behind_a_macro_is_seen(reason: Any) -> None:
    assert reason(c_function("asked", "PG_RETURN_TEXT_OR_NULL(x);"))


def test_null_in_a_function_that_the_call_data_goes_to_is_seen(reason: Any) -> None:
    helper = c_function("helper", "call->isnull = true;", "return 0;", parameters="FunctionCallInfo call, bool more")
    assert reason(helper, c_function("asked", "return helper(fcinfo, true);"))


def test_a_helper_that_leaves_the_flag_alone_is_no_reason(reason: Any) -> None:
    helper = c_function("helper", "return call->args[0].value;", parameters="FunctionCallInfo call, bool more")
    assert reason(helper, c_function("asked", "return helper(fcinfo, true);")) == ""


def test_a_static_helper_of_the_same_file_goes_before_others_of_its_name(reason: Any, tmp_path: Path) -> None:
    folder = tmp_path / "src/backend"
    folder.mkdir(parents=True)
    (folder / "other.c").write_text(c_function("helper", "PG_RETURN_NULL();"))
    helper = c_function("helper", "return 1;")
    assert reason(helper, c_function("asked", "return helper(fcinfo);")) == ""


def test_call_data_under_another_type_is_lost_from_sight(reason: Any) -> None:
    helper = c_function("helper", "call->isnull = true;", "return 0;", parameters="void *call")
    assert reason(helper, c_function("asked", "return helper(fcinfo);"))


@pytest.mark.parametrize(
    "line",
    [
        "FunctionCallInfo other = fcinfo;",
        "return (*pointer) (fcinfo);",
        "return FunctionCallInvoke(fcinfo);",
        "set_it(&fcinfo->isnull);",
        "memcpy(fcinfo, x, 10);",
        "return unknown(fcinfo);",
    ],
)
def test_call_data_that_is_lost_from_sight_is_a_reason(reason: Any, line: str) -> None:
    assert reason(c_function("asked", line, "return 1;"))


def test_null_after_an_error_is_never_reached(reason: Any) -> None:
    error = ["ereport(ERROR,", '\t\t(errcode(X), errmsg("division by zero")));', "PG_RETURN_NULL();"]
    assert reason(c_function("asked", "if (y == 0)", "{", *error, "}", "PG_RETURN_INT32(1);")) == ""


def test_null_after_an_error_under_a_condition_is_reached(reason: Any) -> None:
    assert reason(c_function("asked", "if (y == 0)", '\telog(ERROR, "x");', "PG_RETURN_NULL();"))


def test_null_after_an_error_of_another_build_is_reached(reason: Any) -> None:
    lines = ["{", "#ifndef USE_ICU", 'elog(ERROR, "no ICU");', "#endif", "PG_RETURN_NULL();", "}"]
    assert reason(c_function("asked", *lines))


def test_null_after_a_warning_is_reached(reason: Any) -> None:
    assert reason(c_function("asked", "{", 'elog(WARNING, "x");', "PG_RETURN_NULL();", "}"))


def test_the_end_of_a_set_is_no_null(reason: Any) -> None:
    assert reason(c_function("end_MultiFuncCall", "return 0;"), c_function("asked", "SRF_RETURN_DONE(f);")) == ""


def test_functions_that_call_each_other_are_not_trusted(reason: Any) -> None:
    assert reason(c_function("other", "return asked(fcinfo);"), c_function("asked", "return other(fcinfo);"))


def test_a_function_that_a_macro_defines_is_read(reason: Any) -> None:
    maker = (
        "#define MAKE(stat) \\\nDatum \\\nCppConcat(as,stat)(PG_FUNCTION_ARGS) \\\n{ \\\n\tPG_RETURN_NULL(); \\\n}\n"
    )
    assert reason(maker + "\nMAKE(ked)\n") == "PG_RETURN_NULL"


def test_a_function_that_is_not_there_is_not_trusted(reason: Any) -> None:
    assert reason(c_function("another", "return 1;")) == "not found"
