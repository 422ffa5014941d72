"""Fixtures: the backends that are installed, one at a time or together."""

from __future__ import annotations

import os
import signal
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

# Tiny networks gain nothing from threads, and on a busy machine the threads of three libraries
# wait for each other in loops: 2 seconds become 10 minutes. Read when NumPy and PyTorch start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["OSR_CONFIG"] = ""  # no settings of whoever runs the tests

from osr_core.backend import BACKENDS, FRAMEWORKS, is_installed
from osr_core.checkpoint import Checkpoint
from osr_core.initial import initial_state
from osr_core.spec import ModelSpec, UNet

# A shell starts what it runs in the background with SIGINT ignored, and commands would inherit it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=BACKENDS, scope="session")
def runtime(request: pytest.FixtureRequest) -> ModuleType:
    """Each backend in turn, a module such as ``backends.torch``."""
    return _backend(request.param)


@pytest.fixture(params=FRAMEWORKS, scope="session")
def backend(request: pytest.FixtureRequest) -> ModuleType:
    """Each backend that trains, in turn."""
    return _backend(request.param)


@pytest.fixture(scope="session")
def any_backend() -> ModuleType:
    """One of those that are installed and train, for what is written once."""
    return _backend(next(filter(is_installed, FRAMEWORKS), FRAMEWORKS[0]))


@pytest.fixture(scope="session")
def twins() -> dict[str, ModuleType]:
    """Both backends that train, by name."""
    return {name: _backend(name) for name in FRAMEWORKS}


@pytest.fixture(scope="session")
def runtimes() -> dict[str, ModuleType]:
    """All backends by name."""
    return {name: _backend(name) for name in BACKENDS}


def _backend(name: str) -> ModuleType:
    if not is_installed(name):
        pytest.skip(f"{name} is not installed: pip install 'osr[{name}]'")
    return import_module(f"backends.{name}")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small network that changes what it restores."""
    spec = ModelSpec(UNet((4, 6), 1))
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    Checkpoint(spec, initial_state(spec, 0)).save(path)
    return path
