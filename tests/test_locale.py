"""Languages: every text that the program looks up is translated, and can be filled in."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterator
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import normalize, read_po

from messages import SOURCE, as_po, collect, updated
from zastavka.errors import LabelError, MissingExtra, OptionError
from zastavka.i18n import LANGUAGES, describe, gettext, set_language

RUSSIAN = SOURCE / "locale" / "ru" / "LC_MESSAGES" / "zastavka.po"


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    yield
    set_language("en")


def translations(path: Path = RUSSIAN) -> dict[str, str]:
    with path.open("rb") as file:
        catalogue = read_po(file, path.parts[-3], abort_invalid=True)
    assert not any(message.fuzzy for message in catalogue if message.id)
    return {str(message.id): str(message.string) for message in catalogue if message.id}


def fields(text: str) -> Counter[tuple[str, str]]:
    """The placeholders of a template, each with its format."""
    parts = string.Formatter().parse(text)
    return Counter((name, spec or "") for _, name, spec, _ in parts if name is not None)


def test_every_text_can_be_read_from_the_source() -> None:
    _, hidden = collect()
    assert not hidden, "make these plain literals, so that they can be translated"


def test_every_text_is_translated() -> None:
    known = translations()
    missing = {m.text: m.file for m in collect()[0] if not known.get(m.text)}
    entries = (f'#. {file}\nmsgid {normalize(text)}\nmsgstr ""\n' for text, file in missing.items())
    assert not missing, f"run tests/messages.py, or add to {RUSSIAN}:\n\n" + "\n".join(entries)


def test_no_translation_is_left_over() -> None:
    left = translations().keys() - {message.text for message in collect()[0]}
    assert not left, "run tests/messages.py, which takes them out"


@pytest.mark.parametrize(("text", "translation"), translations().items())
def test_translations_take_the_same_values(text: str, translation: str) -> None:
    assert fields(translation) == fields(text)
    assert text.count("\n") == translation.count("\n")


def test_the_compiled_catalogue_says_what_the_text_beside_it_says() -> None:
    with RUSSIAN.with_suffix(".mo").open("rb") as file:
        compiled = dict(GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
    compiled.pop("")
    assert compiled == {text: said for text, said in translations().items() if said}, "make locale"


def test_writing_a_catalogue_twice_gives_the_same() -> None:
    messages, _ = collect()
    with RUSSIAN.open("rb") as file:
        once = as_po(updated(read_po(file, "ru"), messages))
    assert as_po(updated(read_po(BytesIO(once), "ru"), messages)) == once


def test_each_language_has_a_catalogue() -> None:
    folders = {path.name for path in (SOURCE / "locale").iterdir()}
    assert folders | {"en"} == set(LANGUAGES)  # English is in the code


def test_collecting_sees_each_kind_of_text(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "one.py").write_text(
        "REASONS: dict[str, str] = {'a': 'why {x}'}\n"
        "def f(path, n):\n"
        "    found = 'many' if n else 'few'\n"
        "    raise MediaError(path, found, 'cure', n=n)\n"
        "    raise LabelError(path, f'hidden {n}', 'plain')\n"
        "    gettext('shown'); gettext(found); typer.Option('--x', help='helps')\n"
        "    progress(0.5, 'Doing'); other(0.5, 'no text'); ValueError('no', 'text', 'here')\n"
    )
    commands = package / "commands"
    commands.mkdir()
    (commands / "two.py").write_text(
        "def _helper():\n    '''Not shown.'''\ndef run():\n    '''Line.\n\n    More.\n    '''\n"
    )
    messages, hidden = collect(package)
    assert {m.text for m in messages} == {
        *("why {x}", "many", "few", "cure", "plain", "shown", "helps", "Doing", "Line.\n\nMore."),
    }
    assert [h.code for h in hidden] == ["f'hidden {n}'"]


def test_bringing_a_catalogue_up_to_date_keeps_what_is_translated() -> None:
    old = Catalog(locale="ru")
    old.add("check the path", "проверьте путь")
    old.add("no longer said", "не говорится")
    messages = [m for m in collect()[0] if m.text in ("check the path", "is empty")]
    new = updated(old, messages)
    assert {m.id: m.string for m in new if m.id} == {
        "check the path": "проверьте путь",
        "is empty": "",
    }


def test_an_error_in_russian() -> None:
    error = LabelError("метки.json", "can't be read: {why}", "check the path", why="нет файла")
    set_language("ru")
    assert describe(error) == "метки.json: не удаётся прочитать: нет файла; проверьте путь"
    set_language("en")
    assert describe(error) == str(error)


def test_a_missing_extra_in_russian() -> None:
    set_language("ru")
    assert describe(MissingExtra("clip", "CLIP")) == (
        "CLIP: нужен дополнительный набор 'clip'; pip install \"zastavka[clip]\""
    )


def test_the_prototype_s_answer() -> None:
    set_language("ru")
    answer = gettext("Intro found: {start:.2f}s - {end:.2f}s").format(start=20, end=35)
    assert answer == "Заставка обнаружена: 20.00с - 35.00с"
    assert gettext("Intro not found") == "Заставка не обнаружена"


def test_a_text_that_nobody_translated_stays_as_it_is() -> None:
    set_language("ru")
    assert gettext("there is no such text") == "there is no such text"
    assert gettext("") == ""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "uk_UA.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ru_RU"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "", "LC_MESSAGES": "en_US"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:ru:en"}, "ru"),
        ({"LANG": "C", "LANGUAGE": "ru"}, "en"),
        ({"LANGUAGE": "ru"}, "ru"),
    ],
)
def test_language_of_the_environment(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert set_language() == expected
    assert (gettext("is empty") == "is empty") == (expected == "en")


def test_a_language_there_is_none_of() -> None:
    set_language("ru")
    with pytest.raises(OptionError, match="de: is no language of this program; choose en or ru"):
        set_language("de")
    assert gettext("is empty") != "is empty"  # a refused choice changes nothing


def test_language_by_name_in_capitals() -> None:
    assert set_language("RU") == "ru"
