"""The statements that stand in one text with clauses or choices, for a text that no call gives its choices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.errors import UsageError
from assay.proof.verdict.branches import MOST
from assay.proof.verdict.joining import words_of
from assay.sql.fragments import fault
from assay.sql.placeholders import Statement, parse
from assay.sql.templates import Template, parse_template
from assay.sql.variants import variants


@dataclass(frozen=True, slots=True)
class Branch:
    """One of the statements."""

    statement: Statement
    words: str
    """Which it is: ``with [[ and price < :max ]] left out``; empty for the only statement of a text."""


def branches_of(sql: str, choices: Iterable[str] = ()) -> list[Branch]:
    """Every statement that a text stands for, the one with all clauses in it first.

    Args:
        sql: the text.
        choices: ``name=text`` for each text that can take the place of ``{name}``.

    Raises ParameterError for a text that is not well formed, and UsageError for choices that do not fit it or make
    too many statements.
    """
    template = parse_template(sql)
    texts = _texts(template, choices)
    if template is None:
        return [Branch(parse(sql), "")]
    every = variants(template, texts, MOST)
    if every is None:
        raise UsageError(f"The statement stands for more than {MOST:,} statements; describe a part of its clauses")
    return [Branch(one.statement, words_of(template, every, [index])) for index, one in enumerate(every)]


def _texts(template: Template | None, choices: Iterable[str]) -> dict[str, list[str]]:
    names = template.choices if template is not None else ()
    texts: dict[str, list[str]] = {name: [] for name in names}
    for choice in choices:
        name, equals, text = choice.partition("=")
        if not equals or name not in texts:
            there = f"has only {', '.join(f'{{{each}}}' for each in names)}" if names else "has no choices"
            raise UsageError(f"There is no {{{name}}} to choose for: the statement {there}; write --choice NAME=TEXT")
        why = fault(text, fixed=True, called=False)
        if why is not None:
            raise UsageError(f"{{{name}}} cannot be {text!r}: {why}")
        texts[name].append(text)
    lacking = next((name for name, found in texts.items() if not found), None)
    if lacking is not None:
        raise UsageError(
            f"What {{{lacking}}} can be is not known here, where no argument has an annotation; "
            f"say it with --choice {lacking}=TEXT, once for each text"
        )
    return texts
