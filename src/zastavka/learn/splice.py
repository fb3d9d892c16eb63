"""New episodes out of old ones: the intro of one episode in the story of another, row by row.

Labelled intros are scarce and stories are plenty; which story surrounds an intro is chance, so any
intro may stand in any story (cut-and-paste augmentation, Dwibedi et al. 2017, along time). Columns
that follow from neighbouring rows are computed anew at the seams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zastavka import audio
from zastavka.inputs import InputSpec, around_of, change_of
from zastavka.learn.dataset import Window

Floats = NDArray[np.float32]

_EMPTY = 0.2  # share of spliced episodes that get no intro at all
_SEAM = 0.5  # share of intros that go where the host's own intro was
_REDUB = 0.5  # share of intros that get the sound of another intro
_SHORTEN = 0.4  # share of intros that lose up to half of their beginning
_GAIN_DB = 3.0  # spread of the intro's level against the story's


def spliced(
    host: Window, donors: Sequence[Window], spec: InputSpec, step: float, rng: np.random.Generator
) -> Window:
    """The host's story with no intro, or with that of a donor; `host` itself where they don't fit.

    Inputs are raw (not standardised), of a spec with `inputs="all"`; `step` is seconds per row.
    """
    story = host.inputs[host.labels == 0]
    theme = host.inputs[:0]
    if rng.random() >= _EMPTY and donors:
        theme = _theme(donors, spec, rng)
    n = min(len(host.labels), len(story) + len(theme))
    if len(theme) >= n or not _same_senses(host.inputs, theme):
        return host
    at = _place_of(host, n - len(theme), rng)
    if len(theme):
        theme = _moved(theme, host.inputs[0], spec, rng)
    rows = np.concatenate([story[:at], theme, story[at:]])[:n]
    kept = slice(spec.parts.usual.start, None)
    rows[:, kept] = host.inputs[:n, kept]
    labels = np.zeros(n, np.float32)
    labels[at : at + len(theme)] = 1
    _mend(rows, spec, step)
    return replace(host, inputs=rows, labels=labels, seasons=())


def _theme(donors: Sequence[Window], spec: InputSpec, rng: np.random.Generator) -> Floats:
    """An intro: of one donor, or the pictures of one over the sound of another; often shortened.

    A theme is any pictures over any music. What is cut off is its beginning: titles come last.
    """
    seen, heard = (donors[int(i)] for i in rng.integers(len(donors), size=2))
    theme: Floats = seen.inputs[seen.labels == 1]
    other: Floats = heard.inputs[heard.labels == 1]
    if rng.random() < _REDUB and _same_senses(theme, other):
        n = min(len(theme), len(other))
        theme, heard_columns = theme[len(theme) - n :].copy(), spec.senses[1]
        theme[:, heard_columns] = other[:n, heard_columns]
    if rng.random() < _SHORTEN:
        theme = theme[int(rng.integers(len(theme) // 2 + 1)) :]
    return theme


def _same_senses(host: Floats, theme: Floats) -> bool:
    """Whether picture and sound are there in both; the flags are the last two columns."""
    return not len(theme) or bool((host[0, -2:] == theme[0, -2:]).all())


def _place_of(host: Window, latest: int, rng: np.random.Generator) -> int:
    """Where the intro begins: at the seam that its own left, or anywhere up to `latest`."""
    if host.positive and rng.random() < _SEAM:
        return min(int(host.labels.argmax()), latest)
    return int(rng.integers(latest + 1))


def _moved(theme: Floats, host: Floats, spec: InputSpec, rng: np.random.Generator) -> Floats:
    """The theme's sound against what is usual in the host, a little louder or softer."""
    rows, parts = theme.copy(), spec.parts
    rows[:, parts.sound] += rows[:, parts.usual] - host[parts.usual]
    if spec.sound_width:
        rows[:, parts.sound] += audio.IS_LEVEL * np.float32(rng.normal(0, _GAIN_DB))
    return rows


def _mend(rows: Floats, spec: InputSpec, step: float) -> None:
    """Compute the columns that follow from neighbours anew, in place."""
    parts = spec.parts
    rows[:, parts.change] = change_of(rows[:, parts.picture], spec.encoder)
    if spec.sound_width:
        heard = rows[:, parts.sound] + rows[:, parts.usual]
        audio.fill_context(heard, step)
        rows[:, parts.sound] = heard - rows[:, parts.usual]
    rows[:, parts.around] = around_of(rows[:, : parts.around.start], step)
