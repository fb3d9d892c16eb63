"""Still things to film: colours, places, people, lettering. Arrays are float32 RGB in 0..255."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zastavka.compose.letters import Array, Typeface, block_mask

Rng = np.random.Generator
Pixels = NDArray[np.uint8]
_Real = NDArray[np.floating[Any]]

WIDTH, HEIGHT = 320, 180  # the canvas
_W, _H = 480, 270  # a place, larger than the canvas so that a camera can move in it


@dataclass(frozen=True, slots=True)
class Look:
    """What the pictures of a series have in common."""

    hue: float  # of its colours, in turns
    saturation: float
    grain: float  # 1: photographed, 0: drawn in flat colours

    @classmethod
    def draw(cls, rng: Rng, drawn: bool) -> Look:
        """A look by chance."""
        saturation = rng.uniform(0.45, 0.85) if drawn else rng.uniform(0.15, 0.6)
        return cls(rng.random(), saturation, 0.0 if drawn else rng.uniform(0.7, 1.2))

    def colour(
        self, rng: Rng, value: float, spread: float = 0.12, natural: float | None = None
    ) -> Array:
        """A colour, shape (3,), of brightness `value` 0..1; `natural`: its hue if photographed."""
        hue = self.hue + rng.normal(0, spread)
        if natural is not None and self.grain:
            hue = natural + rng.normal(0, 0.03)
        saturation = np.clip(self.saturation * rng.uniform(0.5, 1.3), 0, 1)
        return _rgb(hue % 1, float(saturation), float(np.clip(value, 0, 1)))


@dataclass(frozen=True, slots=True)
class Sprite:
    """Something that is laid over a picture."""

    colour: Array  # (h, w, 3), or (3,) for one colour
    cover: Array  # (h, w, 1) in 0..1

    def onto(self, picture: Pixels, x: float, y: float, opacity: float = 1.0) -> None:
        """Lay it over `picture` in place, its top left corner at (x, y), clipped at the borders."""
        left, top = round(x), round(y)
        h, w = self.cover.shape[:2]
        rows = slice(max(0, -top), min(h, picture.shape[0] - top))
        columns = slice(max(0, -left), min(w, picture.shape[1] - left))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        below = picture[
            top + rows.start : top + rows.stop, left + columns.start : left + columns.stop
        ]
        colour = self.colour if self.colour.ndim == 1 else self.colour[rows, columns]
        cover = self.cover[rows, columns] * np.float32(opacity)
        below[:] = below + cover * (colour - below)


@dataclass(frozen=True, slots=True)
class Person:
    """A figure to the waist, and where its mouth is."""

    body: Sprite
    mouth: tuple[float, float]  # centre in pixels of the body


def lettering(lines: list[str], height: int, face: Typeface, colour: Array) -> Sprite:
    """Lines of text as a sprite."""
    return Sprite(colour, block_mask(lines, height, face)[..., None])


def fitted(lines: list[str], height: int, face: Typeface, colour: Array) -> Sprite:
    """Lettering of at most `height`, smaller where the canvas would not hold it."""
    while True:
        sprite = lettering(lines, height, face, colour)
        if sprite.cover.shape[1] <= 0.92 * WIDTH or height <= 8:
            return sprite
        height -= 2


def place(rng: Rng, look: Look) -> Pixels:
    """A place by chance, shape (270, 480, 3)."""
    kinds = (_hills, _street, _room, _room, _forest, _shore)
    picture = kinds[rng.integers(len(kinds))](rng, look)
    light = rng.uniform(0.45, 1.1)
    tint = 1 + rng.normal(0, 0.06, 3).astype(np.float32)
    if look.grain:
        y, x = _field()
        picture *= 1 - 0.7 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)[..., None]
    else:
        picture = _inked(picture)
    graded: Pixels = np.clip(picture * light * tint, 0, 255).astype(np.uint8)
    return graded


def person(seed: int, look: Look, height: int) -> Person:
    """The character with this seed, `height` pixels from the waist to the hair."""
    rng = np.random.default_rng([seed, 7])
    skin = _rgb(rng.uniform(0.04, 0.09), rng.uniform(0.25, 0.6), rng.uniform(0.4, 0.95))
    hair = _rgb(rng.uniform(0.02, 0.14), rng.uniform(0.1, 0.8), rng.uniform(0.08, 0.7))
    coat = _rgb(rng.random(), rng.uniform(0.1, 0.8), rng.uniform(0.2, 0.9))
    head, fringe, shoulders = (
        rng.uniform(0.19, 0.24),
        rng.uniform(0.02, 0.12),
        rng.uniform(0.3, 0.4),
    )
    width = round(0.9 * height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / height
    x -= 0.45
    soft = height / 2
    layers = [
        (coat, _inside((x / shoulders) ** 4 + ((y - 1.05) / 0.5) ** 4, soft)),
        (skin, _inside((x / 0.08) ** 4 + ((y - 0.55) / 0.12) ** 4, soft)),
        (hair, _inside((x / (head * 1.0)) ** 2 + ((y - 0.3) / 0.29) ** 2, soft)),
        (skin, _inside((x / (head * 0.86)) ** 2 + ((y - 0.34 - fringe) / 0.24) ** 2, soft)),
    ]
    for side in (-0.075, 0.075):
        layers.append(
            (_rgb(0, 0, 0.12), _inside(((x - side) / 0.018) ** 2 + ((y - 0.33) / 0.018) ** 2, soft))
        )
    colour = np.zeros((height, width, 3), np.float32)
    cover = np.zeros((height, width), np.float32)
    for paint, mask in layers:
        colour += mask[..., None] * (paint - colour)
        cover = np.maximum(cover, mask)
    if look.grain:
        colour *= (1 - 0.9 * x)[..., None] * (
            1 + 0.05 * look.grain * _noise(rng, height, width, 1)
        )[..., None]
    return Person(Sprite(np.clip(colour, 0, 255), cover[..., None]), (0.45 * height, 0.47 * height))


def ellipse(width: int, height: int, colour: Array) -> Sprite:
    """A filled ellipse of at least one pixel."""
    w, h = max(width, 1), max(height, 1)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    far = ((x + 0.5) / w * 2 - 1) ** 2 + ((y + 0.5) / h * 2 - 1) ** 2
    return Sprite(colour, _inside(far, min(w, h) / 2)[..., None])


def _rgb(hue: float, saturation: float, value: float) -> Array:
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32) * 255


def _inside(far: _Real, soft: float) -> Array:
    # 1 inside the curve far = 1, with an edge about a pixel wide
    return _share((1 - far) * soft * 0.5 + 0.5)


def _share(values: _Real) -> Array:
    share: Array = np.clip(values, 0, 1).astype(np.float32)
    return share


def _field() -> tuple[Array, Array]:
    y, x = np.mgrid[0:_H, 0:_W].astype(np.float32)
    return y / _H, x / _W


def _noise(rng: Rng, height: int, width: int, slope: float) -> Array:
    """Noise with a spectrum of 1 / f ** slope: zero mean, unit deviation, cut at 2.5."""
    spectrum = np.fft.rfft2(rng.standard_normal((height, width), np.float32))
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    far = np.hypot(fy, fx)
    far[0, 0] = np.inf
    noise = np.fft.irfft2(spectrum / far**slope, (height, width)).astype(np.float32)
    clipped: Array = np.clip(noise / (noise.std() + 1e-6), -2.5, 2.5)
    return clipped


def _line(rng: Rng, slope: float) -> Array:
    return _noise(rng, 1, 2 * _W, slope)[0, :_W]  # half of a period, so that it does not close


def _layer(picture: Array, mask: _Real, colour: _Real) -> Array:
    return picture + mask[..., None] * (colour - picture)


def _sky(rng: Rng, look: Look) -> Array:
    y, _ = _field()
    top = look.colour(rng, rng.uniform(0.3, 0.8), natural=0.58)
    low = look.colour(
        rng, rng.uniform(0.6, 1.0), 0.25, natural=0.58 if rng.random() < 0.6 else 0.06
    )
    picture = top + y[..., None] * (low - top)
    if look.grain:
        picture = picture * (1 + 0.12 * look.grain * _noise(rng, _H, _W, 1.6)[..., None])
    return picture.astype(np.float32)


def _hills(rng: Rng, look: Look) -> Array:
    y, x = _field()
    picture = _sky(rng, look)
    sun = (x - rng.random()) ** 2 * 3 + (y - rng.uniform(0.1, 0.4)) ** 2
    picture = _layer(picture, _inside(sun / 0.006, 20), look.colour(rng, 1.0, 0.2, natural=0.13))
    for depth in (0.0, 0.5, 1.0):
        ridge = 0.45 + 0.2 * depth + (0.07 + 0.03 * depth) * _line(rng, 1.3)
        ground = look.colour(rng, 0.75 - 0.5 * depth, natural=0.5 - 0.25 * depth)
        shade = 1 + (0.2 + 0.15 * depth) * look.grain * _noise(rng, _H, _W, 1.0)
        picture = _layer(picture, _share((y - ridge) * _H), ground * shade[..., None])
    return picture


def _street(rng: Rng, look: Look) -> Array:
    y, x = _field()
    picture = _sky(rng, look)
    for depth in (0.0, 0.6, 1.0):
        wide = int(rng.integers(6, 12))
        roof = np.repeat(rng.uniform(0.15, 0.55, wide + 1) + 0.12 * depth, -(-_W // wide))[:_W]
        wall = look.colour(rng, 0.7 - 0.45 * depth)
        lit = look.colour(rng, 0.95, 0.2, natural=0.12)
        panes = (x * 60 % 1 > 0.4) & (y * 40 % 1 > 0.45)
        chance = np.kron(rng.random((40, 60)) < 0.35, np.ones((-(-_H // 40), _W // 60), bool))[:_H]
        front = np.where((panes & chance)[..., None], lit, wall)
        shade = 1 + 0.15 * look.grain * _noise(rng, _H, _W, 0.8)
        picture = _layer(picture, _share((y - roof) * _H), front * shade[..., None])
    road = look.colour(rng, 0.3) * (1 + 0.25 * look.grain * _noise(rng, _H, _W, 0.9))[..., None]
    return _layer(picture, _share((y - 0.82) * _H), road)


def _room(rng: Rng, look: Look) -> Array:
    y, x = _field()
    lamp = np.exp(-((x - rng.random()) ** 2 * 4 + (y - rng.uniform(0.1, 0.5)) ** 2 * 5))
    paper = 1 + 0.06 * np.sin(x * rng.integers(60, 200)) * (rng.random() < 0.5)
    wall = look.colour(rng, rng.uniform(0.5, 0.9)) * (0.6 + 0.6 * lamp * paper)[..., None]
    floor = look.colour(rng, 0.4) * (0.6 + 0.5 * lamp)[..., None]
    picture = _layer(wall, _share((y - rng.uniform(0.72, 0.85)) * _H), floor)
    for _ in range(rng.integers(4, 9)):
        w, h = rng.uniform(0.06, 0.28), rng.uniform(0.1, 0.45)
        cx, cy = rng.random(), rng.choice([rng.uniform(0.2, 0.5), 0.9 - h / 2])
        box = np.maximum(np.abs(x - cx) / w, np.abs(y - cy) / h) * 2
        colour = look.colour(rng, rng.uniform(0.15, 1.0), 0.2) * (0.5 + 0.7 * lamp)[..., None]
        picture = _layer(picture, _inside(box, 60), colour)
        picture = _layer(picture, _inside(np.abs(box - 0.9) * 16, 2), 0.6 * colour)
    return picture * (1 + 0.08 * look.grain * _noise(rng, _H, _W, 0.7))[..., None]


def _forest(rng: Rng, look: Look) -> Array:
    y, x = _field()
    picture = _sky(rng, look)
    leaves = (
        look.colour(rng, 0.5, natural=0.28)
        * (1 + 0.5 * look.grain * _noise(rng, _H, _W, 0.8))[..., None]
    )
    picture = _layer(picture, np.clip(1.5 - 2 * y + 0.5 * _noise(rng, _H, _W, 1.2), 0, 1), leaves)
    for depth in np.sort(rng.random(rng.integers(8, 18))):
        middle, thick = rng.random(), 0.008 + 0.035 * depth
        across = (x - middle + 0.02 * np.sin(4 * y + middle * 20)) / thick
        bark = look.colour(rng, 0.65 - 0.5 * depth, natural=0.07) * (1 - 0.4 * across)[..., None]
        foot = y < 0.7 + 0.25 * depth
        picture = _layer(picture, _inside(across**2, 6) * foot, bark)
    ground = (
        look.colour(rng, 0.3, natural=0.1)
        * (1 + 0.4 * look.grain * _noise(rng, _H, _W, 0.8))[..., None]
    )
    return _layer(picture, _share((y - 0.85 - 0.03 * _line(rng, 1.2)) * _H), ground)


def _shore(rng: Rng, look: Look) -> Array:
    y, x = _field()
    picture = _sky(rng, look)
    horizon = rng.uniform(0.35, 0.6)
    waves = np.repeat(_noise(rng, _H, _W // 8, 0.6), 8, axis=1)
    glitter = np.exp(-((x - 0.5) ** 2) * 20) * (0.3 + 0.5 * (waves > 1.2))
    sea = (
        look.colour(rng, 0.5, natural=0.55)
        * (1 + 0.1 * waves * max(look.grain, 0.3) + glitter)[..., None]
    )
    picture = _layer(picture, _share((y - horizon) * _H), sea)
    sand = (
        look.colour(rng, 0.7, 0.2, natural=0.11)
        * (1 + 0.15 * look.grain * _noise(rng, _H, _W, 0.5))[..., None]
    )
    return _layer(picture, _share((y - 0.85 - 0.06 * (x - 0.5)) * _H), sand)


def _inked(picture: Array) -> Array:
    # flat colours and dark contours, as in drawn series
    flat = np.round(picture / 28) * 28
    grey = flat.mean(axis=2)
    steep = np.hypot(*np.gradient(grey))
    drawn: Array = flat * (1 - 0.8 * _share(steep / 25 - 0.4))[..., None]
    return drawn
