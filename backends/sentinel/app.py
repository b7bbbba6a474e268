"""The service: projects, their simulations and prover runs, and API keys."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

import assay

from ..common import failures
from ..common.service import make_app
from .options import Options, load
from .routes import api_keys, projects, prover_runs, simulations, users


def create_app(options: Options | None = None) -> FastAPI:
    """The service with the given options, or with those of the environment and ``.env``."""
    settings = options or load()
    app = make_app("Sentinel", "Simulations and prover runs of Move contracts", settings.service)
    app.state.options = settings
    app.add_exception_handler(assay.ForeignKeyViolation, _removed)
    for part in (users, projects, simulations, prover_runs, api_keys):
        app.include_router(part.router)
    return app


async def _removed(request: Request, error: Exception) -> Response:
    """Whoever asks was removed between signing in and this statement."""
    return failures.answer(401, "you were removed meanwhile; sign in again")
