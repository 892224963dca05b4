"""Whole inferences on gates: outputs of PyTorch, cycles as predicted, accesses, windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.energy.inference import GateDesign
from pann_hw.errors import MismatchError
from pann_hw.machine.cycles import CyclePredictor, linear_words
from sim.gates.zero_delay import GateRun, run_gates
from tests.gate_designs import design, infer, small


@pytest.fixture(scope="module")
def made() -> GateDesign:
    return design()


@pytest.fixture(scope="module")
def done(made: GateDesign) -> GateRun:
    """Three windows, the last two of which follow each other."""
    return infer(made, [(20, 30), (100, 25), (125, 15)])


def _predicted() -> list[int]:
    given = small()
    words = linear_words(given.deployment.programs[0], given.images)
    schedules = CyclePredictor(given.deployment.image).schedules(0, words)
    return [schedule.cycles for schedule in schedules]


def test_outputs_and_cycles(done: GateRun) -> None:
    assert (done.outputs == small().outputs).all()
    assert done.cycles.tolist() == _predicted()


def test_without_clock_gates_it_computes_the_same(done: GateRun) -> None:
    made = design(clock_gating=False)
    plain = infer(made)
    assert not made.model.clock_gates
    assert (plain.outputs == done.outputs).all()
    assert (plain.cycles == done.cycles).all()
    assert (plain.reads == done.reads).all()


def test_the_clock_has_two_changes_a_cycle(made: GateDesign, done: GateRun) -> None:
    clock = made.model.netlist.clock
    # From the start to the interrupt: the counter of cycles ends a few before.
    assert 0 <= done.toggles[clock] / 2 - done.cycles.sum() <= 4 * len(done.cycles)
    for window in done.windows:
        assert window.toggles[clock] == 2 * window.length
    gated = [gate.output for gate in made.model.clock_gates]
    assert (done.toggles[gated] <= done.toggles[clock]).all()
    assert (done.toggles[gated] % 2 == 0).all()
    assert 0 < done.toggles[gated].sum() < len(gated) * done.toggles[clock]


def test_constants_are_still(done: GateRun) -> None:
    assert not done.toggles[:2].any()


def test_windows_add_up(made: GateDesign, done: GateRun) -> None:
    """Two windows that follow each other are one; together they are no more than the whole."""
    one = infer(made, [(100, 40)])
    _, second, third = done.windows
    assert (one.windows[0].toggles == second.toggles + third.toggles).all()
    assert (one.windows[0].state == second.state).all()
    assert (one.toggles == done.toggles).all()
    assert sum(window.toggles.sum() for window in done.windows) < done.toggles.sum()


def test_windows_of_a_whole_inference_are_all_of_it(made: GateDesign) -> None:
    """The first image's toggles twice: as a window, and counted."""
    given = small()
    length = _predicted()[0]
    run = run_gates(
        made.model,
        given.deployment.image,
        given.images[:1].reshape(1, -1).astype(np.uint8),
        0,
        given.outputs.shape[1],
        windows=[(0, length)],
    )
    left = run.toggles - run.windows[0].toggles
    assert (left >= 0).all()
    clock = made.model.netlist.clock
    # What is counted beyond the window is the few cycles up to the interrupt.
    assert left.sum() <= 0.05 * run.toggles.sum()
    assert left[clock] <= 8


def test_accesses(made: GateDesign, done: GateRun) -> None:
    counts = {
        memory.name: (int(reads), int(writes))
        for memory, reads, writes in zip(
            made.model.netlist.memories, done.reads, done.writes, strict=True
        )
    }
    reads, writes = counts["activations_0"]
    # A word of 4 lanes is written element by element as the input arrives, and at once after that.
    assert writes == 2 * (2 * 16 + 3 * 16 // 4)
    assert reads > 0
    (term_memory,) = (name for name in counts if name.startswith("array.term_memory"))
    assert counts[term_memory][0] > 0
    assert counts[term_memory][1] == counts["descriptors"][1] == 0


def test_a_gate_that_errs_is_found(made: GateDesign) -> None:
    """Every tenth of the lanes' gates, inverted: outputs differ, or the simulator says so."""
    model = made.model
    paths = [model.netlist.instances[gate.instance].path for gate in model.gates]
    lanes = [k for k, path in enumerate(paths) if path.startswith("array.core_0.lane_0")]
    found = 0
    for place in lanes[:: len(lanes) // 10]:
        gate = model.gates[place]
        wrong = replace(gate, table=gate.table ^ ((1 << (1 << len(gate.inputs))) - 1))
        gates = (*model.gates[:place], wrong, *model.gates[place + 1 :])
        try:
            outputs = infer(replace(made, model=replace(model, gates=gates))).outputs
            found += bool((outputs != small().outputs).any())
        except MismatchError:
            found += 1
    assert found >= 8


def test_an_inference_that_hangs(made: GateDesign) -> None:
    given = small()
    with pytest.raises(MismatchError, match="gates: inference 0 is not done after 50 cycles"):
        run_gates(
            made.model,
            given.deployment.image,
            given.images.reshape(2, -1).astype(np.uint8),
            0,
            given.outputs.shape[1],
            timeout=50,
        )


def test_a_program_for_other_hardware(made: GateDesign) -> None:
    given = small()
    image = given.deployment.image
    other = replace(image, config=replace(image.config, low_bits=5))
    with pytest.raises(MismatchError, match="gates: the accelerator refuses its program, error"):
        run_gates(
            made.model,
            other,
            given.images.reshape(2, -1).astype(np.uint8),
            0,
            given.outputs.shape[1],
        )
