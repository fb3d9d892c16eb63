"""Letters drawn as strokes: Latin and Cyrillic capitals and digits, any size, no font file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# A stroke is a run of points "xy" on a grid 0..6; y grows downwards, 0 is the cap line and 6 the
# base line, `a` stands for -1. `~` rounds the corners of a stroke.
_STROKES = {
    **{"A": "062046 1434", "B": "0006 ~00303303 ~03434606", "C": "~414000064645"},
    **{"D": "0006 ~00404606", "E": "40000646 0333", "F": "400006 0333", "G": "~414000064643 4323"},
    **{"H": "0006 4046 0343", "I": "0006", "J": "~30360604", "K": "0006 400346", "L": "000646"},
    **{"M": "0600346066", "N": "06004640", "O": "~204046060020", "P": "0006 ~00404303"},
    **{"Q": "~204046060020 2447", "R": "0006 ~00404303 2346", "S": "~4140000343460605"},
    **{"T": "0040 2026", "U": "~00064640", "V": "002640", "W": "0016325660", "X": "0046 4006"},
    **{"Y": "002340 2326", "Z": "00400646", "0": "~204046060020", "1": "012026"},
    **{"2": "~0100404206 0646", "3": "~0100404313 ~1343460605", "4": "300444 3036"},
    **{"5": "400002 ~0242460605", "6": "~40000646430304", "7": "004016"},
    **{"8": "~204043030020 ~234346060323", "9": "~06464000034342"},
    **{
        "Б": "400006 ~03434606",
        "Г": "400006",
        "Д": "07064647 16103036",
        "Ё": "40000646 0333 1a1a 3a3a",
    },
    **{"Ж": "3036 003306 603366", "З": "~0100404313 ~1343460605", "И": "00064046"},
    **{"Й": "00064046 1a3a", "Л": "06104046", "П": "06004046", "У": "0023 4006"},
    **{"Ф": "2026 ~214144040121", "Ц": "00064640 4657", "Ч": "4046 ~000343", "Ш": "00066660 3036"},
    **{"Щ": "00066660 3036 6677", "Ъ": "001016 ~13434616", "Ы": "0006 ~03333606 5056"},
    **{"Ь": "0006 ~03434606", "Э": "~010040460605 1343", "Ю": "0006 0323 ~406066262040"},
    **{"Я": "4046 ~40000343 2306", ".": "0606", ",": "0607", "-": "0323", ":": "0202 0505"},
    **{"!": "0004 0606", "'": "0001", "?": "~01004023 2324 2626"},
}
_STROKES |= {cyr: _STROKES[lat] for cyr, lat in zip("АВЕКМНОРСТХ", "ABEKMHOPCTX", strict=True)}


@dataclass(frozen=True, slots=True)
class Typeface:
    """How letters look. Lengths are shares of the height of a capital."""

    weight: float = 0.16  # thickness of a stroke
    width: float = 0.8  # width of a letter against the grid
    spacing: float = 0.22  # between letters
    slant: float = 0.0  # shift of the cap line to the right


def line_mask(text: str, height: int, face: Typeface) -> Array:
    """How much of each pixel a line of text covers, in [0, 1], shape (about 1.6 * height, width).

    `height` is that of a capital in pixels. Letters not drawn here become spaces.
    """
    glyphs = [_glyph(char, height, face) for char in text.upper()]
    pad = _pad(height, face)
    step = round(face.spacing * height)
    advance = [g.shape[1] - 2 * pad + step for g in glyphs]
    mask = np.zeros((glyphs[0].shape[0], sum(advance) + 2 * pad), np.float32)
    x = 0
    for glyph, width in zip(glyphs, advance, strict=True):
        part = mask[:, x : x + glyph.shape[1]]
        np.maximum(part, glyph[:, : part.shape[1]], out=part)
        x += width
    return mask


def block_mask(lines: list[str], height: int, face: Typeface) -> Array:
    """Several lines, centred, as one mask."""
    masks = [line_mask(line, height, face) for line in lines]
    width = max(mask.shape[1] for mask in masks)
    left = [(width - mask.shape[1]) // 2 for mask in masks]
    rows = [
        np.pad(mask, ((0, 0), (x, width - mask.shape[1] - x)))
        for mask, x in zip(masks, left, strict=True)
    ]
    return np.concatenate(rows)


def _pad(height: int, face: Typeface) -> int:
    return int(face.weight * height / 2 + face.slant * height) + 2


@lru_cache(maxsize=2048)
def _glyph(char: str, height: int, face: Typeface) -> Array:
    pad = _pad(height, face)
    unit = height / 6
    rows = round(1.35 * height) + 2 * pad
    strokes = _strokes(char)
    if not strokes:
        return np.zeros((rows, round(0.35 * height) + 2 * pad), np.float32)
    points = np.concatenate(strokes)
    columns = round(points[:, 0].max() * unit * face.width) + 2 * pad + 1
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    top = pad + 0.17 * height
    x -= pad + face.slant * (top + height - y)
    y -= top
    scale = (unit * face.width, unit)
    far = np.minimum.reduce([_distance(x, y, stroke * scale) for stroke in strokes])
    cover: Array = np.clip(face.weight * height / 2 - far + 0.5, 0, 1)
    return cover


def _strokes(char: str) -> list[NDArray[np.float64]]:
    strokes = []
    for code in _STROKES.get(char, "").split():
        digits = [-1 if c == "a" else int(c) for c in code.lstrip("~")]
        points = np.array(digits, float).reshape(-1, 2)
        strokes.append(_rounded(points) if code[0] == "~" else points)
    return strokes


def _rounded(points: NDArray[np.float64]) -> NDArray[np.float64]:
    # corner cutting (Chaikin 1974), ends kept; converges to the quadratic B-spline
    for _ in range(3):
        near = 0.75 * points[:-1] + 0.25 * points[1:]
        far = 0.25 * points[:-1] + 0.75 * points[1:]
        middle = np.stack([near, far], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], middle, points[-1:]])
    return points


def _distance(x: Array, y: Array, points: NDArray[np.float64]) -> Array:
    # pixels to the nearest segment of the polyline
    nearest = np.full(x.shape, np.inf, np.float32)
    for (ax, ay), (bx, by) in pairwise(points):
        dx, dy = bx - ax, by - ay
        along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 1e-9)
        along = np.clip(along, 0, 1)
        np.minimum(nearest, np.hypot(x - ax - along * dx, y - ay - along * dy), out=nearest)
    return nearest
