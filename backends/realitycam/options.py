"""How RealityCam is run: its settings, from the environment and from ``.env``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import assay
from assay.config import Settings, environment, load_settings
from assay.runtime.pool_options import PoolOptions, read_options

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set; ``.env.example`` names the variables."""

    settings: Settings
    pool: PoolOptions
    max_upload_bytes: int
    """The largest request that is read."""
    health_timeout: float
    """Seconds that ``/health`` waits for the database."""


def load(environ: Mapping[str, str] | None = None) -> Options:
    """Read the options; ``environ`` stands in for the process's environment.

    Raises:
        assay.ConfigurationError: a variable cannot be used.
    """
    values = environment(HERE, environ)
    return Options(
        settings=load_settings(HERE, environ),
        pool=read_options({}, values),
        max_upload_bytes=int(_positive(values, "MAX_UPLOAD_BYTES", 64 << 20)),
        health_timeout=_positive(values, "HEALTH_TIMEOUT", 2.0),
    )


def _positive(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name, "").strip()
    try:
        number = float(text or default)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise assay.ConfigurationError(f"{name} is {text!r}; it takes a number above 0")
    return number
