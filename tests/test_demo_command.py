"""The command ``osr demo``: where it listens, what it serves, and its errors."""

from __future__ import annotations

import json
import socket

import pytest
from command_line import osr

from osr_core.registry import registry

pytest.importorskip("uvicorn", reason="needs the extra demo")

from osr.demo import server as server_module
from osr.demo.server import is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("x", False)],
)
def test_loopback(host, expected):
    assert is_loopback(host) == expected


def test_the_command_says_what_is_wrong():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = osr("demo", "--port", taken.getsockname()[1])
    assert run.returncode == 2
    assert "cannot listen: Address already in use" in run.errors[0]
    assert osr("demo", "--host", "nowhere.invalid").returncode == 2
    assert osr("demo", "--model", "none.safetensors").errors == [
        "osr: model none.safetensors: no such file"
    ]


def test_the_command_serves_all_models_on_loopback(monkeypatch, tiny_model):
    seen = {}

    class Server:
        def run(self, listeners):
            seen["address"] = listeners[0].getsockname()

    def make(settings, folder, host):
        seen.update(settings=settings, folder=folder)
        assert folder.is_dir()
        return Server()

    monkeypatch.setattr(server_module, "make_server", make)
    run = osr("demo", "--port", 0, "--model", tiny_model)
    assert run.returncode == 0
    assert seen["address"][0] == "127.0.0.1"
    assert run.stdout.startswith(f"http://127.0.0.1:{seen['address'][1]}/")
    assert seen["settings"].models == (str(tiny_model), *registry())
    assert not seen["folder"].exists()
    assert not run.stderr
    run = osr("demo", "--host", "0.0.0.0", "--port", 0, "--json")
    assert json.loads(run.stdout)["models"] == [*registry()]
    assert "anyone who reaches this address" in run.stderr
