"""The designs that are compared: what they share, and what tells them apart."""

from __future__ import annotations

from benchmarks.core_energy_designs import BASE, CLAIMS, DESIGNS
from benchmarks.frontier_columns import FRONTIER
from pann_hw.program.encoding import encoding_names


def test_all_can_run_what_they_are_given() -> None:
    for name, design in DESIGNS.items():
        assert design.name == name
        assert design.column in FRONTIER
        assert design.encoding in encoding_names(design.config)
        assert (design.config.lanes, design.config.cores) == (BASE["lanes"], BASE["cores"])


def test_plain_designs_skip_and_gate_nothing() -> None:
    for bits in (2, 8):
        design = DESIGNS[f"plain{bits}"]
        assert design.encoding == "dense"
        assert design.config.low_bits == design.config.accumulator_width
        assert design.config.multiplier_width == bits


def test_tricks_and_unsigned_accumulators() -> None:
    tricks, ours = DESIGNS["tricks"].config, DESIGNS["pann"].config
    assert (tricks.terms, tricks.unsigned) == (2, False)
    assert tricks.low_bits < tricks.accumulator_width
    assert ours.unsigned and not ours.multiplies
    assert DESIGNS["unsigned_mac"].config.unsigned


def test_claims_are_of_designs() -> None:
    assert {claim.other for claim in CLAIMS} < set(DESIGNS)
