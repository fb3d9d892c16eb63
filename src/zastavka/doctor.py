"""`examine`: whether zastavka works here, what is there for it, and what is not.

One thing that is broken is one entry, and everything else is looked at all the same. Nothing is
fetched and nothing is written.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import zastavka
from zastavka.arguments import need_torch
from zastavka.cache import Kept, check_writable, default_folder, kept
from zastavka.checkpoint import is_on_disk, require_libraries
from zastavka.decoders import FFmpeg, ffmpeg
from zastavka.errors import LibraryError, MediaError, ModelError, ZastavkaError, first_line
from zastavka.installation import Installation, Library, Progress, installation
from zastavka.model import Head, providers, shipped
from zastavka.vision import CLIP, Cards, cards

T = TypeVar("T")

# what we read of the environment; a test compares this with the code
VARIABLES = (
    "ZASTAVKA_CACHE", "ZASTAVKA_CATALOG", "ZASTAVKA_MODEL", "ZASTAVKA_INTROBENCH", "ZASTAVKA_JOBS",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA",
    "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class System:
    """What it runs on. `memory` in bytes, where Python can tell."""

    python: str
    executable: str
    os: str
    machine: str
    cpus: int  # that this process may use
    memory: int | None


@dataclass(frozen=True, slots=True)
class Encoder:
    """A picture encoder by the name that `--encoder` takes."""

    name: str
    problem: ZastavkaError | None  # why it can't be used


@dataclass(frozen=True, slots=True)
class Model:
    """A model that would answer. `encoder` is what it was trained with, where that can be read."""

    path: Path
    source: str  # "package", or the variable that names it
    encoder: str | None
    problem: ZastavkaError | None


@dataclass(frozen=True, slots=True)
class CacheFolder:
    """The cache folder. `free`: bytes left on its disk, where that can be told."""

    folder: Path
    parts: dict[str, Kept]
    free: int | None
    problem: ZastavkaError | None  # why it takes nothing


@dataclass(frozen=True, slots=True)
class Checkup:
    """Everything that was found."""

    version: str
    system: System
    installed: Installation
    ffmpeg: FFmpeg | None
    cards: Cards | None  # None: torch is not there, or broken
    providers: tuple[str, ...]
    encoders: tuple[Encoder, ...]
    models: tuple[Model, ...]
    cache: CacheFolder
    environment: dict[str, str | None]
    failed: tuple[ZastavkaError, ...]  # what could not be asked, such as FFmpeg

    @property
    def problems(self) -> list[ZastavkaError]:
        """What keeps zastavka from its work."""
        libraries = [library.problem for library in self.installed.libraries if library.problem]
        told = {problem.subject for problem in libraries}  # what follows from them is not repeated
        models = [model.problem for model in self.models if model.problem]
        others = [problem for problem in (*self.failed, *models) if problem.subject not in told]
        return _each_once([*libraries, *others])

    @property
    def warnings(self) -> list[ZastavkaError]:
        """What is wrong, and stops nothing that was not asked for."""
        found: list[ZastavkaError | None] = [self.installed.problem, self.cache.problem]
        for extra in self.installed.extras:
            found += extra.broken
        if self.ffmpeg and (
            lacking := [c for c, there in self.ffmpeg.decoders.items() if not there]
        ):
            found.append(MediaError(
                "FFmpeg", "can't decode {codecs}", "pip install --force-reinstall av",
                codecs=", ".join(lacking),
            ))  # fmt: skip
        return _each_once([problem for problem in found if problem])

    def json(self) -> str:
        """All of it for programs and bug reports, in English; see `docs/formats.md`."""
        document = {
            "version": 1,
            "zastavka": self.version,
            "works": not self.problems,
            "problems": [str(problem) for problem in self.problems],
            "warnings": [str(problem) for problem in self.warnings],
            "system": {name: getattr(self.system, name) for name in System.__slots__},
            "libraries": [_library(library) for library in self.installed.libraries],
            "extras": [
                {
                    "name": extra.name,
                    "installed": extra.installed,
                    "install": extra.command,
                    "libraries": [_library(library) for library in extra.libraries],
                }
                for extra in self.installed.extras
            ],
            "ffmpeg": self.ffmpeg and {
                "version": self.ffmpeg.version, "decoders": self.ffmpeg.decoders
            },
            "gpu": {
                "torch_built_for": self.cards.built_for if self.cards else None,
                "names": self.cards.names if self.cards else [],
                "onnxruntime_providers": self.providers,
            },
            "encoders": [
                {"name": encoder.name, **_usable(encoder.problem)} for encoder in self.encoders
            ],
            "models": [
                {
                    "path": str(model.path), "source": model.source, "encoder": model.encoder,
                    **_usable(model.problem),
                }
                for model in self.models
            ],
            "cache": {
                "folder": str(self.cache.folder),
                "writable": self.cache.problem is None,
                "free_bytes": self.cache.free,
                "parts": {
                    name or "other": {"files": part.files, "bytes": part.bytes}
                    for name, part in self.cache.parts.items()
                },
            },
            "environment": self.environment,
        }  # fmt: skip
        return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def examine(progress: Progress | None = None) -> Checkup:
    """Look at everything, the libraries by importing them: with torch that takes seconds."""
    installed = installation(progress)
    failed: list[ZastavkaError] = []

    def ask(subject: str, question: Callable[[], T]) -> T | None:
        answer = attempt(subject, question)
        if isinstance(answer, ZastavkaError):
            failed.append(answer)
            return None
        return answer

    seen = ask("av", ffmpeg)
    able = ask("onnxruntime", providers)
    torch = None
    if find_spec("torch") is not None:
        found = attempt("torch", cards)  # one that is broken is named among the extras
        torch = None if isinstance(found, ZastavkaError) else found
    return Checkup(
        version=zastavka.__version__,
        system=_system(),
        installed=installed,
        ffmpeg=seen,
        cards=torch,
        providers=tuple(able or ()),
        encoders=(Encoder("builtin", None), Encoder("clip", _clip_problem())),
        models=tuple(_models()),
        cache=_cache_folder(default_folder()),
        environment={name: os.environ.get(name) for name in VARIABLES},
        failed=tuple(failed),
    )


def attempt(subject: str, question: Callable[[], T]) -> T | ZastavkaError:
    """What `question` gives, or what went wrong with it as one of our errors."""
    try:
        return question()
    except ZastavkaError as error:
        return error
    except Exception as error:  # a broken library may raise anything
        return LibraryError(
            subject, "can't be used: {why}", "pip install --force-reinstall {name}",
            why=first_line(error), name=subject,
        )  # fmt: skip


def _clip_problem() -> ZastavkaError | None:
    def look() -> None:
        require_libraries("clip")
        if not is_on_disk(CLIP):
            raise ModelError(
                "clip", "{checkpoint} is not on this machine",
                "hf download {checkpoint} (1.7 GB), or use it once with a network",
                checkpoint=CLIP,
            )  # fmt: skip

    return attempt("transformers", look)


def _models() -> list[Model]:
    found = [_model(folder, "package") for folder in shipped()]
    if named := os.environ.get("ZASTAVKA_MODEL"):
        found.append(_model(Path(named), "ZASTAVKA_MODEL"))
    return found


def _model(path: Path, source: str) -> Model:
    if path.is_file():  # it takes minutes to convert, so that only what that needs is looked at
        problem = attempt("train", lambda: need_torch("a prototype's model.pt"))
        return Model(path, source, None, problem)
    head = attempt("onnxruntime", lambda: Head.load(path))
    if isinstance(head, ZastavkaError):
        return Model(path, source, None, head)
    return Model(path, source, head.config.extract.encoder, None)


def _cache_folder(folder: Path) -> CacheFolder:
    problem = attempt("cache", lambda: check_writable(folder))
    place = next((p for p in (folder, *folder.absolute().parents) if p.exists()), folder)
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        free = None
    return CacheFolder(folder, kept(folder), free, problem)


def _system() -> System:
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    try:
        memory: int | None = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows, and systems that do not tell
        memory = None
    return System(
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        executable=sys.executable,
        os=platform.platform(),
        machine=platform.machine(),
        cpus=len(affinity(0)) if affinity else os.cpu_count() or 1,
        memory=memory,
    )


def _library(library: Library) -> dict[str, str | None]:
    problem = None if library.problem is None else str(library.problem)
    return {
        "name": library.name, "wanted": library.wanted, "version": library.version,
        "problem": problem,
    }  # fmt: skip


def _usable(problem: ZastavkaError | None) -> dict[str, object]:
    return {"usable": problem is None, "problem": None if problem is None else str(problem)}


def _each_once(problems: list[ZastavkaError]) -> list[ZastavkaError]:
    """As torch belongs to two extras, and is broken only once."""
    return list({str(problem): problem for problem in problems}.values())
