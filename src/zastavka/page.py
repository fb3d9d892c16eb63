"""One HTML page of a run that needs nothing else: tables, plots, a timeline of each episode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from zastavka.counts import Verdict
from zastavka.detection import Finding
from zastavka.evaluate import Judged, Report
from zastavka.segment import Segment
from zastavka.tables import Table, by_series, heading, summaries

Translate = Callable[[str], str]

_WORST: tuple[Verdict, ...] = ("alarm", "wrong", "failed", "missed", "useful", "clean")
_CARDS = ("f1", "iou", "hit@.9", "useful", "wrong", "missed", "false_alarm")
_SURE = ("ece", "cover@.99")

_STYLE = """
:root { color-scheme: light dark; --text: #1b1d20; --dim: #5d646c; --page: #fff; --line: #d8dce0;
  --box: #f4f6f8; --true: #3a9d5d; --found: #2a7fb8; --bad: #c8452f; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8ea; --dim: #9aa3ab; --page: #15181b;
  --line: #363c42; --box: #1e2226; --true: #57b97a; --found: #58a9de; --bad: #ef7a63; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--page); color: var(--text);
  font: 16px/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.dim, small { color: var(--dim); }
.cards, .plots { display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr)); }
.plots { grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.card { background: var(--box); border-radius: .5rem; padding: .5rem .75rem; }
.card b { display: block; font-size: 1.3rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--page);
  white-space: normal; min-width: 6rem; max-width: 35vw; }
tr.sum { font-weight: 600; }
figure { margin: 0; } svg { max-width: 100%; height: auto; }
ol { list-style: none; padding: 0; } li { padding: .5rem 0; border-top: 1px solid var(--line); }
.verdict { border: 1px solid; border-radius: 1rem; padding: 0 .5rem; font-size: .8rem; }
.alarm .verdict, .wrong .verdict, .failed .verdict { color: var(--bad); }
.useful .verdict, .clean .verdict { color: var(--true); }
.track { position: relative; height: 1.5rem; margin: .3rem 0; background: var(--box);
  border-radius: .25rem; overflow: hidden; }
.track i, .key i { background: var(--true); }
.track i { position: absolute; top: .1rem; height: .6rem; min-width: 3px; border-radius: 2px; }
.track .found, .track .review { top: .8rem; }
.track .found, .key .found { background: var(--found); }
.track .review, .key .review { background: repeating-linear-gradient(135deg, var(--found) 0 3px,
  transparent 3px 6px); outline: 1px solid var(--found); outline-offset: -1px; }
