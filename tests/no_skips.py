"""A pytest plugin: what CI has all for may not be skipped. `.ci/run` loads it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

NEEDED = {"introbench": "the benchmark", "browser": "a browser"}  # by mark


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for mark, what in NEEDED.items():
        if report.skipped and item.get_closest_marker(mark):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} needs {what}, and was skipped"
    return report
