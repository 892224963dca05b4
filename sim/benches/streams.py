"""Streams in benches: producers that idle, consumers that stall, and the rules of a transfer."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

from sim.benches.ports import Ports

__all__ = ["PAUSES", "StreamRules", "beats", "bursts", "get", "half", "never", "put"]


def never() -> Iterator[bool]:
    """No pause at all."""
    return itertools.repeat(False)


def half() -> Iterator[bool]:
    """A pause in half of the cycles, at random."""
    while True:
        yield random.random() < 0.5


def bursts() -> Iterator[bool]:
    """Runs of 1 to 20 cycles with pauses of 1 to 20 cycles between them."""
    for paused in itertools.cycle((True, False)):
        yield from itertools.repeat(paused, random.randint(1, 20))


PAUSES = {"never": never, "half": half, "bursts": bursts}
"""Patterns of cycles in which a producer has nothing to send, or a consumer takes nothing."""


def beats(elements: Sequence[int], size: int) -> list[int]:
    """An input of 8-bit elements as beats of ``size`` elements; above those of the last one a
    flag, and in it something above the last element where that does not fill it."""
    parts = [elements[start : start + size] for start in range(0, len(elements), size)]
    whole = [[*part, *(255 for _ in range(size - len(part)))] for part in parts]
    payloads = [int.from_bytes(bytes(part), "little") for part in whole]
    return [*payloads[:-1], payloads[-1] | 1 << 8 * size]


async def put(
    ports: Ports, name: str, payloads: Iterable[int], pauses: Iterator[bool] | None = None
) -> None:
    """Send payloads into the input stream ``name``, not valid in the cycles that ``pauses`` marks.

    Ends in the cycle after the last transfer.
    """
    pauses = pauses or never()
    for payload in payloads:
        while next(pauses):
            await ports.tick()
        ports.drive(**{f"{name}__valid": 1, f"{name}__payload": payload})
        accepted = 0
        while not accepted:
            await ports.settle()
            accepted = ports.read(f"{name}__ready")
            await ports.tick()
        ports.drive(**{f"{name}__valid": 0})


async def get(
    ports: Ports, name: str, count: int, pauses: Iterator[bool] | None = None
) -> list[int]:
    """Take ``count`` payloads from the output stream ``name``, not ready where ``pauses`` says so.

    Ends in the cycle after the last transfer.
    """
    pauses = pauses or never()
    payloads: list[int] = []
    while len(payloads) < count:
        ready = not next(pauses)
        ports.drive(**{f"{name}__ready": int(ready)})
        await ports.settle()
        if ready and ports.read(f"{name}__valid"):
            payloads.append(ports.read(f"{name}__payload"))
        await ports.tick()
    ports.drive(**{f"{name}__ready": 0})
    return payloads


class StreamRules:
    """Asserts in every cycle what Amaranth asks of the producer of a stream.

    Once valid, a producer stays valid and keeps its payload until the transfer. That it does not
    wait for ready is seen where a consumer that is never ready finds it valid.

    Attributes
    ----------
    transfers : payloads that were conveyed, in order
    waited : cycles in which the producer was valid and the consumer was not ready
    """

    def __init__(self, ports: Ports, name: str) -> None:
        self._ports = ports
        self._name = name
        self.transfers: list[int] = []
        self.waited = 0

    async def watch(self) -> None:
        """Watch until the bench ends; to be run beside it."""
        offered: int | None = None
        while True:
            await self._ports.settle()
            valid, ready, payload = (
                self._ports.read(f"{self._name}__{part}") for part in ("valid", "ready", "payload")
            )
            if offered is not None:
                assert valid, f"{self._name}: valid fell before ready rose"
                assert payload == offered, (
                    f"{self._name}: payload {offered:#x} became {payload:#x} before ready rose"
                )
            offered = None
            if valid and ready:
                self.transfers.append(payload)
            elif valid:
                offered = payload
                self.waited += 1
            await self._ports.tick()
