"""How far float32 results may be from the truth and from each other, and what was measured.

Measured with the cases of test_parity.py in PyTorch 2.13, MindSpore 2.10 and ONNX Runtime 1.32
on a 2-core x86-64 CPU; each bound is a few times the worst case seen, far below what a wrong
operation causes.
"""

OUTPUT = 1e-5
"""Absolute, outputs of the order of 1, against float64. Seen: PyTorch 7.7e-7, MindSpore 8.3e-7,
ONNX Runtime 6.9e-7, between the first two 1.1e-6; at full size (the authors' 30 convolutions)
2.3e-6, 1.3e-6, 1.1e-6 and 1.9e-6; published models in ONNX Runtime 1.2e-6."""

HALF = 3e-2
"""As OUTPUT, with convolutions in float16. Seen: PyTorch 9.0e-3, MindSpore 4.7e-3."""

GRADIENT = 1e-5
"""Relative to the tensor's largest value, against float64, away from kinks. Seen: PyTorch 4.9e-6
(one thread; 2.2e-6 with two), MindSpore 2.7e-6."""

CONTEXT = 2e-3
"""As GRADIENT, of networks with a context branch: the gradients of one gate by all 65,536 pixels of
a thumbnail cancel, down to 1e-5. Seen: PyTorch 6.8e-4."""

TRAINED_GRADIENT = 2e-5
"""As GRADIENT, of osr-general, for the best of three images. Seen: 1.6e-6."""

KINK = 1e-6
"""Least pre-activation of a batch that keeps clear of the kinks: OUTPUT's measurement, rounded
up. Some 19 batches of 20 do."""

LOSS = 1e-5
"""Relative. Seen: 9e-8 against float64 for one batch; between the two, over 20 steps at a rate of
1e-4, 1.3e-6. Rounding grows along the path, suddenly where a ReLU or a sign of the L1 loss flips:
at 1e-3 PyTorch departs by 4.5e-4 from itself started one bit away."""

WEIGHT = 1e-5
"""Absolute, after three AdamW steps at 1e-4. Seen: 1.7e-6. AdamW divides by the gradient's size, so
that a weight whose gradient is mere rounding may move anywhere within the rate."""

MOMENT = 1e-5
"""Absolute, after three steps; gradients are of the order of 0.01 to 1. Seen: 4e-7. MindSpore's
second moments are 1.3e-5 smaller, see BETAS in backends/mindspore/optimizers.py."""

LONG_LOSS = 1e-3
"""Relative, over 50 steps of Adam at 5e-4. Seen: 1.9e-7."""

LONG_WEIGHT = 1e-4
"""Absolute, after 50 steps of Adam at 5e-4, which move a weight by up to 0.025. Seen: 1.3e-6."""
