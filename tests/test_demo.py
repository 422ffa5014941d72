"""The page of ``osr demo``: its server, its errors, and what it leaves behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import osr
from image_files import random

from osr.degradations import DEGRADATIONS
from osr.images import Picture, read, write
from osr.inspection import PICTURES
from osr_core.errors import OSRError
from osr_core.registry import registry

pytest.importorskip("uvicorn", reason="needs the extra demo")

from demo_server import Page, Running, serving

from osr.demo import server as server_module
from osr.demo import work
from osr.demo.work import Settings

WAVES = "osr-denoise-reprogrammed"
"""A registered model with an input transform."""


def wait_for(condition: Any) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("demo")
    with serving(Settings((str(tiny_model), WAVES), max_pixels=5000), folder) as port:
        yield Running(port, folder)


@pytest.fixture
def page(server: Running) -> Iterator[Page]:
    page = server.open()
    yield page
    page.close()
    wait_for(lambda: not [*server.folder.iterdir()])


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """16 bit with a resolution."""
    path = tmp_path_factory.mktemp("photo") / "a.tif"
    write(path, Picture(random(3, np.uint16, height=40), dpi=(300.0, 300.0)))
    return path.read_bytes()


def test_a_photograph_comes_back_at_full_depth(page, photo, tiny_model, tmp_path, server):
    assert page.ask("PUT", "photo?name=holiday.TIF", photo) == (200, {})
    status, made = page.ask("POST", f"restore?model={tiny_model}")
    assert status == 200, made
    assert (made["height"], made["bits"], made["suffix"]) == (40, 16, ".tif")
    assert made["files"] == ["restored", "before", "after"]
    (tmp_path / "result.tif").write_bytes(page.ask("GET", "files/restored")[1])
    result = read(tmp_path / "result.tif")
    assert result.pixels.dtype == np.uint16
    assert result.dpi == (300.0, 300.0)
    (tmp_path / "holiday.tif").write_bytes(photo)
    osr("restore", tmp_path / "holiday.tif", "-o", tmp_path / "same.tif", "--model", tiny_model)
    assert (tmp_path / "same.tif").read_bytes() == (tmp_path / "result.tif").read_bytes()
    for name in ("before", "after"):
        assert page.ask("GET", f"files/{name}")[1][:3] == b"\xff\xd8\xff"
    assert page.event() == {"ahead": 0}
    assert 0 <= page.event()["done"] <= 1


def test_a_degraded_one_is_compared_with_the_original(page, photo, tiny_model):
    page.ask("PUT", "photo?name=a.tif", photo)
    query = f"restore?model={tiny_model}&degradation=noise:25%2Bjpeg:40"
    status, made = page.ask("POST", query)
    assert status == 200, made
    assert made["degradation"] == "noise:25+jpeg:40"
    assert made["bits"] == 8
    assert {"degraded", "original", "before", "after", "restored"} == {*made["files"]}
    before, after = made["psnr"]
    assert 5 < before < 40
    assert before != after
    assert page.ask("POST", f"restore?model={tiny_model}&degradation=none")[1]["files"] == [
        "restored", "before", "after",
    ]  # fmt: skip
    assert page.ask("GET", "files/degraded")[0] == 404
    assert page.ask("POST", f"restore?model={tiny_model}&degradation=noize")[0] == 422
    assert page.ask("GET", "files/restored")[0] == 200, "results of before are gone"


def test_waves_of_a_model_are_shown(page, photo, tiny_model):
    pytest.importorskip("matplotlib")
    page.ask("PUT", "photo?name=a.tif", photo)
    page.ask("POST", f"restore?model={WAVES}&degradation=noise:25")
    status, made = page.ask("POST", "inspect")
    assert status == 200, made
    assert [each["name"] for each in made["pictures"]] == [*PICTURES]
    assert page.ask("GET", "files/phase")[1][:4] == b"\x89PNG"
    page.ask("POST", f"restore?model={tiny_model}")
    status, made = page.ask("POST", "inspect")
    assert status == 422
    assert "a plain model has no wave to inspect" in made["error"]


LARGE = Picture(np.zeros((100, 60), np.uint8))


@pytest.mark.parametrize(
    ("name", "content", "query", "line"),
    [
        ("a.png", b"<script>", "", "photo.png: is not an image in a format that can be read"),
        ("a.tif", b"II*\0" + b"\xff" * 50, "", "photo.tif: cannot be read; is it corrupted?"),
        ("../../etc/passwd", b"", "", "photo: is empty"),
        ("a.png", LARGE, "", "photo.png: 60 × 100 pixels are more than the limit of 5,000"),
        ("a.png", LARGE, "&degradation=noise:5", "photo.png: 60 × 100 pixels are more than"),
        ("a.tif", None, "&degradation=noize:25", "degradation noize:25: did you mean noise?"),
        ("a.tif", None, "&degradation=" + "%2B".join(9 * ["grey"]), "has 9 steps, more than 8"),
        ("a.tif", None, "&model=/etc/passwd", "model /etc/passwd: is not one of"),
    ],
)
def test_errors_are_one_line_without_the_folders_of_the_server(
    page, server, photo, tiny_model, tmp_path, name, content, query, line
):
    if isinstance(content, Picture):
        write(tmp_path / "large.png", content)
        content = (tmp_path / "large.png").read_bytes()
    page.ask("PUT", f"photo?name={name}", photo if content is None else content)
    model = "" if "model=" in query else f"model={tiny_model}"
    status, answer = page.ask("POST", f"restore?{model}{query}")
    assert status == 422
    assert line in answer["error"]
    assert "\n" not in answer["error"]
    assert str(server.folder) not in answer["error"]
    assert [path.name for path in server.folder.rglob("photo*") if path.is_file()] != ["passwd"]


@pytest.mark.parametrize(("limit", "shape"), [("PIXELS", (10, 20)), ("SIDE", (15, 30))])
def test_large_pictures_are_shown_smaller(page, tiny_model, tmp_path, monkeypatch, limit, shape):
    monkeypatch.setattr(work, f"SHOWN_{limit}", {"PIXELS": 200, "SIDE": 30}[limit])
    write(tmp_path / "a.png", Picture(np.full((40, 80, 4), 99, np.uint8)))
    page.ask("PUT", "photo?name=a.png", (tmp_path / "a.png").read_bytes())
    made = page.ask("POST", f"restore?model={tiny_model}")[1]
    assert (made["height"], made["width"]) == (40, 80)
    assert made["scale"] == shape[0] / 40
    for name, expected in (("after.jpg", (*shape, 3)), ("restored.png", (40, 80, 4))):
        (tmp_path / name).write_bytes(page.ask("GET", f"files/{name[:-4]}")[1])
        assert read(tmp_path / name).pixels.shape == expected


def test_paths_of_the_server_are_left_out(tmp_path):
    error = OSRError(f"{tmp_path}/tmp_1/input/photo.png: bad ({tmp_path}/photo.png, /etc/passwd)")
    line = work.public(error, tmp_path)
    assert line == "photo.png: bad (photo.png, /etc/passwd)"


def test_a_session_holds_one_photograph_of_bounded_size(page, photo, monkeypatch):
    assert page.ask("POST", f"restore?model={WAVES}")[0] == 409
    assert page.ask("POST", "inspect")[0] == 409
    monkeypatch.setattr(server_module, "UPLOAD_BYTES", len(photo) - 1)
    status, answer = page.ask("PUT", "photo?name=a.tif", photo)
    assert (status, answer) == (413, {"error": "the file exceeds 0 MiB; use osr restore"})
    assert page.ask("PUT", "photo?name=a.tif", photo)[0] == 409


def test_a_newer_request_ends_an_older_one_and_both_wait_in_turn(
    server, page, photo, tiny_model, monkeypatch
):
    """The first of another page holds the queue; the second is no longer wanted by the third."""
    go, order, restore = threading.Event(), [], work.restore

    def slow(source, folder, model, degradation, settings, progress):
        order.append(degradation)
        assert go.wait(60)
        return restore(source, folder, model, degradation, settings, progress)

    monkeypatch.setattr(work, "restore", slow)
    other, answers = server.open(), {}

    def start(who, degradation):
        def ask():
            query = f"restore?model={tiny_model}&degradation={degradation}"
            answers[degradation] = who.ask("POST", query)

        thread = threading.Thread(target=ask)
        thread.start()
        return thread

    for each in (page, other):
        each.ask("PUT", "photo?name=a.tif", photo)
    threads = [start(other, "noise:1")]
    wait_for(lambda: order)
    threads.append(start(page, "noise:2"))
    assert page.event() == {"ahead": 1}
    threads.append(start(page, "noise:3"))
    assert [page.event(), page.event()] == [{"ahead": 1}, {"ahead": 2}]
    go.set()
    for thread in threads:
        thread.join()
    assert order == ["noise:1", "noise:3"]
    assert answers["noise:2"] == (422, {"error": "the page no longer needs this"})
    assert answers["noise:1"][0] == answers["noise:3"][0] == 200
    other.close()


def test_closing_the_page_ends_its_job_and_removes_its_files(server, photo, monkeypatch):
    started, ended, go, restore = threading.Event(), [], threading.Event(), work.restore

    def slow(*arguments):
        started.set()
        assert go.wait(60)
        try:
            return restore(*arguments)
        except Exception as error:
            ended.append(str(error))
            raise

    monkeypatch.setattr(work, "restore", slow)
    page = server.open()
    page.ask("PUT", "photo?name=a.tif", photo)
    thread = threading.Thread(target=page.ask, args=("POST", f"restore?model={WAVES}"))
    thread.start()
    assert started.wait(60)
    assert [*server.folder.rglob("photo.tif")]
    page.close()
    wait_for(lambda: server.ask("GET", f"/session/{page.token}/files/after")[0] == 404)
    go.set()
    thread.join()
    assert ended == ["the page no longer needs this"]
    wait_for(lambda: not [*server.folder.iterdir()])


def test_a_defect_is_a_line_on_the_page(page, photo, monkeypatch, caplog):
    page.ask("PUT", "photo?name=a.tif", photo)
    monkeypatch.setattr(work, "restore", lambda *arguments: 1 / 0)
    assert page.ask("POST", f"restore?model={WAVES}") == (
        500, {"error": "the server failed; its terminal has the details"},
    )  # fmt: skip
    wait_for(lambda: "ZeroDivisionError" in caplog.text)


def test_other_sites_and_other_files_are_refused(server, page, monkeypatch):
    assert server.ask("GET", "/options", Host="example.org")[0] == 400
    for path in ("/page.py", "/../server.py", "/session/none/files/after"):
        assert server.ask("GET", path)[0] == 404
    assert page.ask("GET", "files/..%2Fphoto.tif")[0] == 404
    monkeypatch.setattr(server_module, "SESSIONS", 1)
    assert server.ask("GET", "/session")[0] == 503


def test_what_the_page_offers(server, tiny_model):
    status, offered = server.ask("GET", "/options")
    assert status == 200
    assert [model["title"] for model in offered["models"]] == ["tiny.safetensors", WAVES]
    assert registry()[WAVES].licence in offered["models"][1]["summary"]
    assert offered["kinds"] == [*DEGRADATIONS]
    assert ".tif" in offered["accept"]
