"""Which files are read, by what names they are imported, and that importing leaves nothing behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.proof.discover import discover
from assay.proof.discover.files import import_folders, module_name, python_files
from assay.proof.discover.resolve import Project
from assay.proof.discover.source import Source
from assay.proof.modules import ImportFailure, Modules


def write(root: Path, *names: str, text: str = "") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def found(root: Path, *sources: Path, skip: tuple[Path, ...] = ()) -> list[str]:
    return [path.relative_to(root).as_posix() for path in python_files(sources or (root,), skip)]


def test_folders_that_hold_no_code_of_the_project_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "pkg/b.py", "pkg/c.txt", "src/pkg/d.py")
    write(tmp_path, ".venv/x.py", "env/lib/x.py", "env/pyvenv.cfg", "node_modules/x.py", "pkg/__pycache__/x.py")
    write(tmp_path, "migrations/x.py", ".git/x.py", "lib/site-packages/x.py", "seeds/x.py")
    assert found(tmp_path, skip=(tmp_path / "seeds",)) == ["a.py", "pkg/b.py", "src/pkg/d.py"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "pkg/a.py")
    assert found(tmp_path, tmp_path, tmp_path / "pkg", tmp_path / "pkg" / "a.py") == ["pkg/a.py"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.py", "a"),
        ("src/app/b.py", "app.b"),
        ("src/app/__init__.py", "app"),
        ("scripts/c.py", "scripts.c"),
        ("my-tool.py", None),
    ],
)
def test_the_name_a_module_is_imported_by(tmp_path: Path, path: str, name: str | None) -> None:
    write(tmp_path, "src/app/__init__.py", path)
    assert module_name(tmp_path / path, tmp_path) == name


def test_a_root_that_is_a_package_itself_is_imported_from_around(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    write(root, "__init__.py", "queries/__init__.py", "queries/orders.py")
    assert module_name(root / "queries" / "orders.py", root) == "shop.queries.orders"
    assert import_folders(root) == (root, tmp_path)


def load(root: Path, path: str) -> object:
    project = Project(root, python_files([root]))
    source = project.read(root / path)
    assert isinstance(source, Source)
    with Modules(project) as modules:
        return modules.load(source)


def test_relative_imports_work_where_the_root_is_a_package(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    write(root, "__init__.py", "queries/__init__.py")
    write(root, "models.py", text="class Order: ...\n")
    write(root, "queries/orders.py", text="from ..models import Order\n")
    assert hasattr(load(root, "queries/orders.py"), "Order")


def test_a_package_below_another_folder_is_imported(tmp_path: Path) -> None:
    write(tmp_path, "backend/shop/__init__.py")
    write(tmp_path, "backend/shop/models.py", text="x = 1\n")
    write(tmp_path, "backend/shop/queries.py", text="from shop.models import x\n")
    assert hasattr(load(tmp_path, "backend/shop/queries.py"), "x")


def test_a_file_without_a_name_is_imported_too(tmp_path: Path) -> None:
    write(tmp_path, "my-tool.py", text="x = 1\n")
    assert hasattr(load(tmp_path, "my-tool.py"), "x")


def test_a_name_that_another_module_has_is_no_obstacle(tmp_path: Path) -> None:
    write(tmp_path, "pytest.py", text="mine = True\n")
    assert hasattr(load(tmp_path, "pytest.py"), "mine")
    assert sys.modules["pytest"] is pytest


def test_importing_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, names = list(sys.path), set(sys.modules)
    write(tmp_path, "left_behind.py", text="print('hello')\n")
    assert not isinstance(load(tmp_path, "left_behind.py"), ImportFailure)
    assert (sys.path, set(sys.modules) - names) == (path, set())
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "__pycache__").exists()


def test_an_edited_file_is_seen_by_the_next_check_in_the_same_second(tmp_path: Path) -> None:
    for value in (1, 2):
        write(tmp_path, "edited.py", text=f"x = {value}\n")
        assert getattr(load(tmp_path, "edited.py"), "x", None) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("raise SystemExit\n", "SystemExit"),
    ],
)
def test_a_failure_is_placed_at_the_projects_innermost_line(tmp_path: Path, text: str, why: str) -> None:
    write(tmp_path, "inner.py", text=f"\n{text}")
    write(tmp_path, "outer.py", text="import inner\n")
    failure = load(tmp_path, "outer.py")
    assert isinstance(failure, ImportFailure)
    assert (str(failure.place), failure.why) == ("inner.py:2:1", why)


def test_a_syntax_error_in_an_imported_module_is_placed_in_it(tmp_path: Path) -> None:
    write(tmp_path, "inner.py", text="\n\ndef f(:\n")
    write(tmp_path, "outer.py", text="import inner\n")
    failure = load(tmp_path, "outer.py")
    assert isinstance(failure, ImportFailure)
    assert str(failure.place) == "inner.py:3:1"


def test_paths_outside_of_the_root_are_absolute_in_reports(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/m.py", text='import assay\nassay.Pool("u").execute("select 1")\n')
    (tmp_path / "root").mkdir()
    (call,) = discover(tmp_path / "root", [tmp_path / "elsewhere"]).calls
    assert call.place.path == (tmp_path / "elsewhere" / "m.py").as_posix()


def test_every_file_that_was_looked_for_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import assay, elsewhere, helper\nasync def f(db: assay.Pool):\n"
        "    await db.execute(assay.sql_file('missing.sql'))\n    await db.execute(elsewhere.SQL)\n"
        "    await db.execute(helper.SQL)\n"
    )
    (tmp_path / "helper.py").write_text("SQL = 'select 1'\n")
    found = discover(tmp_path, [tmp_path / "a.py"]).project.looked_at
    assert {"a.py", "helper.py", "missing.sql", "elsewhere.py"} <= {path.name for path in found}
