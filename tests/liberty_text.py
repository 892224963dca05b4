"""A small Liberty library, one of each kind of cell, with figures that are easily added up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["CELLS", "GATES", "HEAD", "PDK", "gates", "pdk", "text"]

PDK = Path(os.environ.get("PANN_HW_PDK", Path(__file__).parent.parent.parent / "shared" / "pdk"))
"""Where Liberty files of real libraries are looked for: PANN_HW_PDK, or beside the checkout."""

HEAD = """
  /* a comment with } in it */
  delay_model : table_lookup;
  time_unit : "1ns";
  voltage_unit : "1V";
  leakage_power_unit : "1pW";
  capacitive_load_unit (1, pf);
  voltage_map (VDD, 0.9);
  voltage_map (VSS, 0);
  nom_voltage : 0.9;
  default_input_pin_cap : 0.004;
  default_cell_leakage_power : 7;
  operating_conditions (typical) { voltage : 0.9; temperature : 25; process : 1; }
  lu_table_template (delay) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0.01, 0.03"); index_2 ("0.001, 0.002, 0.004");
  }
  lu_table_template (turned) {
    variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("0.001, 0.002, 0.004"); index_2 ("0.01, 0.03");
  }
  lu_table_template (hold) {
    variable_1 : related_pin_transition; variable_2 : constrained_pin_transition;
    index_1 ("0.01, 0.03"); index_2 ("0.01, 0.03");
  }
  power_lut_template (output_energy) {
    variable_1 : input_transition_time; variable_2 : total_output_net_capacitance;
    index_1 ("0.01, 0.03"); index_2 ("0.001, 0.004");
  }
  power_lut_template (input_energy) {
    variable_1 : input_transition_time; index_1 ("0.01, 0.03");
  }
"""


def _delay(related: str, start: float, sense: str, more: str = "") -> str:
    rows = ", ".join(
        '"' + ", ".join(f"{start + 0.1 * row + 0.01 * load:g}" for load in (1, 2, 4)) + '"'
        for row in range(2)
    )
    return (
        f'timing () {{ related_pin : "{related}"; timing_sense : {sense}; {more}\n'
        + "\n".join(
            f"{kind} (delay) {{ values ({rows}); }}"
            for kind in ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
        )
        + "}\n"
    )


def _power(rise: float, fall: float, more: str = "", template: str = "input_energy") -> str:
    def table(value: float) -> str:
        if template == "input_energy":
            return f'("{value:g}, {value:g}")'
        if template == "pin_energy":
            return f'("{value:g}, {value:g}, {value:g}")'
        return f'("{value:g}, {value:g}", "{value:g}, {value:g}")'

    return (
        f"internal_power () {{ {more} rise_power ({template}) {{ values {table(rise)}; }}"
        f" fall_power ({template}) {{ values {table(fall)}; }} }}\n"
    )


def _input(name: str, more: str = "") -> str:
    return f"pin ({name}) {{ direction : input; capacitance : 0.002; {more} }}\n"


_SUPPLIES = """
  pg_pin (VDD) { pg_type : primary_power; voltage_name : VDD; }
  pg_pin (VSS) { pg_type : primary_ground; voltage_name : VSS; }
