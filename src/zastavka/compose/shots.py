"""Moving pictures: a camera in a place with people, drawn graphics, lettering that comes and goes.

A `Paint` makes the picture of its i-th frame and may be asked again: a theme is the same each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zastavka.compose.letters import Array
from zastavka.compose.pictures import HEIGHT, WIDTH, Look, Person, Pixels, Rng, Sprite, ellipse

Paint = Callable[[int], Pixels]  # frame of the shot -> (180, 320, 3)


@dataclass(frozen=True, slots=True)
class Shot:
    """A run of frames between two cuts."""

    frames: int
    paint: Paint


@dataclass(frozen=True, slots=True)
class Figure:
    """A person in a shot."""

    person: Person
    x: float  # of the middle, as a share of the width
    top: float  # as a share of the height
    speaking: Array | None = None  # how wide the mouth is open per frame of the shot, 0..1


@dataclass(frozen=True, slots=True)
class Camera:
    """The part of a place that is seen, from the first frame of a shot to its last."""

    start: tuple[float, float, float]  # left, top as shares of what is free, width as a share
    end: tuple[float, float, float]
    shake: float = 0.0  # px

    @classmethod
    def draw(cls, rng: Rng, travel: float) -> Camera:
        """A camera by chance; `travel` 0 stands still, 1 crosses the place."""
        start = np.array([rng.random(), rng.random(), rng.uniform(0.66, 0.9)])
        goal = np.array([rng.random(), rng.random(), rng.uniform(0.66, 1.0)])
        end = start + travel * (goal - start)
        if rng.random() < 0.7:
            end[2] = start[2]  # most shots do not zoom, and those are the quick ones to make
        shake = 0.0 if rng.random() < 0.5 else rng.uniform(0.3, 1.2)
        return cls(tuple(start), tuple(end), shake)


def filmed(
    place: Pixels, camera: Camera, frames: int, look: Look, figures: Sequence[Figure] = ()
) -> Paint:
    """A place through a camera, with people in front of it."""
    lens = _Lens(place, camera)

    def paint(i: int) -> Pixels:
        picture = lens.seen(i / max(1, frames - 1), i)
        for k, figure in enumerate(figures):
            _stand(picture, figure, i, k)
        return _grained(picture, i, look.grain)

    return paint


def rays(rng: Rng, look: Look) -> Paint:
    """Beams that turn around a point."""
    dark, light = _pair(rng, look)
    x, y = rng.uniform(0.2, 0.8), rng.uniform(0.3, 1.1)
    beams, speed = int(rng.integers(5, 14)), rng.uniform(-0.12, 0.12)
    row, column = _field()
    angle = np.arctan2(row - y * HEIGHT, column - x * WIDTH) * beams
    return lambda i: _mixed(np.sin(angle + i * speed) * 6, dark, light)


def rings(rng: Rng, look: Look) -> Paint:
    """Circles that grow."""
    dark, light = _pair(rng, look)
    row, column = _field()
    far = np.hypot(row - rng.uniform(0.2, 0.8) * HEIGHT, column - rng.uniform(0.2, 0.8) * WIDTH)
    far *= 2 * np.pi / rng.uniform(30, 110)
    speed = rng.uniform(0.08, 0.3) * rng.choice([-1, 1])
    return lambda i: _mixed(np.sin(far - i * speed) * 8, dark, light)


def stripes(rng: Rng, look: Look) -> Paint:
    """Bands or tiles that slide."""
    dark, light = _pair(rng, look)
    row, column = _field()
    turn, width = rng.uniform(0, np.pi), rng.uniform(30, 120) / (2 * np.pi)
    along = (row * np.sin(turn) + column * np.cos(turn)) / width
    across = (row * np.cos(turn) - column * np.sin(turn)) / width
    speed, tiled = rng.uniform(-0.25, 0.25), bool(rng.random() < 0.4)
    tile = np.sin(across) if tiled else 1.0
    return lambda i: _mixed(np.sin(along + i * speed) * tile * 8, dark, light)


def discs(rng: Rng, look: Look) -> Paint:
    """Round spots that rise over a plain ground."""
    ground = look.colour(rng, rng.uniform(0.1, 0.9))
    count = int(rng.integers(6, 16))
    radii = rng.uniform(6, 46, count).astype(int)
    spots = [ellipse(2 * r, 2 * r, look.colour(rng, rng.uniform(0.3, 1), 0.25)) for r in radii]
    x, y = rng.random(count) * WIDTH, rng.random(count) * 300
    speed = rng.uniform(0.4, 2.5, count)

    def paint(i: int) -> Pixels:
        picture = _plain(ground)
        for k, spot in enumerate(spots):
            up = (y[k] - speed[k] * i) % 300 - 60
            spot.onto(picture, x[k] - radii[k] + 6 * np.sin(i / 14 + k), up)
        return picture

    return paint


def panels(rng: Rng, look: Look) -> Paint:
    """Plain boards that slide in one after the other."""
    ground = look.colour(rng, rng.uniform(0.1, 0.9))
    boards = [
        (
            look.colour(rng, rng.uniform(0.2, 1), 0.25),
            *rng.uniform(-0.1, 0.8, 2),
            *rng.uniform(0.15, 0.7, 2),
        )
        for _ in range(int(rng.integers(4, 9)))
    ]
    pace = rng.uniform(2, 7)

    def paint(i: int) -> Pixels:
        picture = _plain(ground)
        for k, (colour, x, y, w, h) in enumerate(boards):
            shift = WIDTH * max(0.0, 1 - (i - pace * k) / 12) ** 2 * (-1 if k % 2 else 1)
            left, right = np.clip([x * WIDTH + shift, (x + w) * WIDTH + shift], 0, WIDTH).astype(
                int
            )
            top, low = np.clip([y * HEIGHT, (y + h) * HEIGHT], 0, HEIGHT).astype(int)
            picture[top:low, left:right] = colour
        return picture

    return paint


def card(rng: Rng, look: Look) -> Paint:
    """A still ground with a slight fall of light."""
    colour = look.colour(rng, float(rng.choice([0.0, 0.05, 0.3, 0.8])))
    row, column = _field()
    fall = 1 - 0.5 * np.hypot(row / HEIGHT - 0.5, column / WIDTH - 0.5)
    picture = (colour * fall[..., None]).astype(np.uint8)
    return lambda _: picture.copy()


GRAPHICS = (rays, rings, stripes, discs, panels)


@dataclass(frozen=True, slots=True)
class Words:
    """Lettering in a shot: where, and from which frame to which."""

    sprite: Sprite
    x: float  # of the middle, as a share of the width
    y: float
    first: int = 0
    last: int = 1_000_000
    fade: int = 6  # frames
    drift: float = 0.0  # px per frame to the right
    rise: float = 0.0  # px per frame upwards


def lettered(paint: Paint, words: Sequence[Words]) -> Paint:
    """With lettering over it."""

    def with_words(i: int) -> Pixels:
        picture = paint(i)
        for word in words:
            if word.first <= i <= word.last:
                strength = min(i - word.first + 1, word.last - i + 1, word.fade) / word.fade
                h, w = word.sprite.cover.shape[:2]
                x = word.x * WIDTH - w / 2 + word.drift * (i - word.first)
                y = word.y * HEIGHT - h / 2 - word.rise * (i - word.first)
                word.sprite.onto(picture, x, y, strength)
        return picture

    return with_words


def dimmed(paint: Paint, frames: int, fade_in: int, fade_out: int) -> Paint:
    """Out of black and into black; 0 frames is a cut."""

    def fading(i: int) -> Pixels:
        picture = paint(i)
        light = min(1.0, (i + 1) / (fade_in + 1), (frames - i) / (fade_out + 1))
        return picture if light >= 1 else (picture * np.float32(light)).astype(np.uint8)

    return fading


class _Lens:
    """What a camera sees of a place."""

    def __init__(self, place: Pixels, camera: Camera) -> None:
        import av.video.reformatter

        self._place = place
        self._camera = camera
        self._scaler = av.video.reformatter.VideoReformatter()
        self._whole: Pixels | None = None  # the place at the scale of a shot without zoom

    def seen(self, t: float, i: int) -> Pixels:
        camera = self._camera
        x, y, share = (a + t * (b - a) for a, b in zip(camera.start, camera.end, strict=True))
        x += camera.shake * np.sin(i * 0.37) / 80
        y += camera.shake * np.sin(i * 0.23 + 1) / 60
        if camera.start[2] != camera.end[2]:
            h, w = self._place.shape[:2]
            part = _part(self._place, x, y, round(w * share), round(h * share))
            return self._scaled(np.ascontiguousarray(part), WIDTH, HEIGHT)
        if self._whole is None:
            self._whole = self._scaled(self._place, round(WIDTH / share), round(HEIGHT / share))
        return _part(self._whole, x, y, WIDTH, HEIGHT).copy()

    def _scaled(self, picture: Pixels, width: int, height: int) -> Pixels:
        import av

        frame = av.VideoFrame.from_ndarray(picture, "rgb24")
        frame = self._scaler.reformat(
            frame, width, height, "rgb24", interpolation="FAST_BILINEAR", threads=1
        )
        return frame.to_ndarray().astype(np.uint8, copy=False)


def _part(picture: Pixels, x: float, y: float, width: int, height: int) -> Pixels:
    # x and y are shares of what is free
    left = round(float(np.clip(x, 0, 1)) * (picture.shape[1] - width))
    top = round(float(np.clip(y, 0, 1)) * (picture.shape[0] - height))
    return picture[top : top + height, left : left + width]


def _stand(picture: Pixels, figure: Figure, i: int, k: int) -> None:
    body = figure.person.body
    h, w = body.cover.shape[:2]
    x = figure.x * WIDTH - w / 2 + 0.012 * h * np.sin(i / 17 + 2 * k)
    y = figure.top * HEIGHT + 0.008 * h * np.sin(i / 11 + k)
    body.onto(picture, x, y)
    wide = 0.0 if figure.speaking is None else float(figure.speaking[i])
    mouth = ellipse(round(0.1 * h), round((0.012 + 0.07 * wide) * h), np.full(3, 30, np.float32))
    mh, mw = mouth.cover.shape[:2]
    mouth.onto(picture, x + figure.person.mouth[0] - mw / 2, y + figure.person.mouth[1] - mh / 2)


@lru_cache(maxsize=4)
def _grain(strength: float) -> NDArray[np.int16]:
    noise = np.random.default_rng(0).normal(0, 2.5 * strength, (HEIGHT + 64, WIDTH + 64, 1))
    return np.repeat(noise.round().astype(np.int16), 3, axis=2)


def _grained(picture: Pixels, i: int, grain: float) -> Pixels:
    if not grain:
        return picture
    y, x = i * 37 % 64, i * 23 % 64
    noise = _grain(grain)[y : y + HEIGHT, x : x + WIDTH]
    grained: Pixels = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return grained


def _field() -> tuple[Array, Array]:
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return row, column


def _pair(rng: Rng, look: Look) -> tuple[Array, Array]:
    dark = rng.uniform(0.05, 0.6)
    return look.colour(rng, dark), look.colour(rng, dark + rng.uniform(0.15, 0.5), 0.25)


def _mixed(wave: Array, dark: Array, light: Array) -> Pixels:
    share = np.clip(wave + 0.5, 0, 1)[..., None]
    mixed: Pixels = (dark + share * (light - dark)).astype(np.uint8)
    return mixed


def _plain(colour: Array) -> Pixels:
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:] = colour
    return picture
