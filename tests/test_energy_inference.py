"""Energy per inference: against the sum over nets, by class, with glitches, clocks, memories."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

from pann_hw.energy.classes import CLASSES
from pann_hw.energy.inference import InferenceEnergy, inference_energy
from pann_hw.errors import InputError, MismatchError, ToolError
from pann_hw.technology.known import technology
from pann_hw.technology.sram import Sram
from sim.gates.model import Gate
from sim.gates.zero_delay import run_gates
from tests.gate_designs import design, infer, real_design, small
from tests.liberty_text import pdk

needs_icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="no iverilog: apt-get install iverilog"
)


def _energy(*, windows: int = 0, clock: float = 50e6, clock_gating: bool = True) -> InferenceEnergy:
    given = small()
    made = design(clock_gating=clock_gating)
    return inference_energy(
        given.deployment, made, given.floats, windows=windows, window_cycles=25, clock=clock
    )


def _sum(found: InferenceEnergy, name: str) -> float:
    return sum(float(getattr(item, name)) for item in found.classes)


def test_without_windows_it_is_the_sum_over_all_nets() -> None:
    made, found = design(), _energy()
    toggles = infer(made).toggles / 2
    assert found.mismatches == 0
    assert (found.images, found.windows, found.window_cycles) == (2, 0, 0)
    assert tuple(item.name for item in found.classes) == CLASSES
    dynamic = float((toggles[made.weights.net] * made.weights.energy).sum())
    assert _sum(found, "settled") + _sum(found, "clock") == pytest.approx(dynamic)
    assert {item.glitch_factor for item in found.classes} == {1.0}
    assert math.isnan(found.deviation)
    assert _sum(found, "area") == pytest.approx(made.area)
    # Leakage: nW for as long as an inference takes.
    seconds = found.cycles / 50e6
    assert found.seconds == seconds
    leakage = sum(made.model.library.cell(one.cell).leakage for one in made.model.netlist.instances)
    assert _sum(found, "leakage_power") == pytest.approx(leakage)
    assert _sum(found, "leakage") == pytest.approx(leakage * 1e-9 * seconds * 1e15)
    assert found.energy == pytest.approx(dynamic + _sum(found, "leakage"))
    assert found.power(found.energy) == pytest.approx(found.energy * 1e-15 * found.rate)
    assert found.cells == len(made.model.netlist.instances)
    assert found.longest_slew == made.timing.slews.max()


def test_a_slower_clock_leaks_longer() -> None:
    fast, slow = _energy(clock=100e6), _energy(clock=10e6)
    assert _sum(slow, "leakage") == pytest.approx(10 * _sum(fast, "leakage"))
    for name in ("settled", "clock"):
        assert _sum(slow, name) == _sum(fast, name)
    assert slow.rate == pytest.approx(fast.rate / 10)


def test_clock_gates_save_clock() -> None:
    assert _sum(_energy(), "clock") < 0.6 * _sum(_energy(clock_gating=False), "clock")


@needs_icarus
def test_glitches_scale_the_logic_alone() -> None:
    calls: list[None] = []
    given = small()
    found = inference_energy(
        given.deployment,
        design(),
        given.floats,
        windows=3,
        window_cycles=25,
        progress=lambda: calls.append(None),
    )
    plain = _energy()
    assert len(calls) == len(given.images) + 3
    assert (found.windows, found.window_cycles) == (3, 25)
    for item, before in zip(found.classes, plain.classes, strict=True):
        assert replace(item, glitch_factor=1.0) == before
        assert item.logic == item.settled * item.glitch_factor
        assert item.glitch_factor >= 1
    assert next(item for item in found.classes if item.name == "lanes").glitch_factor > 1.2
    assert 0 < found.deviation < 0.2 * found.energy


def test_memories_need_a_technology() -> None:
    assert _energy().memories == ()
    assert _energy().memory_energy is None
    given, sky130 = small(), technology("sky130")
    made = replace(design(), technology=sky130)
    found = inference_energy(given.deployment, made, given.floats, windows=0)
    run = infer(made)
    (terms,) = (item for item in found.memories if item.name.startswith("array.term_memory"))
    macro = Sram(256, terms.width, made.model.library.voltage, sky130.feature)
    index = [memory.name for memory in made.model.netlist.memories].index(terms.name)
    assert terms.reads == run.reads[index] / 2
    assert terms.access == pytest.approx(terms.reads * terms.width * macro.read_energy)
    assert found.memory_energy == pytest.approx(sum(item.energy for item in found.memories))
    # Never in the cells' sum.
    assert found.energy == _energy().energy


def test_a_clock_that_the_gates_cannot_follow() -> None:
    with pytest.raises(InputError, match=r"clock = 5000 MHz: these gates take at most \d+\.\d MHz"):
        _energy(clock=5e9)


def test_wrong_gates_are_counted_or_refused() -> None:
    """An inverted bit of an operand is seen in the outputs."""
    given, made = small(), design()
    model = made.model

    def inverted(gate: Gate) -> Gate:
        path = model.netlist.instances[gate.instance].path
        if not path.startswith("array.core_0.lane_1"):
            return gate
        return replace(gate, table=gate.table ^ ((1 << (1 << len(gate.inputs))) - 1))

    wrong = replace(model, gates=tuple(inverted(gate) for gate in model.gates))
    bad = replace(made, model=wrong)
    found = inference_energy(given.deployment, bad, given.floats, windows=0)
    assert 0 < found.mismatches <= given.outputs.size


def test_cycles_that_were_not_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    from pann_hw.energy import inference

    def late(*args: object, **named: object) -> object:
        done = run_gates(*args, **named)  # type: ignore[arg-type]
        return replace(done, cycles=done.cycles + np.array([0, 1]))

    monkeypatch.setattr(inference, "run_gates", late)
    with pytest.raises(MismatchError, match=r"image 1 took \d+ cycles, \d+ were predicted"):
        _energy()


def test_without_icarus_windows_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ToolError, match="iverilog is missing: apt-get install iverilog"):
        _energy(windows=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "folder"), [("sky130", "sky130hd"), ("sg13g2", "sg13g2"), ("asap7", "asap7")]
)
def test_real_libraries(name: str, folder: str) -> None:
    made, given = real_design(technology(name), pdk(folder)), small()
    found = inference_energy(given.deployment, made, given.floats, windows=0)
    assert found.mismatches == 0
    assert found.technology == name
    assert found.energy > 0
    assert found.memory_energy
    assert all(item.clock >= 0 and item.settled >= 0 for item in found.classes)
