"""The rule that says which C functions may return NULL: those that can reach the flag for it.

A function called through PostgreSQL's function manager returns NULL in one way only: it sets ``isnull`` in the call
data that it was given (src/include/fmgr.h). So a function cannot do it if its text, the macros in it and the functions
that it hands its call data to never touch that flag. Whatever else is done with the call data counts as touching it.
"""

from __future__ import annotations

import re

from builtins_csource import WORD, CFunction, CSource

_CALL_DATA = re.compile(r"FunctionCallInfo\s+(\w+)")
_SET_MARKS = frozenset({
    "InitMaterializedSRF", "SetSingleFuncCall", "tuplestore_begin_heap", "tuplestore_putvalues", "tuplestore_puttuple",
    "MakeFuncResultTuplestore",
})  # fmt: skip
_HARMLESS = frozenset({"SRF_RETURN_DONE", "LOCAL_FCINFO"})
"""Macros that may be passed over: the first sets the flag together with ExprEndResult, so that there is no row for the
NULL to be in (src/include/funcapi.h); the second makes call data of its own, with a field of that name (fmgr.h)."""
_UNREACHED = re.compile(
    r"((?:\A|[{;}:])\s*(?:ereport|elog)\s*\(\s*ERROR\s*,[^;]*;)\s*(?:PG_RETURN_NULL\(\)|fcinfo->isnull\s*=\s*true)\s*;"
)
"""A NULL right after an unconditional error; some compilers want to see a return there."""

_MARKS = re.compile(r"\bbool\s+(\w*nulls?)\s*\[")
_RECOVERY = re.compile(r"\b(?:PreventCommandDuringRecovery|RecoveryInProgress)\b")
_READING_USES = (
    r"\bbool\s+{name}\s*\[\w+\](?:\s*=\s*\{{\s*(?:0|false)?\s*\}})?;",
    r"[mM]em[sS]et\({name}, (?:0|false), sizeof\({name}\)\);",
    r"\b{name}\[\d+\] = false;",
    r"heap_form_tuple\([^;]*?, values,\s*{name}\)",
    r"tuplestore_putvalues\([^;]*?, values,\s*{name}\);",
    r"tuplestore_putvalues\([^;]*?,\s*values, {name}\);",
)


class NullRule:
    """Answers for the functions of one source tree."""

    def __init__(self, source: CSource) -> None:
        self.source = source
        self._reasons: dict[tuple[str, str], str] = {}

    def reason(self, name: str) -> str:
        """Why the C function may return NULL; empty if it cannot."""
        found = [function for function in self.source.functions.get(name, []) if _call_data(function)]
        if len(found) != 1:
            return "not found" if not found else "found more than once"
        return self._of(found[0])

    def fills_tuplestore(self, name: str) -> bool:
        """Whether it returns its rows all at once: then NULL in them needs no flag."""
        return any(self._fills(function, set()) for function in self.source.functions.get(name, []))

    def refuses_recovery(self, name: str) -> bool:
        """Whether it gives an error on a server that is in recovery, as a replica is."""
        found = [function for function in self.source.functions.get(name, []) if _call_data(function)]
        return any(_RECOVERY.search(function.body) for function in found)

    def fills_columns(self, name: str, count: int) -> bool:
        """Whether it builds its row with an array of NULL marks that no mark is ever put in."""
        found = [function for function in self.source.functions.get(name, []) if _call_data(function)]
        return len(found) == 1 and _leaves_marks_clear(found[0].body, count)

    def _of(self, function: CFunction) -> str:
        key = (function.file, function.name)
        if key not in self._reasons:
            self._reasons[key] = f"{function.name} calls itself"
            self._reasons[key] = self._search(function)
        return self._reasons[key]

    def _search(self, function: CFunction) -> str:
        for name in _call_data(function):
            body = _UNREACHED.sub(r"\1", function.body)
            reason = self._text(body, name, function.file, frozenset())
            if reason:
                return reason
        return ""

    def _text(self, text: str, name: str, file: str, seen: frozenset[str]) -> str:
        """Why this text may set the flag of the call data with this name."""
        for use in re.finditer(rf"\b{name}\b(\s*->\s*(\w+))?", text):
            if use[2] == "isnull":
                return f"{name}->isnull"
            if not use[2]:
                reason = self._handed_over(text, use.start(), name, file)
                if reason:
                    return reason
        if name != "fcinfo":
            return ""
        for word in set(WORD.findall(text)) - seen:
            for macro in self.source.macros.get(word, ()):
                if name in macro.parameters or word in _HARMLESS:
                    continue
                reason = self._text(macro.body, name, file, seen | {word})
                if reason:
                    return reason if word != "PG_RETURN_NULL" else word
        return ""

    def _handed_over(self, text: str, place: int, name: str, file: str) -> str:
        callee = _callee(text, place)
        found = self.source.functions.get(callee, [])
        found = [function for function in found if function.file == file] or found
        if not found or not all(map(_call_data, found)):
            return f"{name} goes to {callee or 'somewhere'}"
        for function in found:
            reason = self._of(function)
            if reason:
                return f"{callee}: {reason}"
        return ""

    def _fills(self, function: CFunction, seen: set[tuple[str, str]]) -> bool:
        words = set(WORD.findall(function.body))
        if words & _SET_MARKS:
            return True
        seen.add((function.file, function.name))
        called = [
            other
            for word in words
            for other in self.source.functions.get(word, ())
            if "fcinfo" in function.body and _call_data(other) and (other.file, other.name) not in seen
        ]
        return any(self._fills(other, seen) for other in called)


def _leaves_marks_clear(body: str, count: int) -> bool:
    """Whether every use of the one array of marks is one of those that only read or clear it."""
    arrays = set(_MARKS.findall(body))
    if len(arrays) != 1 or "BuildTupleFromCStrings" in body:
        return False
    name = arrays.pop()
    cleared = {slot for slot in range(count) if re.search(rf"\b{name}\[{slot}\] = false;", body)}
    whole = re.search(rf"\b{name}\s*\[\w+\]\s*=\s*\{{\s*(?:0|false)?\s*\}}|[mM]em[sS]et\({name}, (?:0|false),", body)
    uses = [use.format(name=name) for use in _READING_USES]
    rest = re.sub("|".join(uses), "", body)
    return bool(whole or len(cleared) == count) and not re.search(rf"\b{name}\b", rest)


def _call_data(function: CFunction) -> set[str]:
    """What a function calls the call data that it is given; empty if it is given none."""
    own = {"fcinfo"} if "PG_FUNCTION_ARGS" in function.parameters else set()
    return own | set(_CALL_DATA.findall(function.parameters))


def _callee(text: str, place: int) -> str:
    """The function in whose argument list a place is, as a plain argument; empty if it is not one."""
    before = text[:place].rstrip()
    after = text[place:].lstrip()
    if not re.match(r"\w+\s*[,)]", after) or not before.endswith((",", "(")):
        return ""
    depth = 0
    for index in range(len(before) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(before[index], 0)
        if depth < 0:
            word = re.search(r"(\w+)\s*\Z", before[:index])
            return word[1] if word else ""
    return ""
