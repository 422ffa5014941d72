"""Packages that some workflows alone need: the extras of the installation."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from osr_core.errors import PackageError

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "evaluation": ("skimage", "scipy", "matplotlib", "jinja2"),
    "demo": ("starlette", "uvicorn", "matplotlib"),
    "video": ("av",),
    "ray": ("ray", "fsspec"),
}
"""Extra of setup.py → the packages that it adds, as they are imported."""


def require_extra(extra: str, workflow: str) -> None:
    """Raise :class:`PackageError` unless all packages of an extra are installed.

    Args:
        extra: its name.
        workflow: what needs it, for the message.
    """
    for package in EXTRAS[extra]:
        if find_spec(package) is None:
            raise PackageError(f"{workflow}: needs {package}; pip install 'osr[{extra}]'")
