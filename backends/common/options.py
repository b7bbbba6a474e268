"""How a service is run: what every one of them reads from the environment and from its ``.env``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import assay
from assay.config import Settings, environment, load_settings
from assay.runtime.pool_options import PoolOptions, read_options


@dataclass(frozen=True, slots=True)
class Service:
    """What can be set for every service; each ``.env.example`` names the variables."""

    settings: Settings
    pool: PoolOptions
    max_body_bytes: int
    """The largest request that is read."""
    health_timeout: float
    """Seconds that ``/health`` waits for the database."""
    startup_timeout: float
    """Seconds that starting waits for a database that does not answer."""
    log_level: int
    """The least important that is logged, as :mod:`logging` counts."""
    rate: float
    """Requests a second that one client may make for long."""
    burst: int
    """Requests that one client may make at once."""
    port: int
    """Where ``python -m`` listens."""


def load_service(
    folder: Path,
    values: Mapping[str, str],
    environ: Mapping[str, str] | None = None,
    *,
    port: int = 8000,
    max_body_bytes: int = 1 << 20,
) -> Service:
    """What every service reads.

    Args:
        folder: the service's, with its ``pyproject.toml`` and ``.env``.
        values: the variables, of :func:`variables`.
        environ: stands in for the process's environment.
        port: the default of ``PORT``.
        max_body_bytes: the default of ``MAX_BODY_BYTES``.

    Raises:
        assay.ConfigurationError: a variable cannot be used.
    """
    return Service(
        settings=load_settings(folder, environ),
        pool=read_options({}, values),
        max_body_bytes=int(positive(values, "MAX_BODY_BYTES", max_body_bytes)),
        health_timeout=positive(values, "HEALTH_TIMEOUT", 2.0),
        startup_timeout=positive(values, "DB_STARTUP_TIMEOUT", 30.0),
        log_level=_log_level(values),
        rate=positive(values, "RATE_LIMIT", 100.0),
        burst=int(positive(values, "RATE_BURST", 400)),
        port=int(positive(values, "PORT", port)),
    )


def variables(folder: Path, environ: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """The process's environment, or what stands in for it, over what ``.env`` says."""
    return environment(folder, environ)


def positive(values: Mapping[str, str], name: str, default: float) -> float:
    """A number above 0. Raises assay.ConfigurationError, naming the variable, for anything else."""
    text = values.get(name, "").strip()
    try:
        number = float(text or default)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise assay.ConfigurationError(f"{name} is {text!r}; it takes a number above 0")
    return number


def _log_level(values: Mapping[str, str]) -> int:
    text = values.get("LOG_LEVEL", "").strip() or "info"
    levels = {name.lower(): level for name, level in logging.getLevelNamesMapping().items() if level}
    try:
        return levels[text.lower()]
    except KeyError:
        raise assay.ConfigurationError(f"LOG_LEVEL is {text!r}; it takes one of {', '.join(levels)}") from None
