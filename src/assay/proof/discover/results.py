"""What calls and operators make of constant strings, where that is known."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.proof.discover import strings
from assay.proof.discover.libraries import LIBRARIES, Owner
from assay.proof.discover.model import Argument, Form, NotConstant, Run, Sql, Wrapper
from assay.proof.discover.resolve import Bound, External

if TYPE_CHECKING:
    from assay.proof.discover.fold import Folder, Spot

_LONGEST_NAME = 40
_COMPUTED = "it is computed while the program runs"
_COMPOSED = "psycopg.sql puts it together while the program runs"


def result_of(node: ast.expr) -> str:
    """Why the value of a call is not a constant, with the call's name where it has one that is short enough to read."""
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return f"it is the result of {name}()" if 0 < len(name) <= _LONGEST_NAME else "it is the result of a call"


def computed(folder: Folder, node: ast.Call | ast.BinOp, spot: Spot) -> list[Form]:
    """The forms of a call, or of a string formatted with ``%``."""
    if isinstance(node, ast.BinOp):
        return _percent(folder, node, spot)
    target = folder.project.resolve(node.func, spot.scope, spot.source)
    if isinstance(target, External):
        return _library_call(folder, target.path, node, spot)
    method = _METHODS.get(node.func.attr) if isinstance(node.func, ast.Attribute) and target is None else None
    return method(folder, node, spot) if method is not None else spot.no(node, result_of(node))


# Functions of libraries.


def _library_call(folder: Folder, path: str, node: ast.Call, spot: Spot) -> list[Form]:
    package, _, rest = path.partition(".")
    name = rest.rpartition(".")[2]
    text = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "text"), None)
    if package in ("psycopg", "psycopg2") and rest.startswith("sql."):
        return _wrapped(folder, text, "SQL", spot) if text and name == "SQL" else spot.no(node, _COMPOSED)
    if text is None:
        return spot.no(node, result_of(node))
    if package in LIBRARIES[Owner.SQLALCHEMY].packages and name == "text":
        return _wrapped(folder, text, "text", spot)
    if path == "textwrap.dedent":
        return _changed(folder.fold(text, spot), strings.dedented)
    if path in ("assay.sql_file", "assay.sql.files.sql_file"):
        return [_file(folder, form, text, spot) for form in folder.fold(text, spot)]
    return spot.no(node, result_of(node))


def _wrapped(folder: Folder, text: ast.expr, name: str, spot: Spot) -> list[Form]:
    return [replace(form, wrapper=Wrapper(name)) for form in folder.fold(text, spot)]


def _file(folder: Folder, form: Form, node: ast.expr, spot: Spot) -> Form:
    """The text of a file of SQL, whose name is a constant."""
    if isinstance(form.sql, NotConstant):
        return form
    root = folder.project.root
    path = spot.source.path.parent.joinpath(form.sql.text).resolve()
    try:
        source = folder.project.read_sql(path)
    except UsageError as error:
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        why = f"{error.message[:1].lower()}{error.message[1:]}".replace(str(path), shown.as_posix())
        return replace(form, sql=NotConstant(spot.source.place(node), why))
    return replace(form, sql=Sql((Run(source.text, source, 0),)))


# Methods of strings.


def _strip(folder: Folder, node: ast.Call, spot: Spot) -> list[Form]:
    func = _method(node)
    match node.args:
        case []:
            characters = None
        case [ast.Constant(value=str(characters))]:
            pass
        case _:
            return spot.no(node, result_of(node))
    return _changed(folder.fold(func.value, spot), lambda sql: strings.stripped(sql, func.attr, characters))


def _changed(forms: list[Form], change: Callable[[Sql], Sql]) -> list[Form]:
    return [replace(form, sql=change(form.sql)) if isinstance(form.sql, Sql) else form for form in forms]


def _format(folder: Folder, node: ast.Call, spot: Spot) -> list[Form]:
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return spot.no(node, result_of(node))
    values = {str(number): argument for number, argument in enumerate(node.args)}
    values |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    return _filled(folder, node, _method(node).value, strings.braced, values, spot)


def _percent(folder: Folder, node: ast.BinOp, spot: Spot) -> list[Form]:
    right = node.right
    if isinstance(right, ast.Dict):
        pairs = zip(right.keys, right.values, strict=True)
        values = {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}
    else:
        given = right.elts if isinstance(right, ast.Tuple) else [right]
        values = {str(number): value for number, value in enumerate(given)}
    return _filled(folder, node, node.left, strings.percented, values, spot)


