"""Our networks for programs that load models by spandrel, such as ComfyUI and chaiNNer.

    python examples/spandrel_architecture.py osr-denoise denoise-for-spandrel.safetensors

spandrel tells a network by the names and shapes of its tensors, and ours do not determine it. So
the file that is written carries the specification as one more tensor, and the architecture below,
once it is registered, reads it. In a program that uses spandrel, with this package installed:

    from spandrel_architecture import register
    register()

For ComfyUI these two lines are ``custom_nodes/osr/__init__.py``, with this file beside it, a dot
before the name of the module, and ``NODE_CLASS_MAPPINGS = {}``; the file of the model belongs into
``models/upscale_models``.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from backends.torch import build
from osr_core import Checkpoint
from osr_core.analysis import analyse
from osr_core.spec import ModelSpec
from osr_core.tensor_file import write_tensors
from weights.external import import_spandrel

spandrel = import_spandrel()

MARK = "osr_spec"
"""Name of the tensor that holds the specification, as bytes of JSON."""


class OSRArchitecture(spandrel.Architecture):  # type: ignore[name-defined,misc]
    """Every network of this package."""

    def __init__(self) -> None:
        super().__init__(id="OSR", detect=lambda state: MARK in state)

    def load(self, state_dict: dict[str, Any]) -> Any:
        """The network of a state dict with the mark."""
        text = bytes(state_dict[MARK].cpu().numpy().astype(np.uint8)).decode()
        spec = ModelSpec.from_json(text)
        weights = {name: tensor for name, tensor in state_dict.items() if name != MARK}
        arrays = {name: tensor.float().cpu().numpy() for name, tensor in weights.items()}
        known, tiling = analyse(spec), spandrel.ModelTiling
        whole = known.context_channels > 0 or known.global_statistics
        return spandrel.ImageModelDescriptor(
            build(spec, device="cpu", state=arrays),
            weights,
            architecture=self,
            purpose="Restoration",
            tags=[spec.backbone.kind],
            supports_half=False,  # the phase needs float32
            supports_bfloat16=False,
            scale=1,
            input_channels=3,
            output_channels=3,
            size_requirements=spandrel.SizeRequirements(multiple_of=known.total_stride),
            tiling=tiling.DISCOURAGED if whole else tiling.SUPPORTED,
        )


def register() -> None:
    """Let spandrel's own loader recognise our networks."""
    if "OSR" not in spandrel.MAIN_REGISTRY:
        support = spandrel.ArchSupport.from_architecture(OSRArchitecture())
        spandrel.MAIN_REGISTRY.add(support)


def write(model: str, path: str) -> None:
    """A file of a registered model or of a checkpoint for spandrel."""
    checkpoint = Checkpoint.load(model)
    text = np.frombuffer(checkpoint.spec.to_json().encode(), np.uint8)
    write_tensors(path, {**checkpoint.state, MARK: text}, {})


def main(model: str, path: str) -> None:
    """Write the file, load it by spandrel, and compare."""
    import torch

    from backends.torch import load

    write(model, path)
    register()
    loaded = spandrel.ModelLoader().load_from_file(path)
    image = torch.rand(1, 3, 64, 64)
    ours = load(model, "cpu").predict(image.numpy()).clip(0, 1)
    difference = np.abs(loaded(image).numpy() - ours).max()
    print(f"{path}: {loaded.architecture.name} {', '.join(loaded.tags)}, multiples of "
          f"{loaded.size_requirements.multiple_of}, tiling {loaded.tiling.name.lower()}, "
          f"differs by {difference:.0e}")  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
