"""The report: what stands in its HTML, its Markdown and its figures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_folder import BAD_NAME, COLUMNS, make_folder

from osr.evaluation.models import Model
from osr.evaluation.statistics import NOTICEABLE, load
from osr.report import page as page_module
from osr.report import write_report
from osr.report.pictures import DIFFERENCE_SCALE, collect, difference
from osr.report.view import HEADINGS, MINUS, View
from osr_core.errors import ImageError, OptionError

VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """Checks that elements are closed in order; keeps attributes and the cells of the matrix."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.cells: dict[tuple[str, str], str] = {}
        self.data = ""
        self._cell: tuple[str, str] | None = None
        self._shown = self._is_data = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        assert len(values) == len(attrs), f"<{tag}> has an attribute twice"
        self.attributes += [(tag, name, value) for name, value in values.items()]
        if "data-model" in values:
            self._cell = (values["data-model"], values["data-column"])
        self._shown = values.get("class") == "v gain"
        self._is_data = values.get("id") == "data"
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"
        self._shown = self._is_data = False

    def handle_data(self, data: str) -> None:
        if self._shown and self._cell:
            self.cells[self._cell] = data
        if self._is_data:
            self.data += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = make_folder(tmp_path_factory.mktemp("report"))
    write_report(place)
    return place


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text("utf-8"))


def test_every_element_is_closed_and_no_id_is_there_twice(page: Page) -> None:
    assert page.open == []
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids)) > 10
    for _, name, value in page.attributes:
        if name in ("for", "aria-labelledby", "href") and not value.startswith("data:"):
            assert value.lstrip("#") in ids


def test_nothing_is_loaded_from_elsewhere(folder: Path, page: Page) -> None:
    text = (folder / "report.html").read_text("utf-8")
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", text)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "srcset", "action"):
            assert value.startswith(("#", "data:")), (tag, name, value)


def test_the_matrix_holds_the_figures_of_the_statistics(folder: Path, page: Page) -> None:
    results = load(folder)
    checked = 0
    for model in results.models:
        for column in results.columns:
            gain = results.gain(model.name, column.name)
            shown = page.cells.get((model.name, column.name))
            if not len(gain):
                assert shown is None
            elif model.kind == "input" or column.clean:
                rows = results.cell(model.name, column.name)
                psnr = np.mean([min(row.psnr, 99) for row in rows])
                assert shown == ("≥99" if psnr >= 99 else f"{psnr:.2f}")
            else:
                assert float(shown.replace(MINUS, "-")) == pytest.approx(gain.mean(), abs=0.0051)
                checked += 1
    assert checked == 8


def test_markdown_holds_the_same_matrix_and_the_three_figures(folder: Path) -> None:
    text = (folder / "report.md").read_text("utf-8")
    results = load(folder)
    figures = results.figures("net")
    for value in (figures.seen.mean, figures.unseen.mean):
        assert f"{value:+.2f} dB".replace("-", MINUS) in text
    unseen = results.gain("net", "set noise:25").mean()
    assert f"*{unseen:+.2f}*".replace("-", MINUS) in text
    tables = [block.splitlines() for block in text.split("\n\n") if block[0] == "|"]
    assert len(tables) == 4
    for lines in tables:
        assert len({line.count("|") - line.count("\\|") for line in lines}) == 1


def test_names_that_look_like_markup_stay_names(folder: Path, page: Page) -> None:
    text = (folder / "report.html").read_text("utf-8")
    assert BAD_NAME not in text
    assert "<script>alert" not in text
    assert BAD_NAME in json.loads(page.data)["titles"].values()


def test_baselines_that_share_no_column_share_a_row(folder: Path) -> None:
    assert [line.title for line in View(load(folder)).lines][3:] == ["Classical baselines"]
    html = (folder / "report.html").read_text("utf-8")
    row = html[html.index("<b>Classical baselines</b>") :].partition("</tr>")[0]
    assert re.findall("<small>(.*?)</small>", row) == ["", "Median filter", "Gamma"]
    assert "(Median filter)" in (folder / "report.md").read_text("utf-8")


def test_the_row_of_baselines_shows_the_best_of_each_column(folder: Path) -> None:
    results = load(folder)
    (median,) = (model for model in results.models if model.name == "median")
    better = [
        replace(row, model="better", psnr=row.psnr + 1)
        for row in results.rows
        if row.model == "median"
    ]
    models = (*results.models, replace(median, name="better", title="Better filter"))
    described = replace(results.description, models=models)
    both = View(replace(results, description=described, rows=(*results.rows, *better)))
    shown = [cell.model.title for cell in both.lines[-1].cells if cell is not None]
    assert shown == ["Better filter", "Gamma"]


