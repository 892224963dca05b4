"""cocotb benches: one that passes returns, one that fails is a failed test."""

from __future__ import annotations

import os
import random
from typing import Any

import cocotb
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from pann_hw.errors import ToolError
from sim.bench import run_bench


class Accumulator(wiring.Component):
    """total[t + 1] = total[t] + x[t], modulo 2^16."""

    def __init__(self) -> None:
        super().__init__({"x": In(8), "total": Out(16)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.total.eq(self.total + self.x)
        return m


async def _sum(dut: Any, values: list[int]) -> int:
    dut.rst.value = 1
    dut.x.value = 0
    Clock(dut.clk, 10, "ns").start(start_high=False)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    for value in values:
        dut.x.value = value
        await FallingEdge(dut.clk)
    return int(dut.total.value)


@cocotb.test()
async def bench_sum(dut: Any) -> None:
    values = [random.randrange(256) for _ in range(int(os.environ["BENCH_LENGTH"]))]
    assert await _sum(dut, values) == sum(values) % 65536


@cocotb.test()
async def bench_wrong_sum(dut: Any) -> None:
    assert await _sum(dut, [1, 2, 3]) == 7, "a sum that is wrong on purpose"


def test_good_bench_returns() -> None:
    env = {"BENCH_LENGTH": "1000"}
    run_bench(Accumulator(), "accumulate", __name__, env=env, tests="bench_sum")


def test_failed_bench_is_an_assertion_with_its_message() -> None:
    with pytest.raises(AssertionError, match="wrong on purpose"):
        run_bench(Accumulator(), "accumulate", __name__, tests="bench_wrong_sum")


def test_one_failure_of_two_fails() -> None:
    env = {"BENCH_LENGTH": "10"}
    with pytest.raises(AssertionError, match="1 of 2 benches"):
        run_bench(Accumulator(), "accumulate", __name__, env=env)


def test_no_tests_is_a_failure() -> None:
    with pytest.raises((AssertionError, ToolError)):
        run_bench(Accumulator(), "accumulate", __name__, tests="bench_of_another_name")
