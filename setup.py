"""Everything pip needs to know; pyproject.toml holds the build system and tool settings only."""

from pathlib import Path

from setuptools import find_packages, setup

EXTRAS = {
    "onnx": ["onnx>=1.16", "onnxruntime>=1.17"],
    "torch": ["torch>=2.6"],
    # MindSpore 2.10 fails on NumPy 2, which its metadata does not say.
    "mindspore": ["mindspore>=2.10,<2.11", "numpy<2"],
    "evaluation": ["scikit-image>=0.22", "scipy>=1.10", "jinja2>=3.1", "matplotlib>=3.8"],
    "demo": ["starlette>=0.40", "uvicorn>=0.30", "matplotlib>=3.8"],
    "spandrel": ["torch>=2.6", "spandrel>=0.4.1,<0.5"],
    "heif": ["pillow-heif>=0.18"],
    "video": ["av>=14"],
    "ray": ["ray>=2.40", "fsspec>=2024.6"],
    "tensorboard": ["tensorboard>=2.15", "tensorboardX>=2.6"],
    "test": ["hypothesis>=6.100", "pytest>=8", "pytest-xdist>=3.5", "playwright>=1.40",
             "safetensors>=0.4.3"],  # reads what our own reader and writer do
    "fuzz": ["atheris>=2.3; sys_platform == 'linux' and platform_machine == 'x86_64'"],
    "docs": ["mkdocs-material>=9.5", "mkdocstrings[python]>=0.27", "nbclient>=0.10",
             "ipykernel>=6.29"],
    "dev": ["ruff>=0.6", "mypy>=1.11", "pre-commit>=3"],
}
EXTRAS["all"] = [
    need
    for name in ("onnx", "torch", "mindspore", "evaluation", "tensorboard", "heif", "demo", "video",
                 "spandrel")
    for need in EXTRAS[name]
]
EXTRAS["dev"] += EXTRAS["docs"]

setup(
    name="osr",
    version="0.1.0",
    description="Out-of-Sample Restoration: image restoration for degradation never seen, "
    "in PyTorch, MindSpore and ONNX Runtime",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=[*find_packages(include=["osr*", "backends*", "weights*"]), "osr.recipes"],
    package_dir={"osr.recipes": "recipes"},
    package_data={
        "": ["py.typed"],
        "osr.datasets": ["*.toml"],
        "osr.demo": ["page/*"],
        "osr.recipes": ["*.toml", "specialists/*.toml"],
        "osr": ["web/*"],
        "osr.report": ["templates/*"],
        "weights": ["files/*.json", "files/*.toml", "files/*.safetensors", "files/*.md"],
    },
    install_requires=[
        "numpy>=1.26",
        "opencv-python-headless>=4.8",
        "pillow>=11.3",
        "tifffile>=2023.7",
        "protobuf>=4.25",
        "click>=8.2",
        "cachetools>=5.3",
        "filelock>=3.12",
        "tqdm>=4.66",
        "tomli>=2; python_version < '3.11'",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["osr=osr.cli:main"]},
    classifiers=[
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
)
