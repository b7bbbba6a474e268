"""The asynchronous fixtures on the event loops of pytest-asyncio: one for each scope of a loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from assay.config import Settings
    from assay.runtime.connection import Connection
    from assay.runtime.pool import Pool
    from assay.testing.workshop import Lent

Scope: TypeAlias = Literal["session", "package", "module", "class", "function"]


def _db(scope: Scope) -> Callable[..., Any]:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_assay_db_{scope}")
    async def fixture(request: pytest.FixtureRequest, assay_settings: Settings) -> AsyncIterator[Connection]:
        from assay.testing.asynchronous import provide_db

        async for connection in provide_db(request, assay_settings):
            yield connection

    return fixture


def _pool(scope: Scope) -> Callable[..., Any]:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_assay_pool_{scope}")
    async def fixture(_assay_database: Lent) -> AsyncIterator[Pool]:
        from assay.testing.asynchronous import provide_pool

        async for pool in provide_pool(_assay_database):
            yield pool

    return fixture


db_session, pool_session = _db("session"), _pool("session")
db_package, pool_package = _db("package"), _pool("package")
db_module, pool_module = _db("module"), _pool("module")
db_class, pool_class = _db("class"), _pool("class")
db_function, pool_function = _db("function"), _pool("function")
