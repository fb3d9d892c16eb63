"""A function for each form in which players and servers take what was found; one table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5
from xml.sax.saxutils import escape

from zastavka.chapters import merged
from zastavka.detection import Detection, Finding, to_json
from zastavka.media import Chapter

MPV_SCRIPT = Path(__file__).parent / "players" / "zastavka.lua"
SKIPPED = ("intro", "recap", "credits", "preview")  # what a player may skip; the others are shown
COMMERCIAL = 3  # Kodi skips it once, and one can go back into it

_JELLYFIN = {"intro": "Intro", "recap": "Recap", "credits": "Outro", "preview": "Preview"}
_SPONSORBLOCK = {"intro": "intro", "credits": "outro", "recap": "preview", "preview": "preview"}
_ANISKIP = {"intro": "op", "credits": "ed", "recap": "recap"}


@dataclass(frozen=True, slots=True)
class Given:
    """What an export is made from; `chapters` are those that the file already has."""

    detection: Detection  # with a duration
    chapters: Sequence[Chapter] = ()
    edl_action: int = COMMERCIAL

    def of(self, types: Sequence[str]) -> list[Finding]:
        """What is found (not what awaits review) of these types, in order."""
        found = (f for f in self.detection.findings if f.status == "found" and f.type in types)
        return sorted(found, key=lambda f: f.segment)

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.detection.duration or 0.0

    def marks(self) -> list[Chapter]:
        """Chapters with what is found among them; empty where nothing is."""
        found = self.of([*SKIPPED, "logo", "eyecatch"])
        return merged(self.chapters, found, self.duration) if found else []


@dataclass(frozen=True, slots=True)
class Format:
    """What goes behind the stem of the video, how it is written, and how sure it must be."""

    suffix: str
    text: Callable[[Given], str | None]  # None: nothing to say, no file
    least: float  # confidence below which nothing is exported
    merges: bool = False  # with the chapters that the file has


def exported(given: Given, format: Format, least: float | None = None) -> str | None:
    """The text of one format, of what is found with enough confidence. None: there is nothing."""
    bar = format.least if least is None else least
    kept = tuple(f for f in given.detection.findings if f.confidence >= bar)
    return format.text(replace(given, detection=replace(given.detection, findings=kept)))


def ours(given: Given) -> str:
    """Our own JSON, with what awaits review and the reasons."""
    return to_json([given.detection])


def table(given: Given) -> str:
    """A line of CSV for each finding, also those that await review."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "type", "start", "end", "status", "confidence", "sources"])
    for f in given.detection.findings:
        start, end = f"{f.segment.start:.3f}", f"{f.segment.end:.3f}"
        row = [given.detection.episode.path, f.type, start, end, f.status, f"{f.confidence:.4f}"]
        writer.writerow([*row, " ".join(f.sources)])
    return text.getvalue()


def edl(given: Given) -> str | None:
    """Kodi's edit decision list: start, end, action."""
    lines = [
        f"{f.segment.start:.3f} {f.segment.end:.3f} {given.edl_action}\n" for f in given.of(SKIPPED)
    ]
    return "".join(lines) or None


def ffmetadata(given: Given) -> str | None:
    """Chapters as FFmpeg and mpv read them."""
    parts = [
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={_ms(c.segment.start)}\nEND={_ms(c.segment.end)}\n"
        f"title={_escaped(c.title)}\n"
        for c in given.marks()
    ]
    return ";FFMETADATA1\n" + "".join(parts) if parts else None


def matroska(given: Given) -> str | None:
    """Matroska's chapters, for mkvmerge and mkvpropedit."""
    atoms = [
        "  <ChapterAtom>\n"
        f"   <ChapterTimeStart>{_clock(c.segment.start)}000000</ChapterTimeStart>\n"
        f"   <ChapterTimeEnd>{_clock(c.segment.end)}000000</ChapterTimeEnd>\n"
        f"   <ChapterDisplay>\n    <ChapterString>{escape(_plain(c.title))}</ChapterString>\n"
        "    <ChapterLanguage>und</ChapterLanguage>\n   </ChapterDisplay>\n  </ChapterAtom>\n"
        for c in given.marks()
    ]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<Chapters>\n <EditionEntry>\n'
    return head + "".join(atoms) + " </EditionEntry>\n</Chapters>\n" if atoms else None


def webvtt(given: Given) -> str | None:
    """Chapters as a track of HTML video."""
    cues = [
        f"\n{_clock(c.segment.start)} --> {_clock(c.segment.end)}\n"
        f"{escape(_plain(c.title)) or '-'}\n"
        for c in given.marks()
    ]
    return "WEBVTT\n" + "".join(cues) if cues else None


