"""The report of an evaluation: a page, tables in Markdown, and figures for a paper.

:func:`write_report` reads the folder that ``osr evaluate`` fills (:mod:`osr.evaluation`) and
writes ``report.html``, ``report.md`` and ``figures/*.png`` into it.
"""

from __future__ import annotations

import os
from pathlib import Path

from osr.extras import require_extra
from osr_core.files import atomic_write


def write_report(folder: str | os.PathLike[str]) -> None:
    """Write the report of an evaluation, an incomplete one included, into its folder.

    Raises:
        OptionError: if the folder holds no evaluation, or a file of it is corrupted.
        ImageError: if a picture of it is corrupted.
        PackageError: if the extra ``evaluation`` is not installed.
    """
    require_extra("evaluation", "report")
    from osr.evaluation.statistics import load
    from osr.report import page, plots
    from osr.report.pictures import collect
    from osr.report.view import View

    place = Path(folder)
    results = load(place)
    view, pictures = View(results), collect(place, results.description)
    if view.cells:
        plots.save_figures(view, place / "figures")
    for name, text in (
        ("report.html", page.render_html(view, pictures, plots.panels(view))),
        ("report.md", page.render_markdown(view)),
    ):
        with atomic_write(place / name) as temporary:
            temporary.write_text(text, "utf-8")
