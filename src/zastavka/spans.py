"""Which span between two changes is the intro: each is weighed against all others and against none.

An intro begins and ends where something changes: the sound underneath, the tone, the pictures, the
network's mind. So the spans that compete are those between two such changes, some thousands an
episode. Each has signs: what the network says inside it and beside it, how sharp its ends are, how
long it is, how it sounds against the rest. A log-linear model over all of them at once, "none" too,
gives each a probability (a semi-Markov CRF of one segment: Sarawagi, Cohen, NIPS 2004). Of these we
answer the span with the highest expected IoU (minimum Bayes risk, as `intervals` does); its
confidence is the probability of all spans by which it would be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zastavka import audio
from zastavka.detection import RIGHT_IOU, RIGHT_SLACK
from zastavka.features import EpisodeFeatures
from zastavka.inputs import change_of
from zastavka.intervals import Interval
from zastavka.options import DecodeOptions
from zastavka.segment import Grid

Floats = NDArray[np.float64]

_USUAL = 25.0  # seconds of an intro
_BESIDE = 4.0  # seconds before and after a span that are looked at
_FAR = 6.0  # log odds of a row, spreads of a change: beyond is not listened to
_TOP = 200  # spans of the highest probability that compete for the answer
_HEARD = (
    "softest_2s", "loudness", "low_energy", "syllables", "chroma_steady", "peaks_steady",
    "pulse", "flatness", "flux", "flux_peak", "crest", "slow_modulation",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Rows `first` <= i < `stop` of each of p spans, (p,), and by name a sign of each, (p,)."""

    first: NDArray[np.intp]
    stop: NDArray[np.intp]
    signs: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.first)

    def table(self, names: tuple[str, ...]) -> Floats:
        """The signs of these names as columns, (p, len(names)); what there is no sign of is 0."""
        columns = [self.signs.get(name, np.zeros(len(self))) for name in names]
        return np.stack(columns, axis=1) if columns else np.zeros((len(self), 0))


def find_spans(
    features: EpisodeFeatures,
    emissions: NDArray[np.floating],
    options: DecodeOptions,
    evidence: NDArray[np.floating] | None = None,
) -> Spans:
    """The spans of an episode between two changes, as long as `options` allow.

    `emissions` (n, 2) are the network's; `evidence` (n, e) what a season repeats, None: a lone
    file.
    """
    n, step = features.grid.n, features.grid.step
    margin = np.clip(np.asarray(emissions[:, 1] - emissions[:, 0], np.float64), -_FAR, _FAR)
    rows = _Rows(features, margin)
    points = rows.points()
    ends = np.append(points[points > 0], n)
    first, stop = (axis.ravel() for axis in np.meshgrid(points, ends, indexing="ij"))
    seconds = (stop - first) * step
    fit = (seconds >= options.min_seconds - step / 2) & (seconds <= options.max_seconds)
    first, stop = first[fit], stop[fit]
    if not len(first):
        return Spans(first, stop, {})
    of = _Of(first, stop, n, step)
    signs = {
        **_place(of, features.span.end),
        **_network(of, margin),
        **_sound(of, rows),
        **_pictures(of, rows),
        **_repeats(of, evidence),
    }
    return Spans(first, stop, signs)


def answer(spans: Spans, odds: NDArray[np.floating], grid: Grid) -> Interval | None:
    """The span with the highest expected IoU; `odds` (p,) are log odds against "none".

    Its confidence is the probability that it is right, as `detection` has it.
    """
    if not len(spans):
        return None
    top = np.argsort(-odds, kind="stable")[:_TOP]
    highest = max(0.0, float(odds[top[0]]))
    mass = np.exp(odds - highest)
    mass = mass[top] / (mass.sum() + np.exp(-highest))
    a, b = spans.first[top], spans.stop[top]
    inside = np.minimum(b[:, None], b) - np.maximum(a[:, None], a)
    inside = np.maximum(inside, 0)
    length = b - a
    iou = inside / (length[:, None] + length - inside)
    best = int((iou @ mass).argmax())
    outside = (length[best] - inside[best]) * grid.step
    right = (iou[best] >= RIGHT_IOU) & (outside <= RIGHT_SLACK + 1e-9)
    segment = grid.segment(int(a[best]), int(b[best]))
    return Interval(segment, float(min(1.0, mass[right].sum())))