def mpc_hc(given: Given) -> str | None:
    """Chapters as MPC-HC reads them: twelve characters of time, then the name."""
    return "".join(f"{_clock(c.segment.start)} {_plain(c.title)}\n" for c in given.marks()) or None


def jellyfin(given: Given) -> str | None:
    """Media segments of Jellyfin, in ticks of 100 ns; the id of the item is only in the server."""
    items = [
        {
            "Id": _id(given, f).hex, "ItemId": UUID(int=0).hex, "Type": _JELLYFIN[f.type],
            "StartTicks": round(f.segment.start * 1e7), "EndTicks": round(f.segment.end * 1e7),
        }
        for f in given.of(SKIPPED)
    ]  # fmt: skip
    return _json({"Items": items, "TotalRecordCount": len(items), "StartIndex": 0}, items)


def sponsorblock(given: Given) -> str | None:
    """Segments as SponsorBlock gives them out."""
    rows = [
        {
            "category": _SPONSORBLOCK[f.type], "actionType": "skip", "segment": _pair(f),
            "UUID": _id(given, f).hex, "locked": 0, "votes": 0, "videoDuration": given.duration,
        }
        for f in given.of(SKIPPED)
    ]  # fmt: skip
    return _json(rows, rows)


def aniskip(given: Given) -> str | None:
    """Skip times as AniSkip gives them out."""
    rows = [
        {
            "interval": {"startTime": _pair(f)[0], "endTime": _pair(f)[1]},
            "skipType": _ANISKIP[f.type], "skipId": str(_id(given, f)),
            "episodeLength": given.duration,
        }
        for f in given.of(tuple(_ANISKIP))
    ]  # fmt: skip
    return _json({"found": True, "results": rows, "message": "found", "statusCode": 200}, rows)


def theintrodb(given: Given) -> str | None:
    """Segments as TheIntroDB gives them out."""
    rows = {
        kind: [
            {
                "start_ms": _ms(f.segment.start), "end_ms": _ms(f.segment.end),
                "confidence": round(f.confidence, 4), "submission_count": 1,
            }
            for f in given.of((kind,))
        ]
        for kind in ("intro", "recap", "credits", "preview")
    }  # fmt: skip
    return _json(rows, any(rows.values()))


def mpv(given: Given) -> str | None:
    """What our script for mpv reads."""
    rows = [{"type": f.type, "start": _pair(f)[0], "end": _pair(f)[1]} for f in given.of(SKIPPED)]
    return _json({"skip": rows}, rows)


def needle(given: Given) -> str | None:
    """A skip file as needle writes it: one opening and one ending, the longest of each."""
    kinds = {"opening": "intro", "ending": "credits"}
    rows = {
        name: max(map(_pair, given.of((kind,))), key=lambda pair: pair[1] - pair[0], default=None)
        for name, kind in kinds.items()
    }
    return _json(rows, any(rows.values()))


FORMATS = {
    "json": Format(".zastavka.json", ours, 0.0),
    "csv": Format(".zastavka.csv", table, 0.0),
    "edl": Format(".edl", edl, 0.8),
    "chapters": Format(".ffmetadata", ffmetadata, 0.5, merges=True),
    "matroska": Format("_chapters.xml", matroska, 0.5, merges=True),
    "webvtt": Format(".chapters.vtt", webvtt, 0.5, merges=True),
    "mpc-hc": Format(".XCHP", mpc_hc, 0.5, merges=True),
    "jellyfin": Format(".segments.json", jellyfin, 0.8),
    "sponsorblock": Format(".sponsorblock.json", sponsorblock, 0.8),
    "aniskip": Format(".aniskip.json", aniskip, 0.8),
    "mpv": Format(".skip.json", mpv, 0.8),
    "needle": Format(".needle.skip.json", needle, 0.8),
    "theintrodb": Format(".theintrodb.json", theintrodb, 0.8),
}


def _json(document: object, anything: object) -> str | None:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n" if anything else None


def _id(given: Given, finding: Finding) -> UUID:
    name = ascii(given.detection.episode.path.name)  # a name need not be UTF-8
    return uuid5(NAMESPACE_URL, f"{name} {finding.type} {_pair(finding)}")


def _pair(finding: Finding) -> list[float]:
    return [round(finding.segment.start, 3), round(finding.segment.end, 3)]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _clock(seconds: float) -> str:
    minutes, ms = divmod(_ms(seconds), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ms // 1000:02d}.{ms % 1000:03d}"


def _plain(title: str) -> str:
    # what XML has no character for, and what would begin another line
    return "".join(c if c.isprintable() else " " for c in title).replace("-->", "->").strip()


def _escaped(title: str) -> str:
    return "".join(f"\\{c}" if c in "=;#\\" else c for c in _plain(title))
