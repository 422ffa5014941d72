"""What a trainer of either backend is given besides its network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from osr_core.backend import PRECISIONS
from osr_core.settings import require
from osr_core.training.losses import check_losses


@dataclass(frozen=True)
class Optimizer:
    """How weights follow their gradients."""

    kind: Literal["adam", "adamw", "muon"] = "adamw"
    """Adam (Kingma and Ba, ICLR 2015), AdamW (Loshchilov and Hutter, ICLR 2019), or Muon for
    kernels with AdamW for the rest (:mod:`osr_core.training.muon`)."""
    lr: float = 2e-3
    """Learning rate at the peak of the schedule."""
    weight_decay: float = 0.0
    """``adamw``, ``muon``: decoupled; ``adam``: the weights, times this, join the gradient."""

    def __post_init__(self) -> None:
        require(0 < self.lr < math.inf, "optimizer.lr", "a positive number", self.lr)
        decay = self.weight_decay
        require(0 <= decay < math.inf, "optimizer.weight_decay", "0 or more", decay)


@dataclass(frozen=True)
class TrainerOptions:
    """Loss, optimizer and how a step is computed.

    >>> TrainerOptions({"l1": 1.0}).optimizer.kind
    'adamw'
    """

    loss: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0})
    """Loss (:data:`osr_core.training.losses.LOSSES`) → its weight in the sum."""
    routing: bool = False
    """Whether the loss is instead that of the router and the gates of frozen ``routed_experts``
    (:mod:`osr_core.training.routing`)."""
    routing_replay: int = 0
    """Recent samples that a step of ``routing`` repeats for each new one."""
    routing_heads: bool = False
    """Train only the last layers of the router, and the gates. The layers before them are frozen,
    and their output is computed once per sample, so that it costs little to repeat it."""
    optimizer: Optimizer = field(default_factory=Optimizer)
    clip_grad_norm: float = 1.0
    """Largest norm of the gradient of all weights together; 0: not clipped."""
    accumulation_steps: int = 1
    """Parts into which a device divides its batch, to need less memory; the step is the same."""
    precision: str = "float32"
    """Type in which convolutions are computed."""

    def __post_init__(self) -> None:
        check_losses(self.loss)
        clip, steps = self.clip_grad_norm, self.accumulation_steps
        replay = self.routing_replay
        require(0 <= replay <= 64, "routing_replay", "0 to 64", replay)
        routed = self.routing or not self.routing_heads
        require(routed, "routing_heads", "routing = true beside it", self.routing)
        require(0 <= clip < math.inf, "clip_grad_norm", "0 or more", clip)
        require(steps > 0, "accumulation_steps", "a positive number", steps)
        known = ", ".join(PRECISIONS)
        require(self.precision in PRECISIONS, "precision", f"one of {known}", self.precision)

    def check_batch_size(self, size: int, processes: int = 1) -> None:
        """Raise :class:`OptionError` unless the batch can be split among processes and steps."""
        parts = processes * self.accumulation_steps
        expected = f"a multiple of processes × accumulation_steps, {parts}"
        require(size > 0 and size % parts == 0, "batch_size", expected, size)
