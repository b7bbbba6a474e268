"""The two surfaces have the same names with the same parameters; what differs is listed here, with its reason."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import assay
from assay import sync
from assay.runtime import hooks
from assay.runtime.attempts import Attempt
from assay.runtime.pool import Lease
from assay.runtime.replicas.following import Following
from assay.runtime.replicas.pool import ReplicatedPool
from assay.runtime.sync import hooks as sync_hooks
from assay.runtime.sync.attempts import Attempt as SyncAttempt
from assay.runtime.sync.pool import Lease as SyncLease
from assay.runtime.sync.replicas.following import Following as SyncFollowing
from assay.runtime.sync.replicas.pool import ReplicatedPool as SyncReplicatedPool

KINDS = {name: (getattr(assay, name), getattr(sync, name)) for name in sync.__all__} | {
    "Attempt": (Attempt, SyncAttempt),
    "Following": (Following, SyncFollowing),
    "Lease": (Lease, SyncLease),
    "ReplicatedPool": (ReplicatedPool, SyncReplicatedPool),
}
"""What a user meets, under its name, on each surface."""

OTHER_NAMES = {"__aenter__": "__enter__", "__aexit__": "__exit__", "__aiter__": "__iter__", "__anext__": "__next__"}
"""What the language calls otherwise where nothing is awaited."""

ONLY_ASYNC = {
    "Connection.disown": "a forked child is told by the number of its process, which every session of threads keeps",
    "Listener.aclose": "is close(), since nothing is awaited",
    "Stream.aclose": "is close(), since nothing is awaited",
}
ONLY_SYNC = {
    "Listener.close": "is aclose() there",
    "Stream.close": "is aclose() there",
    "*.take_back_later": "taking back may wait here, and garbage collection must not",
}
OTHER_PARAMETERS = {
    "*.copy_in": "takes rows from no asynchronous generator",
}
"""Each with its reason. A star stands for every class."""


TAKEN_ALIKE = {"asyncpg.Record": "Any", "typing.": "", "collections.abc.": "", "runtime.sync.": "runtime."}
"""Words that are the same to a user."""


def public(kind: Any) -> dict[str, Any]:
    """What a class has that users may call, or that the language does."""
    found = {name: inspect.getattr_static(kind, name) for name in dir(kind)}
    return {name: value for name, value in found.items() if not name.startswith("_") or name in KEPT}


KEPT = {*OTHER_NAMES, *OTHER_NAMES.values()}


def listed(name: str, reasons: dict[str, str]) -> bool:
    return name in reasons or f"*.{name.partition('.')[2]}" in reasons


def in_words(value: Any) -> str:
    """A parameter's or a result's type in the words of the sync surface."""
    text = re.sub(r"\b(Abstract)?Async(?=[A-Z])", r"\1", str(value))
    for there, here in TAKEN_ALIKE.items():
        text = text.replace(there, here)
    return re.sub(r"Awaitable\[((?:[^\[\]]|\[[^\]]*\])*)\]", r"\1", text)


def parameters(function: Any) -> list[tuple[str, Any, Any, str]]:
    function = inspect.unwrap(getattr(function, "__func__", function))
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default, in_words(one.annotation)) for one in found]


def returned(function: Any) -> str:
    function = inspect.unwrap(getattr(function, "__func__", function))
    return in_words(inspect.signature(function).return_annotation)


def functions() -> Iterator[Any]:
    """Every function that both surfaces have."""
    for kind, (there, here) in KINDS.items():
        if not inspect.isclass(there):
            yield pytest.param(kind, there, here, id=kind)
            continue
        if kind == "Pool":  # Assay itself makes the others
            yield pytest.param(kind, there.__init__, here.__init__, id=kind)
        for name, value in public(there).items():
            twin = public(here).get(OTHER_NAMES.get(name, name))
            if (callable(value) or isinstance(value, classmethod)) and twin is not None:
                yield pytest.param(f"{kind}.{name}", value, twin, id=f"{kind}.{name}")


def test_names_of_the_runtime_are_on_both_surfaces() -> None:
    awaited = {
        name for name in assay.__all__ if getattr(getattr(assay, name), "__module__", "").startswith("assay.runtime")
    }
    assert awaited == {*sync.__all__}


@pytest.mark.parametrize("kind", KINDS)
def test_classes_have_the_same_names(kind: str) -> None:
    there, here = KINDS[kind]
    if not inspect.isclass(there):
        return
    names = {OTHER_NAMES.get(name, name) for name in public(there) if not listed(f"{kind}.{name}", ONLY_ASYNC)}
    assert names == {name for name in public(here) if not listed(f"{kind}.{name}", ONLY_SYNC)}


@pytest.mark.parametrize(("name", "there", "here"), [*functions()])
def test_functions_have_the_same_parameters_and_results(name: str, there: Any, here: Any) -> None:
    same = parameters(there) == parameters(here) and returned(there) == returned(here)
    assert same is not listed(name, OTHER_PARAMETERS), (parameters(there), parameters(here))


@pytest.mark.parametrize("name", ["AfterConnect", "KeepOrClose"])
def test_hooks_are_the_same_functions_but_for_the_waiting(name: str) -> None:
    assert in_words(getattr(hooks, name)) == in_words(getattr(sync_hooks, name))


def test_every_difference_that_is_listed_is_there() -> None:
    for reasons, side in ((ONLY_ASYNC, 0), (ONLY_SYNC, 1)):
        for name in reasons:
            kind, _, attribute = name.partition(".")
            kinds = KINDS if kind == "*" else [kind]
            assert any(
                attribute in public(KINDS[one][side]) and attribute not in public(KINDS[one][1 - side]) for one in kinds
            ), name
