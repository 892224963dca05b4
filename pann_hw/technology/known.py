"""Technologies that the tool knows; their Liberty files are the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pann_hw.errors import InputError
from pann_hw.technology.library import Library

__all__ = ["TECHNOLOGIES", "GateCell", "Technology", "TieCell", "recognised", "technology"]


@dataclass(frozen=True)
class GateCell:
    """A clock gate: ``output`` is ``clock`` in cycles before which ``enable`` was 1.

    ``low`` are the inputs to be tied to 0.
    """

    cell: str
    clock: str
    enable: str
    output: str
    low: tuple[str, ...] = ()


@dataclass(frozen=True)
class TieCell:
    """A cell whose output is constant."""

    cell: str
    output: str


@dataclass(frozen=True)
class Technology:
    """What mapping to a library needs beyond its Liberty files.

    Attributes
    ----------
    name : by which it is asked for
    title : library, process and corner, for people
    supply : V
    feature : nm
    avoided : patterns of cells that mapping must not use, with the library's own `dont_use`
    buffer, inverter : of the drive to begin with
    flip_flop : rising edge; its next state is its data input, or the complement of it
    clock_gate : for gated clocks
    tie_high, tie_low : constants
    """

    name: str
    title: str
    supply: float
    feature: float
    avoided: tuple[str, ...]
    buffer: str
    inverter: str
    flip_flop: str
    clock_gate: GateCell
    tie_high: TieCell
    tie_low: TieCell

    def avoids(self, cell: str) -> bool:
        """Whether mapping must not use a cell."""
        return any(fnmatchcase(cell, pattern) for pattern in self.avoided)


def _named(prefix: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(prefix + name for name in names)


_SKY130 = "sky130_fd_sc_hd__"

_SKY130_AVOIDED = (
    "lpflow_*",  # other supplies
    "probe*",
    "macro_sparecell",
    "dly*",  # delays
    "clkdly*",
    "sdf*",  # scan
    "sedf*",
    "sdlclkp_*",
    # Two outputs whose tables of energy depend on what loads the other: some are negative.
    "df?bp_*",
    "dfbb?_*",
    "edfxbp_*",
    "fah_*",
    "fahc*",
)

_SG13G2_AVOIDED = (
    "dlygate*",
    "sdf*",
    "slgcp_*",
    "sighold",
    # The energy of each output has the load's 0.5 C V^2 in it, which counts it twice.
    "dfrbp_*",
)

TECHNOLOGIES = {
    known.name: known
    for known in (
        Technology(
            name="sky130",
            title="SkyWater SKY130 high density, typical, 1.8 V, 25 C",
            supply=1.8,
            feature=130.0,
            avoided=_named(_SKY130, _SKY130_AVOIDED),
            buffer=_SKY130 + "buf_1",
            inverter=_SKY130 + "inv_1",
            flip_flop=_SKY130 + "dfxtp_1",
            clock_gate=GateCell(_SKY130 + "dlclkp_1", "CLK", "GATE", "GCLK"),
            tie_high=TieCell(_SKY130 + "conb_1", "HI"),
            tie_low=TieCell(_SKY130 + "conb_1", "LO"),
        ),
        Technology(
            name="sg13g2",
            title="IHP SG13G2, typical, 1.2 V, 25 C",
            supply=1.2,
            feature=130.0,
            avoided=_named("sg13g2_", _SG13G2_AVOIDED),
            buffer="sg13g2_buf_1",
            inverter="sg13g2_inv_1",
            flip_flop="sg13g2_dfrbpq_1",
            # The library's `dont_use` keeps it from being taken for logic.
            clock_gate=GateCell("sg13g2_lgcp_1", "CLK", "GATE", "GCLK"),
            tie_high=TieCell("sg13g2_tiehi", "L_HI"),
            tie_low=TieCell("sg13g2_tielo", "L_LO"),
        ),
        Technology(
            name="asap7",
            title="ASAP7 predictive 7 nm, 7.5 tracks RVT, typical, 0.7 V, 25 C",
            supply=0.7,
            feature=7.0,
            # Hold buffers, clock inverters, scan, clock gates of two heights.
            avoided=("HB*xp67_*", "CKINVDC*", "SDF*", "ICG*DC_*"),
            buffer="BUFx2_ASAP7_75t_R",
            inverter="INVx1_ASAP7_75t_R",
            flip_flop="DFFHQNx1_ASAP7_75t_R",
            clock_gate=GateCell("ICGx1_ASAP7_75t_R", "CLK", "ENA", "GCLK", ("SE",)),
            tie_high=TieCell("TIEHIx1_ASAP7_75t_R", "H"),
            tie_low=TieCell("TIELOx1_ASAP7_75t_R", "L"),
        ),
    )
}
"""By name."""


def recognised(library: Library) -> Technology | None:
    """The technology whose library this is: it has the flip-flop and the clock gate."""
    return next(
        (
            known
            for known in TECHNOLOGIES.values()
            if {known.flip_flop, known.clock_gate.cell} <= set(library.cells)
        ),
        None,
    )


def technology(name: str) -> Technology:
    """The technology of this name.

    Raises
    ------
    InputError : there is none; names those that there are
    """
    if name not in TECHNOLOGIES:
        raise InputError(f"technology {name!r}: must be one of {', '.join(TECHNOLOGIES)}")
    return TECHNOLOGIES[name]
