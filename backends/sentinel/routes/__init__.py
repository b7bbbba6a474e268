"""One module a table: what the service answers about it."""

from __future__ import annotations

from ...common import failures

SIGNED_IN = {**failures.RESPONSES, **failures.also(401, "Nobody has signed in")}
