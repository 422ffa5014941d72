"""Out-of-Sample Restoration, framework-neutral: the method, networks, checkpoints, tiling.

Imports neither PyTorch nor MindSpore; the networks in either framework are in :mod:`backends`.

    import backends, osr_core
    restored = osr_core.restore(image, backends.load("osr-general"))
"""

from __future__ import annotations

from osr_core.backend import Network
from osr_core.checkpoint import Checkpoint
from osr_core.errors import OSRError
from osr_core.restoration import restore
from osr_core.spec import InputTransform, ModelSpec, OutputTransform

__version__ = "0.1.0"

__all__ = [
    "Checkpoint",
    "InputTransform",
    "ModelSpec",
    "Network",
    "OSRError",
    "OutputTransform",
    "restore",
]
