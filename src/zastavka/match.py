"""What repeats between the episodes of a season, heard and seen: `find_runs`."""

from __future__ import annotations

from collections.abc import Sequence

from zastavka.heard import heard, heard_through_speech, heard_where_seen
from zastavka.options import MatchOptions
from zastavka.prints import EpisodePrint
from zastavka.runs import Run, Sense
from zastavka.seen import alike_pictures, seen

__all__ = ["Run", "Sense", "alike_pictures", "find_runs"]


def find_runs(prints: Sequence[EpisodePrint], options: MatchOptions) -> list[Run]:
    """All stretches that two of the episodes share, best first.

    The episodes should be in the order of the season: of what many have, each is compared with the
    nearest that have it.
    """
    shown = seen(prints, options)
    runs = heard(prints, options)
    runs += heard_where_seen(prints, shown, runs, options) + shown
    if options.robust:
        runs += heard_through_speech(prints, runs, options)
    return sorted(runs, key=lambda r: (-r.score, r.a, r.b, r.start_a, r.start_b))
