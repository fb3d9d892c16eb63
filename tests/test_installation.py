"""What is installed, against `packaging`, pyproject.toml and libraries made for a purpose."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement as Theirs
from packaging.specifiers import SpecifierSet

from zastavka import installation as ours
from zastavka.installation import Requirement, installation, look_at

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
LINES = PROJECT["dependencies"] + [line for lines in EXTRAS.values() for line in lines]


def versions() -> st.SearchStrategy[str]:
    numbers = st.lists(st.integers(0, 12), min_size=1, max_size=3)
    return numbers.map(lambda found: ".".join(map(str, found)))


@pytest.mark.parametrize(
    "line", [*LINES, "a.b-c", "a ; extra == 'x'", 'pkg[more]>=1,<2; extra == "x"', "a (>=1)"]
)
def test_requirements_are_read_as_pip_reads_them(line: str) -> None:
    parsed, theirs = Requirement.parse(line), Theirs(line)
    assert parsed.name == theirs.name
    assert SpecifierSet(parsed.wanted) == theirs.specifier
    assert parsed.extra == ("x" if "extra" in line else None)


@given(
    versions(), st.lists(st.tuples(st.sampled_from([">=", "<=", "<", ">", "==", "!="]), versions()))
)
def test_ranges_are_those_of_pip(version: str, bounds: list[tuple[str, str]]) -> None:
    wanted = ",".join(sign + limit for sign, limit in bounds)
    assert Requirement("a", wanted, None).allows(version) == SpecifierSet(wanted).contains(version)


@pytest.mark.parametrize("version", ["2.13.0+cpu", "2.13.0.post1", "2.13"])
def test_what_stands_behind_the_numbers_does_not_count(version: str) -> None:
    assert Requirement("torch", ">=2.6,<3", None).allows(version)
    assert not Requirement("torch", ">=2.14", None).allows(version)


def test_everything_that_the_package_asks_for_is_looked_at() -> None:
    asked = list(metadata.metadata("zastavka").get_all("Requires-Dist") or ())
    seen: list[str] = []
    found = installation(lambda _, name: seen.append(name))
    assert found.problem is None
    listed = [lib.name for lib in found.libraries]
    assert sorted(listed) == sorted(Theirs(r).name for r in asked if "extra" not in r)
    for extra in found.extras:
        names = sorted(Theirs(r).name for r in asked if f"extra == '{extra.name}'" in r)
        assert sorted(library.name for library in extra.libraries) == names
        assert extra.command == f'pip install "zastavka[{extra.name}]"'
    assert [extra.name for extra in found.extras] == sorted(EXTRAS)
    assert seen == sorted(seen, key=str.lower)
    assert set(seen) >= set(listed)
    for library in (*found.libraries, *(lib for extra in found.extras for lib in extra.libraries)):
        assert (library.version, library.problem) == (metadata.version(library.name), None)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of libraries, first on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def make(folder: Path, name: str, version: str, code: str, module: str | None = None) -> None:
    module = module or name
    (folder / module).mkdir()
    (folder / module / "__init__.py").write_text(code)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "top_level.txt").write_text(f"{module}\n")


def test_a_library_that_works_under_another_name(made: Path) -> None:
    make(made, "grey-heron", "1.5", "", module="ardea")
    module = ours._modules()["grey_heron"]
    assert module == "ardea"
    found = look_at(Requirement("grey-heron", ">=1", None), module)
    assert (found.version, found.problem) == ("1.5", None)


def test_of_several_modules_the_one_of_its_own_name() -> None:
    assert ours._modules()["torch"] == "torch"  # beside functorch
    assert ours._modules()["pillow"] == "PIL"


@pytest.mark.parametrize(
    "code",
    [
        "raise ImportError('libheron.so.1: cannot open shared object file\\nmore')",
        "raise RuntimeError('libheron.so.1: cannot open shared object file')",
        # as numpy does
        "try:\n    raise OSError('libheron.so.1: cannot open shared object file')\n"
        "except OSError as error:\n    raise ImportError('\\n\\nPLEASE READ THIS') from error",
    ],
)
def test_a_library_that_is_broken_is_one_line(made: Path, code: str) -> None:
    make(made, "brokenheron", "1.5", code)
    found = look_at(Requirement("brokenheron", "", None), "brokenheron")
    assert found.version == "1.5"
    assert str(found.problem) == (
        "brokenheron: can't be imported: libheron.so.1: cannot open shared object file; "
        "pip install --force-reinstall brokenheron"
    )


def test_a_library_that_is_too_old(made: Path) -> None:
    make(made, "oldheron", "1.5", "raise SystemExit('never imported')")
    found = look_at(Requirement("oldheron", ">=2.0", None), "oldheron")
    assert found.version == "1.5"
    assert str(found.problem) == ('oldheron: version 1.5 is not >=2.0; pip install "oldheron>=2.0"')


def test_a_library_that_is_not_there() -> None:
    found = look_at(Requirement("no-such-heron", ">=2.0", None), None)
    assert found.version is None
    assert str(found.problem) == (
        'no-such-heron: is not installed; pip install "no-such-heron>=2.0"'
    )


def test_a_source_that_was_never_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> object:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", none)
    found = installation()
    assert (found.libraries, found.extras) == ((), ())
    assert "is not installed as a package" in str(found.problem)
