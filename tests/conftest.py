"""For every test: a cache, a language and settings of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from browsing import browser, reading, server, shelf  # noqa: F401 - fixtures
from season import learned, series  # noqa: F401 - fixtures
from web_server import client, kept, scanned  # noqa: F401 - fixtures

# tiny networks wait for each other's threads far longer than they compute; before torch is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a machine that is busy with other things fails no test
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(autouse=True)
def _alone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Nothing of the person who runs the tests, and nothing of the test before."""
    for name in list(os.environ):
        if name.startswith(("ZASTAVKA_CACHE", "ZASTAVKA_MODEL", "LC_", "LANG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ZASTAVKA_CACHE", str(tmp_path_factory.mktemp("cache", numbered=True)))
    data = tmp_path_factory.mktemp("data", numbered=True)
    monkeypatch.setenv("ZASTAVKA_CATALOG", str(data / "catalog.sqlite3"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(data))
    monkeypatch.setenv("ZASTAVKA_JOBS", "0")  # processes of their own would take seconds to start
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    yield
    if "zastavka.i18n" in sys.modules:
        sys.modules["zastavka.i18n"].set_language("en")
