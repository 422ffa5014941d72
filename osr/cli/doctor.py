"""``osr doctor``: what is installed, and what would be used."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from typing import Any

import click

from backends import get_backend
from osr.cli import backend_option, json_option
from osr_core import __version__
from osr_core.backend import BACKENDS, is_installed, pick_backend, require_backend
from osr_core.errors import BackendError

_LIBRARIES = ("numpy", "opencv-python-headless", "scikit-image", "pillow", "safetensors")


@click.command()
@backend_option
@json_option
def doctor(backend: str | None, as_json: bool) -> int:
    """Show what is installed, and which backend and device would be used."""
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
    try:
        picked = require_backend(backend) if backend else pick_backend()
        choice: dict[str, Any] = {"backend": picked}
    except BackendError as error:
        choice = {"backend": None, "hint": str(error)}
    data |= {name: _examine_backend(name) for name in BACKENDS}
    if choice["backend"]:
        devices = get_backend(choice["backend"]).devices()
        choice |= {"devices": devices, "device": devices[0]}
    return data | choice


def _examine_backend(name: str) -> str:
    if not is_installed(name):
        return f"not installed; pip install 'osr[{name}]'"
    version = get_backend(name).version()
    if name != "mindspore":
        return str(version)
    from backends.mindspore import onednn

    return f"{version}, oneDNN cap {onednn.cap()}"


def _has(library: str) -> bool:
    try:
        metadata.version(library)
    except metadata.PackageNotFoundError:
        return False
    return True
