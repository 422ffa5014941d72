"""Entry points of torch.hub; ``source="local"`` loads nothing from the network.

    torch.hub.load("path/to/osr", "osr_network", "osr-denoise", source="local")
"""

from __future__ import annotations

from typing import Any

dependencies = ["torch", "numpy", "cv2", "PIL", "tifffile", "google.protobuf", "click"]


def osr_network(
    name: str = "osr-general", device: str = "auto", precision: str = "float32"
) -> Any:
    """The network of a registered model, a weight file or a folder: an ``nn.Module`` from RGB in
    [0, 1], ``(N, 3, H, W)``, to the same shape; see :func:`backends.torch.networks.load`."""
    from backends.torch import load

    return load(name, device, precision)
