"""Operating points on accelerators, each with what an estimator says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.program.deployment import Deployment
from pann_hw.quantise.search import Candidate
from pann_hw.sizing.cost import Cost, Estimator
from pann_hw.sizing.goal import Goal
from pann_hw.sizing.hardware import Hardware, deployed
from pann_hw.sizing.points import Additions, Points, Products, Setting
from pann_hw.sizing.scaling import scaled, variable_energy

__all__ = ["Judge", "Trial", "UnfitError"]


@dataclass(frozen=True, eq=False)
class Trial:
    """An operating point on an accelerator.

    Attributes
    ----------
    hardware : lanes and cores
    setting, point : what was asked for, and the integer network
    deployment : that network on that hardware, memories just large enough
    cycles : per inference
    clock : Hz
    cost : estimated
    amount : in the unit of the goal: W, or J per inference
    by : name of the estimator
    """

    hardware: Hardware
    setting: Setting
    point: Candidate
    deployment: Deployment
    cycles: int
    clock: float
    cost: Cost
    amount: float
    by: str


class UnfitError(Exception):
    """Hardware that cannot hold a network, or not run it at the rate; says why."""


class Judge:
    """Makes trials of one network for one goal.

    Parameters
    ----------
    points : the network's operating points
    estimate, by : the estimator and its name
    progress : called with each trial

    Attributes
    ----------
    trials : all that were made, in that order
    """

    def __init__(
        self,
        points: Points,
        goal: Goal,
        estimate: Estimator,
        by: str,
        progress: Callable[[Trial], None],
    ) -> None:
        self.points, self.goal = points, goal
        self.trials: list[Trial] = []
        self._estimate, self._by, self._progress = estimate, by, progress
        self._before: dict[Hardware, AcceleratorConfig] = {}
        self._deployed: dict[tuple[Hardware, Setting], tuple[Deployment, int]] = {}

    def judge(self, hardware: Hardware, setting: Setting) -> Trial:
        """A trial; ``setting`` is one that leaves weights enough.

        Raises
        ------
        UnfitError : memories or the rate are out of reach
        """
        deployment, cycles = self._fitted(hardware, setting)
        clock = self.goal.clock(cycles)
        cost = self._estimate(deployment, clock)
        if cost.fastest is not None and clock > cost.fastest:
            raise UnfitError(
                f"clock {clock / 1e6:g} MHz: the gates of {hardware.lanes} lanes and "
                f"{hardware.cores} cores take at most {cost.fastest / 1e6:.1f} MHz"
            )
        amount = self.goal.amount(cost, cycles, clock)
        point = self._point(setting)
        self.trials.append(
            Trial(hardware, setting, point, deployment, cycles, clock, cost, amount, self._by)
        )
        self._before[hardware] = deployment.config
        self._progress(self.trials[-1])
        return self.trials[-1]

    def cycles(self, hardware: Iterable[Hardware], setting: Setting) -> dict[Hardware, int]:
        """Per inference, of those that hold the network and run it in time.

        Raises
        ------
        InputError : there is none; says what the last lacks
        """
        found, reason = {}, "none is given"
        for one in hardware:
            try:
                found[one] = self._fitted(one, setting)[1]
            except UnfitError as error:
                reason = str(error)
        if not found:
            raise InputError(f"no accelerator that is tried will do: {reason}")
        return found

    def amount_on(self, trial: Trial, hardware: Hardware, cycles: int) -> float:
        """A trial's amount on other hardware, roughly."""
        cost = scaled(trial.cost, (trial.hardware, trial.cycles), (hardware, cycles))
        return self.goal.amount(cost, cycles, self.goal.clock(cycles))

    def budget_for(self, trial: Trial, amount: float) -> float:
        """The budget of flips per MAC for an amount on a trial's hardware, roughly."""
        energy = variable_energy(trial.cost, memories=self.goal.memories) * 1e-15
        variable = energy if self.goal.unit == "J" else energy * trial.clock / trial.cycles
        factor = (amount - (trial.amount - variable)) / variable
        assert isinstance(trial.setting, Additions)
        return trial.setting.budget * min(max(factor, 1 / 3), 3.0)

    def _point(self, setting: Setting) -> Candidate:
        found = self.points.point(setting)
        assert found is not None
        return found

    def _fitted(self, hardware: Hardware, setting: Setting) -> tuple[Deployment, int]:
        key = (hardware, setting)
        if key not in self._deployed:
            bits = setting.bits if isinstance(setting, Products) else None
            try:
                network = self._point(setting).network
                self._deployed[key] = deployed(network, hardware, bits, self._before.get(key[0]))
            except InputError as error:
                raise UnfitError(str(error)) from None
        deployment, cycles = self._deployed[key]
        if not self.goal.reachable(cycles):
            raise UnfitError(
                f"{cycles} cycles per inference with {hardware.lanes} lanes and {hardware.cores} "
                f"cores are {self.goal.fastest / cycles:.3g} inferences/s at "
                f"{self.goal.fastest / 1e6:g} MHz; lower the rate or raise the clock"
            )
        return deployment, cycles