# ------------------------------------------------------------------ what changes


class _Rows:
    """What is known of each row of an episode, and where it changes."""

    def __init__(self, features: EpisodeFeatures, margin: Floats) -> None:
        self.step, self.margin, self.sound = features.grid.step, margin, features.sound
        self.novelty = self.floor = self.cut = None
        if features.sound is not None:
            self.novelty = _spreads(self.heard("novelty"))
            self.floor = _spreads(self.heard("novelty_floor"))
        if features.picture is not None:
            self.cut = _spreads(change_of(features.picture, features.encoder)[:, 0])

    def heard(self, name: str) -> Floats:
        """A column of the sound."""
        assert self.sound is not None
        return np.asarray(self.sound[:, audio.COLUMNS.index(name)], np.float64)

    def points(self) -> NDArray[np.intp]:
        """Rows before which something changes, the first row among them, in order."""
        found = [np.zeros(1, np.intp), _peaks(_turns(self.margin, self.step), 0.5)]
        for change in (self.novelty, self.floor):
            if change is not None:
                found.append(_peaks(change, 0.5))
        if self.sound is None and self.cut is not None:
            found.append(_peaks(self.cut, 1.0))  # too many where sound tells more
        return np.unique(np.concatenate(found))


def _spreads(values: NDArray[np.floating]) -> Floats:
    """In spreads from the mean."""
    x = np.asarray(values, np.float64)
    return np.asarray(np.clip((x - x.mean()) / (x.std() + 1e-6), -_FAR, _FAR))


def _turns(margin: Floats, step: float) -> Floats:
    """How far the network's mind of the next two seconds is from that of the last two."""
    n, width = len(margin), max(1, round(2.0 / step))
    sums = _sums(margin)
    here = np.arange(n)
    low, high = np.maximum(here - width, 0), np.minimum(here + width, n)
    past = (sums[here] - sums[low]) / np.maximum(here - low, 1)
    future = (sums[high] - sums[here]) / (high - here)
    return np.abs(future - past)


def _peaks(values: Floats, least: float) -> NDArray[np.intp]:
    """Rows above `least` that none of two rows on either side exceeds."""
    from scipy.ndimage import maximum_filter1d

    return np.flatnonzero((values >= maximum_filter1d(values, 5)) & (values > least))


# ------------------------------------------------------------------ signs


@dataclass(frozen=True, slots=True, eq=False)
class _Of:
    """Spans of rows, to take sums of."""

    first: NDArray[np.intp]
    stop: NDArray[np.intp]
    n: int  # rows of the episode
    step: float

    @property
    def seconds(self) -> Floats:
        return np.asarray((self.stop - self.first) * self.step, np.float64)

    def mean(self, values: NDArray[np.number | np.bool_]) -> Floats:
        """Over the rows of each span."""
        sums = _sums(values)
        return np.asarray((sums[self.stop] - sums[self.first]) / (self.stop - self.first))

    def before(self, values: Floats, without: float) -> Floats:
        """The mean beside each span, before it; `without`: where nothing is before it."""
        low = np.maximum(self.first - round(_BESIDE / self.step), 0)
        sums = _sums(values)
        mean = (sums[self.first] - sums[low]) / np.maximum(self.first - low, 1)
        return np.where(self.first > 0, mean, without)

    def after(self, values: Floats, without: float) -> Floats:
        """The mean beside each span, after it; `without`: where nothing is after it."""
        high = np.minimum(self.stop + round(_BESIDE / self.step), self.n)
        sums = _sums(values)
        mean = (sums[high] - sums[self.stop]) / np.maximum(high - self.stop, 1)
        return np.where(self.stop < self.n, mean, without)

    def at_start(self, change: Floats, without: float) -> Floats:
        """The highest change at each beginning; `without`: at that of the episode."""
        return np.where(self.first > 1, _near(change)[self.first], without)

    def at_end(self, change: Floats) -> Floats:
        """The highest change at each end."""
        return np.where(self.stop < self.n, _near(change)[np.minimum(self.stop, self.n - 1)], 0.0)


