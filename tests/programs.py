"""Programs that are not ours, by which exports are read: CI must have them, others may not."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str) -> str:
    """Where it lies. Without it a test is skipped; with CI=true it fails, since it proves nothing.

    `.ci/run` installs them.
    """
    path = shutil.which(name)
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} is not installed")
    return path
