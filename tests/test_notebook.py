"""The notebook of the examples runs, and shows what it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat: pip install nbclient")

ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / "examples" / "osr.ipynb"


def _cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _kinds(notebook: Any) -> list[list[str]]:
    """Types of the outputs of each cell; text may come in several parts."""
    found = [[kind for out in cell.outputs for kind in out.get("data", {"text": 0})]
             for cell in _cells(notebook)]  # fmt: skip
    return [sorted(set(kinds)) for kinds in found]


def _gains(notebook: Any) -> list[tuple[float, float]]:
    text = "".join(out.get("text", "") for cell in _cells(notebook) for out in cell.outputs)
    return [(float(a), float(b)) for a, b in re.findall(r"([\d.]+) dB → ([\d.]+) dB", text)]


def test_the_notebook_was_run_from_its_start_without_an_error():
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    cells = _cells(notebook)
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    assert "error" not in {out.output_type for cell in cells for out in cell.outputs}
    assert all(after > before for before, after in _gains(notebook))
    assert PATH.stat().st_size < 500_000


@pytest.mark.slow
def test_the_notebook_runs_and_shows_the_same(monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("torch")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shipped, notebook = (nbformat.read(PATH, as_version=4) for _ in range(2))
    for cell in _cells(notebook):
        cell.outputs, cell.execution_count = [], None
    metadata = {"path": str(PATH.parent)}
    nbclient.NotebookClient(notebook, resources={"metadata": metadata}, timeout=300).execute()
    assert _kinds(notebook) == _kinds(shipped)
    for new, old in zip(_gains(notebook), _gains(shipped), strict=True):
        assert new == pytest.approx(old, abs=1)  # processors round differently
