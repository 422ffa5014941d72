"""Train a network of OSR with Hugging Face's Accelerate; the result is a model like any other.

    pip install accelerate
    python examples/train_accelerate.py                # or: accelerate launch examples/…

Samples and degradations are those of a recipe. The photographs come with scikit-image.
"""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator
from torch.nn.functional import l1_loss
from torch.utils.data import DataLoader

import osr
from backends.torch import build
from osr_core import Checkpoint
from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet

STEPS = 30


def main(target: str = "accelerate.safetensors") -> None:
    """Train, save, and say how to use it."""
    accelerator = Accelerator()
    view = osr.training_samples("paper-small", task="denoise", assign=[f"steps={STEPS}"])
    spec = ModelSpec(UNet((16, 24)), InputTransform(), OutputTransform())
    network = build(spec)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    loader: Any = DataLoader(view, view.batch_size)  # type: ignore[arg-type]
    model, optimizer, loader = accelerator.prepare(network, optimizer, loader)
    for step, (degraded, clean) in enumerate(loader, 1):
        loss = l1_loss(model(degraded), clean)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        if step % 10 == 0:
            accelerator.print(f"step {step}: loss {loss.item():.4f}")
    if accelerator.is_main_process:
        Checkpoint(spec, accelerator.unwrap_model(model).state()).save(target)
        print(f"osr restore PICTURE --model {target} -o RESTORED")


if __name__ == "__main__":
    main()
