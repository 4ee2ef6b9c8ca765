"""What holds for the package as a whole."""

import subprocess
import sys

import pytest

import salmubench

LIGHT = [
    "salmubench",
    "salmubench.cli.main",
    "salmubench.dataset.layout",
    "salmubench.generator.build",
    "salmubench.metrics",
    "salmubench.pipeline",
    "salmubench.recipe",
    "salmubench.report.page",
    "salmubench.scoring.record_files",
]


@pytest.mark.parametrize("module", LIGHT)
def test_torch_is_not_imported(module):
    code = (
        f"import os, sys; before = dict(os.environ); import {module}; assert before == dict(os.environ); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_package_itself_imports_no_pyarrow_either():
    code = "import sys, salmubench; assert not {'torch', 'pyarrow', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_exact():
    assert salmubench.__all__ == sorted(salmubench.__all__)
    for name in salmubench.__all__:
        assert getattr(salmubench, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        salmubench.no_such_name  # noqa: B018
