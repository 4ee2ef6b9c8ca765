"""What holds for the package as a whole."""

import inspect
import subprocess
import sys

import pytest

import salmubench

pytestmark = pytest.mark.stage

LIGHT = [
    "salmubench",
    "salmubench.cli.main",
    "salmubench.dataset.layout",
    "salmubench.generator.build",
    "salmubench.metrics",
    "salmubench.workflow.pipeline",
    "salmubench.workflow.recipe",
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


def test_public_names_stay_what_they_are_when_subpackages_are_imported():
    code = """
import importlib, pkgutil, salmubench
first = {name: getattr(salmubench, name) for name in salmubench.__all__}
for found in pkgutil.iter_modules(salmubench.__path__):
    importlib.import_module(f"salmubench.{found.name}")
assert {name: getattr(salmubench, name) for name in salmubench.__all__} == first
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_functions_take_every_path_as_a_text_too():
    functions = [getattr(salmubench, name) for name in salmubench.__all__ if name.islower()]
    assert len(functions) > 10
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            kinds = set(str(parameter.annotation).split(" | "))
            assert "Path" not in kinds or "str" in kinds, f"{function.__name__}({name}: {parameter.annotation})"


@pytest.mark.night
def test_every_module_is_imported_where_the_system_is_not_unix():
    code = """
import builtins, ctypes, importlib, os, pkgutil, signal, sys, warnings
os.environ["KMP_DUPLICATE_LIB_OK"] = "1"
import salmubench
real, absent = builtins.__import__, {"fcntl", "resource"}

def imported(name, globals=None, locals=None, fromlist=(), level=0):
    ours = str((globals or {}).get("__name__", "")).startswith("salmubench")
    if ours and name in absent:
        raise ImportError(name)
    return real(name, globals, locals, fromlist, level)

library = ctypes.CDLL
class Library(library):
    def __init__(self, name, *args, **kwargs):
        if name is None and sys._getframe(1).f_globals["__name__"].startswith("salmubench"):
            raise OSError("no C library under this name")
        super().__init__(name, *args, **kwargs)

builtins.__import__, ctypes.CDLL = imported, Library
del os.sched_getaffinity
warnings.simplefilter("ignore")  # of other packages
for module in pkgutil.walk_packages(salmubench.__path__, "salmubench."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:  # an extra that isn't installed
        assert not str(error.name).startswith("salmubench"), error
        print(module.name, "needs", error.name)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
