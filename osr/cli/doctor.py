"""``osr doctor``: what is installed, and what would be used."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

import click

from backends import get_backend
from osr.cli import config, options
from osr.cli.output import print_json, table
from osr_core import __version__
from osr_core.backend import BACKENDS, is_installed, pick_backend, require_backend
from osr_core.errors import BackendError

_LIBRARIES = ("numpy", "opencv-python-headless", "scikit-image", "pillow", "protobuf")


@click.command()
@options.backend
@options.json
def doctor(backend: str | None, as_json: bool) -> int:
    """Show what is installed, and which backend and device would be used."""
    data: dict[str, Any] = {"osr": __version__, "python": platform.python_version()}
    data |= {name: d.version for name in _LIBRARIES for d in metadata.distributions(name=name)}
    data |= {name: _framework(name) for name in BACKENDS}
    data["config"] = [str(path) for path in config.files()]
    try:
        data["backend"] = require_backend(backend) if backend else pick_backend()
        devices = get_backend(data["backend"]).devices()
        data |= {"devices": devices, "device": devices[0]}
    except BackendError as error:
        data |= {"backend": None, "hint": str(error)}
    if as_json:
        print_json(data)
    else:
        click.echo(table(data.items()))
    return 0 if data["backend"] else 2


def _framework(name: str) -> str:
    if not is_installed(name):
        return f"not installed; pip install 'osr[{name}]'"
    version: str = get_backend(name).version()
    if name == "mindspore":
        from backends.mindspore import onednn

        version += f", oneDNN cap {onednn.cap()}"
    return version
