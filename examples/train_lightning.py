"""Train a network of OSR with Lightning; the result is a model like any other.

    pip install lightning
    python examples/train_lightning.py

Samples and degradations are those of a recipe; loop, devices and precision are Lightning's. The
photographs come with scikit-image.
"""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch import Tensor
from torch.nn.functional import l1_loss
from torch.utils.data import DataLoader

import osr
from backends.torch import build
from osr_core import Checkpoint
from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet

STEPS = 30


class Restoration(lightning.LightningModule):  # type: ignore[misc]
    """Learns to restore."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.network = build(spec)

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """Loss of a batch, (N, 3, H, W) degraded and clean."""
        degraded, clean = batch
        loss = l1_loss(self.network(degraded), clean)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        """Of all weights."""
        return torch.optim.AdamW(self.parameters(), 1e-3)


def main(target: str = "lightning.safetensors") -> None:
    """Train, save, and say how to use it."""
    view = osr.training_samples("paper-small", task="denoise", assign=[f"steps={STEPS}"])
    spec = ModelSpec(UNet((16, 24)), InputTransform(), OutputTransform())
    model = Restoration(spec)
    trainer = lightning.Trainer(max_epochs=1, logger=False, enable_checkpointing=False)
    loader: Any = DataLoader(view, view.batch_size)  # type: ignore[arg-type]
    trainer.fit(model, loader)
    Checkpoint(spec, model.network.state()).save(target)
    print(f"osr restore PICTURE --model {target} -o RESTORED")


if __name__ == "__main__":
    main()
