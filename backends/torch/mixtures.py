"""Mixtures of experts, as PyTorch modules. Twin of :mod:`backends.mindspore.mixtures`."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from backends.torch.backbones import UNet
from backends.torch.base import Network
from backends.torch.layers import (
    ResidualBlock,
    blockiness,
    conv,
    hard_gate,
    haze_amount,
    leaky,
    level,
    level_of,
    mean_of_patches,
    mosaic,
    patches,
    thumbnail,
    upsample,
)
from backends.torch.transforms import InputTransform
from osr_core import spec as specs
from osr_core.blockiness import CHANNELS
from osr_core.operations import GATE, GATE_SLOPE, RESIDUAL_SCALE, ROUTE
from osr_core.spec import IMAGE_CHANNELS


class Experts(Network):
    """Mixture of experts; :class:`osr_core.spec.Experts`."""

    def __init__(self, spec: specs.Experts, channels: int = IMAGE_CHANNELS) -> None:
        super().__init__()
        inputs, waves = channels * (1 + len(spec.experts)), 2 * spec.waves
        self.wave = InputTransform(inputs, specs.InputTransform(spec.waves))
        self.gate = UNet(spec.gate, waves)
        self.gates = nn.ModuleList(conv(waves, 1, 1) for _ in spec.experts)
        self.experts = nn.ModuleList(UNet(expert, channels) for expert in spec.experts)

    def forward(self, image: Tensor, context: Tensor | None = None) -> Tensor:
        stack, residuals = image, []
        for index in range(len(self.experts)):
            residuals.append(self.experts[index](image, context) - image)
            stack = torch.cat((stack, RESIDUAL_SCALE * residuals[index]), 1)
        waves = torch.cat(self.wave(stack), 1)  # (N, 2·waves, H, W)
        del stack  # large, and no longer needed
        features = self.gate(waves)
        result = image
        for index in range(len(self.gates)):
            gate = leaky(1 + self.gates[index](features), GATE_SLOPE)  # (N, 1, H, W)
            result = result + gate * residuals[index]
        return result


class RoutedExperts(Network):
    """Sparse mixture of experts; :class:`osr_core.spec.RoutedExperts`.

    Router and gates decide in float32, whatever the precision of the experts: near a threshold
    rounding would change which of them run.
    """

    def __init__(self, spec: specs.RoutedExperts, channels: int = IMAGE_CHANNELS) -> None:
        super().__init__()
        self.cell, self.width = spec.cell, spec.width
        width, count = spec.width, len(spec.experts)
        self.wave = InputTransform(channels, specs.InputTransform(spec.waves))
        steps = pairwise((2 * spec.waves, *spec.router))
        self.router = nn.ModuleList(conv(f, c, stride=2) for f, c in steps)
        self.router_blocks = nn.ModuleList(
            ResidualBlock(c, activation="leaky") for c in spec.router
        )
        self.router_patches = conv(spec.router[-1], width, 1)
        steps = pairwise((IMAGE_CHANNELS, *spec.context))
        self.context = nn.ModuleList(conv(f, c, stride=2) for f, c in steps)
        self.router_context = conv(spec.context[-1] + 1, width, 1)
        self.router_blockiness = conv(CHANNELS, width, 1)
        self.router_hidden = conv(width, width, 1)
        self.routes = nn.ModuleList(conv(width, 1, 1) for _ in spec.experts)
        self.gate_levels = conv(count, width, 1)
        self.gate_features = conv(width, width, 1)
        self.gate_hidden = conv(width, width, 1)
        self.gates = nn.ModuleList(conv(width, 1, 1) for _ in spec.experts)
        self.experts = nn.ModuleList(UNet(expert, channels) for expert in spec.experts)

    def forward(self, image: Tensor, context: Tensor | None = None) -> Tensor:
        if context is None:
            context = self.look(image)
        with torch.autocast(image.device.type, enabled=False):
            features, routes = self.route(context)
        changes: dict[int, Tensor] = {}  # of the experts that run
        levels = []
        for index in range(len(self.experts)):
            route = hard_gate(routes[index], ROUTE)  # (N, 1, 1, 1)
            if self._tracing() or (route > 0).any():
                restored = self.experts[index](image, context[:, :IMAGE_CHANNELS])
                changes[index] = route * restored.sub_(image)
                levels.append(level(changes[index], self.cell))
            else:
                cells = image.shape[2] // self.cell, image.shape[3] // self.cell
                levels.append(image.new_zeros(len(image), 1, *cells))
        with torch.autocast(image.device.type, enabled=False):
            logits = self.gate(features, torch.cat(levels, 1))
        result = image.clone()  # never the image itself, also if no expert runs
        for index, change in changes.items():
            gate = upsample(hard_gate(logits[index], GATE), self.cell)  # (N, 1, H, W)
            result = result + gate * change
        return result

    def look(self, image: Tensor) -> Tensor:
        """The context of a whole image, ``(N, 6, SIDE, SIDE)``."""
        return torch.cat((thumbnail(image), mosaic(image)), 1)

    def route(self, context: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Features and the logit of each expert's gate, ``(N, C, 1, 1)`` and ``(N, 1, 1, 1)``."""
        return self.decide(self.evidence(context))

    def evidence(self, context: Tensor) -> Tensor:
        """What patches, the thumbnail and JPEG's traces show, ``(N, E, 1, 1)``."""
        small, parts = context[:, :IMAGE_CHANNELS], patches(context[:, IMAGE_CHANNELS:])
        x = torch.cat(self.wave(parts), 1)  # (16 N, 2·waves, PATCH, PATCH)
        for index in range(len(self.router)):
            x = self.router_blocks[index](leaky(self.router[index](x)))
        x = mean_of_patches(leaky(self.router_patches(x)))
        whole = small  # (N, 3, SIDE, SIDE)
        for layer in self.context:
            whole = leaky(layer(whole))
        whole = whole.mean((2, 3), keepdim=True)
        return torch.cat((x, whole, haze_amount(small), blockiness(parts)), 1)

    def decide(self, evidence: Tensor) -> tuple[Tensor, list[Tensor]]:
        """As :meth:`route`, given the evidence."""
        blocks = evidence[:, -CHANNELS:]
        x, whole = evidence[:, : self.width], evidence[:, self.width : -CHANNELS]
        x = leaky(x + self.router_context(whole) + self.router_blockiness(blocks))
        x = leaky(self.router_hidden(x))
        return x, [layer(x) for layer in self.routes]

    def gate(self, features: Tensor, levels: Tensor) -> list[Tensor]:
        """The logit of each expert's gate in each cell, ``(N, 1, H/cell, W/cell)``."""
        x = leaky(self.gate_levels(levels) + self.gate_features(features))
        x = leaky(self.gate_hidden(x))
        return [layer(x) for layer in self.gates]

    def routing(self, evidence: Tensor, energies: Tensor) -> tuple[Tensor, Tensor]:
        """All logits, given the evidence and the mean squares of the changes in each cell.

        Of ``(N, E, 1, 1)`` and ``(N, K, H/cell, W/cell)``: ``(N, K)`` of the router and
        ``(N, K, H/cell, W/cell)`` of the gates, from the levels of the experts that would run.
        """
        features, routes = self.decide(evidence)
        logits = torch.cat(routes, 1)
        running = hard_gate(logits.detach().float(), ROUTE)
        levels = level_of(energies * running.square())
        return logits[..., 0, 0], torch.cat(self.gate(features, levels), 1)

    def changes(self, image: Tensor) -> list[Tensor]:
        """The output of each expert less the image."""
        return [expert(image) - image for expert in self.experts]

    def _tracing(self) -> bool:
        """Whether all experts must run: a traced graph has no branches, weights need gradients."""
        return torch.is_grad_enabled() or torch.compiler.is_compiling()
