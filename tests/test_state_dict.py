"""PyTorch's state dicts of networks are what other programs expect of one."""

import numpy as np
import pytest

from osr_core.backend import is_installed
from osr_core.registry import registry
from osr_core.spec import BACKBONES, InputTransform, ModelSpec, OutputTransform, UNet

if not is_installed("torch"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from safetensors.torch import load_file, save_file

from backends.torch import build, load

SHARED = InputTransform(3, layout="shared"), OutputTransform()
SPECS = {
    **{kind: ModelSpec(part()) for kind, part in BACKBONES.items()},
    **{
        f"{kind}, reprogrammed": ModelSpec(part(), *SHARED)
        for kind, part in BACKBONES.items()
        if kind != "routed_experts"  # its context is that of an image
    },
    "context": ModelSpec(UNet(context=(4, 6))),
    "stacked": ModelSpec(UNet(), InputTransform(), OutputTransform()),
}


@pytest.mark.parametrize("network", [*SPECS, *registry()])
def test_a_state_dict_is_saved_by_safetensors(network, tmp_path):
    network = build(SPECS[network]) if network in SPECS else load(network, device="cpu")
    assert all(tensor.is_contiguous() for tensor in network.state_dict().values())
    save_file(network.state_dict(), tmp_path / "x.safetensors")
    tensors = load_file(tmp_path / "x.safetensors")
    network.load_state_dict(tensors)
    state = network.state()
    assert tensors.keys() == state.keys()
    assert all(np.array_equal(tensors[name].numpy(), value) for name, value in state.items())


def test_building_draws_no_random_numbers_of_pytorch():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    build(SPECS["unet"])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_arrays_are_copied():
    spec = ModelSpec(UNet((4,), 1))
    state = build(spec).state()
    network = build(spec, state=state)
    state["head.weight"][:] = 0
    assert network.head.weight.abs().sum() > 0