"""

CELLS = {
    "INV": f"""
  area : 1; cell_leakage_power : 3;
  {_input("A")}
  pin (Y) {{ direction : output; function : "A'"; max_capacitance : 0.1;
    {_delay("A", 0.1, "negative_unate", "timing_type : combinational;")}
    {_power(0.002, -0.001, 'related_pin : "A";', "output_energy")} }}""",
    "NAND2": f"""
  area : 2.5;
  leakage_power () {{ value : 10; when : "A*B"; related_pg_pin : VDD; }}
  leakage_power () {{ value : 20; when : "!(A*B)"; related_pg_pin : VDD; }}
  leakage_power () {{ value : 0; when : "A*B"; related_pg_pin : VSS; }}
  {_SUPPLIES}
  {
        _input(
            "A",
            _power(0.001, 0.002, 'when : "!B * Y"; related_pg_pin : VDD;')
            + _power(9, 9, 'when : "!B * Y"; related_pg_pin : VSS;'),
        )
    }
  {_input("B")}
  pin (Y) {{ direction : output; function : "!(A B)";
    {_delay("A", 0.1, "negative_unate")} {_delay("B", 0.2, "negative_unate")}
    {_power(0.004, 0.006, 'related_pin : "A B"; related_pg_pin : VDD;', "output_energy")}
    {_power(9, 9, 'related_pin : "A B"; related_pg_pin : VSS;', "output_energy")} }}""",
    "NOR2": f"""
  {_input("A")} {_input("B")}
  pin (Y) {{ direction : output; function : "!(A + B)";
    timing () {{ related_pin : "A"; timing_sense : negative_unate;
      cell_rise (turned) {{ values ("0.1, 0.2", "0.3, 0.4", "0.5, 0.6"); }}
      cell_fall (scalar) {{ values (0.7); }} }}
    {_delay("B", 0.2, "negative_unate")} }}""",
    "XOR2": f"""
  {_input("A")} {_input("B")}
  pin (Y) {{ direction : output; function : "A ^ B";
    {_delay("A", 0.1, "positive_unate", 'when : "!B";')}
    {_delay("A", 0.3, "negative_unate", 'when : "B";')}
    {_delay("A", 0.9, "non_unate")}
    {_delay("B", 0.1, "non_unate")} }}""",
    "DFF": f"""
  area : 10; cell_leakage_power : 30;
  ff (IQ, IQN) {{ clocked_on : "CK"; next_state : "D"; }}
  pin (CK) {{ direction : input; clock : true; capacitance : 0.001;
    {_power(0.010, 0.020, 'when : "D * Q";')}
    {_power(0.012, 0.022, 'when : "!D * !Q";')}
    internal_power () {{ when : "D * !Q"; rise_power (scalar) {{ values (0); }}
      fall_power (input_energy) {{ values ("0.030, 0.030"); }} }}
    internal_power () {{ rise_power (scalar) {{ values (0); }}
      fall_power (input_energy) {{ values ("0.040, 0.040"); }} }} }}
  {
        _input(
            "D",
            'timing () { related_pin : "CK"; timing_type : setup_rising;'
            ' rise_constraint (hold) { values ("1, 2", "3, 4"); } }' + _power(0.003, 0.005),
        )
    }
  pin (Q) {{ direction : output; function : "IQ";
    {_delay("CK", 0.5, "non_unate", "timing_type : rising_edge;")}
    {_power(0.010, 0.014, 'related_pin : "CK";', "output_energy")} }}""",
    "DFFNR": f"""
  ff ("IQ", "IQ_N") {{ clocked_on : "!CKN"; next_state : "(D * E) + (IQ * !E)";
    clear : "!RN"; preset : "!SN"; clear_preset_var1 : L; clear_preset_var2 : H; }}
  pin (CKN) {{ direction : input; clock : true; }} {_input("D")} {_input("E")}
  {_input("RN", _power(0.001, 0.003, 'when : "!Q";'))} {_input("SN")}
  pin (QN) {{ direction : output; function : "IQ_N";
    {_delay("CKN", 0.5, "non_unate", "timing_type : falling_edge;")}
    timing () {{ related_pin : "RN"; timing_sense : negative_unate; timing_type : preset;
      cell_rise (delay) {{ values ("1, 2, 4", "2, 3, 5"); }} }} }}
  pin (Q) {{ direction : output; function : "IQ"; }}""",
    "LAT": f"""
  latch (IQ, IQN) {{ enable : "G"; data_in : "D"; }}
  {_input("G", "clock : true;")} {_input("D")}
  pin (Q) {{ direction : output; function : "IQ"; }}""",
    "ICG": f"""
  dont_use : true; clock_gating_integrated_cell : "latch_posedge_precontrol";
  statetable ("CK EN SE", "M") {{ table : "L L L : - : L, \\
    L H - : - : H, L - H : - : H, H - - : - : N"; }}
  pin (M) {{ direction : internal; internal_node : "M"; }}
  {_input("CK", "clock : true; clock_gate_clock_pin : true;")}
  {_input("EN", "clock_gate_enable_pin : true;")} {_input("SE", "clock_gate_test_pin : true;")}
  pin (GCK) {{ direction : output; clock_gate_out_pin : true; state_function : "CK * M"; }}""",
    "TIE": 'pin (H) { direction : output; function : "1"; }',
    "EBUF": f"""
  {_input("A")} {_input("E")}
  pin (Y) {{ direction : output; function : "A"; three_state : "!E"; }}""",
    "FILL": "area : 0.5;",
    "ISO": f"""
  is_isolation_cell : true; {_input("A")} {_input("E")}
  pin (Y) {{ direction : output; function : "A * E"; }}""",
}
"""What is in the group of each cell."""


def text(cells: dict[str, str] | None = None, head: str = HEAD, name: str = "small_typical") -> str:
    """The library with these cells, all by default."""
    chosen = CELLS if cells is None else cells
    groups = "\n".join(f"cell ({cell}) {{ {inside} }}" for cell, inside in chosen.items())
    return f"library ({name}) {{ {head} {groups}\n}}\n"


def pdk(folder: str) -> list[Path]:
    """The Liberty files of a real library; the test is skipped where they are not there."""
    paths = sorted((PDK / folder).glob("*.lib.gz"))
    if not paths:
        pytest.skip(f"no Liberty files in {PDK / folder}; set PANN_HW_PDK to where they are")
    return paths


_SLEWS, _LOADS = (0.01, 0.1, 0.5), (0.001, 0.01, 0.05)

GATES_HEAD = """
  delay_model : table_lookup;
  time_unit : "1ns";
  voltage_unit : "1V";
  leakage_power_unit : "1nW";
  capacitive_load_unit (1, pf);
  nom_voltage : 1;
  lu_table_template (timing) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0.01, 0.1, 0.5"); index_2 ("0.001, 0.01, 0.05");
  }
  power_lut_template (energy) {
    variable_1 : input_transition_time; variable_2 : total_output_net_capacitance;
    index_1 ("0.01, 0.1, 0.5"); index_2 ("0.001, 0.01, 0.05");
  }
  power_lut_template (pin_energy) {
    variable_1 : input_transition_time; index_1 ("0.01, 0.1, 0.5");
  }
"""


def _plane(constant: float, slew: float, load: float) -> str:
    # The table of constant + slew * (slew in ns) + load * (load in pF).
    rows = (", ".join(f"{constant + slew * s + load * c:.6g}" for c in _LOADS) for s in _SLEWS)
    return "values (" + ", ".join(f'"{row}"' for row in rows) + ");"


def _through(related: str, strength: float, more: str = "") -> str:
    # Delay, slew and energy from an input to an output.
    delays = "".join(
        f"{kind} (timing) {{ {_plane(constant, 0.2, 4 / strength)} }}\n"
        for kind, constant in (("cell_rise", 0.03), ("cell_fall", 0.02))
    ) + "".join(
        f"{kind} (timing) {{ {_plane(0.01, 0.1, 5 / strength)} }}\n"
        for kind in ("rise_transition", "fall_transition")
    )
    energies = "".join(
        f"{kind} (energy) {{ {_plane(constant * strength, 0.001, 0.0)} }}\n"
        for kind, constant in (("rise_power", 0.002), ("fall_power", 0.001))
    )
    return (
        f'timing () {{ related_pin : "{related}"; {more} {delays} }}\n'
        f'internal_power () {{ related_pin : "{related}"; {energies} }}\n'
    )


def _gate(area: float, inputs: str, function: str, strength: float = 1) -> str:
    arcs = "".join(_through(name, strength) for name in inputs)
    pins = "".join(_input(name) for name in inputs)
    return f"""
  area : {area:g}; cell_leakage_power : {area:g}; {pins}
  pin (Y) {{ direction : output; function : "{function}"; max_capacitance : {0.04 * strength:g};
    {arcs} }}"""


_CLOCKED = _through("CK", 1, "timing_type : rising_edge;")

GATES = {
    "INV": _gate(1, "A", "!A"),
    "BUF1": _gate(1.5, "A", "A"),
    "BUF4": _gate(3, "A", "A", 4),
    "NAND2": _gate(2, "AB", "!(A*B)"),
    "NOR2": _gate(2, "AB", "!(A+B)"),
    "OR2": _gate(3, "AB", "A+B"),
    "XOR2": _gate(4, "AB", "(A*!B)+(!A*B)"),
    "MUX2": _gate(4, "ABS", "(A*!S)+(B*S)"),
    "DFF": f"""
  area : 8; cell_leakage_power : 10;
  ff (IQ, IQN) {{ clocked_on : "CK"; next_state : "D"; }}
  {_input("CK", "clock : true;" + _power(0.003, 0.002, template="pin_energy"))}
  {_input("D", _power(0.001, 0.001, template="pin_energy"))}
  pin (Q) {{ direction : output; function : "IQ"; max_capacitance : 0.04; {_CLOCKED} }}""",
    "ICG": f"""
  area : 6; cell_leakage_power : 8; dont_use : true;
  clock_gating_integrated_cell : "latch_posedge_precontrol";
  statetable ("CK EN SE", "M") {{ table : "L L L : - : L, \\
    L H - : - : H, L - H : - : H, H - - : - : N"; }}
  pin (M) {{ direction : internal; internal_node : "M"; }}
  {
        _input(
            "CK",
            "clock : true; clock_gate_clock_pin : true;"
            + _power(0.002, 0.002, template="pin_energy"),
        )
    }
  {_input("EN", "clock_gate_enable_pin : true;")} {_input("SE", "clock_gate_test_pin : true;")}
  pin (GCK) {{ direction : output; clock_gate_out_pin : true; state_function : "CK * M";
    {_through("CK", 4)} }}""",
}
"""Cells with which accelerators can be mapped, of plain figures: an input has 2 fF."""


def gates(cells: dict[str, str] | None = None) -> str:
    """The library with these cells, all of GATES by default."""
    return text(GATES if cells is None else cells, GATES_HEAD, "small_gates")
