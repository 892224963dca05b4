"""What post-training quantisation does, each part with a switch of its own."""

from __future__ import annotations

from dataclasses import dataclass

from pann_hw.quantise.calibrate import CLIPS

__all__ = ["FULL", "PLAIN", "RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """Switches of post-training quantisation; the defaults are the full recipe.

    Attributes
    ----------
    feedback : round with error feedback; False: each weight to the nearest
    damping : added to the diagonal of the inputs' covariance, as a part of its mean, above 0
    match_float : fit the weights to the float layer's sums on the quantised inputs first, so that
        errors of earlier layers are made up for
    thrift : how much error a term is worth, 0 or above; 0 rounds without regard to terms. In units
        of the error that a weight wrong by 1 leaves, on average over the layer
    other_thrifts : that a search with budgets per layer tries too
    correct_biases : take each channel's mean error out through its bias
    clip : where hidden activations are clipped: "mse", "percentile" (99.9 %) or "none"
    equalise : scale channels so that weights of neighbouring layers have equal ranges
    channel_steps : a weight step for each output channel, by what an error in it does to the
        network's output; False: one for a layer
    layer_budgets : widths and terms per layer by measured sensitivity; False: the same for all

    Raises
    ------
    ValueError : a number or a name out of its range
    """

    feedback: bool = True
    damping: float = 0.01
    match_float: bool = True
    thrift: float = 0.1
    other_thrifts: tuple[float, ...] = (0.03, 0.45)
    correct_biases: bool = True
    clip: str = "mse"
    equalise: bool = False
    channel_steps: bool = False
    layer_budgets: bool = True

    def __post_init__(self) -> None:
        if not self.damping > 0:
            raise ValueError(f"damping {self.damping}: must be above 0")
        for thrift in (self.thrift, *self.other_thrifts):
            if not thrift >= 0:
                raise ValueError(f"thrift {thrift}: must be at least 0")
        if self.clip not in CLIPS:
            raise ValueError(f"clip {self.clip!r}: must be one of {', '.join(CLIPS)}")

    @property
    def layer_by_layer(self) -> bool:
        """Whether layers are fitted to what the quantised ones before them make."""
        switches = (self.feedback, self.match_float, self.channel_steps, self.layer_budgets)
        return any(switches) or self.thrift > 0


FULL = Recipe()
"""All that helps any network; channel_steps does where channels differ, as in depthwise layers."""

PLAIN = Recipe(feedback=False, match_float=False, thrift=0.0, layer_budgets=False)
"""Round to nearest with one R for all layers, and correct the biases: a matter of seconds."""

RECIPES = {"plain": PLAIN, "full": FULL}
"""By the names that the command line takes."""
