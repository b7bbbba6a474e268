"""Edits applied to a module's text with libcst, which keeps everything that is not edited as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from assay.errors import ProofError
from assay.proof.fix.bodies import with_field, without_field
from assay.proof.fix.changes import AddField, Edit, RemoveField, Replace, Span
from assay.proof.fix.imports import add_imports


def edited(text: str, edits: Iterable[Edit], shown: str) -> str:
    """A module's text with the edits made; raises ProofError, naming the file, when they cannot be."""
    edits = list(edits)
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise ProofError(f"{shown} cannot be edited: {error.message}") from None
    if module.code != text:
        raise ProofError(f"{shown} cannot be edited: its line ends are not understood")
    places = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    editor = _Editor(edits, places, module.default_indent)
    changed = module.visit(editor)
    if editor.todo:
        raise ProofError(f"{shown} cannot be edited: it is not the file that was checked; run the check again")
    imports = frozenset().union(*(edit.imports for edit in edits if not isinstance(edit, RemoveField)))
    return add_imports(changed, imports).code


class _Editor(cst.CSTTransformer):
    def __init__(self, edits: Sequence[Edit], places: Mapping[cst.CSTNode, CodeRange], indent: str) -> None:
        super().__init__()
        self.indent = indent
        self.places = places
        self.todo: set[Edit] = set(edits)
        self.replacements = {edit.span: edit for edit in edits if isinstance(edit, Replace)}
        self.members: defaultdict[str, list[AddField | RemoveField]] = defaultdict(list)
        for edit in edits:
            if not isinstance(edit, Replace):
                self.members[edit.owner].append(edit)
        self.names: list[str] = []
        self.indents: list[str] = []

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:  # noqa: N802 - libcst's name
        self.indents.append(self.indent if node.indent is None else node.indent)

    def leave_IndentedBlock(  # noqa: N802 - libcst's name
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        self.indents.pop()
        return updated_node

    def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802 - libcst's name
        self.names.append(node.name.value)

    def leave_ClassDef(  # noqa: N802 - libcst's name
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        edits = self.members.get(".".join(self.names), [])
        self.names.pop()
        for edit in reversed(edits):  # of several fields after the same one, the first is to stand first
            body = updated_node.body
            after = with_field(body, edit) if isinstance(edit, AddField) else without_field(body, edit)
            if after is not None:
                updated_node = updated_node.with_changes(body=after)
                self.todo.discard(edit)
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802 - libcst's name
        self.names.append("<locals>")

    def leave_FunctionDef(  # noqa: N802 - libcst's name
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self.names.pop()
        return updated_node

    def on_leave(self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT) -> object:  # type: ignore[override]
        left = super().on_leave(original_node, updated_node)
        if not isinstance(original_node, cst.BaseExpression) or not isinstance(left, cst.BaseExpression):
            return left
        edit = self.replacements.get(_span(self.places[original_node]))
        if edit is None or edit not in self.todo:
            return left
        self.todo.discard(edit)
        return cst.parse_expression(self._outdented(edit.text)).with_changes(lpar=left.lpar, rpar=left.rpar)

    def _outdented(self, text: str) -> str:
        """A text of several lines without the indentation of the block around, which libcst adds again."""
        return text.replace("\n" + "".join(self.indents), "\n")


def _span(found: CodeRange) -> Span:
    return Span(found.start.line, found.start.column, found.end.line, found.end.column)