def test_the_row_of_a_zero_shot_method_states_its_time(folder: Path) -> None:
    results = load(folder)
    fitted = Model("fitted", "Fitted", "zero-shot", 7, seen=("noise",))
    rows = [
        replace(row, model="fitted", seconds=seconds)
        for row, seconds in zip(results.rows, (100.0, 140.0), strict=False)
    ]
    described = replace(results.description, models=(*results.models, fitted))
    view = View(replace(results, description=described, rows=(*results.rows, *rows)))
    (line,) = (line for line in view.lines if line.kind == "zero-shot")
    assert line.about == "7 parameters, fitted in 120 s an image"
    assert {cell.state for cell in line.cells if cell is not None} == {"zero-shot"}


def test_worse_images_are_those_that_lose_more_than_can_be_noticed(folder: Path) -> None:
    cells = [cell for line in View(load(folder)).lines for cell in line.cells if cell is not None]
    cell = next(cell for cell in cells if cell.has_gain)
    details = replace(cell, gains=np.array([-0.3, -NOTICEABLE / 2, 0, 1])).details
    assert details[HEADINGS.index("worse by over 0.2 dB")].startswith("25")


def test_seen_and_unseen_are_marked(folder: Path) -> None:
    html = (folder / "report.html").read_text("utf-8")
    cells = re.findall(r'<td class="(?:win|loss) (\w+)"[^>]*><button [^>]*data-model="net"', html)
    assert cells == ["seen", "unseen", "unseen", "clean"]


def test_difference_maps_are_exact_to_their_scale() -> None:
    rng = np.random.default_rng(0)
    truth, result = (rng.integers(0, 256, (8, 6, 3), np.uint8) for _ in range(2))
    gap = np.abs(truth.astype(float) - result).mean(2).reshape(4, 2, 3, 2).mean((1, 3))
    shown = difference(result, truth) / DIFFERENCE_SCALE
    np.testing.assert_allclose(np.sqrt(gap), shown, atol=0.51 / DIFFERENCE_SCALE)
    assert difference(result[:7, :5], truth[:7, :5]).shape == (4, 3)


def test_small_budgets_crop_pictures_and_the_page_says_so(folder: Path) -> None:
    results = load(folder)
    rich = collect(folder, results.description)
    assert rich.side == 512
    size = sum(map(len, rich.uris.values()))
    poor = collect(folder, results.description, size // 20)
    assert 100 < poor.side < 120
    poor = collect(folder, results.description, size // 100)
    assert sum(map(len, poor.uris.values())) < size
    assert len(poor.images) == len(rich.images)
    text = page_module.render_html(View(results), poor, {})
    assert "Centre crops of at most 48×48 pixels" in text
    Page(text)


def test_without_pictures_or_rows_the_page_still_stands(tmp_path: Path) -> None:
    place = make_folder(tmp_path, pictures=False, rows=False)
    write_report(place)
    page = Page((place / "report.html").read_text("utf-8"))
    assert page.open == []
    assert page.cells == {}


def test_a_corrupted_picture_is_named(tmp_path: Path) -> None:
    place = make_folder(tmp_path)
    truth = next(place.glob("pictures/*/*/truth.png"))
    truth.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=re.escape(str(truth))):
        write_report(place)
    assert not (place / "report.html").exists()


def test_a_folder_without_evaluation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="holds no evaluation"):
        write_report(tmp_path)


def test_figures_are_drawn_for_paper(folder: Path) -> None:
    for name in ("matrix", "distribution"):
        with Image.open(folder / "figures" / f"{name}.png") as figure:
            assert min(figure.size) > 300
            assert np.asarray(figure.convert("L")).std() > 10


def test_importing_the_report_imports_no_matplotlib() -> None:
    code = "import osr.report, osr.report.page, sys; exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_all_columns_have_a_panel_unless_clean(folder: Path) -> None:
    text = (folder / "report.html").read_text("utf-8")
    assert len(re.findall("<svg viewBox", text)) == len(COLUMNS) - 1
    assert not re.search("#1c1e22|DejaVu", text.partition("<main>")[2])
