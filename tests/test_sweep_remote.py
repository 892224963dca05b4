"""The functions that workers run: bytes in, bytes out, and never under other versions."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from pann_hw.errors import InputError
from pann_hw.quantise.recipe import FULL
from pann_hw.sweep.key import versions
from pann_hw.sweep.point import Point
from pann_hw.sweep.problem import make, workbench
from pann_hw.sweep.remote import calibrated, finished
from tests.sweep_problems import same, small_problem

POINT = Point("csd", 6.0, None)


def test_two_steps_make_what_one_process_makes() -> None:
    problem = small_problem(FULL)
    bench = calibrated(versions(), pickle.dumps(problem), "csd")
    found = pickle.loads(finished(versions(), bench, pickle.dumps(POINT)))
    assert same(found, make(workbench(problem, "csd"), POINT))


@pytest.mark.parametrize("name", ["pann_hw", "sources", "torch", "numpy"])
def test_other_versions_are_refused_before_anything_is_read(name: str) -> None:
    expected = {**versions(), name: "0.0.9"}
    message = f"has {name} .*, must have {name} 0.0.9: install the same versions on all workers"
    for task in (calibrated, finished):
        with pytest.raises(InputError, match=message) as caught:
            task(expected, b"not read", b"not read")  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_software_of_a_later_version_is_told_as_missing() -> None:
    with pytest.raises(InputError, match="has quantum missing, must have quantum 2"):
        calibrated({**versions(), "quantum": "2"}, b"", "csd")


def test_threads_are_one_and_imports_wait() -> None:
    """A scheduler that imports the module needs no torch for it."""
    code = (
        "import sys, pann_hw.sweep.remote as remote\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)\n"
        "try: remote.calibrated({'torch': '1'}, b'', 'csd')\n"
        "except ValueError: pass\n"
        "from pann_hw.sweep.key import versions\n"
        "try: remote.calibrated(versions(), b'', 'csd')\n"
        "except EOFError: pass\n"
        "import torch; assert torch.get_num_threads() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"OMP_NUM_THREADS": "2"})
