"""How Sentinel is run: its settings, from the environment and from ``.env``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..common.options import Service, load_service, variables

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set; ``.env.example`` names the variables."""

    service: Service
    clerk_key: str | None
    """The public key, in PEM, that sessions are signed with."""
    clerk_issuer: str | None
    """Who issues sessions."""


def load(environ: Mapping[str, str] | None = None) -> Options:
    """Read the options; ``environ`` stands in for the process's environment.

    Raises:
        assay.ConfigurationError: a variable cannot be used.
    """
    values = variables(HERE, environ)
    return Options(
        service=load_service(HERE, values, environ, port=3001, max_body_bytes=4 << 20),
        clerk_key=values.get("CLERK_JWT_KEY", "").replace("\\n", "\n").strip() or None,
        clerk_issuer=values.get("CLERK_ISSUER", "").strip() or None,
    )