def _filled(
    folder: Folder,
    node: ast.expr,
    template: ast.expr,
    split: Callable[[Sql], list[strings.Part] | None],
    values: dict[str, ast.expr],
    spot: Spot,
) -> list[Form]:
    """A template's forms with the values in the places of its fields."""
    found: list[Form] = []
    for form in folder.fold(template, spot):
        parts = split(form.sql) if isinstance(form.sql, Sql) else None
        if form.wrapper is not None:
            found += spot.no(node, _COMPOSED)
        elif isinstance(form.sql, NotConstant):
            found.append(form)
        elif parts is None or any(isinstance(part, str) and part not in values for part in parts):
            found += spot.no(node, _COMPUTED)
        else:
            first = replace(form, sql=form.sql.part(0, 0))
            filled = (folder.value(values[p], spot) if isinstance(p, str) else [Form(p)] for p in parts)
            found += folder.product(chain([[first]], filled), node, spot)
    return found


def _join(folder: Folder, node: ast.Call, spot: Spot) -> list[Form]:
    separators = folder.fold(_method(node).value, spot)
    if any(form.wrapper is not None for form in separators):
        return spot.no(node, _COMPOSED)
    found = _elements(folder, node.args[0], spot) if node.args else None
    if found is None or any(isinstance(element, ast.Starred) for element in found[0]):
        return spot.no(node, result_of(node))
    elements, place = found
    parts = [part for element in elements for part in (separators, folder.fold(element, place))]
    return folder.product(parts[1:], node, spot)


def _elements(folder: Folder, node: ast.expr, spot: Spot) -> tuple[Sequence[ast.expr], Spot] | None:
    """The elements of a tuple, or of a list that nothing changes, and where they stand."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return node.elts, spot
    target = folder.project.resolve(node, spot.scope, spot.source)
    binding = target.only if isinstance(target, Bound) else None
    if binding is None or not isinstance(target, Bound) or not isinstance(binding.value, (ast.Tuple, ast.List)):
        return None
    if isinstance(binding.value, ast.List) and _is_changed(target):
        return None
    return binding.value.elts, replace(spot, source=target.source, scope=binding.scope, at=binding.value)


def _is_changed(target: Bound) -> bool:
    """Whether the module that a list is defined in calls a method of it or assigns to a part of it."""
    for node in ast.walk(target.source.tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name)):
                pass
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                pass
            case _:
                continue
        if name == target.name:
            return True
    return False


# Methods of SQLAlchemy's text().


def _textual(folder: Folder, node: ast.Call, spot: Spot) -> list[Form]:
    """What a method of a text returns is that text."""
    forms = folder.fold(_method(node).value, spot)
    textual = all(form.wrapper is not None and form.wrapper.name == "text" for form in forms)
    return forms if textual else spot.no(node, result_of(node))


def _bindparams(folder: Folder, node: ast.Call, spot: Spot) -> list[Form]:
    forms = _textual(folder, node, spot)
    return [replace(f, wrapper=_bound(f.wrapper, node)) if f.wrapper is not None else f for f in forms]


def _bound(wrapper: Wrapper, node: ast.Call) -> Wrapper:
    """What is known of a text's parameters after ``bindparams(bindparam("a", expanding=True), b=1)``."""
    bound = [Argument(keyword.value, keyword.arg) for keyword in node.keywords if keyword.arg is not None]
    expanding: set[str] = set()
    unpacked = any(keyword.arg is None for keyword in node.keywords)
    for argument in node.args:
        match argument:
            case ast.Call(args=[ast.Constant(value=str(name)), *rest], keywords=keywords):
                given = [*rest, *(keyword.value for keyword in keywords if keyword.arg == "value")]
                bound += [Argument(value, name) for value in given[:1]]
                expanding |= {name for keyword in keywords if keyword.arg == "expanding"}
            case _:
                unpacked = True
    return Wrapper(wrapper.name, (*wrapper.bound, *bound), wrapper.expanding | expanding, wrapper.unpacked or unpacked)


def _method(node: ast.Call) -> ast.Attribute:
    assert isinstance(node.func, ast.Attribute)  # noqa: S101 - looked at before a method is chosen
    return node.func


_METHODS: dict[str, Callable[[Folder, ast.Call, Spot], list[Form]]] = {
    "strip": _strip,
    "lstrip": _strip,
    "rstrip": _strip,
    "format": _format,
    "join": _join,
    "bindparams": _bindparams,
    "columns": _textual,
    "execution_options": _textual,
}
