import numpy as np

from osr_core.analysis import analyse
from osr_core.initial import initial_state
from osr_core.spec import InputTransform, ModelSpec, OutputTransform, UNet

SPEC = ModelSpec(UNet((8, 16)), InputTransform(), OutputTransform())


def test_shapes_and_order_are_the_specs():
    state = initial_state(SPEC, 0)
    assert [(n, w.shape) for n, w in state.items()] == [
        (p.name, p.shape) for p in analyse(SPEC).parameters
    ]
    assert all(w.dtype == np.float32 for w in state.values())


def test_the_seed_decides():
    one, same, other = (initial_state(SPEC, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(one[n], same[n]) for n in one)
    assert not np.array_equal(one["backbone.head.weight"], other["backbone.head.weight"])


def test_a_tensor_depends_on_its_own_name_alone():
    wider = initial_state(ModelSpec(UNet((8, 16, 24)), InputTransform(), OutputTransform()), 0)
    name = "backbone.encoder.0.1.conv2.weight"
    assert np.array_equal(initial_state(SPEC, 0)[name], wider[name])


def test_variance():
    weight = initial_state(ModelSpec(UNet((64,))), 0)["encoder.0.0.conv1.weight"]
    np.testing.assert_allclose(weight.std(), np.sqrt(2 / (64 * 9)), rtol=0.02)
