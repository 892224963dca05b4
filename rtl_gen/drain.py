"""Takes finished tiles out of the cores: requantises and stores them, or sends them out raw."""

from collections.abc import Sequence

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.requantise import MAX_STEPS
from pann_hw.program.layout import CORE, PASS, STEP
from rtl_gen.core import sums_layout
from rtl_gen.requantiser import Requantiser
from rtl_gen.store_port import drained_layout, parts_layout

__all__ = ["Drain", "output_layout"]


def output_layout(config: AcceleratorConfig) -> data.StructLayout:
    """An output element: accumulator ``value``, ``last`` of the inference."""
    return data.StructLayout({"value": signed(config.accumulator_width), "last": 1})


class Drain(wiring.Component):
    """Tile by tile and core by core: adds the bias, then ``item.steps`` cycles each to memory, or
    one cycle per raw lane.

    With several requantisers cores whose words go to neighbouring banks, a group that begins at a
    multiple of their number, are drained together; with less than a word's lanes a word is drained
    in parts, lowest lanes first. A word that is stored as two halves takes one cycle more. With
    register_stages a part's sums, or its raw lanes', are taken into registers first, with their
    cores' records, which each step shifts on to the next step's fields.

    Parameters
    ----------
    config : lanes, cores, banks, accumulator_width, requantise_lanes, register_stages

    Members
    -------
    item, records : In, the next pass and a CORE record for each core; start : In(1), takes them
    sums, ready : In, each core's finished tile
    taken : Out, a bit for each core: its sums may be overwritten
    pooled : In(1), the pass's maxima are all stored; ends a pooling pass
    busy : Out(1), a pass is under way
    finished : Out(1), the last pass of an inference ends; a pulse
    store : Out(drained_layout), where a requantised word, or a part, goes; words : Out, of each of
        as many neighbouring banks as there are requantisers
    halve, columns_bits : Out, of the pass whose words are stored, drained or pooled
    o : stream of raw elements: tile by tile, core by core, lane by lane

    Latency: from ``ready`` to ``taken`` ``item.steps`` cycles for each part, with register_stages
    one more for each part and one for each word, and one for a word with ``item.halve``; one more
    to ``store``. Throughput: as many cycles for each group of words; raw elements one per transfer,
    with register_stages one cycle more for each part and one for each tile and core.
    """

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        super().__init__(
            {
                "item": In(data.StructLayout(dict(PASS))),
                "records": In(data.ArrayLayout(data.StructLayout(dict(CORE)), config.cores)),
                "start": In(1),
                "sums": In(data.ArrayLayout(sums_layout(config), config.cores)),
                "ready": In(config.cores),
                "taken": Out(config.cores),
                "pooled": In(1),
                "busy": Out(1),
                "finished": Out(1),
                "store": Out(drained_layout(config)),
                "words": Out(parts_layout(config)),
                "halve": Out(1),
                "columns_bits": Out(3),
                "o": Out(stream.Signature(output_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        group_bits = config.requantisers.bit_length() - 1
        lane_bits = config.lanes.bit_length() - 1
        part_bits = config.part_lanes.bit_length() - 1
        item = Signal(data.StructLayout(dict(PASS)), name="held_item")
        records = Signal(
            data.ArrayLayout(data.StructLayout(dict(CORE)), config.cores), name="held_records"
        )
        core = Signal(range(config.cores + 1))
        step = Signal(range(MAX_STEPS + 1))
        lane = Signal(lane_bits)
        row = Signal(config.size_bits)
        column = Signal(config.size_bits)
        half = Signal()
        tile_address = Signal(config.size_bits)
        word_address = Signal(config.size_bits)
        word_bank = Signal(range(max(config.banks, 2)))
        raw = Signal()
        enable = Signal()
        load = Signal()

        # The cores that are drained together: raw one by one, else up to the end of their banks.
        following = Signal(range(config.cores + config.requantisers + 1))
        members = Signal(config.cores)
        last_core = Signal()
        cores = item.cores[: len(following)]
        if group_bits:
            count = Mux(raw, 1, config.requantisers - word_bank[:group_bits])
            m.d.comb += [following.eq(core + count), last_core.eq(following >= cores)]
            for index in range(config.cores):
                within = (core <= index) & (index < following) & (index < cores)
                m.d.comb += members[index].eq(within)
        else:
            m.d.comb += [
                following.eq(core + 1),
                last_core.eq(following == cores if config.cores > 1 else 1),
                members.eq(1 << core),
            ]

        halve = Signal()
        again = Signal()
        last_step = Signal()
        step_end = Signal()
        m.d.comb += [last_step.eq(step + 1 == item.steps), step_end.eq(last_step)]
        if config.halves:
            m.d.comb += [halve.eq(item.halve), again.eq(step == item.steps)]
            m.d.comb += step_end.eq(Mux(halve, again, last_step))
        totals = self._requantisers(m, item, records, core, members, step, lane, raw, load, enable)

        strips = Signal(lane_bits + 1)
        columns = Signal(lane_bits + 1)
        next_row = Signal(config.size_bits + 1)
        next_column = Signal(config.size_bits + 1)
        row_end = Signal()
        map_end = Signal()
        turn = Signal()
        last_tile = Signal()
        last_lane = Signal(lane_bits)
        # Of the tile whose sums are drained.
        end_lane = last_lane
        if config.register_stages:
            end_lane = Signal(lane_bits, name="held_last_lane")
            with m.If(load):
                m.d.sync += end_lane.eq(last_lane)
        place = Signal(lane_bits)
        m.d.comb += [
            self.halve.eq(halve),
            self.columns_bits.eq(item.columns_bits),
            strips.eq(item.strips - (row >= item.last_rows)),
            columns.eq(item.columns - (column >= item.last_steps)),
            last_lane.eq(((strips - 1) << item.columns_bits) + columns - 1),
            place.eq(lane & ((1 << item.columns_bits) - 1)),
            next_row.eq(row + 1),
            next_column.eq(column + 1),
            row_end.eq(next_column == item.steps_wide),
            # Halved, the upper and the lower rows of a block go to the same words.
            map_end.eq(row_end & (next_row == Mux(halve, item.rows >> 1, item.rows))),
            turn.eq(map_end & halve & ~half),
            last_tile.eq(map_end & ~turn),
            self.o.payload.value.eq(Array(totals)[lane[:part_bits]]),
            self.o.payload.last.eq(item.final & last_tile & last_core & (lane == end_lane)),
        ]

        # The requantiser's result appears as the next word's first step is under way.
        stored = Signal()
        core_done = Signal()
        pass_done = Signal()
        m.d.sync += self.store.write.eq(stored)
        with m.If(stored):
            m.d.sync += [
                self.store.address.eq(word_address),
                self.store.banks.eq(self._banks(item, members, word_bank)),
            ]
            if config.parts > 1:
                m.d.sync += self.store.part.eq(lane[part_bits:])
            if config.halves:
                m.d.sync += [self.store.upper.eq(half), self.store.phase.eq(again)]
                with m.If(again):
                    m.d.sync += self.store.address.eq(self.store.address + item.steps_wide)
        m.d.comb += [
            self.taken.eq(members & core_done.replicate(config.cores)),
            pass_done.eq(core_done & last_core & last_tile),
            self.finished.eq(pass_done & item.final),
        ]

        complete = (self.ready & members) == members
        # Sums that were complete a cycle ago, and are not taken yet.
        seen = Signal()
        loaded = Signal()
        part_done = Signal()
        # Sums that are loaded stay until they are taken.
        ready = loaded if config.register_stages else complete
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [
                    item.eq(self.item),
                    core.eq(0),
                    step.eq(0),
                    lane.eq(0),
                    row.eq(0),
                    column.eq(0),
                    half.eq(0),
                    tile_address.eq(self.item.output_base),
                    word_address.eq(self.item.output_base),
                    word_bank.eq(self.item.bank),
                ]
                with m.If(self.item.pool):
                    m.next = "POOL"
                with m.Else():
                    m.d.sync += records.eq(self.records)
                    with m.If(self.item.raw):
                        m.next = "RAW"
                    with m.Else():
                        m.next = "REQUANTISE"
            with m.State("REQUANTISE"), m.If(ready):
                m.d.comb += [enable.eq(~again), stored.eq(last_step | again)]
                m.d.sync += step.eq(step + 1)
                with m.If(step_end):
                    if config.register_stages:
                        m.d.comb += part_done.eq(1)
                    m.d.sync += step.eq(0)
                    if config.parts > 1:
                        m.d.sync += lane.eq(lane + config.part_lanes)
                    m.d.comb += core_done.eq(lane[part_bits:].all() if config.parts > 1 else 1)
                with m.If(pass_done):
                    m.next = "IDLE"
            with m.State("RAW"):
                m.d.comb += raw.eq(1)
                with m.If(ready):
                    exists = place < columns
                    m.d.comb += self.o.valid.eq(exists)
                    with m.If(self.o.ready | ~exists):
                        if config.register_stages:
                            part_end = lane[:part_bits].all() | (lane == end_lane)
                            m.d.comb += part_done.eq(part_end)
                        m.d.sync += lane.eq(lane + 1)
                        with m.If(lane == end_lane):
                            m.d.comb += core_done.eq(1)
                            m.d.sync += lane.eq(0)
                    with m.If(pass_done):
                        m.next = "IDLE"
            with m.State("POOL"), m.If(self.pooled):
                m.next = "IDLE"
            if config.register_stages:
                drains = fsm.ongoing("REQUANTISE") | fsm.ongoing("RAW")
                m.d.comb += load.eq(seen & ~loaded)
                m.d.sync += seen.eq(drains & complete & ~core_done)
                m.d.sync += loaded.eq((loaded | load) & ~part_done)
        with m.If(core_done):
            # Behind the banks of the group.
            bank_end = word_bank[group_bits:].all() if config.banks > 1 else Const(1, 1)
            m.d.sync += [
                core.eq(following),
                word_bank.eq(Mux(bank_end, 0, (word_bank[group_bits:] + 1) << group_bits)),
                word_address.eq(word_address + Mux(bank_end, item.output_pitch, 0)),
            ]
            with m.If(last_core):
                to_next = Mux(halve & row_end, item.steps_wide, 0) + 1
                next_address = Mux(
                    turn, item.output_base, (tile_address + to_next)[: len(tile_address)]
                )
                m.d.sync += [
                    core.eq(0),
                    column.eq(next_column),
                    half.eq(half | turn),
                    tile_address.eq(next_address),
                    word_address.eq(next_address),
                    word_bank.eq(item.bank),
                ]
                with m.If(row_end):
                    m.d.sync += [column.eq(0), row.eq(Mux(turn, 0, next_row))]
        return m

    def _requantisers(
        self,
        m: Module,
        item: data.View,
        records: data.View,
        core: Signal,
        members: Signal,
        step: Signal,
        lane: Signal,
        raw: Signal,
        load: Signal,
        enable: Signal,
    ) -> list[Value]:
        """Requantiser u for cores u, u + requantisers, ...; the totals of the core that is raw."""
        config = self._config
        units = config.requantisers
        part_bits = config.part_lanes.bit_length() - 1
        made = []
        for number in range(min(units, config.cores)):
            requantiser = Requantiser(config)
            m.submodules[f"requantiser_{number}"] = requantiser
            made.append(requantiser)
            served = range(number, config.cores, units)
            # The first of them that is not drained yet.
            turn = (core + (units - 1 - number)) >> (units.bit_length() - 1)
            active = Cat(members[index] for index in served).any()
            if config.register_stages and units == 1:
                active = Const(1, 1)
            record = Signal(data.StructLayout(dict(CORE)), name=f"record{number}", reset_less=True)
            if not config.register_stages:
                chosen = Signal(sums_layout(config), name=f"chosen{number}")
                m.d.comb += [
                    record.eq(Array(records[index] for index in served)[turn]),
                    chosen.eq(Array(self.sums[index] for index in served)[turn]),
                ]
            m.d.comb += [
                requantiser.bias.eq(record.bias),
                requantiser.enable.eq(enable & active),
                requantiser.first.eq(step == 0),
                requantiser.q_max.eq(item.q_max),
            ]
            if config.register_stages:
                # Nothing is made of them before they are loaded: they need no reset.
                part = Signal(requantiser.sums.shape(), name=f"sums{number}", reset_less=True)
                m.d.comb += requantiser.sums.eq(part)
                at_core = turn[: (len(served) - 1).bit_length()]
                at_lane = Cat(lane[part_bits:], at_core)
                steps = record.as_value()[CORE["bias"] :]
                with m.If(load & active):
                    m.d.sync += record.eq(_halved([records[index] for index in served], at_core))
                    # A raw pass has no scales.
                    with m.If(raw):
                        m.d.sync += record.add0.eq(1)
                    for place in range(config.part_lanes):
                        lanes = range(place, config.lanes, config.part_lanes)
                        found = [self.sums[index][at] for index in served for at in lanes]
                        m.d.sync += part[place].eq(_halved(found, at_lane))
                with m.Elif(enable & active):
                    m.d.sync += steps.eq(steps >> sum(STEP.values()))
                m.d.comb += [
                    requantiser.add.eq(record.add0),
                    requantiser.subtract.eq(record.subtract0),
                    requantiser.shift.eq(record.shift0),
                ]
            else:
                for place in range(config.part_lanes):
                    lanes = range(place, config.lanes, config.part_lanes)
                    part = _chosen([chosen[index] for index in lanes], lane[part_bits:])
                    m.d.comb += requantiser.sums[place].eq(part)
                with m.Switch(step):
                    for index in range(MAX_STEPS):
                        with m.Case(index):
                            m.d.comb += [
                                # A raw pass has no scales.
                                requantiser.add.eq(record[f"add{index}"] | raw),
                                requantiser.subtract.eq(record[f"subtract{index}"]),
                                requantiser.shift.eq(record[f"shift{index}"]),
                            ]
        # Bank b of a group holds what unit b - item.bank made, modulo their number.
        values = [unit.value for unit in made] + [Const(0)] * (units - len(made))
        for place in range(units):
            m.d.comb += self.words[place].eq(
                _chosen(
                    [values[(place - first) % units] for first in range(units)],
                    item.bank[: units.bit_length() - 1],
                )
            )
        totals = _chosen([unit.totals for unit in made], core[: units.bit_length() - 1])
        return [totals[place] for place in range(config.part_lanes)]

    def _banks(self, item: data.View, members: Signal, word_bank: Signal) -> Value:
        """The banks that the members' words go to."""
        config = self._config
        units = config.requantisers
        bits = units.bit_length() - 1
        if not bits:
            return Const(1, config.banks) << word_bank
        active = [Cat(members[unit::units]).any() for unit in range(units)]
        return Cat(
            Array(active[(bank - first) % units] for first in range(units))[item.bank[:bits]]
            & (word_bank >> bits == bank >> bits)
            for bank in range(config.banks)
        )


def _chosen(values: list[Value], index: Value) -> Value:
    """One of the values; the index of a single one has no bits."""
    return Array(values)[index] if len(values) > 1 else values[0]


def _halved(values: Sequence[Value], index: Value) -> Value:
    """One of the values, half of those that are left with each bit of the index, lowest first."""
    left = [Value.cast(value) for value in values]
    for bit in index:
        pairs = zip(left[::2], left[1::2] + left[-1:], strict=False)
        left = [Mux(bit, *reversed(pair)) for pair in pairs]
    return left[0]