def _sums(values: NDArray[np.number | np.bool_]) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])


def _near(change: Floats) -> Floats:
    """The highest of a row and two on either side."""
    from scipy.ndimage import maximum_filter1d

    return np.asarray(maximum_filter1d(change, 5), np.float64)


def _place(of: _Of, searched: float) -> dict[str, Floats]:
    length = np.log(of.seconds / _USUAL)
    return {
        "length": length,
        "length^2": length**2,
        "share": of.seconds / searched,
        "start": of.first * of.step / 100.0,
        "reach": of.first / of.n,
        "at zero": (of.first < 2).astype(np.float64),
        "at end": (of.stop >= of.n - 2).astype(np.float64),
    }


def _network(of: _Of, margin: Floats) -> dict[str, Floats]:
    yes, no = np.maximum(margin, 0.0), np.minimum(margin, 0.0)
    inside = of.mean(yes) * of.seconds
    return {
        "network": of.mean(margin),
        "network no": of.mean(no),
        "network before": of.before(margin, -4.0),
        "network after": of.after(margin, -4.0),
        "network sum": np.clip(of.mean(margin) * of.seconds / 20.0, -10.0, 10.0),
        "network no sum": np.clip(of.mean(no) * of.seconds / 20.0, -5.0, 0.0),
        "network elsewhere": np.minimum((yes.sum() * of.step - inside) / 20.0, 10.0),
    }


def _sound(of: _Of, rows: _Rows) -> dict[str, Floats]:
    if rows.novelty is None or rows.floor is None:
        return {}
    signs = {"sound": np.ones(len(of.first))}
    for name, change in (("novelty", rows.novelty), ("floor", rows.floor)):
        strong = _sums(change > 2.0)
        low = np.minimum(of.first + 3, of.stop)
        high = np.maximum(of.stop - 3, low)
        signs |= {
            f"{name} start": of.at_start(change, 1.5),
            f"{name} end": of.at_end(change),
            f"{name} inside": np.minimum(strong[high] - strong[low], 8.0) / 4.0,
        }
    for name in _HEARD:
        heard = rows.heard(name)
        signs[name] = of.mean(heard - np.median(heard))
    softest = rows.heard("softest")
    signs["softest"] = _lowest(softest, of) / 10.0
    return signs


def _lowest(values: Floats, of: _Of) -> Floats:
    """The lowest of the rows of each span."""
    out = np.empty(len(of.first))
    for first in np.unique(of.first):
        here = of.first == first
        out[here] = np.minimum.accumulate(values[first:])[of.stop[here] - first - 1]
    return out


def _pictures(of: _Of, rows: _Rows) -> dict[str, Floats]:
    if rows.cut is None:
        return {}
    return {
        "pictures": np.ones(len(of.first)),
        "cut start": of.at_start(rows.cut, 1.0),
        "cut end": of.at_end(rows.cut),
        "change": of.mean(rows.cut),
        "cuts": of.mean(rows.cut > 1.0),
    }


def _repeats(of: _Of, evidence: NDArray[np.floating] | None) -> dict[str, Floats]:
    if evidence is None:
        return {}
    repeats = np.asarray(evidence[:, :2].max(axis=1), np.float64)
    return {
        "compared": np.ones(len(of.first)),
        "repeats": of.mean(repeats),
        "repeats before": of.before(repeats, 0.0),
        "repeats after": of.after(repeats, 0.0),
    }
