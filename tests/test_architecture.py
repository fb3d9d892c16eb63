"""The house: reading order is import order, files are short, heavy libraries have one door."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "zastavka"
MODULES = sorted(path for path in SOURCE.rglob("*.py"))

ORDER = [
    line.split()[0]
    for line in re.search(
        r"```order\n(.*?)```",
        (SOURCE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )[1].splitlines()  # type: ignore[index]
    if line
]

DOORS = {
    "av": {"decoders", "media", "pictures", "remux", "track", "waveform", "whole"}
    | {"compose.shots", "compose.film", "learn", "web"},
    "torch": {"vision", "preparation", "learn"},
    "transformers": {"checkpoint"},
    "peft": {"adapter"},
    "onnxruntime": {"model"},
    "matplotlib": {"charts"},
    "guessit": {"episode"},
    "typer": {"arguments", "cli", "invocation", "commands"},
    "rich": {"terminal"},
    "optuna": {"tune"},
    "pebble": {"workers"},
    "watchfiles": {"library.arrivals"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
}
ROOMS = ("learn.", "commands.", "web.")  # packages that are one door
LONGEST = 330  # lines of a file
LONGEST_FUNCTION = 60


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, top_level: bool = False) -> set[str]:
    """What a file imports, TYPE_CHECKING blocks apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    nodes = tree.body if top_level else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_above(path: Path) -> None:
    me = name_of(path)
    if me in ("", "__main__"):
        return
    assert me in ORDER, f"{me} has no place in the order"
    inside = {name.removeprefix("zastavka.") for name in imports_of(path) if "zastavka." in name}
    below = [n for n in inside if n in ORDER and ORDER.index(n) >= ORDER.index(me)]
    # a package re-exports what lies under it
    assert not [n for n in below if not n.startswith(f"{me}.")]


def test_the_order_names_only_what_is_there() -> None:
    assert set(ORDER) <= {name_of(path) for path in MODULES}


@pytest.mark.parametrize("library", sorted(DOORS))
def test_heavy_libraries_have_one_door(library: str) -> None:
    users = {
        name_of(path)
        for path in MODULES
        if any(name.split(".")[0] == library for name in imports_of(path))
    }
    # what is learned by torch is one door, and so are the commands
    doors = {user.split(".")[0] if user.startswith(ROOMS) else user for user in users}
    assert doors == DOORS[library]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def test_importing_everything_without_torch_loads_nothing_heavy() -> None:
    names = [n for n in ORDER if not n.startswith(("learn", "compose", "web", "__main__"))]
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module('zastavka.' + name)\n"
        "heavy = {*'torch transformers onnxruntime av matplotlib guessit optuna'.split()}\n"
        "print(','.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_only_the_terminal_writes_to_the_terminal() -> None:
    writers = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "sys.stderr")
    }
    assert writers == {"terminal"}


def test_plain_pytest_leaves_the_slow_tests_out_and_the_makefile_runs_them(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text(
        "import pytest\ndef test_quick(): pass\n@pytest.mark.slow\ndef test_slow(): pass\n"
    )
    settings = ["-c", str(SOURCE.parents[1] / "pyproject.toml"), "-p", "no:cacheprovider", "-v"]
    recipe = (SOURCE.parents[1] / "Makefile").read_text(encoding="utf-8")
    for asked, name in (([], "test_quick"), (["-m", "slow"], "test_slow")):
        assert f"\t$(BIN)/pytest{''.join(f' {word}' for word in asked)}\n" in recipe
        command = [sys.executable, "-m", "pytest", *settings, *asked, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert re.findall(r"::(\w+) PASSED", done.stdout) == [name]
