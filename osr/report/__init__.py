"""The report of an evaluation: a page to look at, tables to quote, figures for a paper.

:func:`write_report` reads the folder that ``osr evaluate`` fills (:mod:`osr.evaluation`) and
writes ``report.html``, ``report.md`` and ``figures/*.png`` into it.
"""

from __future__ import annotations

import os
from pathlib import Path

from osr_core.files import atomic_write


def write_report(folder: str | os.PathLike[str]) -> list[str]:
    """Write the report of an evaluation, a half-done one included, into its folder.

    Args:
        folder: holds ``evaluation.json``, ``results.csv`` and, where pictures are to be shown,
            ``pictures/`` and ``wave/``.

    Returns:
        Lines worth telling the user, for instance that figures were skipped.

    Raises:
        OptionError: if the folder holds no evaluation, or a file of it is degraded.
        ImageError: if a picture of it is degraded.
    """
    from osr.evaluation.statistics import load
    from osr.report import figures, html, markdown
    from osr.report.pictures import collect
    from osr.report.summary import summarise

    place = Path(folder)
    results = load(place)
    summary, pictures = summarise(results), collect(place, results.description)
    _write(place / "report.html", html.render(results, summary, pictures))
    _write(place / "report.md", markdown.render(results.description, summary))
    return figures.write(place / "figures", summary)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, "utf-8")
