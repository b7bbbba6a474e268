"""HTML made of values: whatever is text is escaped, and nothing else can become markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

Child: TypeAlias = "str | Html | Iterable[Child] | None"


class Html(str):
    """Text that is markup already, because this module made it of escaped parts."""

    __slots__ = ()


_VOID = frozenset({"meta", "link", "input", "br"})


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """An element.

    Args:
        name: of the element.
        children: text, elements, and lists of them; None is nothing.
        attributes: ``class_`` is ``class``, ``data_table`` is ``data-table``; False and None are left out.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is not None and value is not False:
            word = key.rstrip("_").replace("_", "-")
            parts.append(word if value is True else f'{word}="{_safe(str(value))}"')
    start = f"<{' '.join(parts)}>"
    return Html(start if name in _VOID else f"{start}{joined(*children)}</{name}>")


def joined(*children: Child) -> Html:
    """Several children as one."""
    return Html("".join(_markup(child) for child in children))


def _markup(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return _safe(child)
    return "".join(map(_markup, child))


def _safe(text: str) -> str:
    """Escaped, with what no document may contain replaced: control characters, and those that turn text around."""
    return escape("".join(one if _is_plain(one) else "\N{REPLACEMENT CHARACTER}" for one in text), quote=True)


def _is_plain(character: str) -> bool:
    turning = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return character in "\n\t" or (not turning and (character.isprintable() or character.isspace()))
