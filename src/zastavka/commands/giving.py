"""Commands that give what was found: files beside the videos, chapters in them, copies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from zastavka.answers import FAILED, PARTLY, as_text, delivery_lines, failure_lines
from zastavka.arguments import (
    Lang,
    Least,
    Model,
    OutFolder,
    Write,
    catalog_of,
    check_least,
    episodes_of,
    formats_of,
)
from zastavka.cache import content_key
from zastavka.chapters import merged
from zastavka.cut import without
from zastavka.delivery import deliver
from zastavka.detection import Detection, Failure, read_detections
from zastavka.errors import LabelError, MediaError, OptionError
from zastavka.export import COMMERCIAL, MPV_SCRIPT
from zastavka.i18n import gettext
from zastavka.library.catalog import default_file
from zastavka.library.edits import parse_intros
from zastavka.library.scan import answers as library_answers
from zastavka.media import Chapter, probe
from zastavka.remux import with_chapters
from zastavka.search import Search
from zastavka.segment import Segment
from zastavka.terminal import emit, one_line, say


def export(
    answers: Annotated[
        Path,
        typer.Argument(
            help="Answers, as `detect --format json` wrote; or a folder that `scan` answered."
        ),
    ],
    write: Write,
    out: OutFolder = None,
    edl_action: Annotated[
        int,
        typer.Option(
            min=0,
            max=6,
            help="What Kodi does there: 3 skips once, 2 marks, 1 mutes, 0 cuts; others by add-ons.",
        ),
    ] = COMMERCIAL,
    min_confidence: Least = None,
    lang: Lang = None,  # noqa: ARG001 - read before parsing, see main
) -> None:
    """Write what was found in the forms that players take, beside the videos or elsewhere.

    Example: zastavka export found.json --write edl,chapters --out sidecars
    """
    formats = formats_of(write)
    check_least(min_confidence)
    results = _kept(answers) if answers.is_dir() else read_detections(answers)
    for line in failure_lines(results):
        say(line)
    delivered = list(deliver(results, formats, out, edl_action, min_confidence))
    for line in delivery_lines(delivered):
        say(line)
    if "mpv" in formats:
        say(gettext("for mpv: --script={file}").format(file=MPV_SCRIPT))
    failed = sum(d.failed for d in delivered)
    if not any(isinstance(result, Detection) for result in results):
        raise typer.Exit(FAILED)
    raise typer.Exit(0 if not failed else PARTLY if failed < len(delivered) else FAILED)


def chapters(
    file: Annotated[Path, typer.Argument(help="A video, MKV or MP4 if chapters are to be put in.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Put them into the file; else they are only shown.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="The copy that --apply writes.")] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Replace the file, once its copy is compared.")
    ] = False,
    answers: Annotated[
        Path | None, typer.Option(help="Take the answer from here instead of finding it.")
    ] = None,
    model: Model = None,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Chapters of a file with the intro among them; --apply puts them into a copy, or in place.

    Example: zastavka chapters episode.mkv --apply --output with-chapters.mkv
    """
    if apply and (output is None) != in_place:
        raise OptionError("--apply", "writes one file", "give --output or --in-place")
    if not apply and (output is not None or in_place):
        raise OptionError("--output", "is written by --apply", "give --apply too")
    if output is not None and output.exists():
        raise OptionError(output, "is there already", "choose another name, or --in-place")
    there = probe(file)
    found = _known(file, answers, model)
    findings = [f for f in found.findings if f.status == "found"]
    together = merged(there.chapters, findings, there.duration) if findings else []
    emit("".join(_line(c) for c in together or there.chapters), None)
    if not findings:
        say(as_text([found], {}).rstrip("\n"))
    elif apply:
        place = output or file
        before = content_key(file)
        with_chapters(file, together, place)
        if default_file().exists():
            # what a person said of the file holds for the file with chapters
            with catalog_of(None) as kept:
                kept.carry_over(before, content_key(place))
        say(gettext("Chapters written to {file}").format(file=one_line(str(place))))


def cut(
    file: Annotated[Path, typer.Argument(help="A video, MKV or MP4.")],
    output: Annotated[Path, typer.Option(help="The copy to write; the file itself stays.")],
    intro: Annotated[
        str | None, typer.Option(help="What to leave out, as 0:43-2:12.5, instead of the answer.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="Take the answer from here instead of finding it.")
    ] = None,
    model: Model = None,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Write a copy of a video without its intro; nothing is encoded again.

    Example: zastavka cut episode.mkv --output without-intro.mkv
    """
    if output.exists():
        raise OptionError(output, "is there already", "choose another name")
    if intro is not None:
        [span] = parse_intros([intro])
    else:
        span = _sure(file, _known(file, answers, model))
    gone = without(file, span, output)
    line = gettext(
        "{file}: without {start:.2f}s - {end:.2f}s; of the intro {before:.2f} s before and "
        "{after:.2f} s after stay"
    )
    text = line.format(
        file=one_line(str(output)), start=gone.start, end=gone.end,
        before=max(0.0, gone.start - span.start), after=max(0.0, span.end - gone.end),
    )  # fmt: skip
    emit(f"{text}\n", None)


def _known(file: Path, answers: Path | None, model: Path | None) -> Detection:
    """The answer that is named, else the one that is kept, else one that is found now."""
    kept = _remembered(file) if answers is None and model is None else None
    return kept or _answer(file, answers, model)


def _remembered(file: Path) -> Detection | None:
    """What the catalog has of a file, where there is one."""
    if not default_file().exists():
        return None
    with catalog_of(None) as catalog:
        results = library_answers(catalog, [file])
    return next((r for r in results if isinstance(r, Detection)), None)


def _sure(file: Path, answer: Detection) -> Segment:
    spans = answer.segments()
    if len(spans) != 1:
        raise MediaError(
            file, "has several intros" if spans else "has no intro that is sure enough",
            "give --intro 0:43-2:12.5",
        )  # fmt: skip
    return spans[0]


def _kept(folder: Path) -> list[Detection | Failure]:
    """What the catalog has of a folder, corrections and settings applied."""
    with catalog_of(None) as catalog:
        results = library_answers(catalog, [folder])
    if not results:
        raise OptionError(
            folder, "holds nothing that was scanned", "answer it first: zastavka scan FOLDER"
        )
    return results


def _answer(file: Path, answers: Path | None, model: Path | None) -> Detection:
    results: list[Detection | Failure]
    if answers is None:
        episodes, failures = episodes_of([file])
        results = [*failures, *Search(model).find(episodes)]
    else:
        wanted = os.path.abspath(file)
        results = [r for r in read_detections(answers) if os.path.abspath(r.episode.path) == wanted]
    for result in results:
        if isinstance(result, Detection):
            return result
        if result.cause is not None:
            raise result.cause
    raise LabelError(
        answers or file, "has no answer for {file}", "run detect on it", file=one_line(str(file))
    )


def _line(chapter: Chapter) -> str:
    start, end = chapter.segment.start, chapter.segment.end
    return f"{start:.2f} - {end:.2f} {one_line(chapter.title)}\n"
