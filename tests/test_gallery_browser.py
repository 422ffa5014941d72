"""The divider of the page of photographs, in a browser."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install playwright"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium"),
]
DOCS = Path(__file__).resolve().parent.parent / "docs"
DIVIDER = DOCS.parent / "osr" / "web" / "divider.js"


@pytest.fixture
def address(tmp_path: Path) -> str:
    """As MkDocs makes it of a sample of gallery.md."""
    pictures = [DOCS / f"images/gallery/chelsea-jpeg-20-{name}.jpg" for name in ("input", "result")]
    images = " ".join(f'<img src="{path.as_uri()}" alt="{path.stem}">' for path in pictures)
    page = tmp_path / "gallery.html"
    page.write_text(
        f'<link rel="stylesheet" href="{(DOCS / "style.css").as_uri()}">'
        f'<div class="md-typeset"><figure class="compare"><p>{images}</p></figure></div>'
        f'<script src="{DIVIDER.as_uri()}"></script>'
        f'<script src="{(DOCS / "compare.js").as_uri()}"></script>',
        "utf-8",
    )
    return page.as_uri()


def clip(page: Any) -> str:
    """Of the input, from its right: ``inset(0px 50% 0px 0px)``."""
    code = "getComputedStyle(document.querySelector('img[alt$=input]')).clipPath"
    return str(page.evaluate(code))


def test_pictures_are_compared_and_side_by_side_without_javascript(address: str) -> None:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 700})
        page.goto(address)
        before, after = (page.locator(f"img[alt$={name}]") for name in ("input", "result"))
        assert before.bounding_box() == after.bounding_box()
        assert clip(page).split()[1] == "50%"
        box = page.locator(".stage").bounding_box()
        assert box["x"] + box["width"] <= 390
        page.mouse.move(box["x"] + 9, box["y"] + 9)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 9)
        page.mouse.up()
        page.keyboard.press("ArrowRight")
        assert float(clip(page).split()[1].rstrip("%")) == pytest.approx(29, abs=1)
        plain = browser.new_context(java_script_enabled=False).new_page()
        plain.goto(address)
        left, right = (plain.locator(f"img[alt$={name}]").bounding_box()
                       for name in ("input", "result"))  # fmt: skip
        assert left["x"] + left["width"] <= right["x"]
        assert left["y"] == right["y"]
        browser.close()
