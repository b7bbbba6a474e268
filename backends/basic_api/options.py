"""How Basic API is run: its settings, from the environment and from ``.env``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..common.options import Service, load_service, variables

HERE = Path(__file__).parent


def load(environ: Mapping[str, str] | None = None) -> Service:
    """Read the options; ``environ`` stands in for the process's environment. ``.env.example`` names the variables.

    Raises:
        assay.ConfigurationError: a variable cannot be used.
    """
    return load_service(HERE, variables(HERE, environ), environ)
