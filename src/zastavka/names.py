"""What names of files and folders say beyond what guessit reads in them."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")
_LATIN, _CYRILLIC = re.compile("[a-z]", re.IGNORECASE), re.compile("[а-яё]", re.IGNORECASE)
_LATIN_TWINS = str.maketrans("aceopxykABCEHKMOPTXY", "асеорхукАВСЕНКМОРТХУ")

# A number stands right before its word or right behind it, so that "2 сезон, 3 серия. 4 часть" and
# "Сезон 2. Серия 3. Часть 4" can be told apart by the marks between.
_SEASONS = (r"\(?\b(?P<s>\d+)[ _.-]?(?:[оы]?й[ _.])?сезон", r"сезон[ _.]?(?P<s>\d+)")
_NUMBERS = (
    (
        r"\b(?P<a>\d+)(?:[-–](?P<b>\d+))?[ _.-]?(?:я[ _.])?серия\b",
        r"\b(?P<a>\d+)(?:\s*(?:[-–,&+]|и)\s*(?P<b>\d+))?[ _.-]?(?:е[ _.])?сери[ий]\b",
    ),
    (r"\bсери[яи][ _.]?(?P<a>\d+)(?:[-–](?P<b>\d+))?\b",),
)
_OF = r"(?:[\s.]+из[\s.]+\d+\b)?"
_RUSSIAN = [
    re.compile(pattern + _OF, re.IGNORECASE)
    for pattern in (
        *(
            rf"{_SEASONS[side]}[\W_]{{1,3}}{number}"
            for side, other in ((0, 0), (1, 1), (1, 0), (0, 1))
            for number in _NUMBERS[other]
        ),
        r"сезон[ _.]?(?P<s>\d+)\s+-\s+(?P<a>\d+)\b",
        *(n for numbers in _NUMBERS for n in numbers),
        r"\b(?P<a>\d+)[\s.]+из[\s.]+\d+\b",
        r"\bвыпуск[ _.]?(?P<a>\d+)\b",
    )
]  # fmt: skip
_ENGLISH = re.compile(
    r"\bseason[ _.]?(?P<s>\d+)\s+-\s+(?:ep?\.?\s?)?(?P<a>\d{1,4})(?:v\d)?\b",
    re.IGNORECASE,
)
_NTH_SEASON = re.compile(r"\b(\d+)(?:st|nd|rd|th)[ _.]season\b", re.IGNORECASE)
_LETTER = re.compile(r"\b(s\d{1,2}e\d{1,3}|\d{1,2}x\d{2,3})([a-c])\b", re.IGNORECASE)
_PARTS = (
    re.compile(r"\bчасть[ _.]?(\d+)\b", re.IGNORECASE),
    re.compile(r"\b(\d+)[ _.-]?(?:я[ _.])?часть\b", re.IGNORECASE),
)

_COUNT = re.compile(
    r"\W*\b\d+(?:\s*[-–]\s*\d+[ _.]?сери[ийюя]|[ _.]сери[ийя][ _.]из[ _.]\d+)\b\W?",
    re.IGNORECASE,
)
# behind a dash, at the end or before what stands in brackets, it is one number: 201 is not 2x01
_ABSOLUTE = re.compile(
    r"(?P<before>[ _]-[ _])(?!(?:19\d|20[0-3])\d\b)(?P<a>\d{1,4})"
    r"(?=(?:v\d)?[ _]*(?:[\[(]|\.\w{2,4}$|$))"
)
_BEHIND_A_DOT = re.compile(r"^(\D+)\.(\d\d)(?=\.\w{2,4}$)")
_ALL_IN_BRACKETS = re.compile(r"^(\[[^\]]+\])\[([^\]]*[^\W\d][^\]]*)\]\[(\d{1,4})(?:v\d)?\]")
_BRACKETS = re.compile(r"[\[(][^\])]*[\])]")
_SEASON_OF_A_YEAR = re.compile(r"(?:\bs|season[ _.]?|сезон[ _.]?)(?:19|20)\d\d", re.IGNORECASE)

_SEASON_FOLDER = re.compile(
    r"(?:season|series|сезон)[\W_]*\d+\b.*|s\d{1,2}"
    r"|\d+(?:[\W_]?(?:st|nd|rd|th|[оы]?й))?[\W_]*(?:season|сезон)\b.*",
    re.IGNORECASE,
)
_DISC_FOLDER = re.compile(r"(?:dis[ck]|dvd|cd|диск) ?\d+")
_QUALITY_FOLDER = re.compile(r"\d{3,4}[pi]|[uf]?hd|sd|4k")
_SEVERAL = (
    r"specials|extras|featurettes|trailers|teasers|samples|bonuses|бонусы|спецвыпуски|сп[еэ]шлы"
    r"|трейлеры|тизеры|доп(?:ы|олнительн(?:о|ые материалы)| материалы)"
)
_ONE = (
    r"special|extra|featurette|trailer|teaser|sample|bonus|making of|behind ?the ?scenes"
    r"|deleted ?scenes?|gag reel|bloopers|preview|promo|бонус|спецвыпуск|специальный выпуск"
    r"|сп[еэ]шл|трейлер|тизер|анонс|фильм о фильме"
)
_SHORT = r"sp|ova|oad|pv|cm|menu"  # words only with a number, or as the last one
_EXTRA_FOLDER = re.compile(
    rf"(?:.+ )?(?:{_SEVERAL})|{_ONE}|interviews?|shorts|scenes|sps?|ova?s?|oads?|nc|menus?"
    r"|nc ?(?:op|ed)s?.*|creditless.*"
)
_CREDITLESS = re.compile(r"\b(?:nc ?(?:op|ed)s? ?\d*[a-z]?|creditless|textless)\b")
# behind "the" it is the title of an episode
_APPENDED = re.compile(
    r"(?:.+ (?<!\bthe )(?<!\ba ))?"
    r"(?:(?:sample|trailer|teaser|featurette)s?|трейлер|тизер|анонс)(?: ?\d+)?"
)
_UNNUMBERED = re.compile(
    rf"(?:.+ )?(?:{_SHORT})(?: ?\d+[a-z]?(?: .*)?)?"
    rf"|(?:.+ )(?:{_SEVERAL}|{_ONE})(?: ?\d+)?(?: .*)?|(?:{_SEVERAL}|{_ONE})(?: ?\d+)?"
)
_BETWEEN = re.compile(r"(?:e|ep|- )\d{1,4}\.5\b", re.IGNORECASE)  # a recap "05.5" behind "05"
_SAMPLE = re.compile(r"sample-", re.IGNORECASE)
_YEAR = re.compile(r"(?<=.)[\W_]+(?:19\d|20[0-3])\d\W*$")


def one_alphabet(name: str) -> str:
    """Words of mixed alphabets made Cyrillic: some sites write "xyжe" to hide from searches."""
    return _WORD.sub(lambda word: _unmixed(word.group()), name)


def one_notation(name: str) -> str:
    """A name of a file with its numbers as guessit knows them: "2 сезон, 3 серия" is S02E03.

    What guessit reads by itself is left as it is.
    """
    name = _LETTER.sub(lambda m: f"{m[1]} part {ord(m[2].lower()) - ord('a') + 1}", name)
    name = _NTH_SEASON.sub(r"Season \1", name)
    name = _ENGLISH.sub(_numbered, name, count=1)
    name = _ALL_IN_BRACKETS.sub(r"\1 \2 - \3 ", name)
    name = _BEHIND_A_DOT.sub(r"\1.E\2", name)
    name = _ABSOLUTE.sub(_absolute, name, count=1)
    for form in _RUSSIAN:
        name, found = form.subn(_numbered, name, count=1)
        if found:
            break
    for form in _PARTS:
        name, found = form.subn(r"part \1", name, count=1)
        if found:
            break
    return name


def without_brackets(name: str) -> str:
    """A name without what groups put in brackets: their own name, height, codec, sum."""
    return _BRACKETS.sub(" ", name).strip()


def names_a_year_as_season(name: str) -> bool:
    """Whether a season is numbered by its year, as in `S2007E03`; else a year is that of a film."""
    return _SEASON_OF_A_YEAR.search(name) is not None


def without_count(folders: str) -> str:
    """Names of folders without what "2 сезон, 1-16 серии" says of how many files there are."""
    return _COUNT.sub("", folders)


def is_season_folder(name: str) -> bool:
    """Whether a folder is named by its season alone: `Season 1`, `S01`, `2 сезон`."""
    return _SEASON_FOLDER.fullmatch(name.strip()) is not None


def is_extra_folder(name: str) -> bool:
    """Whether a folder holds specials, trailers and the like: `Extras`, `Show Specials`."""
    return _EXTRA_FOLDER.fullmatch(_words(name)) is not None


def is_disc_folder(name: str) -> bool:
    """Whether a folder is named by what the series came on: `Disc 2`."""
    return _DISC_FOLDER.fullmatch(_words(name)) is not None


def is_quality_folder(name: str) -> bool:
    """Whether a folder is named by the height of its pictures: `720p`, `HD`."""
    return _QUALITY_FOLDER.fullmatch(_words(name)) is not None


def names_an_extra(stem: str, season: int | None, number: int | None) -> bool:
    """Whether a name of a file, without suffix, is that of a special, a trailer and the like.

    A word such as "special" may be in the title of an episode or of the series: it counts as far
    as the name does not say by its season and number that the file is an episode.
    """
    words = _words(stem)
    if _CREDITLESS.search(words) or _APPENDED.fullmatch(words) or _SAMPLE.match(stem):
        return True
    if season is None and _BETWEEN.search(stem):
        return True
    if number is None:
        return _UNNUMBERED.fullmatch(words) is not None
    if season is not None:
        return season == 0
    # "The Special - 12" is episode 12 of a series of that name, "Special 12" is none
    told = rf"\b(?:(?:{_SHORT}|{_SEVERAL})[\W_]{{0,3}}|(?:{_ONE})[ _.]?)0*{number}(?!\d)"
    return re.search(told, stem.casefold()) is not None


def key_of(title: str) -> str:
    """A title as it is compared: case, spaces, marks, ё and a year behind it make no difference."""
    plain = unicodedata.normalize("NFKC", _YEAR.sub("", title.strip())).casefold()
    return "".join(re.findall(r"[^\W_]", plain.replace("ё", "е")))


def year_of(title: str) -> str | None:
    """The year behind a title, that `key_of` leaves out."""
    found = _YEAR.search(title.strip())
    return found and re.sub(r"\D", "", found.group())


def begins_with(name: str, key: str) -> bool:
    """Whether the first words of a name are a title, given as its key."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", re.sub(r"^\W*\[.*?\]", "", name)))
    keys = [key_of(" ".join(words[:n])) for n in range(1, len(words) + 1)]
    return bool(key) and key in keys


def _numbered(found: re.Match[str]) -> str:
    season, first, last = (found.groupdict().get(name) for name in "sab")
    text = f"E{int(first or 0):02d}"
    if last and int(last) > int(first or 0):
        text += f"-E{int(last):02d}"
    return f"S{int(season):02d}{text}" if season else text


def _absolute(found: re.Match[str]) -> str:
    # guessit is right by itself where no other number could be meant
    doubtful = len(found["a"]) > 2 or re.search(r"\d", found.string[: found.start()])
    return f"{found['before']}E{found['a']}" if doubtful else found.group()


def _unmixed(word: str) -> str:
    if not (_CYRILLIC.search(word) and _LATIN.search(word)):
        return word
    cyrillic = word.translate(_LATIN_TWINS)
    return word if _LATIN.search(cyrillic) else cyrillic


def _words(name: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", name).casefold()))
