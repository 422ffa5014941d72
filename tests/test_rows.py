"""Layers in inference mode, a few rows at a time, compute what the layers do."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from backends.torch import build, rows  # noqa: E402
from backends.torch.layers import ResidualBlock, conv, shuffle, subpixel  # noqa: E402
from osr_core.spec import ModelSpec, UNet  # noqa: E402

WIDTH = 8


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def _allow(monkeypatch, count, x):
    """Let a feature map like ``x`` be computed some rows at a time."""
    monkeypatch.setattr(rows, "_CACHE", count * x[:, :, 0].numel() * x.element_size())


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_residual_block_is_the_same_by_rows(monkeypatch, layout, height, count):
    block = ResidualBlock(WIDTH, activation="leaky").requires_grad_(False)
    x = torch.randn(2, WIDTH, height, 6).to(memory_format=layout)
    expected = block(x)
    _allow(monkeypatch, count, x)
    with torch.inference_mode():
        result = block(x)
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)
    assert result.data_ptr() == x.data_ptr()


def test_a_residual_block_convolves_a_few_rows_at_a_time(monkeypatch):
    block, heights = ResidualBlock(WIDTH), []
    convolve = rows.F.conv2d

    def counted(x, *rest, **options):
        heights.append(x.shape[2])
        return convolve(x, *rest, **options)

    x = torch.randn(1, WIDTH, 20, 6)
    _allow(monkeypatch, 4, x)
    monkeypatch.setattr(rows.F, "conv2d", counted)
    with torch.inference_mode():
        block(x)
    assert len(heights) == 2 * 5
    assert max(heights) == 4 + 2


@pytest.mark.parametrize("height", [1, 2, 5])
def test_a_subpixel_convolution_is_added_by_rows(monkeypatch, height):
    layer = conv(WIDTH, 4 * 3, 1).requires_grad_(False)
    x, skip = torch.randn(2, WIDTH, height, 4), torch.randn(2, 3, 2 * height, 8)
    expected = skip + shuffle(layer(x), 2)
    torch.testing.assert_close(subpixel(layer, x, skip), expected, atol=1e-6, rtol=0)
    _allow(monkeypatch, 4, skip)
    with torch.inference_mode():
        result = subpixel(layer, x, skip)
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)
    assert result.data_ptr() == skip.data_ptr()


def test_layers_of_other_types_are_called(monkeypatch):
    class Doubled(torch.nn.Conv2d):
        def forward(self, x):
            return 2 * super().forward(x)

    block = ResidualBlock(WIDTH).requires_grad_(False)
    block.conv2 = Doubled(WIDTH, WIDTH, 3, padding=1).requires_grad_(False)
    x = torch.randn(1, WIDTH, 9, 6)
    expected = block(x)
    _allow(monkeypatch, 2, x)
    with torch.inference_mode():
        torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_hooks_of_convolutions_are_called(monkeypatch, register):
    block, called = ResidualBlock(WIDTH).requires_grad_(False), []
    x = torch.randn(1, WIDTH, 9, 6)
    expected = block(x)
    getattr(block.conv1, register)(lambda *_: called.append(1))
    _allow(monkeypatch, 2, x)
    with torch.inference_mode():
        torch.testing.assert_close(block(x), expected)
    assert called == [1]


def test_gradients_do_not_depend_on_how_rows_are_computed(monkeypatch):
    block = ResidualBlock(WIDTH)
    x = torch.randn(1, WIDTH, 9, 6, requires_grad=True)
    _allow(monkeypatch, 2, x)
    before = x.detach().clone()
    block(x).sum().backward()
    assert torch.equal(x, before)
    assert x.grad is not None


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_other_precisions_are_the_same_by_rows(monkeypatch, precision):
    network = build(ModelSpec(UNet((WIDTH, 12), 1))).eval()
    network.precision = precision
    image = torch.rand(1, 3, 48, 32).numpy()
    expected = network.predict(image)
    monkeypatch.setattr(rows, "_CACHE", 1)  # two rows at a time
    assert abs(network.predict(image) - expected).max() < 0.01


@pytest.mark.parametrize("activation", ["relu", "leaky"])
def test_a_network_leaves_its_input_as_it_was(monkeypatch, activation):
    network = build(ModelSpec(UNet((WIDTH, 12), 1, activation=activation))).eval()
    image = torch.rand(1, 3, 48, 32).to(memory_format=torch.channels_last)
    with torch.no_grad():
        expected = network(image)
    before = image.clone()
    monkeypatch.setattr(rows, "_CACHE", 1)  # two rows at a time
    with torch.inference_mode():
        result = network(image)
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)
    assert torch.equal(image, before)
