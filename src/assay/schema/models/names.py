"""Names in Python for tables and columns, whatever these are called."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection

from assay.proof.rowsource import camel

_SAME = frozenset({"series", "species", "news", "status", "data", "address", "bus", "lens", "analysis", "basis"})
_SINGULAR = (
    (re.compile(r"(.*)(addresses|processes|classes|accesses|businesses|aliases)$"), "es"),
    (re.compile(r"(.*)(statuses|viruses|buses|bonuses|campuses|censuses)$"), "es"),
    (re.compile(r"(.*)(analyses|bases|theses|crises)$"), ("es", "is")),
    (re.compile(r"(.*[^aeiou])ies$"), ("ies", "y")),
    (re.compile(r"(.*)(xes|[ntr]ches|shes|sses|zzes)$"), "es"),
    (re.compile(r"(.*[^suia])s$"), "s"),
    (re.compile(r"(.*(?:ea|ia|oa|eu|ou|menu))s$"), "s"),
    (re.compile(r"(.*)(people)$"), ("people", "person")),
    (re.compile(r"(.*)(children)$"), "ren"),
)


def singular(name: str) -> str:
    """The name of one row of a table that is named after many: ``devices`` is of a ``device``.

    Only the last word is looked at; one that does not look like an English plural stays.
    """
    head, joint, word = name.rpartition("_")
    if word.lower() in _SAME:
        return name
    for pattern, ending in _SINGULAR:
        if pattern.fullmatch(word.lower()):
            old, new = (ending, "") if isinstance(ending, str) else ending
            return f"{head}{joint}{word[: -len(old)]}{new}"
    return name


def class_name(table: str) -> str:
    """The name that a table's row class would like to have: ``VerificationLog``."""
    return camel(singular(table))


def identifier(name: str) -> str:
    """A column's name as that of a field or parameter: the same, wherever Python allows it."""
    plain = unicodedata.normalize("NFKC", name)
    plain = plain if plain.isidentifier() else _of_letters(plain).strip("_")
    if plain.startswith("__"):
        plain = plain.strip("_")
    plain = plain if plain.isidentifier() else f"column_{plain}".rstrip("_")
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def module_name(table: str) -> str:
    """The name that a table's module would like to have: in lower case and ASCII, so that any file system has it."""
    plain = unicodedata.normalize("NFKD", table).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "table"
    plain = plain if plain.isidentifier() else f"table_{plain}"
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def unlike(wanted: str, taken: Collection[str]) -> str:
    """A name that none of the others is: with underscores or numbers after it where it has to be."""
    if wanted not in taken:
        return wanted
    number = 2
    while (name := f"{wanted}_{number}") in taken:
        number += 1
    return name


def numbered(wanted: str, taken: Collection[str]) -> str:
    """The same for what stands beside a name of somebody else's: ``limit_`` beside ``limit``."""
    while wanted in taken:
        wanted += "_"
    return wanted


def _of_letters(text: str) -> str:
    """The text with an underscore for whatever cannot stand in an identifier of Python's: \\w takes more."""
    return re.sub(r"_+", "_", "".join(letter if f"a{letter}".isidentifier() else "_" for letter in text))
