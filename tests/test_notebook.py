"""The notebook runs from top to bottom, and its pictures are drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "training.ipynb"


def read() -> Any:
    notebook: Any = nbformat
    return notebook.read(NOTEBOOK, as_version=4)


def test_it_is_kept_without_outputs_and_speaks_two_languages() -> None:
    cells = read().cells
    assert not any(cell.get("outputs") for cell in cells)
    for cell in cells:
        if cell.cell_type == "markdown":
            english, _, russian = cell.source.partition("\n> ")
            assert english.strip()
            assert any("а" <= letter <= "я" for letter in russian), english


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_runs_from_top_to_bottom(tmp_path: Path) -> None:
    book = read()
    client = NotebookClient(
        book, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute(env={**os.environ, "TMPDIR": str(tmp_path)})
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    pictures = [o for o in outputs if {"image/png", "image/svg+xml"} & set(o.get("data", {}))]
    assert len(pictures) == 8
    texts = "".join(o.get("text", "") for o in outputs)
    assert "21 episodes to learn from, 9 to judge by" in texts
    [line] = [line for line in texts.splitlines() if line.startswith("mean IoU")]
    assert float(line.split()[-1]) > 0.95  # what repeats is found without any training
