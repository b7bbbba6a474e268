"""The service: users set up triggers, anybody reads events, the operator adds them."""

from __future__ import annotations

from fastapi import FastAPI

from ..common.limits import Allowance
from ..common.service import make_app
from . import routes_events, routes_users
from .options import Options, load


def create_app(options: Options | None = None) -> FastAPI:
    """The service with the given options, or with those of the environment and ``.env``."""
    options = options or load()
    app = make_app("api.8004.dev", "Agents' events, triggers and actions", options.service)
    app.state.options = options
    app.state.sign_ins = Allowance(rate=1 / 6, burst=10)
    app.include_router(routes_events.router)
    app.include_router(routes_users.router)
    return app
