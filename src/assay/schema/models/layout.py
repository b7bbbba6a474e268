"""Lines of Python and SQL, laid out so that formatters leave them as they are.

What does not fit into 88 columns has each part on a line of its own with a comma after the last, which ruff format and
black keep at any line length from 88 up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.proof.rowsource import docstring_lines

WIDTH = 88
_SQL_INDENT = 8


def bracketed(head: str, parts: Sequence[str], tail: str, indent: int = 0) -> list[str]:
    """``head(part, part)tail`` on one line, or on several; ``head`` ends with the bracket, ``tail`` begins with it."""
    space = " " * indent
    line = f"{space}{head}{', '.join(parts)}{tail}"
    if len(line) <= WIDTH or not parts:
        return [line]
    if len(parts) == 1 and head.endswith("["):  # a comma there would make it a tuple
        return [kept(line)]
    return [f"{space}{head}", *(f"{space}    {part}," for part in parts), f"{space}{tail}"]


def kept(line: str) -> str:
    """A line that formatters leave alone though it is too long: names of 63 characters leave them no good way."""
    return line if len(line) <= WIDTH else f"{line}  # fmt: skip"


def docstring(text: str, more: str = "", indent: int = 4) -> list[str]:
    """A docstring that formatters leave alone, whatever comment of the database is in it.

    Args:
        text: what stands first.
        more: a paragraph below it.
        indent: of its lines.
    """
    lines = _docstring(text)
    if more:
        first = [lines[0].removesuffix('"""')] if len(lines) == 1 else lines[:-1]
        below = _docstring(more)
        lines = [*first, "", below[0].replace('"""', "", 1), *below[1:]]
        lines = [*lines[:-1], lines[-1].removesuffix('"""'), '    """'] if len(below) == 1 else lines
    return [line.removeprefix(" " * (4 - indent)) for line in lines]


def _docstring(text: str) -> list[str]:
    plain = " ".join("".join(one if one.isprintable() else " " for one in text).split()) or "No words."
    return docstring_lines(f"{plain}." if plain.endswith(('"', "\\")) else plain, WIDTH)


def escaped(text: str) -> str:
    """A piece of SQL as it stands between triple quotation marks, on one line."""
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in safe)


def filled(head: str, parts: Iterable[str], tail: str = "") -> list[str]:
    """``head part, part, part tail`` in lines of SQL, those after the first indented to the head's end."""
    width = WIDTH - _SQL_INDENT
    space = " " * (len(head) if len(head) < 40 else 4)
    parts = list(parts)
    words = [f"{part}," for part in parts[:-1]] + [f"{parts[-1]}{tail}"]
    lines = [head + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(space + word)
    return lines


def sql_literal(lines: Iterable[str], indent: int = _SQL_INDENT) -> list[str]:
    """Lines of SQL as an argument on lines of its own."""
    space = " " * indent
    return [f'{space}"""', *(f"{space}{line}" for line in lines), f'{space}""",']
