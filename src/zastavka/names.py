"""What names of files and folders say beyond what guessit reads in them."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")
_LATIN, _CYRILLIC = re.compile("[a-z]", re.IGNORECASE), re.compile("[а-яё]", re.IGNORECASE)
_LATIN_TWINS = str.maketrans("aceopxykABCEHKMOPTXY", "асеорхукАВСЕНКМОРТХУ")

_S = r"[\W_]{0,3}"  # what may stand between a number and its word
_SEASON = rf"(?:сезон{_S}(?P<season>\d+)|(?P<season_>\d+){_S}(?:[оы]?й{_S})?сезон)"
_NUMBERS = (
    rf"(?:сери[яи]{_S}(?P<a>\d+)(?:[-–](?P<b>\d+))?"
    rf"|(?P<a_>\d+)(?:[-–](?P<b_>\d+))?{_S}(?:[ая]?я{_S})?сери[яю]"
    rf"|(?P<a__>\d+)(?:\s*(?:[-–,&+]|и)\s*(?P<b__>\d+))?{_S}(?:[ыи]?е{_S})?сери[ий]"
    rf"|(?P<a___>\d+)(?P<b___>(?!)))"
)
