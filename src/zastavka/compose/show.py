"""`SeriesSpec`, what a composed series is to be, and `Show`, what it has in every episode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from zastavka.compose import names, shots
from zastavka.compose.letters import Array, Typeface
from zastavka.compose.pictures import Look, Pixels, Rng, fitted, lettering, person, place
from zastavka.compose.shots import Camera, Figure, Paint, Shot, Words
from zastavka.compose.sounds import RATE, Tune, Voice, faded, music

Style = Literal["montage", "graphics", "slow", "card"]
_STYLES: tuple[Style, ...] = ("montage", "montage", "graphics", "graphics", "slow", "card")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSpec:
    """One series to compose. Lengths are in seconds; everything not said here comes from `seed`."""

    name: str
    seed: int
    episodes: int = 3
    body: float = 60.0  # story per episode, about
    theme: float | None = 14.0  # the intro; None: the series has none
    style: Style = "montage"
    drawn: bool = False  # drawn in flat colours rather than photographed
    logo: bool = False  # of the studio, at 0:00
    credits: bool = False
    without: tuple[int, ...] = ()  # numbers of the episodes that leave the intro out
    fps: int = 25
    size: tuple[int, int] = (320, 180)  # width and height of the files, px

    def __post_init__(self) -> None:
        if RATE % self.fps:
            raise ValueError(f"fps {self.fps} is no divisor of {RATE} Hz")
        if self.body < 8 or (self.theme is not None and self.theme < 2):
            raise ValueError(f"too short: body {self.body} s, theme {self.theme} s")


def random_spec(i: int, seed: int, episodes: int = 3, body: float = 60.0) -> SeriesSpec:
    """The i-th of many unlike series; their names are unlike too."""
    rng = np.random.default_rng([seed, i])
    deal = np.random.default_rng(seed)  # dealt out like cards, so that a few series have all styles
    order, styles = deal.permutation(len(names.TITLES)), deal.permutation(len(_STYLES))
    turn, k = divmod(i, len(order))
    style = _STYLES[styles[i % len(styles)]]
    return SeriesSpec(
        name=names.TITLES[order[k]] + (f" {turn + 1}" if turn else ""),
        seed=int(rng.integers(2**31)),
        episodes=episodes,
        body=body * rng.uniform(0.85, 1.2),
        theme=rng.uniform(4, 7) if style == "card" else rng.uniform(9, 24),
        style=style,
        drawn=bool(rng.random() < 0.35),
        logo=bool(rng.random() < 0.35),
        credits=bool(rng.random() < 0.4),
        without=(int(rng.integers(1, episodes + 1)),) if rng.random() < 0.2 else (),
        fps=int(rng.choice([24, 25])),
    )


@dataclass(frozen=True, slots=True)
class Take:
    """Pictures with their sound, equally long."""

    shots: tuple[Shot, ...]
    sound: Array

    @property
    def frames(self) -> int:
        """Length in frames."""
        return sum(shot.frames for shot in self.shots)


@dataclass(frozen=True, slots=True)
class Show:
    """What all episodes of a series share."""

    spec: SeriesSpec
    look: Look
    face: Typeface
    places: tuple[Pixels, ...]
    cast: tuple[tuple[int, Voice], ...]  # seed of the looks, and the voice
    pace: float  # length of a shot against the usual
    subtitles: bool
    loudness: float  # of its music against its speech

    @classmethod
    def build(cls, spec: SeriesSpec) -> Show:
        """The show that a spec describes."""
        rng = np.random.default_rng([spec.seed, 0])
        look = Look.draw(rng, spec.drawn)
        face = Typeface(rng.uniform(0.1, 0.24), rng.uniform(0.65, 1.1), rng.uniform(0.2, 0.5))
        if rng.random() < 0.25:
            face = replace(face, slant=0.2)
        return cls(
            spec,
            look,
            face,
            tuple(place(rng, look) for _ in range(6)),
            tuple((int(rng.integers(2**31)), Voice.draw(rng)) for _ in range(4)),
            rng.uniform(0.75, 1.3),
            bool(rng.random() < 0.25),
            10 ** (rng.uniform(-6, 3) / 20),
        )

    def samples(self, frames: int) -> int:
        """Samples of sound under so many frames."""
        return frames * (RATE // self.spec.fps)

    def theme(self) -> Take:
        """The intro: the same frames and the same music in each episode."""
        rng = np.random.default_rng([self.spec.seed, 1])
        frames = round((self.spec.theme or 0) * self.spec.fps)
        tune = Tune.draw(rng)
        bars = max(1, round(self.samples(frames) / (4 * tune.beat)))
        tune = replace(tune, beat=self.samples(frames) // (4 * bars))  # so that it ends on a bar
        sound = music(tune, self.samples(frames)) * np.float32(self.loudness)
        beat = tune.beat * self.spec.fps / RATE
        title = min(frames, max(round(4 * beat), 2 * self.spec.fps))
        if self.spec.style == "card":
            title = frames
        shots_before = list(self._theme_shots(rng, frames - title, beat))
        last = Shot(title, self._title(rng, title))
        return Take((*shots_before, last), faded(sound, 0.02))

    def logo(self) -> Take:
        """The card of a studio, with a few notes."""
        rng = np.random.default_rng([self.spec.seed, 2])
        frames = round(rng.uniform(1.8, 3.5) * self.spec.fps)
        white = np.full(3, rng.uniform(150, 250), np.float32)
        name = fitted([str(rng.choice(names.STUDIOS))], 22, self.face, white)
        ground = shots.card if rng.random() < 0.6 else shots.discs
        paint = shots.lettered(ground(rng, self.look), [Words(name, 0.5, 0.5, 4, fade=12)])
        tune = replace(
            Tune.draw(rng, calm=bool(rng.random() < 0.5)), beat=self.samples(frames) // 4
        )
        sound = music(tune, self.samples(frames)) * np.float32(self.loudness)
        return Take((Shot(frames, shots.dimmed(paint, frames, 8, 8)),), faded(sound, 0.1))

    def credits(self, rng: Rng) -> Take:
        """Names that roll over a plain ground; other music than the theme."""
        frames = round(rng.uniform(7, 11) * self.spec.fps)
        people = rng.permutation(names.PEOPLE)
        rows = [row for name in people[:9] for row in (str(rng.choice(names.TASKS)), name, " ")]
        roll = lettering(rows, 9, Typeface(0.14), np.full(3, 225, np.float32))
        high = roll.cover.shape[0]
        rise = (high + 120) / frames
        words = Words(roll, 0.5, 0.8 + high / 360, fade=1, rise=rise)
        paint = shots.lettered(lambda _: np.zeros((180, 320, 3), np.uint8), [words])
        tune = Tune.draw(rng, calm=bool(rng.random() < 0.4))
        sound = music(tune, self.samples(frames)) * np.float32(self.loudness)
        return Take((Shot(frames, shots.dimmed(paint, frames, 0, 20)),), faded(sound, 0.5))

    def _theme_shots(self, rng: Rng, frames: int, beat: float) -> Iterator[Shot]:
        lengths = {"montage": (1, 2, 2, 4), "graphics": (2, 4, 4), "slow": (6, 8)}
        if frames <= 0:
            return
        people, at, cut = rng.permutation(names.PEOPLE), 0.0, 0
        for k in range(1000):
            at += float(rng.choice(lengths[self.spec.style])) * beat
            stop = frames if frames - at < 1.5 * beat else round(at)
            paint = self._theme_picture(rng, stop - cut)
            if rng.random() < 0.6 and stop - cut > 12:
                paint = shots.lettered(paint, self._name(rng, str(people[k % len(people)])))
            yield Shot(stop - cut, paint)
            cut = stop
            if cut == frames:
                return

    def _theme_picture(self, rng: Rng, frames: int) -> Paint:
        if self.spec.style == "graphics" or (self.spec.style == "montage" and rng.random() < 0.15):
            return _graphics(rng, self.look)
        camera = Camera.draw(rng, 0.35 if self.spec.style == "slow" else 0.9)
        figures = []
        if rng.random() < 0.5:
            who = self.cast[rng.integers(len(self.cast))][0]
            height = int(rng.integers(110, 190))
            top = 1.02 - height / 180
            figures = [Figure(person(who, self.look, height), rng.uniform(0.25, 0.75), top)]
        backdrop = self.places[rng.integers(len(self.places))]
        return shots.filmed(backdrop, camera, frames, self.look, figures)

    def _name(self, rng: Rng, name: str) -> list[Words]:
        light = np.full(3, 240, np.float32)
        sprite = fitted([name], int(rng.integers(11, 17)), self.face, light)
        y, drift = float(rng.choice([0.2, 0.5, 0.8])), rng.uniform(-0.4, 0.4)
        return [Words(sprite, rng.uniform(0.35, 0.65), y, 3, drift=drift)]

    def _title(self, rng: Rng, frames: int) -> Paint:
        ground = _graphics(rng, self.look)
        if rng.random() < 0.35:
            ground = shots.card(rng, self.look)
        elif rng.random() < 0.4:
            camera = Camera.draw(rng, 0.2)
            ground = shots.filmed(self.places[0], camera, frames, self.look)
        lines = self.spec.name.split() if rng.random() < 0.5 else [self.spec.name]
        first, height = min(frames // 5, 12), int(rng.integers(30, 46))
        shade = fitted(lines, height, self.face, np.zeros(3, np.float32))
        light = fitted(lines, height, self.face, self.look.colour(rng, 1.0, 0.3))
        words = [Words(shade, 0.507, 0.512, first, fade=10), Words(light, 0.5, 0.5, first, fade=10)]
        out = int(rng.choice([0, 0, 10]))
        return shots.dimmed(shots.lettered(ground, words), frames, 0, out)


def _graphics(rng: Rng, look: Look) -> Paint:
    return shots.GRAPHICS[rng.integers(len(shots.GRAPHICS))](rng, look)
