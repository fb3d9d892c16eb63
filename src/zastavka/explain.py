"""Why a season got its answers, for people: a page that needs nothing else, and a picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path

from zastavka.account import Account, Line, Row, Status, Translate, account
from zastavka.decide import Verdict
from zastavka.episode import Episode
from zastavka.errors import MissingExtra
from zastavka.page import document, span
from zastavka.repeats import Repeats
from zastavka.season_chart import COLOURS, season_png, season_svg, type_name
from zastavka.storage import replacing, write_text

_LONGEST_NAME = 150  # bytes of a file's name: file systems end at 255
_RESERVED = {"con", "prn", "aux", "nul", *(f"{p}{i}" for p in ("com", "lpt") for i in range(10))}

_STYLE = """
.chart svg { min-width: 52rem; }
.chart text { pointer-events: none; }
.answer { font-weight: 600; font-variant-numeric: tabular-nums; }
.name { margin-right: .5rem; } li p { margin: 0; }
.found .verdict { color: var(--true); } .review .verdict { color: var(--found); }
.none .verdict, .earlier .verdict { color: var(--dim); } .earlier { opacity: .65; }
.pieces .why { text-align: left; white-space: normal; min-width: 14rem; }
.pieces th, .pieces td { padding: .25rem .4rem; }
.pieces th:first-child { white-space: nowrap; }
.pieces thead th { white-space: normal; overflow-wrap: normal; vertical-align: bottom; }
.pieces tr:target > * { background: var(--box); }
.pieces tr.found, .pieces .sum { font-weight: 600; }
.pieces .zero { color: var(--dim); }
.swatch { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem;
  border-radius: 2px; vertical-align: -.05rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .9rem; }
dd { margin: 0; color: var(--dim); } summary { cursor: pointer; margin-top: 1rem; }
"""


def write(
    folder: Path,
    season_title: str,
    episodes: Sequence[Episode],
    repeats: Repeats,
    translate: Translate = str,
    lang: str = "en",
    *,
    own: int | None = None,
    taken: Collection[Path] = (),
) -> list[Path]:
    """Write `folder`/<title>.html and .png.

    Without the extra `plots` there is the page alone, which says so.

    `episodes` are those of `repeats.prints`; from number `own` on they are of earlier runs.
    `taken`: files of other seasons that must stay, though they may have the same title.
    StorageError: a file can't be written.
    """
    told = account(season_title, episodes, repeats, translate, own)
    page = folder / f"{_free_name(season_title, taken)}.html"
    write_html(page, told, translate, lang)
    try:
        picture = season_png(told, translate)
    except MissingExtra:
        return [page]
    with replacing(page.with_suffix(".png")) as part:
        part.write_bytes(picture)
    return [page, page.with_suffix(".png")]


def write_html(path: Path, told: Account, translate: Translate = str, lang: str = "en") -> None:
    """Write the page of a season."""
    write_text(path, html(told, translate, lang))


def html(told: Account, translate: Translate = str, lang: str = "en") -> str:
    """The page of a season: the picture, each episode's answer and why, each piece."""
    title = translate("What repeats: {title}").format(title=told.title)
    try:
        chart = f'<figure class="wide chart">{season_svg(told, translate)}</figure>'
    except MissingExtra as error:
        found, cure = (translate(t).format(**error.values) for t in (error.found, error.cure))
        chart = f'<p class="dim">{escape(f"{error.subject}: {found}; {cure}")}</p>'
    items = "\n".join(_item(row, translate) for row in told.rows)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="dim">{escape(_summary(told, translate))}</p>',
        chart,
        f"<h2>{escape(translate('Episodes'))}</h2><ol>\n{items}\n</ol>",
        f"<h2>{escape(translate('Pieces that repeat'))}</h2>",
        _pieces(told, translate),
        _meanings(told, translate),
    ]
    return document(title, parts, lang, _STYLE)


def _summary(told: Account, translate: Translate) -> str:
    states = [row.status for row in told.rows]
    text = translate("Episodes: {n}; intro found: {found}; awaits review: {review}; none: {none}.")
    return text.format(
        n=len(states) - states.count("earlier"), found=states.count("found"),
        review=states.count("review"), none=states.count("none"),
    )  # fmt: skip


def _item(row: Row, translate: Translate) -> str:
    words: dict[Status, str] = {
        "found": translate("found"),
        "review": translate("awaits review"),
        "none": translate("no intro"),
        "earlier": translate("earlier run"),
    }
    answer = ""
    if row.answer is not None and row.confidence is not None:
        sure = translate("sure: {share} %").format(share=int(100 * row.confidence))
        answer = f'<span class="answer">{span(row.answer)}</span> <small>({escape(sure)})</small> '
    sentence = row.sentence[:1].upper() + row.sentence[1:]
    return (
        f'<li class="{row.status}"><p><span class="name">{escape(row.name)}</span> {answer}'
        f'<span class="verdict">{escape(words[row.status])}</span></p>'
        f"<p>{escape(sentence)}.</p></li>"
    )


