"""The card of the built-in model: what it learned from, what it is for, how well it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zastavka.config import Config
from zastavka.learn.worlds import licences

Figures = Mapping[str, float | None]

_SHOWN = ("f1", "iou", "hit@.5", "hit@.9", "wrong/100", "false_alarm", "right", "ece")


def card_of(
    config: Config,
    figures: Mapping[str, Figures],
    clips: Sequence[dict[str, str]],
    learned: int,
    judged: int,
) -> str:
    """Markdown. `figures`: by way of answering, of the model that learned from fold a alone."""
    kinds = sorted(licences(iter(clips)).items())
    table = [f"| {kind} | {licence} | {n} |" for (kind, licence), n in kinds]
    rows = [
        f"| {way} | {' | '.join(_cell(row.get(name)) for name in _SHOWN)} |"
        for way, row in figures.items()
    ]
    return _TEXT.format(
        all=learned + judged, learned=learned, judged=judged, recipe=config.recipe,
        clips="\n".join(table), names=" | ".join(_SHOWN), rule="---|" * (len(_SHOWN) + 1),
        figures="\n".join(rows),
    )  # fmt: skip


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


_TEXT = """\
# The built-in model

Finds the intro of an episode that stands alone, and says how sure it is; in a season it is asked
where what repeats leaves a doubt. One set of weights serves both: what repeats enters as columns
that are zero for a lone file.

## What it is for, and what not

For series of any kind with pictures, sound, or both. It recognises no persons and no works, and
knows nothing of advertisements. It has never seen television: every episode that it learned from
was composed of short clips. Not among them: interlaced pictures, variable frame rates, drawn
series beyond title cards, intros longer than 75 s, songs sung all through, dialogue that runs on
over a cut, intros that begin under the last words of a scene.

## What it learned from

{all} series composed at random by introbench ({learned} of fold a, {judged} of fold b), a third of
them with a channel's logo, subtitles burnt in, grain or another codec. Pictures are described by
the built-in descriptor; no network trained elsewhere has a part in it.

The clips by licence. Songs under the GPL are among them. The weights hold no clip.

| kind | licence | clips |
|---|---|---|
{clips}

## How well it does

Figures of the model that learned from fold a alone, on the series of fold b, of whose clips it
has seen none: all episodes pooled, edges as coarse as the rows. The weights here learned from both
folds.

| answered | {names} |
|{rule}
{figures}

## How to make it

`zastavka train --recipe {recipe} --introbench DIR`. Options: `options.json`; figures:
`metrics.json`.
"""
