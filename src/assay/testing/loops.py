"""Which event loop an asynchronous test runs on, so that its fixtures run on the same."""

from __future__ import annotations

from inspect import iscoroutinefunction

import pytest


def has_asyncio(config: pytest.Config) -> bool:
    """Whether pytest-asyncio is there, by the name that pytest finds it under, or that of its module."""
    return any(map(config.pluginmanager.hasplugin, ("asyncio", "pytest_asyncio.plugin")))


def has_anyio(config: pytest.Config) -> bool:
    """Whether anyio's plugin is there."""
    return any(map(config.pluginmanager.hasplugin, ("anyio", "anyio.pytest_plugin")))


def variant(request: pytest.FixtureRequest, name: str) -> str:
    """The name of the fixture that does the work of ``name`` on the loop of the test.

    pytest-asyncio has a loop for each scope that a test may name; anyio runs a test on a loop of the backend it names.
    """
    item = request.node
    marker = item.get_closest_marker("asyncio")
    if not _is_asynchronous(item):
        pytest.fail(
            f"{name} is for asynchronous tests, and {item.name} is not one (for pytest-asyncio it takes "
            f"pytest.mark.asyncio, or asyncio_mode = auto; for anyio pytest.mark.anyio); "
            f"for synchronous tests there is {name.replace('assay_', 'assay_sync_')}",
            pytrace=False,
        )
    if marker is not None and has_asyncio(request.config):
        scope = marker.kwargs.get("loop_scope") or marker.kwargs.get("scope")
        return f"_{name}_{scope or request.config.getini('asyncio_default_test_loop_scope')}"
    if "anyio_backend" in item.fixturenames:
        _refuse_trio(request, name)
        return f"_{name}_anyio"
    if has_asyncio(request.config):
        pytest.fail(
            f"{name} does not know what runs {item.name}: mark it with pytest.mark.asyncio, or set "
            'asyncio_mode = "auto" in [tool.pytest.ini_options]',
            pytrace=False,
        )
    pytest.fail(
        f"{name} does not know what runs {item.name}: it works with pytest-asyncio and with anyio's pytest plugin; "
        "assay_database_url works with any other",
        pytrace=False,
    )


def _is_asynchronous(item: pytest.Item) -> bool:
    function = getattr(item, "obj", None)
    return iscoroutinefunction(getattr(getattr(function, "hypothesis", None), "inner_test", function))


def _refuse_trio(request: pytest.FixtureRequest, name: str) -> None:
    backend = request.getfixturevalue("anyio_backend")
    if (backend if isinstance(backend, str) else backend[0]) != "asyncio":
        pytest.fail(
            f"{name} works on asyncio, as the driver does, and this test runs on trio; let the fixture anyio_backend "
            'return "asyncio" for it',
            pytrace=False,
        )
