"""What the doctor found, told to people section by section, or to programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from zastavka.cache import Kept
from zastavka.doctor import Checkup, Model, examine
from zastavka.errors import OptionError, ZastavkaError
from zastavka.i18n import describe, gettext
from zastavka.installation import Extra, Library
from zastavka.terminal import Row, Section, State, bar, emit, emit_sheet

# what each extra is for; which there are is read from the package's metadata
PURPOSES = {
    "clip": "CLIP, SigLIP and DINOv2 as picture encoders: --encoder clip",
    "train": "zastavka dataset and train; a prototype's model.pt",
    "tune": "zastavka tune: the decoding that suits a model",
    "web": "zastavka serve: the page and its API",
    "plots": "plots: detect --explain, evaluate --html and --plots",
    "dev": "tests and tools, for work on zastavka itself",
}


def consult(format: str, output: Path | None) -> Checkup:
    """Look at everything and tell it, as "text" or "json". OptionError: another format."""
    if format not in ("text", "json"):
        raise OptionError(format, "is no output format", "choose text or json")
    with bar(1.0, gettext("Looking")) as shown:
        checkup = examine(shown.at)
    if format == "json":
        emit(checkup.json(), output)
    else:
        emit_sheet(bulletin(checkup), output)
    return checkup


def bulletin(checkup: Checkup) -> list[Section]:
    """The sheet that `zastavka doctor` shows, the verdict last, where a terminal stops."""
    return [
        Section(f"zastavka {checkup.version}", tuple(_system(checkup))),
        Section(gettext("Libraries"), tuple(map(_library, checkup.installed.libraries))),
        Section(gettext("FFmpeg inside PyAV"), tuple(_ffmpeg(checkup))),
        Section(gettext("Extras"), tuple(map(_extra, checkup.installed.extras))),
        Section(gettext("Picture encoders"), tuple(_encoders(checkup))),
        Section(gettext("Models for files alone"), tuple(_models(checkup.models))),
        Section(gettext("Cache"), tuple(_cache(checkup))),
        Section(gettext("Environment"), tuple(_environment(checkup))),
        *_verdict(checkup),
    ]


def _system(checkup: Checkup) -> Iterator[Row]:
    system = checkup.system
    yield Row("Python", f"{system.python}\n{system.executable}")
    yield Row(gettext("system"), f"{system.os}, {system.machine}")
    yield Row(gettext("CPUs usable"), str(system.cpus))
    if system.memory is not None:
        yield Row(gettext("memory"), size(system.memory))
    yield Row(gettext("GPU"), _gpu(checkup))
    if checkup.providers:
        yield Row("onnxruntime", ", ".join(checkup.providers))


def _gpu(checkup: Checkup) -> str:
    found = checkup.cards
    if found is None:
        return gettext("not looked for: that needs torch (extras clip, train)")
    if found.names:
        return f"{', '.join(found.names)}; torch {found.built_for}"
    if found.built_for is None:
        return gettext("none used: the torch here is built for CPUs")
    return gettext("none found by torch, which is built for {what}").format(what=found.built_for)


def _library(library: Library) -> Row:
    if library.problem is None:
        return Row(library.name, library.version or "", gettext("ok"), "good")
    return Row(library.name, _told(library.problem, library.name), gettext("broken"), "bad")


def _ffmpeg(checkup: Checkup) -> Iterator[Row]:
    found = checkup.ffmpeg
    if found is None:
        yield _row("FFmpeg", next((e for e in checkup.failed if e.subject == "av"), None))
        return
    there = [codec for codec, able in found.decoders.items() if able]
    missing = [codec for codec, able in found.decoders.items() if not able]
    yield Row(gettext("version"), found.version)
    yield Row(gettext("decodes"), ", ".join(there) or "-")
    if missing:
        yield Row(gettext("decodes not"), ", ".join(missing))


def _extra(extra: Extra) -> Row:
    purpose = gettext(PURPOSES.get(extra.name, ""))
    if extra.installed:
        versions = ", ".join(f"{lib.name} {lib.version}" for lib in extra.libraries)
        return Row(extra.name, _lines(purpose, versions), gettext("ok"), "good")
    if extra.broken:
        wrong = [describe(problem) for problem in extra.broken]
        return Row(extra.name, _lines(purpose, *wrong), gettext("broken"), "bad")
    names = ", ".join(lib.name for lib in extra.libraries if lib.problem)
    lacks = gettext("not there: {names}").format(names=names)
    return Row(extra.name, _lines(purpose, lacks, extra.command), gettext("no"), "absent")


def _encoders(checkup: Checkup) -> Iterator[Row]:
    for encoder in checkup.encoders:
        yield _row(encoder.name, encoder.problem, needed=False)


def _models(models: Sequence[Model]) -> Iterator[Row]:
    for model in models:
        named = model.source == "package"
        name = model.path.name if named else model.source
        uses = gettext("encoder {name}").format(name=model.encoder) if model.encoder else ""
        yield _row(name, model.problem, _lines(str(model.path), uses))
    if not models:
        yield Row("", gettext("none: seasons need none; `zastavka train` makes one"))


def _cache(checkup: Checkup) -> Iterator[Row]:
    cache = checkup.cache
    yield Row(gettext("folder"), str(cache.folder))
    free = "" if cache.free is None else gettext("{size} free").format(size=size(cache.free))
    told = _told(cache.problem, str(cache.folder)) if cache.problem else gettext("yes")
    yield Row(gettext("writable"), _lines(told, free))
    names = {
        "features": gettext("features"), "prints": gettext("prints"),
        "seasons": gettext("seasons seen"), "models": gettext("models converted"),
    }  # fmt: skip
    parts = cache.parts
    for part, name in names.items():
        yield _part(name, [parts[part]] if part in parts else [])
    if rest := [part for key, part in parts.items() if key not in names]:
        yield _part(gettext("the rest"), rest)


def _part(name: str, parts: list[Kept]) -> Row:
    n, total = sum(part.files for part in parts), sum(part.bytes for part in parts)
    return Row(name, gettext("{size}, files: {n}").format(size=size(total), n=n))


def _environment(checkup: Checkup) -> Iterator[Row]:
    for name, value in checkup.environment.items():
        if value is not None:
            yield Row(name, value)
        elif name.startswith("ZASTAVKA_"):  # of the others only what is set is news
            yield Row(name, gettext("not set"), state="absent")


def _verdict(checkup: Checkup) -> Iterator[Section]:
    problems, warnings = checkup.problems, checkup.warnings
    if warnings:
        yield Section(gettext("Worth mending"), tuple(Row("", describe(w)) for w in warnings))
    if problems:
        rows = tuple(Row("", describe(problem)) for problem in problems)
        yield Section(gettext("zastavka does not work here as it should"), rows, "bad")
    else:
        yield Section(gettext("zastavka works here"), (), "good")


def _row(name: str, problem: ZastavkaError | None, text: str = "", needed: bool = True) -> Row:
    if problem is None:
        return Row(name, text, gettext("ok"), "good")
    state: tuple[str, State] = (gettext("broken"), "bad") if needed else (gettext("no"), "absent")
    return Row(name, _told(problem, name), *state)


def _told(problem: ZastavkaError, name: str) -> str:
    """The problem in a row of that name, the cure on a line of its own: it may be a command."""
    found, cure = (gettext(part).format(**problem.values) for part in (problem.found, problem.cure))
    subject = "" if problem.subject == name else f"{problem.subject}: "
    return f"{subject}{found}\n{cure}"


def _lines(*lines: str) -> str:
    return "\n".join(filter(None, lines))


def size(n: int) -> str:
    """Bytes as people say them, by thousands: 12 kB, 3.4 MB."""
    value, unit = float(n), 0
    units = (gettext("B"), gettext("kB"), gettext("MB"), gettext("GB"), gettext("TB"))
    while value >= 999.5 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {units[unit]}"
