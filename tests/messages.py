"""What the program can say: every text in `src` that is looked up in a catalogue.

`python tests/messages.py` brings the catalogues up to date: new texts come in without a
translation, texts no longer said go, and each catalogue is compiled. It names what is missing.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from zastavka.errors import ZastavkaError

SOURCE = Path(__file__).parents[1] / "src" / "zastavka"
CATALOGUES = sorted((SOURCE / "locale").glob("*/LC_MESSAGES/zastavka.po"))

_ERRORS = {kind.__name__ for kind in ZastavkaError.__subclasses__()} - {"MissingExtra"}
_LOOKUPS = {"gettext", "translate", "_"}  # first argument
_PROGRESS = ("progress", "_share")  # any argument: the name of what is being done
_TABLES = {"REASONS", "SENTENCES", "PURPOSES", "HEADINGS"}  # values of a dictionary
_HEADER = re.compile(rb'"[A-Z][A-Za-z-]+: .*\\n"$')


@dataclass(frozen=True, order=True)
class Message:
    text: str
    file: str  # below `src`
    line: int


@dataclass(frozen=True)
class Hidden:
    """A place where the text to be looked up can't be read from the source."""

    file: str
    line: int
    code: str


def collect(folder: Path = SOURCE) -> tuple[list[Message], list[Hidden]]:
    messages: list[Message] = []
    hidden: list[Hidden] = []
    for path in sorted(folder.rglob("*.py")):
        file = path.relative_to(folder.parent).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node, sure in _wanted(tree, path.stem):
            texts = list(_texts(node, tree))
            messages += [Message(text, file, node.lineno) for text in texts if text]
            if sure and not texts:
                hidden.append(Hidden(file, node.lineno, ast.unparse(node)))
        if path.parent.name == "commands":
            messages += [Message(text, file, line) for text, line in _command_docs(tree)]
    return messages, hidden


def _wanted(tree: ast.Module, module: str) -> Iterator[tuple[ast.expr, bool]]:
    """Expressions whose text is looked up, and whether each must be a literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node, module)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id in _TABLES for t in targets):
                yield from ((value, True) for value in node.value.values)


def _of_call(call: ast.Call, module: str) -> Iterator[tuple[ast.expr, bool]]:
    name = ast.unparse(call.func).split(".")[-1]
    inside_errors = module == "errors" and ast.unparse(call.func) == "super().__init__"
    literal = all(not isinstance(a, ast.Starred) for a in call.args)
    if (name in _ERRORS and len(call.args) >= 3 and literal) or (
        inside_errors and ast.unparse(call.args[0]) == "needed_for"
    ):
        yield from ((argument, True) for argument in call.args[1:3])
    if name in _LOOKUPS and call.args:
        yield call.args[0], False  # what a variable holds is collected where it comes from
    if name.endswith(_PROGRESS):
        yield from ((a, False) for a in call.args if isinstance(a, ast.Constant | ast.IfExp))
    yield from ((k.value, False) for k in call.keywords if k.arg == "help")


def _texts(node: ast.expr, tree: ast.Module) -> Iterator[str]:
    """The literals that an expression can be, looked up through the names of its file."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, tree)
        yield from _texts(node.orelse, tree)
    elif isinstance(node, ast.Name):
        for other in ast.walk(tree):
            if isinstance(other, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == node.id for t in other.targets
            ):
                yield from _texts(other.value, tree)


def _command_docs(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Docstrings of commands, as the help shows them."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            doc = ast.get_docstring(node, clean=False)
            if doc:
                yield inspect.cleandoc(doc), node.lineno


def updated(catalogue: Catalog, messages: list[Message]) -> Catalog:
    """The catalogue with exactly these messages, by file, what was translated kept."""
    day = datetime(2026, 1, 1, tzinfo=UTC)  # not of today, so that only texts make a difference
    new = Catalog(
        locale=catalogue.locale,
        project="zastavka",
        version="0",
        header_comment="# Texts of zastavka; `python tests/messages.py` brings in new ones.",
        creation_date=day,
        revision_date=day,
        fuzzy=False,
    )
    for message in sorted(messages, key=lambda m: (m.file, m.text)):
        old = catalogue.get(message.text)
        if new.get(message.text) is None:
            new.add(message.text, old.string if old else "", auto_comments=[message.file])
    return new


def as_po(catalogue: Catalog) -> bytes:
    """The text of a catalogue, its header without what nobody fills in."""
    text = io.BytesIO()
    write_po(text, catalogue, width=0)
    kept = (b"Project-Id", b"Language:", b"Plural", b"MIME", b"Content")
    lines = text.getvalue().split(b"\n")
    return b"\n".join(
        line for line in lines if not _HEADER.match(line) or line[1:].startswith(kept)
    )


def main() -> int:
    messages, _ = collect()
    missing = []
    for path in CATALOGUES:
        with path.open("rb") as file:
            catalogue = updated(read_po(file, path.parts[-3]), messages)
        path.write_bytes(as_po(catalogue))
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)
        missing += [f"{path.parts[-3]}: {m.id}" for m in catalogue if m.id and not m.string]
    sys.stdout.write("\n".join(missing or ["every text is translated"]) + "\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