.key i { display: inline-block; width: 1.5rem; height: .6rem; margin: 0 .3rem 0 .8rem; }
"""


def render(
    reports: Mapping[str, Report],
    plots: Mapping[str, str],
    notes: Sequence[str] = (),
    translate: Translate = str,
    lang: str = "en",
) -> str:
    """The page; `plots` are svg elements by name. The last report is the one looked at closely."""
    name, report = list(reports.items())[-1]
    title = translate("What was found: {name}").format(name=name)
    figures = "".join(f"<figure>{plot}</figure>" for plot in plots.values())
    parts = [
        f"<h1>{escape(title)}</h1>",
        _cards(report, translate),
        *(f'<p class="dim">{escape(note)}</p>' for note in notes),
        *map(_table, summaries(reports, translate)),
        f'<h2>{escape(translate("Plots"))}</h2><div class="plots">{figures}</div>' if plots else "",
        *(
            _table(by_series(name, report, translate))
            for name, report in reversed(list(reports.items()))
        ),
        _timelines(report, translate),
    ]
    return document(title, parts, lang)


def document(title: str, parts: Iterable[str], lang: str, style: str = "") -> str:
    """A whole page of these parts, which are HTML; `style` is added to that of all pages."""
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(lang)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # whatever a name may hold, nothing runs and nothing is fetched
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, parts))
        + "\n</body>\n</html>\n"
    )


def _cards(report: Report, translate: Translate) -> str:
    macro, pooled = report.macro(), report.pooled().figures()
    values = {name: macro[name] for name in _CARDS} | {name: pooled[name] for name in _SURE}
    cells = (
        f'<div class="card"><b>{"-" if value is None else f"{value:.3g}"}</b>'
        f"{escape(heading(figure, translate))}</div>"
        for figure, value in values.items()
    )
    return f'<div class="cards">{"".join(cells)}</div>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    body = []
    for i, (name, *cells) in enumerate(table.rows):
        kind = ' class="sum"' if i >= len(table.rows) - table.sums else ""
        values = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        body.append(f'<tr{kind}><th scope="row">{escape(name)}</th>{values}</tr>')
    return (
        f'<h2>{escape(table.title)}</h2><div class="wide"><table><thead><tr><th></th>{head}</tr>'
        f"</thead><tbody>\n{chr(10).join(body)}\n</tbody></table></div>"
    )


def _timelines(report: Report, translate: Translate) -> str:
    worst = sorted(report.episodes, key=lambda j: (_WORST.index(j.verdict), j.iou or 0.0))
    # one scale for all, up to the last mark: on that of whole episodes, intros can hardly be seen
    scale = max([60.0, *(1.02 * s.end for judged in worst for s in _segments(judged))])
    keys = (
        ("true", translate("true")),
        ("found", translate("found")),
        ("review", translate("awaits review")),
    )
    key = "".join(f'<i class="{kind}"></i>{escape(word)}' for kind, word in keys)
    items = "\n".join(_timeline(judged, scale, translate) for judged in worst)
    return (
        f"<h2>{escape(translate('Episodes, the worst first'))}</h2>"
        f'<p class="key">0:00 - {clock(scale)}{key}</p><ol>\n{items}\n</ol>'
    )


def _segments(judged: Judged) -> list[Segment]:
    return [*judged.truth, *(finding.segment for finding in judged.findings)]


def _timeline(judged: Judged, scale: float, translate: Translate) -> str:
    marks = [_mark("true", segment, scale) for segment in judged.truth]
    marks += [_mark(finding.status, finding.segment, scale) for finding in judged.findings]
    iou = "" if judged.iou is None else f" IoU {judged.iou:.2f}"
    said = escape(_said(judged, translate))
    return (
        f'<li class="{judged.verdict}"><b>{escape(_name(judged))}</b> '
        f'<span class="verdict">{escape(_word(judged.verdict, translate))}</span>'
        f'<small>{iou}</small><div class="track" role="img" aria-label="{said}">{"".join(marks)}'
        f"</div><small>{said}</small></li>"
    )


def _mark(kind: str, segment: Segment, scale: float) -> str:
    left, width = 100 * segment.start / scale, 100 * segment.duration / scale
    return f'<i class="{kind}" style="left:{left:.3f}%;width:{width:.3f}%"></i>'


def _said(judged: Judged, translate: Translate) -> str:
    if judged.failure:
        return judged.failure
    true = ", ".join(map(span, judged.truth)) or "-"
    answers = [_answer(f, translate) for f in judged.findings]
    if judged.none is not None:
        answers.append(f"{translate('nothing')} ({judged.none:.2f})")
    found = ", ".join(answers) or "-"
    return f"{translate('true')}: {true} · {translate('found')}: {found}"


def _answer(finding: Finding, translate: Translate) -> str:
    parts = [f"{span(finding.segment)} ({finding.confidence:.2f})"]
    if finding.status == "review":
        parts.append(translate("awaits review"))
    return " ".join([*parts, finding.reason or ""]).strip()


def span(segment: Segment) -> str:
    """Where a segment is, as m:ss.s-m:ss.s."""
    return f"{clock(segment.start)}-{clock(segment.end)}"


def clock(seconds: float) -> str:
    """A time as m:ss.s."""
    minutes, tenths = divmod(round(seconds * 10), 600)
    return f"{minutes}:{tenths / 10:04.1f}"


def _name(judged: Judged) -> str:
    episode = judged.episode
    return "/".join(episode.path.parts[-2:]) if episode.path.parts else episode.series or "-"


def _word(verdict: Verdict, translate: Translate) -> str:
    return {
        "useful": translate("useful"),
        "wrong": translate("wrong"),
        "missed": translate("missed"),
        "clean": translate("rightly nothing"),
        "alarm": translate("false alarm"),
        "failed": translate("failed"),
    }[verdict]
