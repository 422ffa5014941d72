"""A network that needs no framework, for tests of what is framework-neutral."""

from osr_core.initial import initial_state
from osr_core.reference import forward


class ReferenceNetwork:
    """The NumPy forward pass behind the protocol of osr_core.backend.Network."""

    def __init__(self, spec, seed=0):
        self.spec = spec
        self.precision = "float32"
        self.values = initial_state(spec, seed)
        self.shapes = []

    def predict(self, images, context=None):
        self.shapes.append(images.shape)
        return forward(self.spec, self.values, images, context)

    def state(self):
        return {name: value.copy() for name, value in self.values.items()}

    def load_state(self, values):
        self.values = dict(values)
