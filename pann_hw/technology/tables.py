"""Tables of a Liberty library in the units of :mod:`pann_hw.technology.library`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from liberty.types import EscapedString, Group

from pann_hw.technology.library import Table

__all__ = ["Tables", "attribute", "mean", "number"]

_SLEWS = ("input_net_transition", "input_transition_time")
_LOADS = ("total_output_net_capacitance",)

_UNIT = re.compile(r"([0-9.eE+-]+?)\s*([a-zA-Z]+)")

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}


def attribute(group: Group, name: str) -> str:
    """The first value of a simple attribute as text; empty where there is none."""
    found = group.get_attributes(name)
    value = found[0] if found else ""
    return (value.value if isinstance(value, EscapedString) else str(value)).strip()


def number(group: Group, name: str, default: float) -> float:
    """The first value of a simple attribute as a number.

    Raises
    ------
    ValueError : it is none
    """
    text = attribute(group, name)
    try:
        return float(text) if text else default
    except ValueError:
        raise ValueError(f"{name} = {text!r} is no number") from None


def mean(tables: Sequence[Table], weights: Sequence[float]) -> Table:
    """The weighted mean of tables, on the axes of the one that has most values."""
    largest = max(tables, key=lambda table: table.values.size)
    total = sum(weights)
    values = np.zeros_like(largest.values)
    for table, weight in zip(tables, weights, strict=True):
        values += weight / total * _on(table, largest)
    return Table(largest.slews, largest.loads, values)


def _on(table: Table, axes: Table) -> np.ndarray:
    if table.slews == axes.slews and table.loads == axes.loads:
        return table.values
    return np.array([[table.at(slew, load) for load in axes.loads] for slew in axes.slews])


class Tables:
    """Units, templates and defaults of one library, and its tables in the project's units.

    Energies are in ``capacitive_load_unit * voltage_unit^2``: the Library Compiler user guide
    ("Modeling Timing, Signal Integrity, and Power in Technology Libraries") derives the unit of
    internal power as ``capacitive_load_unit * voltage_unit^2 / time_unit``, per transition in a
    time unit; OpenSTA (`LibertyReader`, ``setEnergyScale``) scales the tables by
    ``volt_scale^2 * cap_scale``; and IHP's SRAM macros say so in their Liberty files ("implicit
    units overview"). The unit of leakage has no part in it.

    Attributes
    ----------
    capacitance_unit : fF
    time_unit : ps
    energy_unit : fJ
    leakage_unit : nW
    voltage : V, of the operating conditions
    ground : supplies at 0 V
    input_capacitance, leakage : defaults for pins and cells without, in the library's units

    Raises
    ------
    ValueError : a unit or the voltage is missing or not understood
    """

    def __init__(self, library: Group) -> None:
        self.capacitance_unit = _capacitive_unit(library)
        self.time_unit = _unit(library, "time_unit", "s", "1ns") * 1e12
        self.energy_unit = self.capacitance_unit * _unit(library, "voltage_unit", "V", "1V") ** 2
        self.leakage_unit = _unit(library, "leakage_power_unit", "W", "") * 1e9
        self.voltage = _voltage(library)
        self.ground = {
            str(args[0]).strip('"')
            for args in library.get_attributes("voltage_map")
            if len(args) == 2 and float(str(args[1]).strip('"')) == 0
        }
        self.input_capacitance = number(library, "default_input_pin_cap", 0.0)
        self.leakage = number(library, "default_cell_leakage_power", 0.0)
        self._axes: dict[tuple[str, float], tuple[float, ...]] = {}
        self._templates = {
            _template_name(group): group
            for kind in ("lu_table_template", "power_lut_template")
            for group in library.get_groups(kind)
        }

    def delay(self, group: Group) -> Table:
        """A delay or slew table in ps."""
        return self._read(group, self.time_unit)

    def energy(self, group: Group) -> Table:
        """An internal_power table in fJ."""
        return self._read(group, self.energy_unit)

    def _read(self, group: Group, unit: float) -> Table:
        name = _template_name(group)
        values = _numbers(group.get_attributes("values"), f"values of {group.group_name}")
        if name == "scalar" or (name not in self._templates and len(values) == 1):
            if len(values) != 1:
                raise ValueError(f"{group.group_name}: {len(values)} values in a scalar")
            return Table.constant(float(values[0]) * unit)
        if name not in self._templates:
            raise ValueError(f"{group.group_name}: the library has no template {name}")
        template = self._templates[name]
        slews: tuple[float, ...] = (0.0,)
        loads: tuple[float, ...] = (0.0,)
        order = []
        for axis in (1, 2, 3):
            variable = attribute(template, f"variable_{axis}")
            if not variable:
                break
            order.append(variable in _LOADS)
            if variable in _SLEWS:
                slews = self._axis(group, template, axis, self.time_unit)
            elif variable in _LOADS:
                loads = self._axis(group, template, axis, self.capacitance_unit)
            else:
                raise ValueError(f"{group.group_name}: tables over {variable} are not supported")
        if len(values) != len(slews) * len(loads):
            raise ValueError(
                f"{group.group_name}: {len(values)} values for {len(slews)} slews and "
                f"{len(loads)} loads"
            )
        if order == [True, False]:
            matrix = values.reshape(len(loads), len(slews)).T
        else:
            matrix = values.reshape(len(slews), len(loads))
        return Table(slews, loads, np.ascontiguousarray(matrix) * unit)

    def _axis(self, group: Group, template: Group, axis: int, unit: float) -> tuple[float, ...]:
        name = f"index_{axis}"
        found = group.get_attributes(name) or template.get_attributes(name)
        key = (str(found), unit)
        if key not in self._axes:
            values = _numbers(found, f"{name} of {group.group_name}")
            if not len(values) or (np.diff(values) <= 0).any():
                raise ValueError(f"{name} of {group.group_name} does not rise")
            self._axes[key] = tuple((values * unit).tolist())
        return self._axes[key]


def _numbers(found: Sequence[Iterable[object]], what: str) -> np.ndarray:
    # Of a complex attribute: strings of several numbers, or numbers.
    text = " ".join(
        part.value if isinstance(part, EscapedString) else str(part)
        for part in (found[0] if found else ())
    )
    try:
        return np.array([float(word) for word in re.split(r"[\s,\\]+", text) if word])
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None


def _template_name(group: Group) -> str:
    return str(group.args[0]).strip('"').strip() if group.args else ""


def _capacitive_unit(library: Group) -> float:
    found = library.get_attributes("capacitive_load_unit")
    if not found or len(found[0]) != 2:
        raise ValueError(
            "no capacitive_load_unit: capacitances and energies have no unit; add one, such as "
            "capacitive_load_unit (1, pf)"
        )
    size, name = (str(part).strip('"') for part in found[0])
    if name.lower() not in ("ff", "pf"):
        raise ValueError(f"capacitive_load_unit {name}: must be ff or pf")
    return float(size) * (1.0 if name.lower() == "ff" else 1000.0)


def _unit(library: Group, name: str, base: str, default: str) -> float:
    text = attribute(library, name) or default
    match = _UNIT.fullmatch(text)
    if not match or not match[2].lower().endswith(base.lower()):
        raise ValueError(f'{name} "{text}": must be a number and a unit, such as "1n{base}"')
    prefix = match[2][: -len(base)].lower()
    if prefix not in _PREFIXES:
        raise ValueError(f'{name} "{text}": {match[2]} is no unit that is known')
    return float(match[1]) * _PREFIXES[prefix]


def _voltage(library: Group) -> float:
    conditions = {_template_name(g): g for g in library.get_groups("operating_conditions")}
    chosen = attribute(library, "default_operating_conditions")
    first = conditions.get(chosen) or next(iter(conditions.values()), library)
    value = number(first, "voltage", number(library, "nom_voltage", 0.0))
    if value <= 0:
        raise ValueError("no supply voltage: add nom_voltage")
    return value
