"""The built-in picture descriptor: a fixed-length vector per picture, with no download.

    colour layout (27)  8 x 8 means in YCbCr, low DCT coefficients: MPEG-7 colour layout [1]
    edge layout (60)    five kinds of edge in 4 x 3 cells: MPEG-7 edge histogram [2]
    graphics (6)        flat share, colours, entropy, saturation: drawn against filmed [3]
    text (12)           thin strokes brighter or darker than around them: top-hat [4]
    brightness (6)      mean, spread, black, white, brightest pixel of the border rows [5]

`change` adds how far each row is from its neighbours: cuts, by twin comparison [6].

[1] Kasutani, Yamada: The MPEG-7 color layout descriptor, ICIP 2001.  [2] Won, Park, Park: Efficient
use of MPEG-7 edge histogram descriptor, ETRI J. 2002.  [3] Ianeva, de Vries, Röhrig: Detecting
cartoons, ICME 2003.  [4] Wu, Hsieh, Chen: Morphology-based text line extraction, MVA 2008.
[5] FFmpeg's blackdetect and cropdetect.  [6] Zhang, Kankanhalli, Smoliar: Automatic partitioning of
full-motion video, Multimedia Systems 1993.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTH_PX, HEIGHT_PX = 128, 72  # small enough to be quick, large enough for a title's strokes
_CELLS = (3, 4)  # rows and columns of the edge layout
_STROKE_PX = 5  # a letter's stroke is thinner than this
_LAYOUT = slice(0, 27)
_EDGES = slice(27, 87)
LAGS = (1, 2, 4)  # rows between the pictures that `change` compares

COLUMNS: tuple[str, ...] = (
    *(f"colour_y{i}" for i in range(15)),
    *(f"colour_cb{i}" for i in range(6)),
    *(f"colour_cr{i}" for i in range(6)),
    *(
        f"edge_{kind}_{cell}"
        for cell in range(12)
        for kind in ("v", "h", "d45", "d135", "none")
    ),
    "flat", "colours", "colour_entropy", "saturation", "saturation_spread", "sharp",
    *(f"text_{kind}_{zone}" for kind in ("bright", "dark") for zone in range(6)),
    "luma", "luma_spread", "black", "white", "border_top", "border_bottom",
)  # fmt: skip


class BuiltinDescriptor:
    """The built-in descriptor as a `vision.PictureEncoder`."""

    name = "builtin/1"  # the number changes with every change of the values
    width = len(COLUMNS)
    size: tuple[int, int] | None = (WIDTH_PX, HEIGHT_PX)

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> Floats:
        """Vectors, shape (n, width), of pictures of shape (HEIGHT_PX, WIDTH_PX, 3), RGB."""
        if not pictures:
            return np.empty((0, self.width), dtype=np.float32)
        return describe(np.stack(pictures))


def describe(pictures: NDArray[np.uint8]) -> Floats:
    """Vectors, shape (n, len(COLUMNS)), of pictures (n, HEIGHT_PX, WIDTH_PX, 3), RGB."""
    if pictures.shape[1:] != (HEIGHT_PX, WIDTH_PX, 3):
        raise ValueError(
            f"pictures of {(HEIGHT_PX, WIDTH_PX, 3)} wanted, {pictures.shape[1:]} given"
        )
    rgb = pictures.astype(np.float32) / 255.0
    luma, cb, cr = _ycbcr(rgb)
    return np.concatenate(
        [
            _colour_layout(luma, cb, cr),
            _edge_layout(luma),
            _graphics(rgb, luma),
            _text(luma),
            _brightness(luma),
        ],
        axis=1,
    )


def change(vectors: Floats) -> Floats:
    """Distance of each row to the rows before and after it, shape (n, 4 * len(LAGS)).

    Columns by lag: colour before, colour after, edges before, edges after. The rows at the ends,
    which have no such neighbour, repeat the nearest that has one.
    """
    parts = [_distances(vectors[:, part], lag) for lag in LAGS for part in (_LAYOUT, _EDGES)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _distances(rows: Floats, lag: int) -> Floats:
    """Mean absolute difference to the row `lag` before and after, shape (n, 2)."""
    n = len(rows)
    out = np.zeros((n, 2), dtype=np.float32)
    if n > lag:
        gap = np.abs(rows[lag:] - rows[:-lag]).mean(axis=1)
        out[lag:, 0], out[:lag, 0] = gap, gap[0]
        out[:-lag, 1], out[-lag:, 1] = gap, gap[-1]
    return out


def _ycbcr(rgb: Floats) -> tuple[Floats, Floats, Floats]:
    """ITU-R BT.601 luma in [0, 1] and chroma in [-0.5, 0.5], each (n, h, w)."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return luma, (blue - luma) / 1.772, (red - luma) / 1.402


