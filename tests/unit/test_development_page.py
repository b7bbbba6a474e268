"""The page for developers names what there is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
FILES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")}


def test_every_target_of_make_is_told() -> None:
    targets = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    assert {target for target in targets if f"| `make {target}` |" not in PAGE} == set()


def test_every_folder_of_tests_is_told() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {folder for folder in folders if f"| `tests/{folder}` |" not in PAGE} == set()


def test_every_attempt_to_prove_assay_wrong_is_told() -> None:
    files = {str(path.relative_to(ROOT)) for path in FILES if path.match("tests/soundness/test_*.py")}
    assert {path for path in files if f"| `{path}` |" not in PAGE} == set()


def test_every_setting_of_tests_is_told() -> None:
    names = {
        name for text in FILES.values() for name in re.findall(r"ASSAY_(?:SOAK|REGRESS|TEST_URL)_\w*[A-Z0-9]\b", text)
    }
    assert {name for name in names if name not in PAGE} == set()
