"""Composed series as files: H.264 and AAC in MKV, with the truth beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zastavka.compose.letters import Array
from zastavka.compose.pictures import Pixels
from zastavka.compose.show import SeriesSpec, Show, Take
from zastavka.compose.sounds import RATE
from zastavka.compose.story import episode
from zastavka.detection import Detection, Finding, write_detections
from zastavka.episode import Episode
from zastavka.segment import Segment
from zastavka.storage import replacing

if TYPE_CHECKING:
    from av import AudioFrame

Progress = Callable[[int, int], None]  # episodes done, of all

_PRIMING = 1024  # samples that an AAC encoder puts in front


def compose_series(
    spec: SeriesSpec, folder: Path, progress: Progress | None = None
) -> list[Detection]:
    """Write `folder/<name>/S01E01.mkv` and on; the truth of each: intro, logo, credits.

    The same spec gives the same pictures, sounds and truth again. StorageError: disk full.
    """
    show = Show.build(spec)
    truth = []
    for number in range(1, spec.episodes + 1):
        path = folder / spec.name / f"S01E{number:02d}.mkv"
        truth.append(_compose_episode(show, number, path))
        if progress:
            progress(number, spec.episodes)
    return truth


def compose(
    specs: Sequence[SeriesSpec],
    folder: Path,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Detection]:
    """Several series at once, one process each; `folder/truth.json` holds all their truth.

    `workers`: processes, None for one per CPU; 1 stays in this process. They are started afresh, so
    that a script must call this below `if __name__ == "__main__":`.
    """
    workers = min(workers or os.cpu_count() or 1, len(specs))
    truth = [found for part in _composed(specs, folder, workers, progress) for found in part]
    write_detections(folder / "truth.json", truth)
    return truth


def _composed(
    specs: Sequence[SeriesSpec], folder: Path, workers: int, progress: Progress | None
) -> list[list[Detection]]:
    total, done = sum(spec.episodes for spec in specs), 0
    report = progress or (lambda _done, _total: None)
    if workers <= 1:
        parts = []
        for spec in specs:
            parts.append(compose_series(spec, folder, _shifted(report, done, total)))
            done += spec.episodes
        return parts
    # spawn: a forked copy of a process with threads (a server, a test) may hang
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        jobs = {pool.submit(compose_series, spec, folder): spec for spec in specs}
        try:
            for job in as_completed(jobs):
                job.result()
                done += jobs[job].episodes
                report(done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # or the rest would be composed for nothing
            raise
        return [job.result() for job in jobs]


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _compose_episode(show: Show, number: int, path: Path) -> Detection:
    fps = show.spec.fps
    takes, findings, now = [], [], 0
    for kind, take in episode(show, number):
        stop = now + take.frames
        if kind:
            findings.append(Finding(segment=Segment(now / fps, stop / fps), type=kind))
        takes.append(take)
        now = stop
    with replacing(path) as part:
        _write(part, takes, fps, show.spec.size)
    has_intro = any(finding.type == "intro" for finding in findings)
    return Detection(
        episode=Episode(path, show.spec.name, 1, number),
        duration=now / fps,
        findings=tuple(findings),
        not_found_reason=None if has_intro else "composed without an intro",
    )


def _write(path: Path, takes: Sequence[Take], fps: int, size: tuple[int, int]) -> None:
    import av.codec.context
    import av.video.reformatter

    # bitexact: no random identifiers in the file, so that the same spec gives the same bytes
    with av.open(path, "w", format="matroska", options={"fflags": "+bitexact"}) as file:
        options = {"preset": "ultrafast", "crf": "25", "threads": "1", "g": str(2 * fps)}
        video = file.add_stream("libx264", rate=fps, options=options)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.flags |= av.codec.context.Flags.bitexact
        audio = file.add_stream("aac", rate=RATE, layout="mono", bit_rate=64_000)
        audio.options = {"aac_coder": "fast"}
        audio.codec_context.flags |= av.codec.context.Flags.bitexact
        sound = _sound_frames(np.concatenate([take.sound for take in takes]))
        heard = 0.0
        scaler = av.video.reformatter.VideoReformatter()
        for i, picture in enumerate(_pictures(takes)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame = scaler.reformat(frame, *size, "yuv420p", threads=1)
            frame.pts = i
            file.mux(video.encode(frame))
            while heard <= (i + 1) / fps and (chunk := next(sound, None)) is not None:
                heard += chunk.samples / RATE
                file.mux(audio.encode(chunk))
        for chunk in sound:
            file.mux(audio.encode(chunk))
        file.mux(audio.encode(None))
        file.mux(video.encode(None))


def _pictures(takes: Sequence[Take]) -> Iterator[Pixels]:
    for take in takes:
        for shot in take.shots:
            for i in range(shot.frames):
                yield shot.paint(i)


def _sound_frames(sound: Array) -> Iterator[AudioFrame]:
    import av

    # the encoder's priming takes the place of the first samples, so that the first packet starts
    # at 0 and no player shifts the pictures
    for start in range(_PRIMING, len(sound), 1024):
        piece = np.clip(sound[start : start + 1024], -1, 1)
        frame = av.AudioFrame.from_ndarray(piece[None], "fltp", "mono")
        frame.sample_rate = RATE
        frame.pts = start
        yield frame
