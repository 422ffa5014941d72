"""``osr doctor``: what is installed, and what would be used."""

from __future__ import annotations

import json
import platform
from importlib import import_module, metadata
from typing import Any

import click

from osr_core import __version__
from osr_core.backend import BACKENDS, VARIABLE, is_installed, pick_backend
from osr_core.cli import backend_option, use_backend
from osr_core.errors import BackendError

_LIBRARIES = ("numpy", "opencv-python-headless", "scikit-image", "pillow", "safetensors")


@click.command()
@backend_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def doctor(backend: str | None, as_json: bool) -> int:
    """Say what is installed, and which backend and device would be used."""
    data = _examine(backend)
    if as_json:
        click.echo(json.dumps(data))
    else:
        for key, value in data.items():
            shown = value if not isinstance(value, list) else ", ".join(value)
            click.echo(f"{key:<24} {shown}")
    return 0 if data["backend"] else 2


def _examine(backend: str | None) -> dict[str, Any]:
    data: dict[str, Any] = {"osr": __version__, "python": platform.python_version()}
    data |= {library: metadata.version(library) for library in _LIBRARIES if _has(library)}
    for name in BACKENDS:
        data[name] = _examine_backend(name)
    try:
        picked: str | None = use_backend(backend).name if backend else pick_backend()
        devices = import_module(f"backends.{picked}").devices()
        data |= {"backend": picked, "devices": devices, "device": devices[0]}
    except BackendError as error:
        data |= {"backend": None, "mend": str(error)}
    data["set_by"] = f"{VARIABLE}, --backend, or the first that is installed"
    return data


def _examine_backend(name: str) -> str:
    if not is_installed(name):
        return f"not installed; pip install 'osr[{name}]'"
    module = import_module(f"backends.{name}")
    return f"{module.version()}, CPU cap {module.cpu_cap()}"


def _has(library: str) -> bool:
    try:
        metadata.version(library)
    except metadata.PackageNotFoundError:
        return False
    return True
