"""The documents: their examples run, and what they list is what is there."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from commands import FILE, commands, options, reference, spelling
from zastavka.config import BASELINE, DEFAULT
from zastavka.detection import Detection

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.ru.md")
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("", "docs", "benchmarks")
    for path in (ROOT / folder).glob("*.md")
)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of one language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(name), re.DOTALL | re.MULTILINE)


def tracked() -> list[str]:
    """The files of the repository. Without git there is nothing that the tree could be held to."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_the_examples_of_the_api_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    examples = blocks("docs/api.md", "python")
    assert len(examples) == text_of("docs/api.md").count("```python")
    for example in examples:
        line = text_of("docs/api.md").split(example)[0].count("\n")
        # errors then name the line of the document
        exec(compile("\n" * line + example, "docs/api.md", "exec"), names)
    assert all(isinstance(result, Detection) for result in names["results"])
    assert [d.episode for d in names["truth"]] == names["episodes"]
    assert names["report"].macro()["failures"] == 0
    assert len(names["emissions"]) == len(names["probability"]) == names["features"].grid.n
    assert "constant" in capsys.readouterr().out


def test_the_reference_of_the_commands_is_what_the_program_says() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run python tests/commands.py"


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_explained(name: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
    for parameter in options(commands()[name]):
        assert parameter.help, f"{name} {parameter.name} has no help"
        assert f"| `{spelling(parameter)}` | {parameter.help} |" in section
    for readme in READMES:
        assert f"zastavka {name}" in text_of(readme) or f"make {name}" in text_of(readme)


@pytest.mark.parametrize("name", ["README.md", "README.ru.md", "CONTRIBUTING.md"])
def test_what_readers_are_told_to_type_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    for line in "".join(blocks(name, "sh")).splitlines():
        for target in re.findall(r"\bmake ([a-z-]+)", line):
            assert target in targets
        for command, rest in re.findall(r"\bzastavka ([a-z]+)([^#]*)", line):
            known = {o for p in options(commands()[command]) for o in (*p.opts, *p.secondary_opts)}
            assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= known, line


def test_both_readmes_have_the_same_commands_and_sections() -> None:
    english, russian = (
        [re.sub(r"\s*#.*", "", line) for line in "".join(blocks(name, "sh")).splitlines()]
        for name in READMES
    )
    assert english == russian
    sections = [re.findall(r"^#+(?= )", text_of(name), re.MULTILINE) for name in READMES]
    assert sections[0] == sections[1]
    codes = [re.findall(r"^\| (\d+) \|", text_of(name), re.MULTILINE) for name in READMES]
    assert codes[0] == codes[1]
    assert blocks("README.md", "json") == blocks("README.ru.md", "json")


@pytest.mark.parametrize("name", READMES)
def test_the_figures_of_the_recipes_are_those_of_the_recipes(name: str) -> None:
    searched = DEFAULT.extract
    text = " ".join(text_of(name).split())
    for figure in (searched.window_min, searched.window_max):
        assert re.search(rf"\b{figure:g} (s|с)\b", text)
    assert f"{100 * searched.window_share:g} %" in text
    assert (DEFAULT.extract.step, BASELINE.extract.step) == (0.5, 1.0), "see the section on edges"


@pytest.mark.parametrize("name", READMES)
def test_the_tree_is_that_of_the_repository(name: str) -> None:
    entries = Counter(tree(blocks(name, "tree")[0]))
    files = tracked()
    unlisted = [file for file in files if not any(fnmatch(file, entry) for entry in entries)]
    assert not unlisted, f"give these a line in the tree of {name}"
    gone = [entry for entry in entries if not any(fnmatch(file, entry) for file in files)]
    assert not gone, f"take these out of the tree of {name}"
    assert set(entries.values()) == {1}


def tree(block: str) -> list[str]:
    """Paths of a tree drawn by indentation, where each file has a comment behind its name."""
    folders: list[str] = []
    paths = []
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        entry, _, comment = line.strip().partition(" ")
        folders = folders[:depth]
        if entry.endswith("/"):
            folders.append(entry)
        else:
            assert comment.strip(), f"{entry} has no comment"
            paths.append("".join(folders) + entry)
    return paths


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        if target.startswith(("http://", "https://")):
            continue
        file, _, heading = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in slugs, target


@pytest.mark.parametrize("stem", ["from-the-prototype", "architecture"])
def test_files_named_in_documents_are_there(stem: str) -> None:
    ours = [line.split("|")[2:] for line in text_of(f"docs/{stem}.md").splitlines() if "|" in line]
    for cell in (cell for cells in ours for cell in cells):
        for name in re.findall(r"`((?:learn/|compose/|src/zastavka/)?[a-z_]+\.py)`", cell):
            path = name.removeprefix("src/zastavka/")
            assert (ROOT / "src" / "zastavka" / path).is_file(), name


def test_no_text_tells_where_it_was_written() -> None:
    # spelled so that this file does not match itself
    foreign = re.compile(
        r"(?<![\w.])/wor[k]/|/tmp/[w]\b|this workplac[e]|pyp[i]\.org|pythonhoste[d]"
    )
    binary = {".mo", ".png", ".safetensors"}
    for name in tracked():
        if Path(name).suffix not in binary:
            text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
            found = foreign.search(text)
            assert found is None, f"{name}: {found and found.group()}"