def _colour_layout(luma: Floats, cb: Floats, cr: Floats) -> Floats:
    parts = []
    for plane, keep in ((luma, 15), (cb, 6), (cr, 6)):
        n, h, w = plane.shape
        means = plane.reshape(n, 8, h // 8, 8, w // 8).mean(axis=(2, 4))
        spectrum = np.einsum("ki,nij,lj->nkl", _DCT, means, _DCT)
        parts.append(spectrum[:, _ZIGZAG[0][:keep], _ZIGZAG[1][:keep]])
    return np.concatenate(parts, axis=1)


def _edge_layout(luma: Floats) -> Floats:
    """Share of each edge kind per cell: MPEG-7's five filters on 2 x 2 blocks of 2 x 2 pixels."""
    n, h, w = luma.shape
    small = luma.reshape(n, h // 2, 2, w // 2, 2).mean(axis=(2, 4))
    a, b = small[:, 0::2, 0::2], small[:, 0::2, 1::2]
    c, d = small[:, 1::2, 0::2], small[:, 1::2, 1::2]
    strengths = np.stack(
        [
            np.abs(a - b + c - d),
            np.abs(a + b - c - d),
            np.abs(a - d) * np.sqrt(2),
            np.abs(b - c) * np.sqrt(2),
            2 * np.abs(a - b - c + d),
        ],
        axis=-1,
    )
    kind = strengths.argmax(axis=-1)
    edge = strengths.max(axis=-1) > 0.06  # MPEG-7's threshold of 11 levels, over sums of two pixels
    rows, columns = _CELLS
    bh, bw = kind.shape[1] // rows, kind.shape[2] // columns
    hits = (kind[..., None] == np.arange(5)) & edge[..., None]
    cells = hits[:, : bh * rows, : bw * columns].reshape(n, rows, bh, columns, bw, 5)
    shares: Floats = cells.mean(axis=(2, 4)).reshape(n, -1).astype(np.float32)
    return shares


def _graphics(rgb: Floats, luma: Floats) -> Floats:
    """Drawn pictures have wide flat areas, few colours, and sharp borders between them."""
    across = np.abs(np.diff(luma, axis=2))[:, :-1]
    down = np.abs(np.diff(luma, axis=1))[:, :, :-1]
    steepest = np.maximum(across, down)
    flat = (steepest < 0.006).mean(axis=(1, 2))
    sharp = (steepest > 0.15).mean(axis=(1, 2))
    codes = (rgb * 7.999).astype(np.int32) @ np.array([64, 8, 1], dtype=np.int32)
    shares = np.stack([np.bincount(code.ravel(), minlength=512) for code in codes]) / codes[0].size
    colours = (shares > 0.002).sum(axis=1) / 64.0
    entropy = -(shares * np.log2(shares + 1e-12)).sum(axis=1) / 9.0
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    # pairwise: a reduction over an axis of three is ten times slower
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    saturation = (highest - lowest) / (highest + 1e-3)
    columns = [
        flat,
        colours,
        entropy,
        saturation.mean(axis=(1, 2)),
        saturation.std(axis=(1, 2)),
        sharp,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _text(luma: Floats) -> Floats:
    """Share of pixels in thin bright (then dark) strokes, in 3 x 2 zones each."""
    from scipy.ndimage import grey_closing, grey_opening

    n, h, w = luma.shape
    out = []
    bright = luma - grey_opening(luma, size=(1, 1, _STROKE_PX))
    dark = grey_closing(luma, size=(1, 1, _STROKE_PX)) - luma
    for hat in (bright, dark):
        strokes = (hat > 0.25).reshape(n, 3, h // 3, 2, w // 2)
        out.append(strokes.mean(axis=(2, 4)).reshape(n, -1))
    return np.concatenate(out, axis=1).astype(np.float32)


def _brightness(luma: Floats) -> Floats:
    band = luma.shape[1] // 12  # where letterbox bars lie
    columns = [
        luma.mean(axis=(1, 2)),
        luma.std(axis=(1, 2)),
        (luma < 0.11).mean(axis=(1, 2)),  # 28 levels: black for television's limited range
        (luma > 0.9).mean(axis=(1, 2)),
        luma[:, :band].max(axis=(1, 2)),
        luma[:, -band:].max(axis=(1, 2)),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _dct_matrix(size: int) -> Floats:
    """Orthonormal DCT-II, shape (size, size)."""
    k, i = np.mgrid[:size, :size]
    matrix = np.cos(np.pi * (2 * i + 1) * k / (2 * size)) * np.sqrt(2.0 / size)
    matrix[0] /= np.sqrt(2.0)
    dct: Floats = matrix.astype(np.float32)
    return dct


def _zigzag(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column indices of a size x size block from low to high frequency."""
    cells = sorted(
        ((i, j) for i in range(size) for j in range(size)),
        key=lambda cell: (sum(cell), cell[sum(cell) % 2]),
    )
    return np.array([i for i, _ in cells]), np.array([j for _, j in cells])


_DCT = _dct_matrix(8)
_ZIGZAG = _zigzag(8)
