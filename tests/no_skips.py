"""A pytest plugin: a skipped test of the benchmark is a failure. `.ci/run` loads it."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and item.get_closest_marker("introbench"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} needs the benchmark, and was skipped"
    return report
