"""An episode: scenes with dialogue, montages, captions, and where the theme comes in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from zastavka.compose import names, shots
from zastavka.compose.letters import Array, Typeface
from zastavka.compose.pictures import Rng, fitted, person
from zastavka.compose.shots import Camera, Figure, Paint, Shot, Words
from zastavka.compose.show import Show, Take
from zastavka.compose.sounds import LEVEL, RATE, Tune, faded, laid, music, room, speech, thump

_WHITE = np.full(3, 235, np.float32)
_CAPTION = Typeface(0.15)


def episode(show: Show, number: int) -> Iterator[tuple[str | None, Take]]:
    """The parts of an episode in order, each with the type of its segment; None is story."""
    spec = show.spec
    rng = np.random.default_rng([spec.seed, 3, number])
    cold = 0.0 if rng.random() < 0.3 else rng.uniform(0.08, 0.4) * spec.body
    rest = max(spec.body * rng.uniform(0.9, 1.1) - cold, 5.0)
    if spec.logo:
        yield "logo", show.logo()
    if cold:
        yield from ((None, take) for take in _story(show, rng, cold))
    if spec.theme is not None and number not in spec.without:
        yield "intro", show.theme()
    yield from ((None, take) for take in _story(show, rng, rest))
    if spec.credits:
        yield "credits", show.credits(rng)


def _story(show: Show, rng: Rng, seconds: float) -> Iterator[Take]:
    """Scenes of 8 to 25 s, now and then a montage to music or a card between them."""
    left = round(seconds * show.spec.fps)
    while left > 0:
        frames = round(rng.uniform(8, 25) * show.spec.fps)
        frames = left if left - frames < 6 * show.spec.fps else frames
        chance = rng.random()
        if chance < 0.2:
            yield _montage(show, rng, frames)
        else:
            yield _scene(show, rng, frames)
        left -= frames
        if chance > 0.85 and left > 4 * show.spec.fps:
            card = _card(show, rng)
            left -= card.frames
            yield card


def _scene(show: Show, rng: Rng, frames: int) -> Take:
    """A dialogue in one place."""
    two = rng.permutation(len(show.cast))[:2]
    sound, speaker = _dialogue(show, rng, frames, two)
    where = int(rng.integers(len(show.places)))
    mouths = _openness(sound, frames)
    taken, now = [], 0
    for length in _cuts(rng, frames, 3.6 * show.pace * show.spec.fps):
        part = slice(now, now + length)
        paint = _angle(show, rng, where, two, speaker[part], mouths[part], now == 0)
        if now == 0 and rng.random() < 0.3:
            paint = shots.lettered(paint, [_caption(rng, length)])
        taken.append(Shot(length, paint))
        now += length
    if show.subtitles:
        taken = _subtitled(rng, taken, speaker)
    sound += room(rng, len(sound))
    if rng.random() < 0.4:
        score = music(Tune.draw(rng, calm=True), len(sound))
        sound += faded(score, 1.0) * np.float32(show.loudness * 10 ** (-rng.uniform(6, 14) / 20))
    return Take(tuple(taken), faded(sound, 0.05))


def _montage(show: Show, rng: Rng, frames: int) -> Take:
    """Views of places to music, nobody speaks."""
    taken = []
    for length in _cuts(rng, frames, 2.6 * show.pace * show.spec.fps):
        backdrop = show.places[rng.integers(len(show.places))]
        figures = []
        if rng.random() < 0.4:
            who, height = show.cast[rng.integers(len(show.cast))][0], int(rng.integers(60, 150))
            top = 1.02 - height / 180
            figures = [Figure(person(who, show.look, height), rng.uniform(0.2, 0.8), top)]
        camera = Camera.draw(rng, 0.5)
        taken.append(Shot(length, shots.filmed(backdrop, camera, length, show.look, figures)))
    samples = show.samples(frames)
    score = music(Tune.draw(rng, calm=bool(rng.random() < 0.5)), samples)
    sound = faded(score, 0.8) * np.float32(show.loudness) + room(rng, samples)
    return Take(tuple(taken), faded(sound, 0.05))


def _card(show: Show, rng: Rng) -> Take:
    """A line of text between two scenes, in silence or with the noise of the next."""
    frames = round(rng.uniform(1.5, 3) * show.spec.fps)
    text = fitted([str(rng.choice(names.CAPTIONS))], int(rng.integers(12, 26)), show.face, _WHITE)
    ground = shots.card(rng, show.look)
    paint = shots.lettered(ground, [Words(text, 0.5, 0.5, 3, frames - 4)])
    sound = room(rng, show.samples(frames))
    laid(sound, thump(rng), show.samples(frames // 4))
    return Take((Shot(frames, paint),), faded(sound, 0.05))


def _dialogue(
    show: Show, rng: Rng, frames: int, two: NDArray[np.intp]
) -> tuple[Array, NDArray[np.intp]]:
    """The voices of a scene, and who speaks in each frame (index into the cast, -1: nobody)."""
    sound = np.zeros(show.samples(frames), np.float32)
    speaker = np.full(frames, -1)
    now, turn = rng.uniform(0.2, 1.5), 0
    near = rng.uniform(-3, 4)  # dB; how loud these two talk
    seconds = frames / show.spec.fps
    while now < seconds - 1:
        length = min(rng.uniform(0.8, 3.6), seconds - now - 0.1)
        who = int(two[turn])
        line = speech(rng, show.cast[who][1], round(length * RATE))
        laid(sound, line, round(now * RATE), 10 ** ((near + rng.uniform(-2, 2)) / 20))
        speaker[round(now * show.spec.fps) : round((now + length) * show.spec.fps)] = who
        now += length + rng.gamma(2, 0.3)
        turn = 1 - turn if rng.random() < 0.75 else turn
        if rng.random() < 0.15:
            laid(sound, thump(rng), round(now * RATE))
    return sound, speaker


def _openness(sound: Array, frames: int) -> Array:
    """How far the mouth of whoever speaks is open, per frame."""
    power = np.sqrt(np.mean(sound.reshape(frames, -1) ** 2, axis=1))
    share: Array = np.clip(power / LEVEL, 0, 1)
    return share


def _cuts(rng: Rng, frames: int, usual: float) -> Iterator[int]:
    left = frames
    while left > 0:
        length = round(usual * rng.uniform(0.5, 1.7))
        if left - length < 0.4 * usual:
            length = left
        yield length
        left -= length


def _angle(
    show: Show,
    rng: Rng,
    where: int,
    two: NDArray[np.intp],
    speaker: NDArray[np.intp],
    mouths: Array,
    opening: bool,
) -> Paint:
    """One camera of a dialogue: the place, both people from afar, or one of them near."""
    said = speaker[speaker >= 0]
    chance = rng.random()
    if opening or chance < 0.15:
        cast, height, xs = [*two], int(rng.integers(50, 80)), rng.uniform(0.2, 0.8, 2)
    elif chance < 0.35:
        cast, height, xs = [*two], int(rng.integers(100, 135)), np.array([0.28, 0.72])
    else:
        near = int(np.bincount(said).argmax()) if len(said) else int(two[0])
        if rng.random() < 0.2:
            near = int(two[0] if near == two[1] else two[1])
        cast, height, xs = [near], int(rng.integers(140, 230)), rng.uniform(0.3, 0.7, 1)
    figures = []
    for who, x in zip(cast, xs, strict=False):
        body = person(show.cast[who][0], show.look, height)
        top = max(0.03, 1.03 - height / 180)
        figures.append(Figure(body, float(x), top, np.where(speaker == who, mouths, 0)))
    # each pair has its own corner of a place, so that the two sides of a dialogue differ
    camera = Camera.draw(rng, float(rng.choice([0.0, 0.0, 0.1, 0.3])))
    return shots.filmed(show.places[where], camera, len(speaker), show.look, figures)


def _caption(rng: Rng, frames: int) -> Words:
    text = fitted([str(rng.choice(names.CAPTIONS))], 10, _CAPTION, _WHITE)
    width = text.cover.shape[1]
    return Words(text, (16 + width / 2) / 320, 0.86, 5, frames - 5)


def _subtitled(rng: Rng, taken: list[Shot], speaker: NDArray[np.intp]) -> list[Shot]:
    out, now = [], 0
    for shot in taken:
        voiced = np.flatnonzero(speaker[now : now + shot.frames] >= 0)
        now += shot.frames
        if len(voiced) > 10:
            text = fitted([str(rng.choice(names.LINES))], 9, _CAPTION, _WHITE)
            words = Words(text, 0.5, 0.9, int(voiced[0]), int(voiced[-1]), fade=1)
            shot = Shot(shot.frames, shots.lettered(shot.paint, [words]))
        out.append(shot)
    return out
