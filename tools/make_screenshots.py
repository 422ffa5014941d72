"""Pictures of a report's parts, as README shows them; needs Chromium and Playwright.

    python tools/make_screenshots.py REPORT docs/images/report-matrix.png --part matrix --width 1300
    python tools/make_screenshots.py REPORT docs/images/report-picture.png --part pictures

REPORT is a folder of ``osr evaluate``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from osr.cli import run
from osr_core.errors import OptionError

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@click.command(help=__doc__)
@click.argument("report", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--part", default="matrix", show_default=True, help="Name of a section of the page.")
@click.option("--degradation", help="Column whose image is shown in the part `pictures`.")
@click.option("--width", default=1100, show_default=True)
def main(report: Path, picture: Path, part: str, degradation: str | None, width: int) -> None:
    """Open the page and take the picture."""
    from playwright.sync_api import sync_playwright

    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise OptionError("no Chromium: install it, for instance by apt install chromium")
    with sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=browser, args=ARGUMENTS).new_page(
            viewport={"width": width, "height": 900}, color_scheme="light"
        )
        page.goto((report / "report.html").resolve().as_uri())
        page.add_style_tag(content="body { max-width: none }")  # nothing that only scrolling shows
        section = page.query_selector(f"#{part}")
        if section is None:
            raise OptionError(f"--part {part}: the page has no such section")
        if degradation is not None:
            page.get_by_label("Degradation").select_option(degradation)
        page.wait_for_timeout(500)
        section.screenshot(path=str(picture))


if __name__ == "__main__":
    run(main)
