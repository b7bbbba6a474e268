"""PostgreSQL's C source, cut into functions and macros.

It leans on how PostgreSQL lays out its code (pgindent): the braces around a function's body stand alone in column one.
Both branches of every #if are read, so what is found holds for each way to build the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDERS = ("src/backend", "src/include", "src/common", "src/port", "src/timezone")
WORD = re.compile(r"[A-Za-z_]\w*")
_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
_DEFINE = re.compile(r"[ \t]*#[ \t]*define[ \t]+(\w+)(\(([^)]*)\))?(.*)", re.DOTALL)
_BODY = re.compile(r"^\{[ \t]*$(.*?)^\}", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"^(?:static |Datum |inline )*(\w+)\s*\(", re.MULTILINE)
_GLUE = re.compile(r"CppConcat\(\s*(\w+)\s*,\s*(\w+)\s*\)")


@dataclass(frozen=True, slots=True)
class CFunction:
    """A function of the C source, without comments and string contents; a # stands for each directive."""

    name: str
    file: str
    parameters: str
    body: str


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro of the C source; no parameters is an object-like one."""

    name: str
    parameters: tuple[str, ...]
    body: str


@dataclass(slots=True)
class CSource:
    """All functions by name (static ones may share a name), and all macros by name."""

    functions: dict[str, list[CFunction]] = field(default_factory=dict)
    macros: dict[str, list[Macro]] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> CSource:
        """Read an unpacked source tree of PostgreSQL."""
        source = cls()
        texts = {str(path.relative_to(root)): _quiet(path.read_text("utf-8", "replace")) for path in _files(root)}
        for text in texts.values():
            for macro in _macros(text):
                source.macros.setdefault(macro.name, []).append(macro)
        makers = [m for found in source.macros.values() for m in found if "PG_FUNCTION_ARGS" in m.body and m.parameters]
        for file, text in texts.items():
            plain = _DIRECTIVE.sub("#", text)
            for function in (*_functions(file, plain), *_made_by_macros(file, plain, makers)):
                source.functions.setdefault(function.name, []).append(function)
        return source


def _files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted(path for path in (root / folder).rglob("*.[chyl]"))


def _quiet(text: str) -> str:
    """Without comments, and with empty strings and characters."""

    def shorter(match: re.Match[str]) -> str:
        found = match[0]
        return " " if found.startswith("/") else found[0] * 2

    return _NOISE.sub(shorter, text)


def _macros(text: str) -> Iterator[Macro]:
    for directive in _DIRECTIVE.finditer(text):
        define = _DEFINE.match(directive[0].replace("\\\n", " "))
        if define:
            parameters = tuple(name.strip() for name in (define[3] or "").split(",") if name.strip())
            yield Macro(define[1], parameters, define[4])


def _functions(file: str, text: str) -> Iterator[CFunction]:
    end = 0
    for body in _BODY.finditer(text):
        header = text[end : body.start()].rstrip()
        end = body.end()
        names = list(_NAME.finditer(header))
        if names and header.endswith(")"):
            yield CFunction(names[-1][1], file, header[names[-1].end() : -1], body[1])


def _made_by_macros(file: str, text: str, makers: list[Macro]) -> Iterator[CFunction]:
    """The SQL functions that a macro's use at the top level defines, such as PG_STAT_GET_RELENTRY_INT64(numscans)."""
    for maker in makers:
        for use in re.finditer(rf"^{maker.name}\(([^)]*)\)", text, re.MULTILINE):
            arguments = (argument.strip() for argument in use[1].split(","))
            written = expand(maker, tuple(arguments))
            for made in re.finditer(r"\bDatum\s+(\w+)\s*\(\s*PG_FUNCTION_ARGS\s*\)\s*\{", written):
                yield CFunction(made[1], file, "PG_FUNCTION_ARGS", _braced(written, made.end()))


def expand(macro: Macro, arguments: tuple[str, ...]) -> str:
    """The macro's body with its parameters replaced."""
    values = dict(zip(macro.parameters, arguments, strict=False))
    text = WORD.sub(lambda word: values.get(word[0], word[0]), macro.body)
    return _GLUE.sub(r"\1\2", re.sub(r"\s*##\s*", "", text))


def _braced(text: str, start: int) -> str:
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[start:place]
    return text[start:]
