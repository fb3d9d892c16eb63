"""What a head is fed: `assemble_inputs`, the one path of training and of answering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zastavka import audio, descriptor
from zastavka.errors import FeatureError
from zastavka.features import EpisodeFeatures

Floats = NDArray[np.float32]

UNKNOWN = "unknown"  # encoder of a head or dataset that does not say: only widths can be compared
_CLIP = 6.0  # spreads from the mean; beyond is a broken file, not a picture
_CHANGE_WIDTH = 4 * len(descriptor.LAGS)
_PLACE_WIDTH = 5
_AROUND = 4.0  # seconds on either side


class Parts(NamedTuple):
    """Columns of the assembled inputs, in order."""

    picture: slice
    change: slice
    sound: slice  # against what is usual in the episode
    around: slice  # picture, change and sound over some seconds, and their step from past to future
    usual: slice  # the episode's median of each sound column
    evidence: slice  # what repeats in the season, as `evidence.COLUMNS`
    place: slice


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a head expects. `mean` and `spread` (f,) standardise the inputs; None = as they are.

    `senses` are the columns of picture and sound, hidden when a file lacks one.
    """

    encoder: str
    picture_width: int
    sound_width: int
    inputs: str
    mean: Floats | None = None
    spread: Floats | None = None
    evidence_width: int = 0

    @property
    def width(self) -> int:
        """Columns of the assembled inputs."""
        return int(self.parts.place.stop)

    @property
    def parts(self) -> Parts:
        """The columns of each part; empty where there are none."""
        sound = self.sound_width
        moving = self.picture_width + _CHANGE_WIDTH + sound
        rest = (_CHANGE_WIDTH, sound, 2 * moving, sound, self.evidence_width, _PLACE_WIDTH)
        if self.inputs == "pictures":
            rest = (0, 0, 0, 0, 0, 0)
        ends = np.cumsum([self.picture_width, *rest]).tolist()
        return Parts(*(slice(a, b) for a, b in zip([0, *ends], ends, strict=False)))

    @property
    def senses(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Columns of all that is seen and of all that is heard."""
        parts = self.parts
        seen, moving = parts.change.stop, parts.around.start
        columns = np.arange(parts.evidence.start)
        around = (columns >= moving) & (columns < parts.usual.start)
        sees = np.where(around, (columns - moving) % max(moving, 1) < seen, columns < seen)
        return np.flatnonzero(sees), np.flatnonzero(~sees)

    def fits(self, encoder: str) -> bool:
        """Whether vectors of `encoder` are what the head was trained on."""
        return self.encoder in (encoder, UNKNOWN)

    def check(self, features: EpisodeFeatures, subject: str) -> None:
        """FeatureError if features were made for another head."""
        if not self.fits(features.encoder):
            raise FeatureError(
                subject, "features are of encoder '{found}', the model wants '{wanted}'",
                "extract them with that encoder, or choose another model",
                found=features.encoder, wanted=self.encoder,
            )  # fmt: skip
        for name, rows, width in (
            ("picture", features.picture, self.picture_width),
            ("sound", features.sound, self.sound_width),
        ):
            if rows is not None and width and rows.shape[1] != width:
                raise FeatureError(
                    subject, "{name} features are {found} wide, the model wants {wanted}",
                    "extract them again, or choose another model",
                    name=name, found=rows.shape[1], wanted=width,
                )  # fmt: skip


def assemble_inputs(
    features: EpisodeFeatures, spec: InputSpec, evidence: Floats | None = None
) -> Floats:
    """The rows that a head is fed, shape (n, spec.width): the one path of training and answering.

    With `inputs="all"`: picture, its change, sound against what is usual in the episode, what
    repeats in the season, place. A sense that the file lacks reads as its mean and says so in the
    last columns. `evidence` (n, spec.evidence_width); None: a lone file, which reads as zeros.
    """
    n = features.grid.n
    if spec.inputs == "pictures":
        table = _or_zeros(features.picture, n, spec.picture_width)
    else:
        picture = _or_zeros(features.picture, n, spec.picture_width)
        parts = [
            picture,
            change_of(picture, features.encoder),
            *_sound(features, spec),
            _place(features),
        ]
        *moving, usual, place = parts
        near = around_of(np.concatenate(moving, axis=1), features.grid.step)
        repeats = _or_zeros(evidence if spec.evidence_width else None, n, spec.evidence_width)
        table = np.concatenate([*moving, near, usual, repeats, place], axis=1)
    return standardise(np.ascontiguousarray(table, dtype=np.float32), spec)


def standardise(table: Floats, spec: InputSpec) -> Floats:
    """Assembled inputs (n, f) in spreads from their mean; a sense that is not there reads as 0."""
    if spec.mean is None or spec.spread is None:
        return table
    out = np.clip((table - spec.mean) / spec.spread, -_CLIP, _CLIP)
    if spec.inputs == "all":
        for columns, flag in zip(spec.senses, (-2, -1), strict=True):
            out[np.ix_(table[:, flag] == 0, columns)] = 0.0
    standard: Floats = out.astype(np.float32)
    return standard


def _or_zeros(rows: Floats | None, n: int, width: int) -> Floats:
    return rows if rows is not None else np.zeros((n, width), np.float32)


def change_of(picture: Floats, encoder: str) -> Floats:
    """How far the pictures of rows (n, d) are from their neighbours, (n, _CHANGE_WIDTH)."""
    if encoder == descriptor.BuiltinDescriptor.name:
        return descriptor.change(picture)
    # embeddings have no layout of columns: their distance to neighbours fills the same places
    out = np.zeros((len(picture), _CHANGE_WIDTH), np.float32)
    for i, lag in enumerate(descriptor.LAGS):
        if len(picture) > lag:
            gap = 1.0 - (picture[lag:] * picture[:-lag]).sum(axis=1)
            out[lag:, 4 * i] = gap
            out[:-lag, 4 * i + 1] = gap
    return out


def _sound(features: EpisodeFeatures, spec: InputSpec) -> tuple[Floats, Floats]:
    """Sound against the episode's median of each column, and those medians, each (n, sound_width).

    A theme is what differs from the story around it. Levels count from the median loudness: gain is
    no evidence.
    """
    n, sound = features.grid.n, features.sound
    if sound is None or not spec.sound_width:
        nothing = np.zeros((n, spec.sound_width), np.float32)
        return nothing, nothing
    level = np.median(sound[:, audio.COLUMNS.index("loudness")])
    table = sound - audio.IS_LEVEL * level
    usual = np.median(table, axis=0)
    return table - usual, np.broadcast_to(usual, table.shape)


def around_of(rows: Floats, step: float) -> Floats:
    """The mean of rows (n, k) over 8 s, and the next 4 s less the last 4 s, side by side: (n, 2k).

    Cuts, pauses and titles are rare in a row and plain in some seconds; an edge is a step. A
    network could find both by itself, given more labels than there are.
    """
    k, n = max(1, round(_AROUND / step)), len(rows)
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0, dtype=np.float64)])
    here = np.arange(n)
    low, high = np.maximum(here - k, 0), np.minimum(here + k, n)
    past = (sums[here] - sums[low]) / np.maximum(here - low, 1)[:, None]
    future = (sums[high] - sums[here]) / (high - here)[:, None]
    past[0] = future[0]  # nothing is past
    both = [(sums[high] - sums[low]) / (high - low)[:, None], future - past]
    return np.concatenate(both, axis=1).astype(np.float32)


def _place(features: EpisodeFeatures) -> Floats:
    """Where a row is: log seconds from beginning and to end, share; and which senses there are."""
    times = features.grid.times
    left = np.maximum(features.duration - times, 0.0)
    n = len(times)
    columns = [
        np.log1p(times),
        np.log1p(left),
        times / max(features.duration, 1e-6),
        np.full(n, float(features.picture is not None)),
        np.full(n, float(features.sound is not None)),
    ]
    return np.stack(columns, axis=1).astype(np.float32)
