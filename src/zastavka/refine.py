"""An edge to the frame, by the finest evidence there is.

Each instance of a piece is laid over another one (`overlay`). Where pictures agree up to a cut,
that cut is the edge; else it is where the sound parts, or the shot cut next to that, since music is
laid under pictures and not the other way round. Black, silence and the chapters of the file decide
where nothing better does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zastavka.closeup import RATE, Closeup, Closeups
from zastavka.options import RefineOptions
from zastavka.overlay import REACH, Edge, Overlay, Side, around
from zastavka.prints import EpisodePrint
from zastavka.recurring import Instance, Recurring
from zastavka.segment import Segment

_NEAR = 0.15  # seconds: a cut so near to the edge of the sound is the edge
_BORDER = 0.4  # seconds: so near, black or a pause is taken for it
_CHAPTER = 1.0  # seconds
_BLACK = 18.0  # mean level of 255
_QUIET_DB = -50.0
_HOP, _FRAME = 80, 240  # samples: 10 and 30 ms


def refine(
    piece: Recurring,
    prints: list[EpisodePrint],
    votes: Sequence[int],
    speeds: list[float],
    closeups: Closeups,
    options: RefineOptions,
    wanted: set[int],
) -> dict[int, Segment]:
    """The instances of a piece in the wanted episodes, their edges to the frame.

    Keys are numbers in `piece.instances`. `votes[i]` is the vote of episode i: its versions are
    alike beyond the piece, and tell nothing of where it ends.
    """
    edges = {
        (i, side): _edge(piece, instance, side, prints, votes, speeds, closeups, options)
        for i, instance in enumerate(piece.instances)
        if instance.episode in wanted
        for side in ("start", "end")
    }
    found = {}
    for i, instance in enumerate(piece.instances):
        if instance.episode not in wanted:
            continue
        start, end = edges[i, "start"].time, edges[i, "end"].time
        limit = prints[instance.episode].duration
        start, end = max(0.0, start), min(end, limit)
        found[i] = Segment(start, end) if end - start > 0.5 else instance.segment
    return found


def _edge(
    piece: Recurring,
    instance: Instance,
    side: Side,
    prints: list[EpisodePrint],
    votes: Sequence[int],
    speeds: list[float],
    closeups: Closeups,
    options: RefineOptions,
) -> Edge:
    at = instance.segment.start if side == "start" else instance.segment.end
    edge = Edge(at, "repeat", sharp=False)
    if not closeups.can_read(instance.episode):
        return _at_chapter(edge, prints[instance.episode], options)
    other = _yardstick(piece, instance, side, votes, speeds, closeups)
    known = prints[instance.episode]
    seamed = piece.seamed if side == "start" else piece.seamed_end
    if other is not None and not seamed:
        pair = Overlay(instance, other, side, speeds, prints, closeups)
        at = pair.farther(at, _missing(piece, instance, side, speeds), instance)
        heard = pair.sound_edge(at) if options.sound and instance.heard > 0.5 else None
        at = heard.time if heard else at
        if options.picture and len(known.times) and not heard:
            at = pair.first_look(at, piece.length)
        seen = pair.picture_edge(at) if options.picture else None
        if seen is not None and seen.sharp:
            return seen
        edge = heard or seen or edge
    shots = closeups.pictures(instance.episode, around(edge.time, REACH, known))
    if shots is not None:
        edge = _at_cut(edge, side, shots, options)
    if options.silence and not edge.sharp:
        edge = _at_pause(edge, instance.episode, known, closeups)
    return _at_chapter(edge, known, options)


def _yardstick(
    piece: Recurring,
    instance: Instance,
    side: Side,
    votes: Sequence[int],
    speeds: list[float],
    closeups: Closeups,
) -> Instance | None:
    """Another instance that has this edge of the piece too, at the same pace if there is one."""
    # the fullest come first: they can also say whether more of it is here than was found
    others = [
        (
            _missing(piece, o, side, speeds) > 0.2,
            round(piece.length - o.segment.duration * speeds[o.episode]),
            speeds[o.episode] != speeds[instance.episode],
            abs(o.episode - instance.episode),
            k,
            o,
        )
        for k, o in enumerate(piece.instances)
        if votes[o.episode] != votes[instance.episode]
        and closeups.can_read(o.episode)
        and _missing(piece, o, side, speeds) <= _missing(piece, instance, side, speeds) + 0.2
    ]
    return min(others)[-1] if others else None


def _missing(piece: Recurring, instance: Instance, side: Side, speeds: list[float]) -> float:
    """Seconds of the piece that the instance seems to lack at this side."""
    lacks = instance.first if side == "start" else piece.length - _last(instance, speeds)
    return max(0.0, lacks / speeds[instance.episode])


def _last(instance: Instance, speeds: list[float]) -> float:
    return instance.first + instance.segment.duration * speeds[instance.episode]


# ------------------------------------------------------------------ one episode alone


def _at_cut(edge: Edge, side: Side, shots: Closeup, options: RefineOptions) -> Edge:
    if edge.sharp:
        return edge
    near = np.flatnonzero(np.abs(shots.times - edge.time) <= _NEAR)
    cuts = [int(k) for k in near if k and shots.is_cut(int(k))]
    if options.cut and cuts:
        best = max(cuts, key=lambda k: shots.step[k])
        return Edge(float(shots.times[best]), "cut", sharp=True)
    if options.black:
        dark = shots.luma < _BLACK
        turns = np.flatnonzero(np.diff(dark.astype(np.int8)) == (-1 if side == "start" else 1)) + 1
        near = turns[np.abs(shots.times[turns] - edge.time) <= _BORDER]
        if len(near):
            k = int(near[np.abs(shots.times[near] - edge.time).argmin()])
            return Edge(float(shots.times[k]), "black", sharp=True)
    return edge


def _at_pause(edge: Edge, episode: int, print_: EpisodePrint, closeups: Closeups) -> Edge:
    window = around(edge.time, _BORDER, print_)
    samples = closeups.sound(episode, window)
    if samples is None or len(samples) < _FRAME:
        return edge
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    level = 10 * np.log10((frames.astype(np.float64) ** 2).mean(axis=1) + 1e-10)
    quiet = np.flatnonzero(level < _QUIET_DB)
    if not len(quiet):
        return edge
    times = window.start + (quiet * _HOP + _FRAME / 2) / RATE
    return Edge(float(times[np.abs(times - edge.time).argmin()]), "silence", sharp=False)


def _at_chapter(edge: Edge, print_: EpisodePrint, options: RefineOptions) -> Edge:
    if edge.sharp or not options.chapters:
        return edge
    borders = [t for c in print_.chapters for t in (c.segment.start, c.segment.end)]
    reach = _CHAPTER if edge.source == "repeat" else _NEAR  # sound is right to a hundredth
    near = [t for t in borders if abs(t - edge.time) <= reach]
    if not near:
        return edge
    return Edge(min(near, key=lambda t: abs(t - edge.time)), "chapter", sharp=True)
