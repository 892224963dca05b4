"""The drain: words to memory, or raw elements to a stream under back-pressure."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from pann_hw.integer.requantise import Scale, requantise
from sim.benches.ports import Ports, bench_test
from sim.benches.requantiser import random_scale
from sim.benches.streams import PAUSES, StreamRules, get
from sim.benches.units import CONFIG, unit_ports

__all__ = ["raw", "waits_for_nobody", "words"]

_LIMIT = 1 << CONFIG.accumulator_width - 1


def _sums() -> list[list[int]]:
    return [
        [
            random.choice((-_LIMIT, _LIMIT - 1, random.randint(-2000, 2000)))
            for _ in range(CONFIG.lanes)
        ]
        for _ in range(CONFIG.cores)
    ]


def _record(scale: Scale, steps: int) -> dict[str, int]:
    """A CORE record; shorter scales begin with steps that keep 0."""
    padded = ((0, 0),) * (steps - len(scale.steps)) + scale.steps
    record = {"bias": 0}
    for index, (digit, shift) in enumerate(padded):
        record |= {f"add{index}": int(digit > 0), f"subtract{index}": int(digit < 0)}
        record[f"shift{index}"] = shift
    return record


async def _start(ports: Ports) -> None:
    ports.drive(start=1)
    await ports.tick()
    ports.drive(start=0)


@bench_test
async def words(dut: Any) -> None:
    """A word per core, at its address, in steps * cores + 1 cycles."""
    ports = unit_ports(dut, "drain")
    await ports.begin()
    for _ in range(200):
        scales = [random_scale() for _ in range(random.randint(1, CONFIG.cores))]
        steps = max(len(scale.steps) for scale in scales)
        sums, q_max = _sums(), random.randint(1, 255)
        base, pitch = random.getrandbits(16), random.randrange(1 << 12)
        records = [_record(scale, steps) for scale in scales]
        item = {"steps": steps, "cores": len(scales), "q_max": q_max, "output_pitch": pitch}
        ports.drive(
            item=item, sums=sums, tile_address=base, cores=(records * CONFIG.cores)[: CONFIG.cores]
        )
        await _start(ports)
        written = []
        for cycle in range(steps * len(scales) + 1):
            await ports.settle()
            if ports.read("write"):
                written.append((ports.read("address"), list(ports.record("word"))))
            assert ports.read("done") == (cycle == steps * len(scales))
            assert not ports.read("o__valid")
            await ports.tick()
        assert written == [
            ((base + core * pitch) % 2**16, list(requantise(np.array(sums[core]), scale, q_max)))
            for core, scale in enumerate(scales)
        ]
        await ports.tick(random.randint(0, 2))


@bench_test
@cocotb.parametrize(pauses=list(PAUSES))
async def raw(dut: Any, pauses: str) -> None:
    """Every lane in use of every core once and in order, ``last`` at the inference's end only."""
    ports = unit_ports(dut, "drain")
    await ports.begin()
    rules = StreamRules(ports, "o")
    cocotb.start_soon(rules.watch())
    sent = 0
    for _ in range(60):
        cores, lanes = random.randint(1, CONFIG.cores), random.randint(1, CONFIG.lanes)
        final, sums = random.getrandbits(1), _sums()
        ports.drive(item={"raw": 1, "cores": cores}, sums=sums, lanes_in_use=lanes, final=final)
        await _start(ports)
        elements = await get(ports, "o", cores * lanes, PAUSES[pauses]())
        layout = ports.shape("o__payload")
        found = [layout.from_bits(element) for element in elements]
        assert [element.value for element in found] == [
            sums[core][lane] for core in range(cores) for lane in range(lanes)
        ]
        ends = [element.last for element in found]
        assert ends == [0] * (len(ends) - 1) + [final]
        assert ports.read("done") and not ports.read("o__valid") and not ports.read("write")
        await ports.tick()
        assert not ports.read("done")
        sent += len(elements)
    assert len(rules.transfers) == sent
    assert (rules.waited > 0) == (pauses != "never")


@bench_test
async def waits_for_nobody(dut: Any) -> None:
    """Valid comes without ready, and neither it nor the payload follows ready within a cycle."""
    ports = unit_ports(dut, "drain")
    await ports.begin()
    sums = _sums()
    ports.drive(item={"raw": 1, "cores": CONFIG.cores}, sums=sums, lanes_in_use=CONFIG.lanes)
    await _start(ports)
    for cycle in range(20):
        ready = int(cycle == 10)
        ports.drive(o__ready=ready)
        await ports.settle()
        expected = sums[0][int(cycle > 10)]
        assert ports.read("o__valid") and ports.record("o__payload").value == expected
        await ports.tick()
