"""The report in a browser: the slider moves, pictures load, nothing overflows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_folder import make_folder

from osr.report import write_report

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install playwright"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium"),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = make_folder(tmp_path_factory.mktemp("report"))
    write_report(folder)
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(params=[(1280, "light"), (400, "dark")], ids=["wide-light", "narrow-dark"])
def page(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Any]:
    """The report in a window; whatever the console says or another address is asked fails."""
    width, scheme = request.param
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith(
        (address, "data:")) else None)  # fmt: skip
    page.goto(address)
    yield page
    page.close()
    assert complaints == []


def clip(page: Any) -> float:
    """Share of the left picture that is seen, from the clip that the browser computes."""
    hidden = page.evaluate("getComputedStyle(document.getElementById('left-layer')).clipPath")
    right = hidden.split()[1]  # inset(0px 50% 0px 0px)
    assert right.endswith("%")
    return 1 - float(right[:-1]) / 100


def test_the_slider_moves_with_the_pointer_and_with_arrow_keys(page: Any) -> None:
    stage = page.locator("#stage")
    stage.scroll_into_view_if_needed()
    assert clip(page) == pytest.approx(0.5, abs=0.01)
    box = stage.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], middle, steps=4)
    page.mouse.up()
    assert clip(page) == pytest.approx(0.8, abs=0.02)
    page.mouse.move(box["x"] + 0.1 * box["width"], middle)
    assert clip(page) == pytest.approx(0.8, abs=0.02), "moves though no button is held"
    page.locator("#divider").focus()
    before = clip(page)
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert clip(page) == pytest.approx(before - 0.05, abs=0.011)
    page.keyboard.press("Home")
    assert clip(page) == pytest.approx(0, abs=0.001)


def test_every_picture_loads(page: Any) -> None:
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    widths = page.evaluate("[...document.images].map((image) => image.naturalWidth)")
    assert len(widths) > 20
    assert min(widths) > 0
    missing = page.evaluate("[...document.images].filter((i) => !i.hasAttribute('alt')).length")
    assert missing == 0


def test_any_image_and_any_two_pictures_can_be_chosen(page: Any) -> None:
    page.select_option("#column", "dark")
    page.locator("#image button", has_text="best").click()
    page.select_option("#left", "truth")
    page.select_option("#right", "other")
    assert "part/2.png" in page.locator("#what").inner_text()
    assert page.locator("#left-name").inner_text() == "Ground truth"
    shown = [page.locator(f"#{side}-picture").get_attribute("src") for side in ("left", "right")]
    assert shown[0] != shown[1]
    assert "dB" in page.locator("#right-score").inner_text()


def test_differences_grow_with_the_magnification(page: Any) -> None:
    page.locator("#view button", has_text="Difference").click()
    mean = 0.0
    for gain in ("1", "4", "16"):
        page.locator(f"#magnify button[value='{gain}']").click()
        brighter = page.wait_for_function(
            "(before) => { const c = document.querySelector('#left-layer canvas');"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "const mean = d.reduce((a, b, i) => a + (i % 4 < 3 ? b : 0), 0) / (d.length * 0.75);"
            "return mean > before && mean; }",
            arg=mean,
        )
        mean = brighter.json_value() + 10
    page.select_option("#left", "truth")
    assert page.locator("#map-most").inner_text().endswith("levels")


def test_nothing_overflows(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    width, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window
    outside = page.evaluate(
        "[...document.querySelectorAll('body *')].filter((e) =>"
        "!e.closest('.scroll, pre, .sr, svg, .skip') && "
        "e.getBoundingClientRect().right > innerWidth + 1"
        ").map((e) => e.outerHTML.slice(0, 80))"
    )
    assert outside == []


def test_dark_and_light(page: Any) -> None:
    code = "getComputedStyle(document.body).backgroundColor"
    first = page.evaluate(code)
    system_is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (brightness(first) < 60) == system_is_dark
    page.locator("#theme").click()
    assert (brightness(page.evaluate(code)) < 60) != system_is_dark
    page.locator("#theme").click()
    assert page.evaluate(code) == first


def brightness(colour: str) -> float:
    values = [float(n) for n in colour.partition("(")[2].strip(")").split(",")[:3]]
    return sum(values) / 3


def test_figures_in_the_matrix_can_be_read_on_their_colours(page: Any) -> None:
    """WCAG 2.2: contrast of 4.5 between each figure and the colour of its cell."""
    pairs = page.evaluate(
        """() => {
          const canvas = document.createElement("canvas");
          const context = canvas.getContext("2d", { willReadFrequently: true });
          const levels = (colour) => {
            context.fillStyle = colour;
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          return [...document.querySelectorAll(".heat td:is(.seen, .unseen, .baseline) button")]
            .map((cell) => getComputedStyle(cell))
            .map((style) => [levels(style.backgroundColor), levels(style.color)]);
        }"""
    )
    assert len(pairs) == 8
    assert min(contrast(*map(luminance, pair)) for pair in pairs) >= 4.5


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def luminance(levels: list[int]) -> float:
    """Relative luminance of an sRGB colour, IEC 61966-2-1."""
    shares = [level / 255 for level in levels]
    r, g, b = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_a_cell_tells_what_is_behind_it_and_leads_to_its_picture(page: Any) -> None:
    cell = page.locator(".heat button[data-model='other'][data-column='set noise:25']")
    cell.focus()
    tip = page.locator("#tip")
    assert tip.is_visible()
    assert "→" in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    cell.click()
    assert page.input_value("#column") == "set noise:25"
    assert page.input_value("#right") == "other"
    page.locator("#show button", has_text="SSIM").click()
    assert page.locator("#heat .v.ssim").first.is_visible()
    assert not page.locator("#heat .v.gain").first.is_visible()


def test_waves_are_shown_in_the_order_of_the_method(page: Any) -> None:
    titles = page.locator("#wave-parts figcaption b").all_inner_texts()
    assert titles == ["Image", "Amplitude", "Phase", "Real part", "Imaginary part", "Gates"]


def test_the_path_of_the_file_is_all_that_is_needed(browser: Any, address: str) -> None:
    page = browser.new_context(offline=True).new_page()
    page.goto(address)
    assert page.locator("#heat td button").count() > 8
    assert Path(address.removeprefix("file://")).stat().st_size < 5_000_000
    page.close()
