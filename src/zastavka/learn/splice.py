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
from zastavka.learn.dataset import Window
from zastavka.model import InputSpec, change_of

Floats = NDArray[np.float32]

_EMPTY = 0.2  # share of spliced episodes that get no intro at all
_SEAM = 0.5  # share of intros that go where the host's own intro was
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
        donor = donors[int(rng.integers(len(donors)))]
        theme = donor.inputs[donor.labels == 1]
    n = min(len(host.labels), len(story) + len(theme))
    if len(theme) >= n or not _same_senses(host.inputs, theme):
        return host
    at = _place_of(host, n - len(theme), rng)
    rows = np.concatenate([story[:at], _louder(theme, spec, rng), story[at:]])[:n]
    rows[:, spec.parts[3]] = host.inputs[:n, spec.parts[3]]
    labels = np.zeros(n, np.float32)
    labels[at : at + len(theme)] = 1
    _mend(rows, spec, step)
    return replace(host, inputs=rows, labels=labels)


def _same_senses(host: Floats, theme: Floats) -> bool:
    """Whether picture and sound are there in both; the flags are the last two columns."""
    return not len(theme) or bool((host[0, -2:] == theme[0, -2:]).all())


def _place_of(host: Window, latest: int, rng: np.random.Generator) -> int:
    """Where the intro begins: at the seam that its own left, or anywhere up to `latest`."""
    if host.positive and rng.random() < _SEAM:
        return min(int(host.labels.argmax()), latest)
    return int(rng.integers(latest + 1))


def _louder(theme: Floats, spec: InputSpec, rng: np.random.Generator) -> Floats:
    rows = theme.copy()
    if spec.sound_width:
        rows[:, spec.parts[2]] += audio.IS_LEVEL * np.float32(rng.normal(0, _GAIN_DB))
    return rows


def _mend(rows: Floats, spec: InputSpec, step: float) -> None:
    """Compute the columns that follow from neighbours anew, in place."""
    picture, change, sound, _ = spec.parts
    rows[:, change] = change_of(rows[:, picture], spec.encoder)
    if spec.sound_width:
        heard = np.ascontiguousarray(rows[:, sound])
        audio.fill_context(heard, step)
        rows[:, sound] = heard
