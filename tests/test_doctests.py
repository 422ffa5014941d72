"""The examples in docstrings do what they show."""

import doctest
from importlib import import_module
from pkgutil import walk_packages

import pytest

import osr
import osr_core
import weights

MODULES = [
    module.name
    for package in (osr_core, weights, osr)
    for module in walk_packages(package.__path__, f"{package.__name__}.")
    if "__main__" not in module.name
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(import_module(name)).failed == 0
