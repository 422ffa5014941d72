"""requirements-hashes.txt pins what constraints.txt says, from PyPI, each with hashes."""

import re
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PYTHON = {"python_version": "3.11", "python_full_version": "3.11.9"}


def _requirements(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"[a-zA-Z]", line)]
    return {
        one.name.lower(): str(one.specifier)
        for one in found
        if one.marker is None or one.marker.evaluate(PYTHON)
    }


def test_the_hashes_are_those_of_the_constraints():
    hashed, constraints = map(_requirements, ("requirements-hashes.txt", "constraints.txt"))
    both = hashed.keys() & constraints.keys()
    assert {"torch", "mindspore", "onnxruntime", "numpy", "pillow", "pytest", "av"} <= both
    assert {name: hashed[name] for name in both} == {name: constraints[name] for name in both}


def test_every_file_has_a_hash_and_no_address():
    text = (ROOT / "requirements-hashes.txt").read_text(encoding="utf-8")
    assert "://" not in text
    for block in re.findall(r"^[a-z].*?(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
