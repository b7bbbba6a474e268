"""What a name or a dotted name refers to, followed through imports between the project's modules."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assay.proof.discover.files import import_folders
from assay.proof.discover.model import Unreadable
from assay.proof.discover.scopes import Binding, Scope
from assay.proof.discover.source import Source, read_source, read_sql


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the project."""

    source: Source


@dataclass(frozen=True, slots=True)
class Bound:
    """A name bound in a module of the project, by all its bindings."""

    source: Source
    name: str
    bindings: tuple[Binding, ...]
    scope: Scope | None = None
    """Whose name it is."""

    @property
    def only(self) -> Binding | None:
        """The one binding, when there is just one."""
        return self.bindings[0] if len(self.bindings) == 1 else None

    @property
    def class_scope(self) -> Scope | None:
        """The scope of the class that the name is, or None when it is something else."""
        only = self.only
        return only.scope.classes.get(self.name) if only is not None and only.kind == "class" else None


@dataclass(frozen=True, slots=True)
class External:
    """Something outside the project, by its dotted name."""

    path: str


Target = Module | Bound | External


class Project:
    """The project's files, parsed when they are first needed."""

    def __init__(self, root: Path, files: Iterable[Path] = ()) -> None:
        self.root = root
        self.files = tuple(files)
        self.folders = import_folders(root, self.files)
        """Where its modules are imported from."""
        self._sources: dict[Path, Source | Unreadable] = {}
        self._sql: dict[Path, Source] = {}
        self._below: dict[Scope, list[tuple[Scope, Source]]] = {}
        self._modules: dict[str, Source | None] = {}
        self._sought: set[Path] = set()

    @property
    def looked_at(self) -> set[Path]:
        """Every file that was read, or would have been if it were there."""
        return {*self._sources, *self._sought}

    def read(self, path: Path) -> Source | Unreadable:
        """A file, parsed once."""
        if path not in self._sources:
            self._sources[path] = read_source(path, self.root)
        return self._sources[path]

    def read_sql(self, path: Path) -> Source:
        """A file of SQL, read once; raises UsageError for one that cannot be read."""
        self._sought.add(path)
        if path not in self._sql:
            self._sql[path] = read_sql(path, self.root)
        return self._sql[path]

    def module(self, name: str) -> Source | None:
        """The project's module of a dotted name, or None when it is not the project's or cannot be parsed."""
        if name not in self._modules:
            self._modules[name] = self._find(name)
        return self._modules[name]

    def _find(self, name: str) -> Source | None:
        if not name:
            return None
        for folder in self.folders:
            base = folder.joinpath(*name.split("."))
            for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
                self._sought.add(path)
                if path.is_file():
                    source = self.read(path.resolve())
                    return source if isinstance(source, Source) else None
        return None

    def resolve(
        self, node: ast.expr, scope: Scope, source: Source, seen: frozenset[object] = frozenset()
    ) -> Target | None:
        """What a name or dotted name refers to; None when that cannot be told without running the code."""
        if isinstance(node, ast.Name):
            return self._name(node.id, scope, source, seen)
        if isinstance(node, ast.Attribute):
            own = own_class(node.value, scope)
            if own is not None:
                return self.class_attribute(own, source, node.attr)
            base = self.resolve(node.value, scope, source, seen)
            return self.attribute(base, node.attr, seen) if base is not None else None
        return None

    def _name(self, name: str, scope: Scope, source: Source, seen: frozenset[object]) -> Target | None:
        owner = scope.owner(name)
        bindings = owner.names.get(name) if owner is not None else None
        if not bindings:
            return self._from_stars(name, source, seen)
        return self._followed(Bound(source, name, tuple(bindings), owner), seen)

    def _followed(self, bound: Bound, seen: frozenset[object]) -> Target | None:
        """A binding that is an import stands for what is imported; several that agree are one (try/except)."""
        if any(binding.kind != "imported" for binding in bound.bindings):
            return bound
        targets = [self._import(bound.source, binding, seen) for binding in bound.bindings]
        return targets[0]

    def _import(self, source: Source, binding: Binding, seen: frozenset[object]) -> Target | None:
        key = (source.path, binding.module, binding.attribute)
        if key in seen:
            return None
        name = absolute(binding.module, source)
        if binding.attribute is None:
            return self._module_or_external(name)
        module = self.module(name)
        if module is not None:
            return self._in_module(module, binding.attribute, seen | {key})
        submodule = self.module(f"{name}.{binding.attribute}")
        return Module(submodule) if submodule else External(f"{name}.{binding.attribute}")

    def _module_or_external(self, name: str) -> Target:
        module = self.module(name)
        return Module(module) if module is not None else External(name)

    def _in_module(self, module: Source, name: str, seen: frozenset[object]) -> Target | None:
        found = self._name(name, module.scope, module, seen)
        if found is not None:
            return found
        submodule = self.module(f"{module.name}.{name}")
        return Module(submodule) if submodule else None

    def _from_stars(self, name: str, source: Source, seen: frozenset[object]) -> Target | None:
        for star in source.scope.stars:
            key = (source.path, star.module, name)
            module = self.module(absolute(star.module, source))
            if module is not None and key not in seen:
                found = self._in_module(module, name, seen | {key})
                if found is not None:
                    return found
        return None

    def attribute(self, base: Target, name: str, seen: frozenset[object] = frozenset()) -> Target | None:
        """What ``base.name`` refers to."""
        match base:
            case Module(source):
                return self._in_module(source, name, seen)
            case External(path):
                # "import app" binds the package; "app.queries" may be a module of the project below it
                return self._module_or_external(f"{path}.{name}")
            case Bound():
                scope = base.class_scope
                return self.class_attribute(scope, base.source, name) if scope is not None else None

    def class_attribute(self, scope: Scope, source: Source, name: str) -> Bound | None:
        """A name of a class's body, or what its methods assign to it; failing that, of what it inherits from."""
        for owner, home in self.lineage(scope, source):
            bindings = (*owner.names.get(name, ()), *owner.attributes.get(name, ()))
            if bindings:
                return Bound(home, name, bindings, owner)
        return None

    def lineage(self, scope: Scope, source: Source) -> Iterable[tuple[Scope, Source]]:
        """A class and the classes of the project that it inherits from, nearest first, each once."""
        seen: set[Scope] = set()
        todo = [(scope, source)]
        while todo:
            owner, home = todo.pop(0)
            if owner in seen:
                continue
            seen.add(owner)
            yield owner, home
            named = [base for base in self.bases(owner, home) if isinstance(base, Bound)]
            todo += [(base.class_scope, base.source) for base in named if base.class_scope is not None]

    def overriding(self, scope: Scope, source: Source, name: str) -> list[Bound]:
        """What the classes of the project below a class give a name, each once."""
        if scope not in self._below:
            self._below[scope] = list(self._inheriting(scope, source))
        found = ((below, home, below.names.get(name)) for below, home in self._below[scope])
        return [Bound(home, name, tuple(bindings), below) for below, home, bindings in found if bindings]

    def _inheriting(self, scope: Scope, source: Source) -> Iterable[tuple[Scope, Source]]:
        """The classes of the project's files that inherit from a class."""
        name: str = getattr(scope.node, "name", "")
        for path in self.files:
            home = self.read(path)
            if not isinstance(home, Source) or name not in home.text:
                continue
            for below in home.found.classes:
                if below is not scope and any(above is scope for above, _ in self.lineage(below, home)):
                    yield below, home

    def bases(self, scope: Scope, source: Source) -> list[Target]:
        """What a class names as its bases, where that can be told."""
        node = scope.node
        found = [
            self.resolve(base.value if isinstance(base, ast.Subscript) else base, scope.parent or scope, source)
            for base in (node.bases if isinstance(node, ast.ClassDef) else [])
        ]
        return [base for base in found if base is not None]


def absolute(module: str, source: Source) -> str:
    """The dotted name of a module that an import in ``source`` names, relative or not."""
    name = module.lstrip(".")
    level = len(module) - len(name)
    if level == 0:
        return name
    package = source.package.split(".") if source.package else []
    kept = package[: len(package) - (level - 1)]
    return ".".join([*kept, *([name] if name else [])])


def own_class(node: ast.expr, scope: Scope) -> Scope | None:
    """The class whose attribute ``self.name`` or ``cls.name`` is."""
    method = scope.method_class() if isinstance(node, ast.Name) else None
    return method[1] if method is not None and isinstance(node, ast.Name) and method[0] == node.id else None
