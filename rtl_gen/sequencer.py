"""The sequencer: runs an inference pass by pass and tile by tile."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import (
    CORE,
    CORE_WORDS,
    PASS,
    PASS_WORDS,
    POINT_WORDS,
    SEGMENT,
    SEGMENT_WORDS,
    directory_stride,
)
from rtl_gen.program_loader import Error

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """Reads the operating point's directory entry, takes the input, then runs each pass's tiles.

    Parameters
    ----------
    config : lanes, cores, rails

    Members
    -------
    start, point : In, begins an inference of an operating point
    busy : Out(1); done : Out(1), a pulse at its end; error : Out(4), an Error for one cycle
    address, word : the descriptor memory's read port, data a cycle after the address
    input_start, input_base, input_width, input_rows : Out; input_busy : In, the input loader
    item, segments, records : Out, the pass under way
    jump, target : Out, term addresses of the operating point
    array_start, next_tile, load, run, lane_on, final_tile : Out; array_done : In, the core array
    drain_start, lanes_in_use, final, tile_address : Out; drain_done : In, the drain

    A pass takes 2 cycles and one per descriptor word; a tile 1 cycle beside running and draining.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "point": In(3),
                "busy": Out(1),
                "done": Out(1),
                "error": Out(4),
                "address": Out(16),
                "word": In(32),
                "input_start": Out(1),
                "input_base": Out(16),
                "input_width": Out(16),
                "input_rows": Out(16),
                "input_busy": In(1),
                "item": Out(data.StructLayout(dict(PASS))),
                "segments": Out(data.ArrayLayout(data.StructLayout(dict(SEGMENT)), 2)),
                "records": Out(data.ArrayLayout(data.StructLayout(dict(CORE)), config.cores)),
                "jump": Out(config.cores * config.rails),
                "target": Out(16),
                "array_start": Out(1),
                "next_tile": Out(1),
                "load": Out(1),
                "run": Out(1),
                "lane_on": Out(config.lanes),
                "final_tile": Out(1),
                "array_done": In(1),
                "drain_start": Out(1),
                "lanes_in_use": Out(range(config.lanes + 1)),
                "final": Out(1),
                "tile_address": Out(16),
                "drain_done": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        # Descriptor words arrive a cycle after their address; ``index`` is that of ``word``.
        index = Signal(16)

        first_pass = Signal(16)
        tile = Signal(16)
        row = Signal(16)
        last_tile = tile + 1 == self.item.tiles_per_row
        last_row = row + 1 == self.item.rows
        m.d.comb += [
            self.target.eq(self.word),
            self.final_tile.eq(last_tile & last_row),
            self.final.eq(self.final_tile & self.item.final),
            self.lanes_in_use.eq(Mux(last_tile, self.item.last_valid, config.lanes)),
            self.lane_on.eq((1 << self.lanes_in_use) - 1),
        ]

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                with m.If(self.start):
                    stride = directory_stride(config)
                    m.d.sync += [
                        self.address.eq(self.point << (stride.bit_length() - 1)),
                        index.eq(0),
                    ]
                    m.next = "DIRECTORY_WAIT"
            with m.State("DIRECTORY_WAIT"):
                m.d.sync += self.address.eq(self.address + 1)
                m.next = "DIRECTORY"
            with m.State("DIRECTORY"):
                self._take_directory(m, index, first_pass)
            with m.State("INPUT"), m.If(~self.input_busy):
                m.next = "PASS_WAIT"
            with m.State("PASS_WAIT"):
                m.d.sync += [self.address.eq(self.address + 1), index.eq(0)]
                m.next = "PASS"
            with m.State("PASS"):
                self._take_pass(m, index)
            with m.State("START"):
                m.d.comb += self.array_start.eq(1)
                m.d.sync += [tile.eq(0), row.eq(0), self.tile_address.eq(self.item.output_base)]
                m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += self.load.eq(~self.item.pool)
                m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += self.run.eq(1)
                with m.If(self.array_done):
                    m.d.comb += self.next_tile.eq(~self.final_tile)
                    with m.If(self.item.pool):
                        self._finish_tile(m, tile, row, last_tile)
                    with m.Else():
                        m.d.comb += self.drain_start.eq(1)
                        m.next = "DRAIN"
            with m.State("DRAIN"), m.If(self.drain_done):
                self._finish_tile(m, tile, row, last_tile)
        return m

    def _take_directory(self, m: Module, index: Signal, first_pass: Signal) -> None:
        """Store the directory word that has arrived, and end with the last one."""
        config = self._config
        rails = config.cores * config.rails
        last = POINT_WORDS + rails - 1
        m.d.sync += index.eq(index + 1)
        with m.Switch(index):
            with m.Case(0):
                m.d.sync += [
                    first_pass.eq(self.word[:16]),
                    self.input_base.eq(self.word[16:]),
                ]
            with m.Case(1):
                m.d.sync += [
                    self.input_width.eq(self.word[:16]),
                    self.input_rows.eq(self.word[16:]),
                ]
            for rail in range(rails):
                with m.Case(POINT_WORDS + rail):
                    m.d.comb += self.jump[rail].eq(1)
        m.d.sync += self.address.eq(Mux(index == last, first_pass, self.address + 1))
        with m.If((index == 0) & (self.word == 0)):
            m.d.comb += self.error.eq(Error.POINT_NOT_LOADED)
            m.next = "IDLE"
        with m.Elif(index == last):
            m.d.comb += self.input_start.eq(1)
            m.next = "INPUT"

    def _take_pass(self, m: Module, index: Signal) -> None:
        """Store the descriptor word that has arrived; ``address`` ends at the next pass."""
        config = self._config
        header = PASS_WORDS + 2 * SEGMENT_WORDS
        views = (
            (self.item.as_value(), 0, PASS_WORDS),
            (self.segments.as_value(), PASS_WORDS, 2 * SEGMENT_WORDS),
            (self.records.as_value(), header, CORE_WORDS * config.cores),
        )
        following = Signal.like(index)
        one_segment = ~self.item.two_segments & (index == PASS_WORDS + SEGMENT_WORDS - 1)
        m.d.comb += following.eq(Mux(one_segment, header, index + 1))
        m.d.sync += index.eq(following)
        with m.Switch(index):
            for view, first, words in views:
                for word in range(words):
                    with m.Case(first + word):
                        m.d.sync += view.word_select(word, 32).eq(self.word)
        with m.If(following == header + (self.item.cores << (CORE_WORDS - 1))):
            m.next = "START"
        with m.Else():
            m.d.sync += self.address.eq(self.address + 1)

    def _finish_tile(self, m: Module, tile: Signal, row: Signal, last_tile: object) -> None:
        """Go on to the next tile, the next pass, or the end."""
        m.d.sync += [
            self.tile_address.eq(self.tile_address + 1),
            tile.eq(Mux(last_tile, 0, tile + 1)),
            row.eq(row + last_tile),
        ]
        with m.If(~self.final_tile):
            m.next = "LOAD"
        with m.Elif(~self.item.final):
            m.next = "PASS_WAIT"
        with m.Else():
            m.d.comb += self.done.eq(1)
            m.next = "IDLE"
