"""What a deploy would break while old and new run side by side.

The code of another git revision, which is what runs now, is proven on the schema that the work tree's migrations
build; and, for a deploy in the other order, the work tree's code on the old schema. What a side got wrong already on
its own schema is not told again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from assay.config import DatabaseUrl, Settings, load_settings
from assay.proof.basis import find_schema, read_migrations
from assay.proof.brought import brought, concerned
from assay.proof.checking import Progress, proven
from assay.proof.described import Proven
from assay.proof.findings import Finding
from assay.proof.report import Report
from assay.proof.revision import Revision, revision
from assay.proof.shrinking import StoredColumn, stored_columns


@dataclass(frozen=True, slots=True)
class Side:
    """The code of one release on the schema of the other."""

    title: str
    """``code of 1a2b3c4d5e on the new schema``."""
    report: Report
    """Its findings are those that the other schema brings."""


@dataclass(frozen=True, slots=True)
class Against:
    """What happens between two releases."""

    commit: str
    sides: tuple[Side, ...]
    """The old code on the new schema; when both are asked for, then the new code on the old schema."""
    migrations: int
    """How many migrations one of the two has and the other has not, or has otherwise."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all sides."""
        return tuple(found for side in self.sides for found in side.report.findings)

    def fails(self, *, strict: bool = False) -> bool:
        """Whether anything breaks."""
        return any(side.report.fails(strict=strict) for side in self.sides)

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay check --against REF --output-format json``."""
        return {
            "commit": self.commit,
            "migrations": self.migrations,
            "sides": [{"title": side.title, **side.report.to_json()} for side in self.sides],
        }


def against(
    settings: Settings,
    ref: str,
    server: DatabaseUrl | None = None,
    *,
    both: bool = False,
    progress: Progress | None = None,
) -> Against:
    """Prove the code of another revision on this schema.

    Args:
        settings: of the project as it is now.
        ref: the revision, as git understands it.
        server: a server to build the schemas on; the embedded one unless given.
        both: prove this code on the other revision's schema too.
        progress: is told how many statements are described, of how many.

    Raises UsageError for a revision that cannot be read, and what ``check`` raises.
    """
    with revision(settings.root, ref) as other:
        old = _settings_of(other, settings)
        differing = _differing(old, settings)
        work = _Comparison(server, progress)
        sides = [Side(f"code of {other.short} on the new schema", work.side(old, settings, differing))]
        if both:
            sides.append(Side(f"new code on the schema of {other.short}", work.side(settings, old, differing)))
        return Against(other.commit, tuple(sides), differing)


def _settings_of(other: Revision, now: Settings) -> Settings:
    """The revision's own folders; servers and limits are those of now."""
    then = load_settings(other.root, environ={})
    if then.root != other.root:  # the revision has no pyproject.toml of its own
        then = replace(then, root=other.root)
    return replace(
        now,
        root=then.root,
        migrations=then.migrations,
        source=then.source,
        offline=False,
    )


def _differing(old: Settings, new: Settings) -> int:
    before = {(each.version, each.checksum) for each in read_migrations(old)}
    after = {(each.version, each.checksum) for each in read_migrations(new)}
    return len(before ^ after)


@dataclass(frozen=True, slots=True)
class _Comparison:
    server: DatabaseUrl | None
    progress: Progress | None

    def side(self, code: Settings, schema: Settings, differing: int) -> Report:
        """The code's report on the other schema, with only what it did not find on its own."""
        there = self.proven(code, schema)
        if not differing:
            return replace(there.report, findings=())
        return self.difference(code, schema, self.proven(code, code), there)

    def proven(self, code: Settings, schema: Settings) -> Proven:
        """What is found in the code of one on the schema of the other."""
        return proven(replace(code, migrations=schema.migrations, offline=False), self.server, self.progress)

    def difference(self, code: Settings, schema: Settings, here: Proven, there: Proven) -> Report:
        """The report there with only what the report here does not have.

        Args:
            code: whose migrations build the schema here.
            schema: whose migrations build the schema there.
            here: the code on the one.
            there: the code on the other.
        """
        names = concerned(here, there)
        before, after = asyncio.run(self._stored(code, schema, names)) if names else ({}, {})
        return replace(there.report, findings=brought(here, there, before, after))

    async def _stored(
        self, code: Settings, schema: Settings, columns: Collection[str]
    ) -> tuple[Mapping[str, StoredColumn], Mapping[str, StoredColumn]]:
        before = await stored_columns((await find_schema(code, self.server)).url, columns)
        return before, await stored_columns((await find_schema(schema, self.server)).url, columns)
