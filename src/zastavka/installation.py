"""What is installed: the libraries that the package's own metadata asks for, by extra."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata

from zastavka.errors import LibraryError, first_line

Progress = Callable[[float, str], None]  # share of the work that is done, what is looked at

_REQUIREMENT = re.compile(r"([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)")
_BOUND = re.compile(r"\s*(>=|<=|==|!=|<|>)\s*(\d+(?:\.\d+)*)\s*")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A line of the metadata. Conditions other than the extra are not kept: we set none."""

    name: str
    wanted: str  # such as ">=4.56,<6"; "" = any version
    extra: str | None  # None: nothing works without it

    @classmethod
    def parse(cls, line: str) -> Requirement:
        """Of a line of `Requires-Dist`."""
        found = _REQUIREMENT.match(line)
        if found is None:
            raise ValueError(f"no requirement: {line!r}")
        name, wanted, condition = found.groups()
        extra = _EXTRA.search(condition or "")
        return cls(name, wanted.strip(), extra[1] if extra else None)

    def allows(self, version: str) -> bool:
        """Whether a version is in the range; what stands behind its numbers does not count."""
        return all(_in_bound(version, bound) for bound in self.wanted.split(","))


@dataclass(frozen=True, slots=True)
class Library:
    """A library that is asked for, and what was found of it."""

    name: str  # as pip knows it
    wanted: str
    version: str | None  # None: it is not installed
    problem: LibraryError | None  # it is not there, too old, too new or broken


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional part: `pip install "zastavka[name]"`."""

    name: str
    libraries: tuple[Library, ...]

    @property
    def installed(self) -> bool:
        """Whether all of it is there and works."""
        return not any(library.problem for library in self.libraries)

    @property
    def command(self) -> str:
        """What brings it."""
        return f'pip install "zastavka[{self.name}]"'

    @property
    def broken(self) -> list[LibraryError]:
        """What is wrong with libraries that are there; an extra may be left out whole."""
        return [lib.problem for lib in self.libraries if lib.problem and lib.version is not None]


@dataclass(frozen=True, slots=True)
class Installation:
    """What the package needs, and its extras. `problem`: its metadata can't be found."""

    libraries: tuple[Library, ...]
    extras: tuple[Extra, ...]
    problem: LibraryError | None = None


def installation(progress: Progress | None = None) -> Installation:
    """Every library that the package may use, imported once: only that shows whether it works."""
    try:
        package = metadata.metadata("zastavka")
    except metadata.PackageNotFoundError:
        unknown = LibraryError(
            "zastavka", "is not installed as a package, so its libraries are not known",
            "pip install . in its folder",
        )  # fmt: skip
        return Installation((), (), unknown)
    asked = [Requirement.parse(line) for line in package.get_all("Requires-Dist") or ()]
    asked.sort(key=lambda requirement: requirement.name.lower())
    modules = _modules()
    found: list[tuple[Requirement, Library]] = []
    for i, requirement in enumerate(asked):
        if progress:
            progress(i / len(asked), requirement.name)
        found.append((requirement, look_at(requirement, modules.get(_plain(requirement.name)))))
    extras = sorted(package.get_all("Provides-Extra") or ())
    return Installation(
        tuple(library for wish, library in found if wish.extra is None),
        tuple(Extra(n, tuple(lib for wish, lib in found if wish.extra == n)) for n in extras),
    )


def look_at(requirement: Requirement, module: str | None) -> Library:
    """Whether a library is there, of a version that is allowed, and can be imported."""
    name, wanted = requirement.name, requirement.wanted
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        problem = LibraryError(
            name, "is not installed", 'pip install "{name}{wanted}"', name=name, wanted=wanted
        )
        return Library(name, wanted, None, problem)
    if not requirement.allows(version):
        problem = LibraryError(
            name, "version {version} is not {wanted}", 'pip install "{name}{wanted}"',
            version=version, name=name, wanted=wanted,
        )  # fmt: skip
        return Library(name, wanted, version, problem)
    return Library(name, wanted, version, _import_problem(name, module) if module else None)


def _import_problem(name: str, module: str) -> LibraryError | None:
    try:
        import_module(module)
    except Exception as error:  # what a broken library raises has no common base
        cause: BaseException = error
        while cause.__cause__ is not None:  # numpy puts a page of advice around the reason
            cause = cause.__cause__
        return LibraryError(
            name, "can't be imported: {why}", "pip install --force-reinstall {name}",
            why=first_line(cause), name=name,
        )  # fmt: skip
    return None


def _modules() -> dict[str, str]:
    """By library, the module to import; one without modules, such as one of types, has none."""
    modules: dict[str, str] = {}
    for module, libraries in sorted(metadata.packages_distributions().items()):
        for library in map(_plain, libraries):
            if module == library or (module.isidentifier() and not module.startswith("_")):
                # of several the one of its own name: torch brings functorch too
                known = modules.get(library)
                modules[library] = module if known is None or module == library else known
    return modules


def _plain(name: str) -> str:
    """Pillow, pytest-timeout -> pillow, pytest_timeout."""
    return re.sub(r"[-_.]+", "_", name).lower()


def _in_bound(version: str, bound: str) -> bool:
    parsed = _BOUND.fullmatch(bound)
    if parsed is None:
        return True  # no bound, or one of a kind that pip has looked at already
    sign, limit = parsed[1], _numbers(parsed[2])
    found = _numbers(version)
    longest = max(len(found), len(limit))
    a, b = ((*numbers, *[0] * (longest - len(numbers))) for numbers in (found, limit))
    return {
        ">=": a >= b, "<=": a <= b, "==": a == b, "!=": a != b, "<": a < b, ">": a > b,
    }[sign]  # fmt: skip


def _numbers(version: str) -> tuple[int, ...]:
    digits = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, digits[0].split("."))) if digits else ()
