"""How FormaOps is run: its settings, from the environment and from ``.env``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ..common.options import Service, load_service, positive, variables

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set; ``.env.example`` names the variables."""

    service: Service
    model_url: str | None
    """Where prompts are run; without one, a stand-in in this process answers."""
    model_key: str | None
    """What lets the worker in there."""
    workers: int
    """How many executions one worker process runs at a time."""
    run_timeout: timedelta
    """How long a run may take; what has been running for twice as long was abandoned."""
    poll: float
    """Seconds that a worker without work waits before it looks again."""

    def __repr__(self) -> str:
        return f"Options(model_url={self.model_url!r}, workers={self.workers})"


def load(environ: Mapping[str, str] | None = None) -> Options:
    """Read the options; ``environ`` stands in for the process's environment.

    Raises:
        assay.ConfigurationError: a variable cannot be used.
    """
    values = variables(HERE, environ)
    return Options(
        service=load_service(HERE, values, environ),
        model_url=values.get("MODEL_URL", "").strip() or None,
        model_key=values.get("MODEL_KEY", "").strip() or None,
        workers=int(positive(values, "WORKERS", 4)),
        run_timeout=timedelta(seconds=positive(values, "RUN_TIMEOUT", 60)),
        poll=positive(values, "POLL_SECONDS", 1),
    )
