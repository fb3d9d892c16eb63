"""The edges of an intro in a file alone, to the frame.

No other episode says where the intro begins, only a network whose rows are half a second long. The
seconds around each edge are read, `moments` names where something changes there, and a choice model
(a softmax over the moments and "none of them": McFadden, Conditional logit analysis of qualitative
choice behavior, 1974) weighs how far each is from the coarse edge against what pictures and sound
say of it. An edge for which no moment is likely enough stays where it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zastavka.audio import RATE
from zastavka.errors import MediaError
from zastavka.media import MediaInfo, probe
from zastavka.moments import COLUMNS, SIZE, Moments, Stretch, find_moments
from zastavka.options import RefineOptions
from zastavka.overlay import Side
from zastavka.pictures import Pictures
from zastavka.segment import Segment
from zastavka.waveform import read_waveform

Floats = NDArray[np.float64]

REACH = 2.0  # seconds that an edge is moved at most
LEAST = 0.35  # probability from which a moment is the edge
LEAST_DEAF = 0.5  # and where there is no sound: the cuts of a story look like those of a theme
SEEN, HEARD = 0.5, 3.0  # seconds beyond the reach that pictures and sound are read

_SHORTEST = 0.5  # seconds: of what would be shorter the edges stay
_CHAPTER = 1.0  # seconds: a chapter's border so near is the edge, where nothing better is known
_MARGIN = 0.25  # seconds from the other edge
_USUAL_RATE, _MOST_RATE = 25.0, 60.0  # pictures per second: where a file does not say; at most
_NEAR = 0.1  # seconds of the error that a coarse edge has at the least

PRIOR = ("moment", "distance", "far")

_WEIGHTS = {  # of a start, of an end; fitted by `python benchmarks/borders.py --introbench DIR ...`
    "moment": (-4.41, -4.18),
    "distance": (-0.99, -0.82),
    "far": (-0.51, -0.58),
    "file_edge": (11.14, 10.98),
    "no_pictures": (0.16, -0.02),
    "no_sound": (1.92, 1.76),
    "cut": (0.68, 0.72),
    "dissolve": (0.37, 0.71),
    "seen": (0.74, 0.77),
    "black_before": (1.40, 0.20),
    "black_after": (-0.17, 0.65),
    "jump_50ms": (-0.03, -0.10),
    "jump_200ms": (-1.53, -1.63),
    "jump_1s": (-0.54, -0.76),
    "contrast_1s": (2.43, 2.38),
    "contrast_300ms": (2.04, 1.92),
    "floor": (0.43, 0.24),
    "floor_rise": (-0.14, 0.04),
    "dip_before": (-1.22, -1.65),
    "dip_after": (-1.74, -1.15),
    "rank": (3.13, 3.74),
    "cut_jump": (0.07, -0.31),
    "cut_rank": (-0.02, 0.16),
    "cut_contrast": (-0.96, -0.57),
    "cut_floor": (0.97, 0.79),
    "dissolve_rank": (2.47, 1.40),
    "cut_alone": (0.57, 0.47),
    "dissolve_alone": (1.23, 0.94),
    "rise_loudness": (-0.16, 0.07),
    "rise_softest": (-0.06, 0.12),
    "rise_low_energy": (-0.22, -0.07),
    "rise_flux": (2.66, -4.86),
    "rise_flatness": (-0.29, 0.33),
    "rise_crest": (0.29, -0.36),
    "rise_chroma_steady": (-0.94, 0.65),
    "rise_peaks_steady": (-0.04, -0.04),
    "rise_centroid": (-0.03, 0.10),
    "rise_rolloff": (-0.52, 0.37),
    "rise_crossings_spread": (0.14, 0.78),
}
WEIGHTS: dict[Side, Floats] = {
    "start": np.array([start for start, _ in _WEIGHTS.values()]),
    "end": np.array([end for _, end in _WEIGHTS.values()]),
}


def sharpen(
    path: Path, segment: Segment, options: RefineOptions, language: str | None = None
) -> Segment:
    """The segment with each edge at the likeliest moment within REACH of it, or where it was.

    `options.cut` and `options.sound` say which sense is asked, `options.chapters` whether a border
    of a chapter is taken where both leave an edge open. `language` chooses the track of sound.
    What can't be read tells nothing: then edges stay.
    """
    try:
        info = probe(path)
    except MediaError:
        return segment
    middle = (segment.start + segment.end) / 2
    start = _edge(info, segment.start, "start", (0.0, middle - _MARGIN), options, language)
    end = _edge(info, segment.end, "end", (middle + _MARGIN, info.duration), options, language)
    return Segment(start, end) if end - start >= _SHORTEST else segment


def _edge(
    info: MediaInfo,
    at: float,
    side: Side,
    limits: tuple[float, float],
    options: RefineOptions,
    language: str | None,
) -> float:
    low, high = max(at - REACH, limits[0]), min(at + REACH, limits[1])
    if high <= low:
        return at
    window = Segment(low, high)
    stretch = read_stretch(info, window, language, see=options.cut, hear=options.sound)
    moments = moments_of(stretch, window, side, info.duration)
    chosen = choose(moments.times, features(moments, at), WEIGHTS[side])
    if chosen is not None:
        return chosen
    borders = [t for c in info.chapters for t in (c.segment.start, c.segment.end)]
    near = [t for t in borders if abs(t - at) <= _CHAPTER and low <= t <= high]
    return min(near, key=lambda t: abs(t - at)) if near and options.chapters else at


def read_stretch(
    info: MediaInfo, window: Segment, language: str | None, see: bool = True, hear: bool = True
) -> Stretch:
    """Every picture of the window and a little more, and its sound with seconds more."""
    times: list[float] = []
    images: list[NDArray[np.uint8]] = []
    try:
        if see and info.video:
            for time, image in _shown(info, window):
                times.append(time)
                images.append(image)
    except MediaError:
        pass  # what was read stands
    start = max(0.0, window.start - HEARD)
    samples = None
    try:
        if hear and info.audio:
            seconds = window.end + HEARD - start
            waveform = read_waveform(info.path, RATE, seconds, language, start)
            samples = None if waveform is None else waveform.samples
    except MediaError:
        pass
    return Stretch(np.array(times), np.stack(images) if images else None, start, samples)


def _shown(info: MediaInfo, window: Segment) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    rate = min((info.video and info.video.rate) or _USUAL_RATE, _MOST_RATE)
    low, high = max(0.0, window.start - SEEN), min(info.duration, window.end + SEEN)
    # asked for in the middle of their time on screen: containers round when pictures begin
    wanted = low + (np.arange(round((high - low) * rate)) + 0.5) / rate
    last = -1.0
    with Pictures.at(info.path, wanted.tolist(), SIZE) as pictures:
        for picture in pictures:
            if picture.time > last:
                last = picture.time
                yield picture.time, picture.image


def moments_of(stretch: Stretch, window: Segment, side: Side, duration: float) -> Moments:
    """The moments of a window in a file of `duration` seconds; the file's edge may be one."""
    file_edge = None
    if side == "start" and window.start <= 0:
        file_edge = 0.0
    elif side == "end" and window.end >= duration:
        file_edge = duration
    return find_moments(stretch, window.start, window.end, file_edge)


def features(moments: Moments, at: float) -> Floats:
    """Rows (k, len(PRIOR) + len(COLUMNS)) of moments near a coarse edge `at`."""
    away = np.abs(moments.times - at)
    prior = np.column_stack([np.ones(len(away)), away, np.log1p(away / _NEAR)])
    return np.hstack([prior, moments.table])


def choose(times: Floats, rows: Floats, weights: Floats) -> float | None:
    """The likeliest of moments (k,) with their `features`; None: none is likely enough."""
    chance = chances(rows, weights)
    deaf = rows[:, len(PRIOR) + COLUMNS.index("no_sound")].any()
    sure = chance.max(initial=0.0) >= (LEAST_DEAF if deaf else LEAST)
    return float(times[chance.argmax()]) if sure else None


def chances(rows: Floats, weights: Floats) -> Floats:
    """The probability of each moment, (k,); what lacks to 1 is that of none."""
    odds = rows @ weights
    highest = max(0.0, float(odds.max(initial=0.0)))
    mass = np.exp(odds - highest)
    return np.asarray(mass / (mass.sum() + math.exp(-highest)), np.float64)
