"""Chapters: what their titles say, and those of a file together with what was found."""

from __future__ import annotations

import re
from collections.abc import Sequence

from zastavka.detection import Finding
from zastavka.media import Chapter
from zastavka.segment import Segment

TITLES = {
    "intro": "Intro", "credits": "Credits", "recap": "Recap", "preview": "Preview",
    "logo": "Logo", "eyecatch": "Eyecatch",
}  # fmt: skip

_KINDS = {
    "intro": r"intro(?:duction)?|op(?:ening)?(?: (?:credits|theme|song|titles?))?|titles?"
    r"|title sequence|main titles?|theme(?: song)?|заставка|(?:начальная|вступительная) заставка"
    r"|оп(?:енинг)?|(?:начальные|вступительные) титры",
    "credits": r"(?:end |closing |ending )?credits|ed|ending(?: (?:theme|song))?|outro"
    r"|(?:конечные |финальные )?титры|эндинг",
    "recap": r"recap|previously(?: on)?(?: .+)?|ранее(?: в .+)?|в предыдущ(?:ей|их) сери(?:и|ях)",
    "preview": r"preview|pv|next (?:episode|time)(?: .+)?|в следующей серии|анонс",
}
_KIND = {kind: re.compile(pattern) for kind, pattern in _KINDS.items()}
_WEAK = re.compile(r"intro(?:duction)?", re.IGNORECASE)
_NUMBER = re.compile(r"\s*\d+$")
_TELLING_NOTHING = re.compile(r"(?:chapter|глава|part|часть)?[\s\d:.]*", re.IGNORECASE)
_SLIVER = 0.05  # seconds; times in chapters are rounded to less


def kind_of(title: str) -> str | None:
    """The kind of segment that a title of a chapter names, as `Opening`, `OP1` or `Заставка`."""
    words = " ".join(re.findall(r"[^\W_]+", title.casefold().replace("ё", "е")))
    words = _NUMBER.sub("", words)
    return next((kind for kind, form in _KIND.items() if form.fullmatch(words)), None)


def is_plain(chapter: Chapter) -> bool:
    """Whether its title is a mere "Intro", which may stand for what is before the intro."""
    return _WEAK.fullmatch(chapter.title.strip()) is not None


def told(chapters: Sequence[Chapter]) -> list[Finding]:
    """What the titles of chapters name. A plain "Intro" beside an opening is before it."""
    named = [(kind_of(c.title), c) for c in chapters]
    opening = any(kind == "intro" and not is_plain(c) for kind, c in named)
    return [
        Finding(segment=c.segment, type=kind, sources=("chapters",))
        for kind, c in named
        if kind is not None and not (opening and is_plain(c))
    ]


def merged(there: Sequence[Chapter], findings: Sequence[Finding], duration: float) -> list[Chapter]:
    """The chapters of a file with what is found among them, in order and without overlaps.

    What the author has already marked as of that kind stays as it is. A title is never lost: that
    of a chapter which lies wholly in a finding goes behind ours. Without chapters the rest of the
    episode is named too, since a chapter lasts until the next one begins.
    """
    chapters = list(there) or [Chapter("Episode", Segment(0.0, duration))]
    for finding in sorted(findings, key=lambda f: f.segment):
        known = any(kind_of(c.title) == finding.type and c.segment & finding.segment for c in there)
        if finding.type in TITLES and not known:
            chapters = _with(chapters, TITLES[finding.type], finding.segment)
    if not there and len(chapters) > 1 and chapters[0].title == "Episode":
        chapters[0] = Chapter("Prologue", chapters[0].segment)
    return chapters


def _with(chapters: Sequence[Chapter], title: str, segment: Segment) -> list[Chapter]:
    out: list[Chapter] = []
    swallowed: list[str] = []
    for chapter in chapters:
        pieces = _outside(chapter.segment, segment)
        if not pieces and not _TELLING_NOTHING.fullmatch(chapter.title):
            swallowed.append(chapter.title)
        out += [Chapter(chapter.title, piece) for piece in pieces]
    own = f"{title} ({', '.join(swallowed)})" if swallowed else title
    return sorted([*out, Chapter(own, segment)], key=lambda c: c.segment)


def _outside(chapter: Segment, segment: Segment) -> list[Segment]:
    if chapter & segment is None:
        return [chapter]
    ends = ((chapter.start, segment.start), (segment.end, chapter.end))
    return [Segment(start, end) for start, end in ends if end - start > _SLIVER]
