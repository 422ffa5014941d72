"""Out-of-Sample Restoration from Python: one function a workflow.

    import osr
    osr.restore_files(["photo.jpg"], "restored/")

Each name is imported when it is first used, so that ``import osr`` loads no framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from osr_core import __version__

if TYPE_CHECKING:
    from osr.benchmark import bench as bench
    from osr.cluster.restoration import restore_on_ray as restore_on_ray
    from osr.degradations.files import degrade_files as degrade_files
    from osr.evaluation.comparison import compare as compare
    from osr.evaluation.session import evaluate as evaluate
    from osr.inspection import inspect as inspect
    from osr.parity import check_parity as check_parity
    from osr.pipeline import restore_files as restore_files
    from osr.training.run import train as train
    from osr.training.views import training_samples as training_samples
    from osr_core.model_folder import save_pretrained as save_pretrained
    from weights.convert import convert as convert
    from weights.export import export as export
    from weights.external import load_network as load_network

_MODULES = {
    "bench": "osr.benchmark",
    "compare": "osr.evaluation.comparison",
    "convert": "weights.convert",
    "check_parity": "osr.parity",
    "degrade_files": "osr.degradations.files",
    "evaluate": "osr.evaluation.session",
    "export": "weights.export",
    "inspect": "osr.inspection",
    "load_network": "weights.external",
    "restore_files": "osr.pipeline",
    "restore_on_ray": "osr.cluster.restoration",
    "save_pretrained": "osr_core.model_folder",
    "train": "osr.training.run",
    "training_samples": "osr.training.views",
}
"""Every public function and the module that holds it. No module of this package may have the name
of a function: importing it would hide the function."""

__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'osr' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
