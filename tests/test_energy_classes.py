"""Classes of modules: every module of an accelerator has the right one."""

from __future__ import annotations

import pytest

from pann_hw.energy.classes import CLASSES, class_of
from tests.gate_designs import design


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("array.core_0.lane_3", "lanes"),
        ("array.core_12.lane_31.accumulator", "lanes"),
        ("array.core_0", "operand select"),
        ("array.terms_1", "term stream"),
        ("array.term_memory_0.store", "term stream"),
        ("array.weight_memory_0", "term stream"),
        ("array.linear_stream", "term stream"),
        ("array.row_buffer", "row buffer"),
        ("array.reader", "fetch"),
        ("array.sequencer", "fetch"),
        ("activations_1", "fetch"),
        ("drain.requantiser_0", "requantiser"),
        ("drain", "drain"),
        ("store_port", "drain"),
        ("array.max_pool", "pooling"),
        ("array", "control"),
        ("sequencer", "control"),
        ("descriptors", "control"),
        ("", "control"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert class_of(path) == expected


def test_every_class_is_in_an_accelerator() -> None:
    netlist = design().model.netlist
    names = [*(item.path for item in netlist.instances), *(m.name for m in netlist.memories)]
    assert {class_of(name) for name in names} == set(CLASSES)
