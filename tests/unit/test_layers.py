"""Imports go upwards in the list of layers only, and light commands load little."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import assay

SOURCE = Path(assay.__file__).parent
LAYERS = [
    ["_version", "errors", "config", "wording"],
    ["sql"],
    ["pgtypes"],
    ["runtime", "sync"],
    ["catalog"],
    ["server"],
    ["migrate"],
    ["proof"],
    ["schema"],
    ["ops"],
    ["testing"],
    ["contrib"],
    ["studio"],
    ["demo"],
    ["cli"],
    ["__main__"],
]
"""From the top of the list in the design, section 7, downwards, with what `assay demo` runs above the command line.

The package's own __init__ stands outside of it, since it only names what others hold.
"""

RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}


def room_of(module: str) -> str:
    """``assay.sql.lexer`` is in the room ``sql``, ``assay.Pool`` where the pool is; ``assay`` itself is in none."""
    name = module.removeprefix("assay").removeprefix(".").split(".")[0]
    if name in assay.__all__:
        return "_version" if name == "__version__" else room_of(getattr(assay, name).__module__)
    return name


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module of Assay that a file imports, at its top or inside a function, with the line."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = ".".join(package.split(".")[: len(package.split(".")) - level + 1]) if level else ""
                origin = ".".join(filter(None, (base, module)))
                yield from ((node.lineno, f"{origin}.{alias.name}") for alias in names)
            case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(module)), *_]):
                yield node.lineno, module


FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: module_of(path))
def test_module_imports_nothing_below_its_layer(path: Path) -> None:
    rank = RANK[room_of(module_of(path))]
    wrong = [
        f"{path}:{line} imports {name}"
        for line, name in imports(path)
        if name.split(".")[0] == "assay" and room_of(name) in RANK and RANK[room_of(name)] > rank
    ]
    assert wrong == []


def test_every_room_has_its_layer() -> None:
    rooms = {path.stem if path.is_file() else path.name for path in SOURCE.iterdir()} - {
        "__init__",
        "__pycache__",
        "py",
    }
    assert rooms <= set(RANK)


def test_imports_are_found_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path / "assay")
    path = tmp_path / "assay" / "sql" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import assay.cli\nfrom assay import Pool\n"
        "from assay import proof\n"
        "if TYPE_CHECKING:\n    from ..server import Server\n"
        "def f():\n    from . import lexer\n    import_module('assay.ops')\n"
    )
    assert sorted(imports(path)) == [
        (1, "assay.cli"),
        (2, "assay.Pool"),
        (3, "assay.proof"),
        (5, "assay.server.Server"),
        (7, "assay.sql.lexer"),
        (8, "assay.ops"),
    ]
    assert [room_of(name) for _, name in sorted(imports(path))] == ["cli", "runtime", "proof", "server", "sql", "ops"]


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after running some code."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(run.stdout.splitlines()[-1].split())


HEAVY = {"click", "assay.proof", "assay.server", "assay.migrate", "assay.cli"}


def test_import_of_the_package_loads_next_to_nothing() -> None:
    loaded = loaded_by("import assay")
    assert not loaded & (HEAVY | {"asyncpg", "msgspec", "asyncio"})
    assert "assay.errors" not in loaded


def test_use_of_the_runtime_loads_only_the_first_layers() -> None:
    loaded = loaded_by("import assay; assay.Pool, assay.connect, assay.Executor, assay.Transaction, assay.NoRows")
    assert not loaded & (HEAVY | {"attrs", "pydantic"})
    assert {room_of(name) for name in loaded if name.startswith("assay.")} <= {
        "_version", "errors", "config", "wording", "sql", "pgtypes", "runtime"
    }  # fmt: skip


RARELY = {
    *("batches", "bouncing", "copying", "given_rows", "listening", "observing", "slow_queries", "streaming"),
    *("watched_reserve", "watched_session", "replicas.pool", "replicas.options", "replicas.watch", "sync"),
}
"""Rooms of the runtime that a pool does without until somebody asks for what is in them."""


def test_pool_is_there_before_what_is_rarely_used_with_it() -> None:
    loaded = loaded_by("import assay; assay.Pool('postgresql://app@db.example/app'); assay.connect, assay.Transaction")
    assert not loaded & {f"assay.runtime.{module}" for module in RARELY}
    assert "psycopg" not in loaded


def test_what_is_rarely_used_exists() -> None:
    for module in RARELY:
        assert find_spec(f"assay.runtime.{module}") is not None, module


def test_version_is_told_without_click_or_the_driver() -> None:
    loaded = loaded_by("import sys; sys.argv = ['assay', '--version']; from assay.cli import main; main()")
    assert not loaded & {"click", "asyncpg", "msgspec", "assay.cli.root"}


def test_public_names_are_sorted_and_there() -> None:
    assert list(assay.__all__) == sorted(assay.__all__)
    for name in assay.__all__:
        assert getattr(assay, name).__doc__, name


def test_names_for_type_checkers_are_the_public_ones() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    declared = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert declared - {"migrate", "proof", "sync"} == set(assay.__all__) - {"__version__"}


def test_name_that_is_not_public_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'assay' has no attribute 'Missing'"):
        assay.Missing  # noqa: B018 - the look-up is what is tested
