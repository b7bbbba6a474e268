"""The options of a transaction are those that its mode has, on both surfaces."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

import assay
from assay import sync
from assay.runtime.executor import BlockOptions
from assay.runtime.modes import Mode, mode_of

URL = "postgresql://db.example/app"


def test_options_are_the_fields_of_the_mode() -> None:
    assert [*BlockOptions.__annotations__, "retry"] == [field.name for field in fields(Mode)]


def test_options_make_the_mode() -> None:
    assert mode_of({"readonly": True, "lock_timeout": 2.0}, 3) == Mode(readonly=True, lock_timeout=2.0, retry=3)


@pytest.mark.parametrize("kind", [assay.Pool, sync.Pool])
def test_option_that_is_not_there_is_told_with_those_that_are(kind: Any) -> None:
    with pytest.raises(
        TypeError, match=r"transaction\(\) takes no argument 'read_only'; it takes isolation, readonly, .* and retry"
    ):
        kind(URL).transaction(read_only=True)
