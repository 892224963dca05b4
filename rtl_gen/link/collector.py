"""Results on their way to the host: sums of inferences, and what each has taken."""

from amaranth import Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.link.payload import sum_bytes
from pann_hw.link.protocol import POSITION_BITS, RESULT_BYTES
from rtl_gen.drain import output_layout

__all__ = ["Collector"]

_PAUSE = 8
"""Cycles, a power of two, after an inference's last sum, in which its end comes and is counted."""


class Collector(wiring.Component):
    """Keeps results as bytes in a ring, until they are acknowledged.

    Each sum takes as many bytes as its bits need, the lowest first, signed; after the last sum of
    an inference come the four bytes of the register CYCLES.

    Parameters
    ----------
    config : accumulator_width

    Members
    -------
    i : In(stream of output_layout), sums; held up while the ring is full
    wanted : Out(1), the register CYCLES is; granted : In(1), it is read; place : Out(2), which
        of its bytes; cycles : In(8), that byte
    acknowledged : In(9), the position of the first byte that is still wanted
    end : Out(9), the position behind the last byte that is there
    position : In(9), of a byte; byte : Out(8), that byte, a cycle later

    Latency: as many cycles as a sum has bytes, 12 more from the last sum to the end of the cycles.
    Throughput: a byte per cycle.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(output_layout(config))),
                "wanted": Out(1),
                "granted": In(1),
                "place": Out(2),
                "cycles": In(8),
                "acknowledged": In(POSITION_BITS),
                "end": Out(POSITION_BITS),
                "position": In(POSITION_BITS),
                "byte": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.results = results = memory.Memory(shape=8, depth=RESULT_BYTES, init=[])
        write_port, read_port = results.write_port(), results.read_port()
        bytes_of_sum = sum_bytes(self._config)
        value = Signal(8 * bytes_of_sum)
        index = Signal(range(_PAUSE))
        room = Signal()
        m.d.comb += [
            value.eq(self.i.payload.value),
            self.place.eq(index),
            room.eq((self.end + 1)[:POSITION_BITS] != self.acknowledged),
            write_port.addr.eq(self.end),
            read_port.addr.eq(self.position),
            self.byte.eq(read_port.data),
        ]
        with m.If(write_port.en):
            m.d.sync += [self.end.eq(self.end + 1), index.eq(index + 1)]
        with m.FSM():
            with m.State("SUM"):
                sum_end = index == bytes_of_sum - 1
                m.d.comb += [
                    write_port.data.eq(value.word_select(index[:2], 8)),
                    write_port.en.eq(self.i.valid & room),
                    self.i.ready.eq(sum_end & room),
                ]
                with m.If(write_port.en & sum_end):
                    m.d.sync += index.eq(0)
                    with m.If(self.i.payload.last):
                        m.next = "PAUSE"
            with m.State("PAUSE"):
                m.d.sync += index.eq(index + 1)
                with m.If(index == _PAUSE - 1):
                    m.next = "CYCLES"
            with m.State("CYCLES"):
                m.d.comb += [
                    self.wanted.eq(1),
                    write_port.data.eq(self.cycles),
                    write_port.en.eq(self.granted & room),
                ]
                with m.If(write_port.en & (index == 3)):
                    m.d.sync += index.eq(0)
                    m.next = "SUM"
        return m
