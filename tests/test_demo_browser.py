"""The page of ``osr demo`` in a browser, wide and narrow, light and dark."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from osr.images import Picture, read, write
from osr_core.registry import registry

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install playwright"
)
pytest.importorskip("uvicorn", reason="needs the extra demo")
from demo_server import serving  # noqa: E402

from osr.demo.work import Settings  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium"),
]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--disable-component-update", "--disable-extensions", "--no-first-run"]  # fmt: skip
WINDOWS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def address(folder: Path, tiny_model: Path) -> Iterator[str]:
    models = str(tiny_model), "osr-denoise-reprogrammed", "osr-denoise"
    with serving(Settings(models), folder) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Any]:
    """The page in a window; what it asks of another address, or a defect of its script, fails."""
    width, scheme = getattr(request, "param", WINDOWS[0])
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: "422" in m.text or complaints.append(m.text))
    page.on("request", lambda r: r.url.startswith((address, "data:", f"blob:{address}"))
            or complaints.append(r.url))  # fmt: skip
    page.goto(address)
    page.wait_for_selector("#model option", state="attached")
    yield page
    page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 bit, 96 × 64: a gradient."""
    path = tmp_path_factory.mktemp("photo") / "sunrise.tif"
    rows, columns = np.mgrid[0:64, 0:96]
    pixels = np.stack((600 * columns, 900 * rows, 300 * (rows + columns)), -1)
    write(path, Picture(pixels.astype(np.uint16)))
    return path


def drop(page: Any, path: Path) -> None:
    page.set_input_files("#file", path)
    page.wait_for_selector("#stage", state="visible")
    page.wait_for_selector("#status", state="hidden")


def loaded(page: Any) -> None:
    """Until pictures are; what waits for a condition in the page is not allowed by its policy."""
    code = (
        "[...document.querySelectorAll('#view img, #waves img')]"
        ".every((image) => image.complete && image.naturalWidth > 0)"
    )
    wait_for(page, lambda: page.evaluate(code))


def wait_for(page: Any, condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize("page", WINDOWS, ids=lambda w: f"{w[0]}-{w[1]}", indirect=True)
def test_a_photograph_is_degraded_restored_compared_and_downloaded(
    page: Any, photo: Path, folder: Path, tmp_path: Path
) -> None:
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (sum(map(int, background[4:-1].split(","))) < 200) == is_dark
    nothing_overflows(page)
    drop(page, photo)
    loaded(page)
    assert "96 × 64 pixels, 16 bit" in page.inner_text("#facts")
    assert page.locator("#downloads a").all_inner_texts() == ["Download restored (TIF)"]
    with page.expect_download() as download:
        page.locator("#downloads a").click()
    assert download.value.suggested_filename == "sunrise-restored.tif"
    download.value.save_as(tmp_path / "result.tif")
    assert read(tmp_path / "result.tif").pixels.dtype == np.uint16

    page.locator("#presets button", has_text="noise:25+jpeg:40").click()
    page.locator("#left button", has_text="Degraded").wait_for()
    loaded(page)
    assert "PSNR against the original" in page.inner_text("#facts")
    assert page.locator("#downloads a").count() == 2
    degraded = page.get_attribute("#before", "src")
    page.locator("#left button", has_text="Original").click()
    assert page.get_attribute("#before", "src") != degraded
    nothing_overflows(page)

    stage = page.locator("#stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert clip(page) == pytest.approx(0.5, abs=0.01)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    assert clip(page) == pytest.approx(0.8, abs=0.02)
    page.keyboard.press("Home")
    assert clip(page) == pytest.approx(0, abs=0.001)
    page.click("#actual")
    assert stage.bounding_box()["width"] == pytest.approx(96, abs=1)
    assert [*folder.rglob("sunrise.tif"), *folder.rglob("photo.tif")]


def clip(page: Any) -> float:
    """Share of the left picture that is seen, from the clip that the browser computes."""
    hidden = page.evaluate("getComputedStyle(document.getElementById('before')).clipPath")
    return 1 - float(hidden.split()[1].rstrip("%")) / 100  # inset(0px 50% 0px 0px)


def nothing_overflows(page: Any) -> None:
    width, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window


def test_waves_are_shown_and_errors_are_lines(page: Any, photo: Path, tmp_path: Path) -> None:
    drop(page, photo)
    page.click("#look")
    page.wait_for_selector("#error", state="visible")
    assert "a plain model has no wave to inspect" in page.inner_text("#error")
    with page.expect_response("**/restore?*"):
        page.select_option("#model", "osr-denoise-reprogrammed")
    assert registry()["osr-denoise-reprogrammed"].summary in page.text_content("#summary")
    page.wait_for_selector("#status", state="hidden")
    assert page.is_hidden("#error")
    page.click("#look")
    page.wait_for_selector("#waves figure")
    loaded(page)
    titles = page.locator("#waves b").all_inner_texts()
    assert titles == ["Image", "Amplitude", "Phase", "Real part", "Imaginary part", "Gates"]
    page.fill("#degradation", "noize:25")
    page.keyboard.press("Enter")
    page.wait_for_selector("#error", state="visible")
    assert page.inner_text("#error") == "degradation noize:25: did you mean noise?"
    (tmp_path / "evil.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 99)
    page.fill("#degradation", "")
    page.set_input_files("#file", tmp_path / "evil.png")
    wait_for(page, lambda: "photo.png" in page.text_content("#error"))
    assert page.is_hidden("#view")


def test_a_photograph_dropped_in_the_window_is_taken_and_removed_with_the_page(
    page: Any, photo: Path, folder: Path
) -> None:
    transfer = page.evaluate_handle(
        """(bytes) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], "b.tif"));
          return transfer;
        }""",
        [*photo.read_bytes()],
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    page.wait_for_selector("#stage", state="visible")
    assert page.inner_text("#name") == "b.tif"
    assert len([*folder.iterdir()]) == 1
    page.goto("about:blank")
    wait_for(page, lambda: not [*folder.iterdir()])
