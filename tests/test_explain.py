"""The page and the picture of a season say what was chosen, what was not, and why."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from messages import collect
from pieces import blank, piece
from sounds import music, silence, speech
from test_report import NASTY, Page
from zastavka import account as telling
from zastavka import decide, explain
from zastavka.account import Account, account
from zastavka.config import DEFAULT
from zastavka.decide import Verdict, choose, judge
from zastavka.episode import Episode
from zastavka.fingerprint import HOP, RATE, fingerprint
from zastavka.i18n import gettext, set_language
from zastavka.prints import EpisodePrint
from zastavka.recurring import Recurring
from zastavka.repeats import Repeats, find_repeats
from zastavka.season_chart import season_png, season_svg
from zastavka.segment import Segment
from zastavka.signature import NO_BARS, signatures

THEME = piece({0: 60, 1: 90.5, 2: 75, 3: 80, 5: 70}, 40, shorter={2: 9})
LOGO = piece(dict.fromkeys(range(6), 0.0), 4)
SCORE = piece({0: [200, 300], 1: [150, 400], 4: 333}, 35, seen=False, error=0.34, wander=3)
CHANCE = piece({1: 310, 3: 220}, 2, heard=False)
PIECES = (LOGO, THEME, SCORE, CHANCE)


def repeats_of(pieces: Sequence[Recurring], episodes: int) -> Repeats:
    prints, votes = [blank() for _ in range(episodes)], list(range(episodes))
    verdicts = judge(pieces, prints, votes, DEFAULT.decide)
    intros = choose(verdicts, prints, DEFAULT.decide)
    return Repeats(tuple(prints), tuple(votes), tuple(verdicts), tuple(intros))


def files(n: int, name: str = "S01E{:02}.mkv") -> list[Episode]:
    return [Episode(Path("/tv/Show") / name.format(i + 1)) for i in range(n)]


def told(pieces: Sequence[Recurring] = PIECES, n: int = 6, own: int | None = None) -> Account:
    return account("Show S01", files(n), repeats_of(pieces, n), own=own)


def visible(html: str) -> str:
    return " ".join(Page(re.sub(r"<(style|metadata).*?</\1>", "", html, flags=re.DOTALL)).text)


def row_of(html: str, name: str) -> str:
    found = re.search(rf'<tr id="piece-{name}".*?</tr>', html)
    assert found
    return " ".join(Page(found.group()).text)


def item_of(html: str, file: str) -> str:
    (found,) = [i for i in re.findall(r"<li class=.*?</li>", html) if f">{file}<" in i]
    return " ".join(" ".join(Page(found).text).split())


def test_each_episode_has_its_answer_and_a_reason() -> None:
    html = explain.html(told())
    assert item_of(html, "S01E01.mkv") == (
        "S01E01.mkv 1:00.0-1:40.0 (sure: 99 %) found A repeats in 5 of 6 episodes, heard and seen."
    )
    assert item_of(html, "S01E03.mkv").endswith("heard and seen; here without its first 9 s.")
    none = item_of(html, "S01E05.mkv")
    assert none.startswith("S01E05.mkv no intro What repeats is no intro: B repeats in 6 of 6")
    assert none.endswith("but another piece has more to say for it; it may be a studio's logo.")
    assert "Episodes: 6; intro found: 5; awaits review: 0; none: 1." in visible(html)


def test_each_piece_has_its_figures_and_what_became_of_it() -> None:
    html = explain.html(told())
    theme = repeats_of(PIECES, 6).verdicts[1]
    row = row_of(html, "A")
    assert "chosen: the intro of 5 episodes" in row
    for figure in ("40.0", "5/6", "5 / 5", "8 %", f"{theme.score:+.1f}"):
        assert figure in row
    for kind, points in theme.points:
        assert f">{kind}<" in html
        assert (f"{points:+.1f}" if points else "0") in row
    logo, score = row_of(html, "B"), row_of(html, "C")
    assert "logo" in logo
    assert "another piece has more to say for it; it may be a studio's logo" in logo
    assert "3 / 0" in score
    assert "34 %" in score
    assert "covers it" in score or "more than once" in score
    # what two scenes have in common by chance is only counted
    assert "Not shown: 1 more" in visible(html)
    assert 'id="piece-D"' not in html


def test_the_reason_changes_with_the_evidence() -> None:
    heard = piece({0: 60, 1: 90, 2: 75}, 40, seen=False, error=0.05)
    assert "A repeats in 3 of 4 episodes, heard." in explain.html(told([heard], 4))
    late = piece({0: 960, 1: 990, 2: 975}, 40, seen=False, error=0.05)
    page = explain.html(told([late], 4))
    assert "it is too late in the episode" in page
    assert "chosen" not in visible(page)
    assert "Nothing of it is in another of the 4 episodes." in page
    card = piece(dict.fromkeys(range(4), 0.0), 5)
    page = explain.html(told([card], 4))
    assert page.count("not sure enough: it may be a studio&#x27;s logo") == 4
    assert "perhaps the intro of 4 episodes, to be looked at" in row_of(page, "A")
    assert "0:00.0-0:05.0 ?" in season_svg(told([card], 4))


def test_edges_to_the_frame_are_those_shown() -> None:
    repeats = repeats_of(PIECES, 6)
    repeats.edges[1, 0] = Segment(60.24, 100.16)
    page = explain.html(account("Show", files(6), repeats))
    assert "1:00.2-1:40.2" in item_of(page, "S01E01.mkv")
    assert "A · intro · 1:00.2-1:40.2 · chosen" in page


def test_what_was_seen_in_earlier_runs_is_only_compared_with() -> None:
    season = told(own=5)
    page = explain.html(season)
    assert [row.status for row in season.rows] == ["found"] * 4 + ["none", "earlier"]
    assert "earlier run Seen in an earlier run, and only compared with." in (
        item_of(page, "S01E06.mkv")
    )
    assert "chosen: the intro of 4 episodes" in row_of(page, "A")
    assert "Episodes: 5; intro found: 4" in page
    assert "the intro of episodes seen in an earlier run" in row_of(explain.html(told(own=0)), "A")


def test_bars_say_what_they_are_and_lead_to_their_line() -> None:
    season = told()
    svg = season_svg(season)
    page = Page(explain.html(season))
    drawn = [bar for row in season.rows for bar in row.bars if bar.line]
    assert svg.count("<title>") == len(drawn) == 5 + 6 + 5
    links = [v for _, name, v in page.attributes if name in ("src", "href", "xlink:href")]
    assert all(link.startswith("#") for link in links)
    lines = {link[1:] for link in links if link.startswith("#piece-")}
    assert lines == {id for id in page.of("tr", "id") if id} == {"piece-A", "piece-B", "piece-C"}
    assert "currentColor" in svg
    for row in season.rows:
        assert f">{row.label}<" in svg
    assert svg == season_svg(told())  # the same season, the same page


def test_a_chosen_bar_is_drawn_over_the_others() -> None:
    below = piece({0: 50, 1: 80, 2: 70}, 60, seen=False, error=0.34)
    row = told([THEME, below], 6).rows[0]
    titles = re.findall(r"<title>(\w) ·", season_svg(told([below, THEME], 6)))
    assert [bar.status for bar in row.bars] == ["found", "none"]
    assert titles[:2] == ["B", "A"]


@pytest.mark.parametrize("name", ["S01E{:02}.mkv", f"{'Very.Long.' * 8}S01E{{:02}}.{'x' * 80}.mkv"])
def test_the_picture_grows_with_the_season(name: str) -> None:
    from matplotlib.image import imread

    heights = []
    for n in (2, 6, 50):
        pieces = [piece({i: 60 + 5 * i for i in range(n)}, 40)]
        season = account("Show", files(n, name), repeats_of(pieces, n))
        file = season_png(season)
        assert file.startswith(b"\x89PNG")
        pixels = np.asarray(imread(io.BytesIO(file)))
        heights.append(pixels.shape[0])
        assert pixels.shape[1] == 1800
        off = np.abs(pixels[..., :3] - np.array((0x2A, 0x7F, 0xB8)) / 255).max(axis=2)
        # 40 seconds of 1400, in each row
        assert np.count_nonzero(off.min(axis=1) < 0.02) > 15 * n
    assert heights == sorted(heights)
    assert heights[-1] > 3 * heights[0]


def test_long_names_are_short_in_the_picture_and_stay_different() -> None:
    name = "The.Very.Long.Name.of.a.Series.S01E{:02}.Some.Title.1080p.WEB-DL.x264-GROUP.mkv"
    rows = account("Show", files(6, name), repeats_of(PIECES, 6)).rows
    assert [row.label for row in rows] == [f"…S01E0{i}…" for i in range(1, 7)]
    assert rows[0].name == name.format(1)
    versions = [Episode(Path(f"/tv/{size}/S01E0{i}.mkv")) for i in (1, 2) for size in (720, 1080)]
    rows = account("Show", versions, repeats_of(PIECES, 6)).rows
    assert [row.label for row in rows][:2] == ["720/S01E01.mkv", "1080/S01E01.mkv"]
    other = [Episode(Path(f"{'a' * 60}.mkv")), Episode(Path(f"{'b' * 60}.mkv"))]
    labels = [row.label for row in account("Show", other, repeats_of([], 2)).rows]
    assert [len(label) for label in labels] == [32, 32]


def test_names_are_only_names(tmp_path: Path) -> None:
    names = [f"{NASTY.replace('/', '')}{i}.mkv" for i in range(4)]
    names += ["line\nbreak\x07.mkv", "not-utf8-\udcff.mkv"]
    episodes = [Episode(Path("/tv") / name) for name in names]
    written = explain.write(tmp_path, NASTY, episodes, repeats_of(PIECES, 6))
    text = written[0].read_text(encoding="utf-8")
    page = Page(text)
    assert "script" not in page.tags
    assert f"What repeats: {NASTY}" in page.text
    for name in names[:4]:
        assert name in page.text
    assert "line\N{REPLACEMENT CHARACTER}break\N{REPLACEMENT CHARACTER}.mkv" in page.text
    assert "default-src 'none'" in text
    assert all(file.parent == tmp_path for file in written)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Show S01", "Show S01"),
        ("Мосты. 2 сезон", "Мосты. 2 сезон"),
        ("../../etc/x", "_.._etc_x"),
        ('a<b>:"c|d?*\\', "a_b___c_d___"),
        ("...", "season"),
        ("", "season"),
        ("CON", "season CON"),
        ("line\nbreak", "line_break"),
        ("ё" * 300, "ё" * 75),
    ],
)
def test_titles_become_names_of_files(title: str, name: str, tmp_path: Path) -> None:
    written = explain.write(tmp_path, title, files(2), repeats_of([], 2))
    assert written == [tmp_path / f"{name}.html", tmp_path / f"{name}.png"]
    assert sorted(tmp_path.iterdir()) == written  # and no half-written parts


def test_seasons_of_one_title_do_not_overwrite_each_other(tmp_path: Path) -> None:
    first = explain.write(tmp_path, "Show", files(2), repeats_of([], 2))
    second = explain.write(tmp_path, "show", files(2), repeats_of([], 2), taken=first)
    assert [file.name for file in second] == ["show (2).html", "show (2).png"]
    assert explain.write(tmp_path, "Show", files(2), repeats_of([], 2)) == first  # a run later


def test_nothing_repeats() -> None:
    season = told([], 2)
    page = explain.html(season)
    assert "Nothing repeats." in page
    assert page.count("Nothing of it is in another of the 2 episodes.") == 2
    assert season_png(season).startswith(b"\x89PNG")
    # where only little repeats, the best of it is told
    season = told([CHANCE], 6)
    assert [line.name for line in season.lines] == ["A"]


def test_many_pieces_are_counted_not_listed() -> None:
    many = [piece({0: 60 + 9.0 * i, 1: 70 + 9.0 * i}, 8, seen=False) for i in range(60)]
    season = told([*many, THEME], 6)
    assert len(season.lines) == telling.MOST_LINES
    assert season.more == 61 - telling.MOST_LINES
    assert season.lines[0].verdict.piece is THEME
    assert season_png(season).startswith(b"\x89PNG")


def test_in_russian(tmp_path: Path) -> None:
    card = piece(dict.fromkeys(range(6), 0.0), 5)
    bump = piece({0: 130, 1: 170, 2: 155, 3: 160, 5: 140}, 3)
    end = piece(dict.fromkeys(range(6), 1370.0), 25)
    set_language("ru")
    for i, pieces in enumerate(([*PIECES, bump, end], [card], [])):
        written = explain.write(
            tmp_path, f"{i}", files(6, "{}.mkv"), repeats_of(pieces, 6), gettext, "ru", own=5
        )
        page = written[0].read_text(encoding="utf-8")
        assert Page(page).of("html", "lang") == ["ru"]
        assert set(re.findall(r"[A-Za-z]{2,}", visible(page))) <= {"mkv"}
    set_language("en")
    assert "Ничего не повторяется." in page


def test_every_text_of_these_modules_is_translated() -> None:
    modules = {f"zastavka/{name}.py" for name in ("account", "explain", "season_chart")}
    texts = {message.text for message in collect()[0] if message.file in modules}
    assert len(texts) > 50
    set_language("ru")
    # words of one letter of each alphabet are none of ours
    left = {
        text for text in texts if re.search(r"[a-z]{2,}", re.sub(r"\{.*?\}", "", gettext(text)))
    }
    assert not left


def test_every_kind_of_points_has_a_meaning_and_a_reason() -> None:
    for kind, _ in repeats_of(PIECES, 6).verdicts[0].points:
        assert decide.doubt(Verdict(THEME, "other", ((kind, -1.0),))) == decide.REASONS[kind]
        assert kind in explain._kinds(str)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_without_matplotlib(language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    set_language(language)
    (page,) = explain.write(tmp_path, "Show", files(6), repeats_of(PIECES, 6), gettext, language)
    text = page.read_text(encoding="utf-8")
    assert "svg" not in Page(text).tags
    assert 'pip install "zastavka[plots]"' in " ".join(Page(text).text)
    assert ("needs the extra" in text) == (language == "en")
    assert "1:00.0-1:40.0" in text
    assert list(tmp_path.iterdir()) == [page]


def test_a_season_that_was_really_heard(tmp_path: Path) -> None:
    theme = music(7, 25)
    starts = (12.0, 40.0, 25.0)
    prints = []
    for i, start in enumerate(starts):
        before, after = speech(2 * i, start), speech(2 * i + 1, 60.0)
        heard = fingerprint(np.concatenate((before, theme, after, silence(1))))
        seconds = (len(before) + len(theme) + len(after)) / RATE + 1
        prints.append(
            EpisodePrint(
                seconds, seconds, heard, None, np.empty(0), signatures([], NO_BARS), NO_BARS, None
            )
        )
    repeats = find_repeats(prints, [None] * 3, [0, 1, 2], DEFAULT)
    season = account("Show", files(3), repeats)
    for row, start in zip(season.rows, starts, strict=True):
        assert row.status == "found"
        assert row.answer is not None
        assert row.answer.start == pytest.approx(start, abs=5 * HOP)
        assert row.answer.end == pytest.approx(start + 25, abs=5 * HOP)
        assert "repeats in 3 of 3 episodes, heard" in row.sentence
    page, picture = explain.write(tmp_path, "Show", files(3), repeats)
    assert "intro found: 3" in page.read_text(encoding="utf-8")
    assert picture.read_bytes().startswith(b"\x89PNG")
