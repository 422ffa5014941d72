"""The arrows of the house point one way, and importing it is cheap."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from osr_core.backend import BACKENDS, FRAMEWORKS, is_installed

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("osr_core", "backends", "weights", "osr", "examples", "tools")
"""Each may import itself and what is before it."""
LIBRARIES = {"torch", "mindspore", "onnx", "onnxruntime"}
"""Of the backends."""
WITH_TORCH = ("pth.py", "zero_shot.py", "torch_peers.py", "external.py")
"""What writes its pickles, and what runs networks with it whatever the backend."""


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


@pytest.mark.parametrize("package", FLOORS[:4])
def test_packages_carry_their_types(package):
    assert (ROOT / package / "py.typed").is_file()


def _modules(floor):
    files = [*(ROOT / floor).rglob("*.py")]
    assert files, floor
    return files


@pytest.mark.parametrize("floor", FLOORS)
def test_arrows_point_one_way(floor):
    above = FLOORS[FLOORS.index(floor) + 1 :]
    for path in _modules(floor):
        for name in _imported(path):
            assert name.split(".")[0] not in above, f"{path} imports {name}"


def test_a_library_is_imported_by_its_backend_and_by_pth_alone():
    for floor in ("osr_core", "backends", "weights", "osr"):
        for path in _modules(floor):
            used = LIBRARIES & {name.split(".")[0] for name in _imported(path)}
            home = path.parent.name if path.parent.parent.name == "backends" else None
            allowed = {home} if home else {"torch"} if path.name in WITH_TORCH else set()
            allowed |= {"onnxruntime"} if home == "onnx" else set()
            assert used <= allowed, f"{path} imports {used - allowed}"


ONE_SIDED = {
    "torch_device",  # of a Device
    "autocast",  # a context; in MindSpore precision is a property of each cell:
    "set_precision",
    "current",  # MindSpore's device belongs to the process, torch's to each tensor
    "compiled",  # into graphs, which Ascend needs
    "can_replace",  # rows in the memory of an input, which graphs cannot overwrite:
    "add_residual",
    "add_subpixel",
    "cap",  # of MindSpore's oneDNN
    "bound_kernels",  # which MindSpore keeps for each shape
}
"""Public functions of one backend alone."""


def test_twins_have_the_same_classes_and_functions_with_the_same_arguments():
    folders = [ROOT / "backends" / name for name in FRAMEWORKS]
    files = {path.name for folder in folders for path in folder.glob("*.py")}
    for file in files - {"__init__.py"}:
        one, other = (_signatures(folder / file) for folder in folders)
        assert set(one) ^ set(other) <= ONE_SIDED, file
        shared = [(name, one[name]) for name in one if name in other]
        assert shared == [(name, other[name]) for name in other if name in one], file


def _signatures(path):
    """Names and defaults of the arguments of public functions, and of classes."""
    found = {}
    for node in ast.parse(path.read_text("utf-8")).body if path.exists() else ():
        if isinstance(node, ast.FunctionDef):
            found[node.name] = _arguments(node)
        elif isinstance(node, ast.ClassDef):
            made = [n for n in node.body if getattr(n, "name", None) == "__init__"]
            found[node.name] = [_arguments(function) for function in made]
    return {name: arguments for name, arguments in found.items() if name[0] != "_"}


def _arguments(function):
    every = function.args.args + function.args.kwonlyargs
    return [a.arg for a in every], [ast.unparse(d) for d in function.args.defaults]


def _python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


HEAVY = LIBRARIES | {"cv2", "scipy", "skimage", "PIL", "matplotlib", "tqdm"}
LOADED = f"import sys; print(*sorted({HEAVY} & set(sys.modules)))"


@pytest.mark.parametrize("package", ["osr", "osr_core", "backends", "osr.cli"])
def test_importing_a_package_loads_nothing_heavy(package):
    run = _python(f"import {package}; {LOADED}")
    assert run.stdout == "\n", run.stderr or f"{package} loads {run.stdout}"


@pytest.mark.parametrize("name", BACKENDS)
def test_the_backend_that_is_picked_is_the_only_one_loaded(name):
    if not is_installed(name):
        pytest.skip(f"{name} is not installed")
    other = next(backend for backend in BACKENDS if backend != name)
    by_name = f"""
import os, backends
from backends import {name}
assert backends.get_backend("{name}") is {name}
backends.use("{name}")
assert backends.load is {name}.load
backends.use(None)
assert os.environ["OSR_BACKEND"] == "{other}"
"""
    for code, variable in ((by_name, other), ("import backends; print(backends.name)", name)):
        run = _python(f"{code}\n{LOADED}", OSR_BACKEND=variable)
        assert run.returncode == 0, run.stderr
        own = {name, "onnxruntime"} if name == "onnx" else {name}
        assert LIBRARIES & set(run.stdout.splitlines()[-1].split()) == own


def test_backends_offer_the_same_names():
    import backends

    for name in filter(is_installed, BACKENDS):
        assert set(backends.OFFERED) <= set(dir(backends.get_backend(name)))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        backends.nothing  # noqa: B018


HIDE = (
    "import importlib.util as u; f = u.find_spec;"
    "u.find_spec = lambda n, *a: None if n in {absent} else f(n, *a);"
)


def test_without_a_choice_torch_comes_first_and_mindspore_second_and_onnx_last():
    code = "from osr_core.backend import pick_backend; print(pick_backend())"
    environment = {"OSR_BACKEND": ""}
    for absent, picked in (("{'torch', 'mindspore'}", "onnx"), ("{'torch'}", "mindspore")):
        if is_installed(picked):
            run = _python(HIDE.format(absent=absent) + code, **environment)
            assert run.stdout.strip() == picked, run.stderr
    for absent in ("onnx", "onnxruntime"):
        nothing = HIDE.format(absent={"torch", "mindspore", absent}) + code
        assert "pip install 'osr[onnx]'" in _python(nothing, **environment).stderr
    if is_installed("torch"):
        assert _python(code, **environment).stdout.strip() == "torch"


def test_unknown_and_absent_backends():
    run = _python("import backends; backends.load", OSR_BACKEND="tensorflow")
    assert "backend 'tensorflow': expected one of torch, mindspore, onnx" in run.stderr
    code = HIDE.format(absent="{'mindspore'}") + "import backends; backends.load"
    run = _python(code, OSR_BACKEND="mindspore")
    assert "backend mindspore: not installed; pip install 'osr[mindspore]'" in run.stderr


def test_all_in_one_process_and_nothing_left_behind(tmp_path):
    if not all(map(is_installed, BACKENDS)):
        pytest.skip("needs all backends")
    code = f"""
import os, sys; sys.path.insert(0, {str(ROOT)!r}); os.chdir({str(tmp_path)!r})
from backends import mindspore, onnx, torch
from osr_core.spec import ModelSpec, UNet
import numpy as np
image = np.zeros((1, 3, 32, 32), np.float32)
for backend in (mindspore, onnx, torch):
    print(backend.build(ModelSpec(UNet((4, 8)))).predict(image).shape)
"""
    run = _python(code)
    assert run.stdout.count("(1, 3, 32, 32)") == 3, run.stderr
    assert run.stderr == ""
    assert list(tmp_path.iterdir()) == []
