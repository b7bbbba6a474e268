"""The service: prompts, their versions, executions and validations."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

import assay

from ..common import failures
from ..common.service import make_app
from .options import Options, load
from .routes import executions, prompts, users
from .rules import broken_rule
from .templates import TemplateError
from .validating import ValidationConfigError


def create_app(options: Options | None = None) -> FastAPI:
    """The service with the given options, or with those of the environment and ``.env``."""
    settings = options or load()
    app = make_app("FormaOps", "Prompts in production", settings.service)
    app.add_exception_handler(TemplateError, _template)
    app.add_exception_handler(ValidationConfigError, _validation)
    app.add_exception_handler(assay.CheckViolation, _rule)
    app.add_exception_handler(assay.ForeignKeyViolation, _removed)
    for router in (users.signing_up, users.router, prompts.router, prompts.switching, executions.router):
        app.include_router(router)
    return app


async def _template(request: Request, error: Exception) -> Response:
    mistakes = error.mistakes if isinstance(error, TemplateError) else ()
    detail = [{"loc": ["body", "variables", name], "msg": why, "type": "value_error"} for name, why in mistakes]
    return failures.answer(422, detail)


async def _validation(request: Request, error: Exception) -> Response:
    return failures.answer(422, [{"loc": ["body", "config"], "msg": str(error), "type": "value_error"}])


async def _rule(request: Request, error: Exception) -> Response:
    words = broken_rule(error) if isinstance(error, assay.CheckViolation) else str(error)
    return failures.answer(422, [{"loc": [], "msg": words, "type": "value_error"}])


async def _removed(request: Request, error: Exception) -> Response:
    """Whoever asks was removed between signing in and this statement."""
    return failures.answer(401, "you were removed meanwhile")
