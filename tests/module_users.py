"""Modules of somebody who knows nothing of this package, in PyTorch and in MindSpore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

State = dict[str, NDArray[Any]]

STEPS = 12
"""Optimizer steps of :meth:`TorchUser.fit`."""


class TorchUser:
    """What somebody who knows nothing of this package would write in PyTorch."""

    def __init__(self) -> None:
        import torch

        torch.manual_seed(0)
        self.torch, self.nn = torch, torch.nn

    def network(self, channels: int = 3, out: int | None = None) -> Any:
        nn = self.nn
        layers = nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()
        last = nn.Conv2d(8, out or channels, 3, padding=1)
        return nn.Sequential(*layers, nn.Dropout(0.5), last)

    def two_results(self) -> Any:
        class TwoResults(self.nn.Module):  # type: ignore[name-defined,misc]
            def forward(self, x: Any) -> Any:
                return x, x

        return TwoResults()

    def inside_another(self, module: Any) -> Any:
        return self.nn.Sequential(module)

    def train(self, module: Any) -> None:
        module.train()

    def predict(self, module: Any, x: NDArray[Any]) -> NDArray[Any]:
        with self.torch.no_grad():
            return module.eval()(self.torch.from_numpy(x)).numpy()

    def state(self, module: Any) -> State:
        values = module.state_dict()
        return {n: v.numpy().copy() for n, v in values.items() if "num_batches" not in n}

    def load(self, module: Any, values: Mapping[str, NDArray[Any]]) -> None:
        tensors = {n: self.torch.from_numpy(v) for n, v in values.items()}
        module.load_state_dict(tensors, strict=False)

    def fit(self, module: Any, x: NDArray[Any], y: NDArray[Any]) -> tuple[list[float], list[str]]:
        """Losses, and the names of the weights for which the optimizer keeps state."""
        self.train(module)
        inputs, targets = map(self.torch.from_numpy, (x, y))
        names = {p: n for n, p in module.named_parameters()}
        optimizer = self.torch.optim.Adam((p for p in names if p.requires_grad), 1e-2)
        losses = []
        for _ in range(STEPS):
            loss = (module(inputs) - targets).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses, [names[p] for p in optimizer.state]


NAMES = {"gamma": "weight", "beta": "bias",
         "moving_mean": "running_mean", "moving_variance": "running_var"}  # fmt: skip
"""MindSpore's and PyTorch's."""


class MindSporeUser:
    """The same in MindSpore."""

    def __init__(self) -> None:
        import mindspore

        mindspore.set_seed(0)
        self.ms, self.nn = mindspore, mindspore.nn

    def network(self, channels: int = 3, out: int | None = None) -> Any:
        nn, padded = self.nn, {"pad_mode": "pad", "padding": 1, "has_bias": True}
        layers = nn.Conv2d(channels, 8, 3, **padded), nn.BatchNorm2d(8), nn.ReLU()
        last = nn.Conv2d(8, out or channels, 3, **padded)
        return nn.SequentialCell(*layers, nn.Dropout(p=0.5), last)

    def two_results(self) -> Any:
        class TwoResults(self.nn.Cell):  # type: ignore[name-defined,misc]
            def construct(self, x: Any) -> Any:
                return x, x

        return TwoResults()

    def inside_another(self, module: Any) -> Any:
        return self.nn.SequentialCell(module)

    def train(self, module: Any) -> None:
        module.set_train()

    def predict(self, module: Any, x: NDArray[Any]) -> NDArray[Any]:
        return module.set_train(False)(self.ms.Tensor(x)).asnumpy()

    def state(self, module: Any) -> State:
        return {self._name(n): p.asnumpy().copy() for n, p in module.parameters_and_names()}

    def load(self, module: Any, values: Mapping[str, NDArray[Any]]) -> None:
        for name, parameter in module.parameters_and_names():
            parameter.set_data(self.ms.Tensor(values[self._name(name)]))

    def fit(self, module: Any, x: NDArray[Any], y: NDArray[Any]) -> tuple[list[float], list[str]]:
        self.train(module)
        inputs, targets = map(self.ms.Tensor, (x, y))
        optimizer = self.nn.Adam(module.trainable_params(), 1e-2)
        value_and_grad = self.ms.value_and_grad(
            lambda x, y: (module(x) - y).square().mean(), None, optimizer.parameters
        )
        losses = []
        for _ in range(STEPS):
            loss, grads = value_and_grad(inputs, targets)
            optimizer(grads)
            losses.append(float(loss))
        return losses, [p.name.removeprefix("moment1.") for p in optimizer.moment1]

    def _name(self, name: str) -> str:
        rest, _, last = name.rpartition(".")
        return f"{rest}.{NAMES.get(last, last)}"


USERS = {"backends.torch": TorchUser, "backends.mindspore": MindSporeUser}