def _pieces(told: Account, translate: Translate) -> str:
    if not told.lines:
        return f"<p>{escape(translate('Nothing repeats.'))}</p>"
    kinds = [kind for kind, _ in told.lines[0].verdict.points]
    words = _kinds(translate)
    heads = [
        translate("length, s"), translate("episodes"), translate("heard / seen"),
        translate("bit error"), translate("points"),
        *(words[kind][0] if kind in words else kind for kind in kinds),
    ]  # fmt: skip
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    why = escape(translate("what became of it"))
    body = "\n".join(_piece(line, kinds, told, translate) for line in told.lines)
    more = translate("Not shown: {n} more, short and in few episodes or of too few points.")
    rest = f'<p class="dim">{escape(more.format(n=told.more))}</p>' if told.more else ""
    return (
        '<div class="wide"><table class="pieces"><thead><tr><th></th>'
        f'<th scope="col" class="why">{why}</th>{head}</tr></thead><tbody>\n{body}\n'
        f"</tbody></table></div>{rest}"
    )


def _piece(line: Line, kinds: Sequence[str], told: Account, translate: Translate) -> str:
    verdict, piece = line.verdict, line.verdict.piece
    cells = [
        f"{piece.length:.1f}", f"{piece.support}/{told.season}", f"{piece.heard} / {piece.seen}",
        f"{100 * piece.error:.0f} %" if piece.error < 0.5 else "-",
    ]  # fmt: skip
    values = "".join(f"<td>{cell}</td>" for cell in cells)
    colour = COLOURS.get(verdict.type, COLOURS["other"])
    return (
        f'<tr id="piece-{line.name}" class="{line.status}"><th scope="row">'
        f'<i class="swatch" style="background:{colour}"></i>{line.name} '
        f"{escape(type_name(verdict.type, translate))}</th>"
        f'<td class="why">{escape(line.outcome)}</td>{values}'
        f'<td class="sum">{verdict.score:+.1f}</td>{_points(verdict, kinds)}</tr>'
    )


def _points(verdict: Verdict, kinds: Sequence[str]) -> str:
    points = dict(verdict.points)
    return "".join(
        f"<td>{points[kind]:+.1f}</td>" if points.get(kind) else '<td class="zero">0</td>'
        for kind in kinds
    )


def _kinds(translate: Translate) -> dict[str, tuple[str, str]]:
    """Each kind of points in a word, and what it counts."""
    return {
        "support": (
            translate("support"),
            translate("how many episodes have it, and how many do not"),
        ),
        "senses": (
            translate("senses"),
            translate("heard and seen, or one of both; covered by other sound or not"),
        ),
        "length": (
            translate("length"),
            translate("themes last 3 to 100 seconds, most of them over 8"),
        ),
        "once": (translate("once"), translate("a theme comes once in an episode")),
        "ends": (translate("ends"), translate("it begins and ends alike in all episodes")),
        "place": (translate("place"), translate("themes come early in an episode")),
        "flow": (
            translate("flow"),
            translate("its sound goes on; that of a scene pauses, as speech does"),
        ),
        "card": (
            translate("card"),
            translate("what is short and stands at 0:00 may be a studio's logo"),
        ),
    }


def _meanings(told: Account, translate: Translate) -> str:
    """What the columns count, to be opened."""
    if not told.lines:
        return ""
    error = translate("share of the sound's bits that differ: other sound lies over it")
    rows = [(translate("bit error"), error), *_kinds(translate).values()]
    items = "".join(f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in rows)
    title = translate("What the columns mean; more points speak for an intro")
    return f"<details><summary>{escape(title)}</summary><dl>{items}</dl></details>"


def _free_name(title: str, taken: Collection[Path]) -> str:
    """A name for files that every system takes, and that none of `taken` has."""
    letters = (c if c.isprintable() and c not in '<>:"/\\|?*' else "_" for c in title)
    name = "".join(letters).strip(" .")
    name = name.encode("utf-8")[:_LONGEST_NAME].decode("utf-8", "ignore").strip(" .")
    if not name or name.casefold() in _RESERVED:
        name = f"season {name}".strip()
    others = {path.stem.casefold() for path in taken}
    free, n = name, 1
    while free.casefold() in others:
        n += 1
        free = f"{name} ({n})"
    return free
