"""Arguments that say what a network is quantised for: a budget of flips, or multipliers."""

from __future__ import annotations

import argparse

from pann_hw.errors import InputError

__all__ = [
    "add_target",
    "budget_of",
    "check_target",
    "encoding_of",
    "input_widths_of",
    "max_shift_of",
    "title_of",
    "widths_of",
]

_BUDGET, _ENCODING = "2bit", "csd"
_BASELINES = ("signed", "unsigned")


def add_target(parser: argparse.ArgumentParser) -> None:
    """``--budget`` and ``--encoding``, or ``--baseline`` and ``--bits``; widths."""
    parser.add_argument(
        "--budget", metavar="FLIPS",
        help="flips per MAC, or 2bit .. 8bit for what an unsigned MAC of that width takes; "
        f"default {_BUDGET}",
    )  # fmt: skip
    parser.add_argument("--encoding", metavar="NAME", help=f"{_ENCODING} (default) or unary")
    parser.add_argument(
        "--baseline", metavar="KIND",
        help="instead of a budget: ordinary uniform quantisation for signed or unsigned "
        "multipliers of --bits",
    )  # fmt: skip
    parser.add_argument("--bits", type=int, metavar="B", help="of the baseline's weights, 2..8")
    parser.add_argument(
        "--activation-bits", type=int, metavar="B",
        help="of hidden activations, 2..8: at most for a budget, default 8; of all under the "
        "baseline, default as --bits",
    )  # fmt: skip
    parser.add_argument(
        "--input-bits", type=int, metavar="B",
        help="of the network's input, 2..8: at most for a budget, default 8, and not in training "
        "for one; under the baseline, default as hidden activations",
    )  # fmt: skip


def check_target(args: argparse.Namespace, *, layer_budgets: bool) -> None:
    """Check ``add_target``'s arguments, and that they go together.

    Parameters
    ----------
    layer_budgets : under a budget each layer is given its own width, so that the network's input
        may be given less than 8 bits

    Raises
    ------
    InputError : a name or a number that is not allowed, or an option of the other kind
    """
    if args.baseline is None:
        _check_budget(args, layer_budgets=layer_budgets)
    else:
        _check_baseline(args)


def budget_of(args: argparse.Namespace) -> float:
    """Flips per MAC.

    Raises
    ------
    InputError : as parse_budget()
    """
    from pann_hw.quantise.budget import parse_budget

    return parse_budget(args.budget or _BUDGET)


def encoding_of(args: argparse.Namespace) -> str:
    """The encoding's name."""
    found: str = args.encoding or _ENCODING
    return found


def max_shift_of(args: argparse.Namespace) -> int:
    """The largest shift of a term; 0 is unary."""
    found: int = args.max_shift if encoding_of(args) == "csd" else 0
    return found


def title_of(args: argparse.Namespace) -> str:
    """What a network is quantised for, in words."""
    if args.baseline is None:
        return f"Budget {budget_of(args):g} flips per MAC, {encoding_of(args)} terms"
    if args.activation_bits in (None, args.bits):
        return f"{args.bits}-bit {args.baseline} multipliers"
    return f"{args.baseline.capitalize()} multipliers of {args.bits} x {args.activation_bits} bits"


def widths_of(args: argparse.Namespace) -> range:
    """What hidden activations may have under a budget."""
    return _widths_to(args.activation_bits)


def input_widths_of(args: argparse.Namespace) -> range:
    """What the network's input may have under a budget."""
    return _widths_to(args.input_bits)


def _widths_to(most: int | None) -> range:
    from pann_hw.quantise.budget import WIDTHS

    return WIDTHS if most is None else range(WIDTHS[0], most + 1)


def _check_budget(args: argparse.Namespace, *, layer_budgets: bool) -> None:
    from pann_hw.integer.terms import ENCODINGS

    baselines = " or ".join(_BASELINES)
    if args.bits is not None:
        raise InputError(f"--bits {args.bits}: only with --baseline {baselines}")
    if args.input_bits is not None and not layer_budgets:
        raise InputError(
            f"--input-bits {args.input_bits}: only where layers are given widths of their own, by "
            f"quantize with --layer-budgets, or with --baseline {baselines}"
        )
    if encoding_of(args) not in ENCODINGS:
        raise InputError(f"--encoding {args.encoding}: must be one of {', '.join(ENCODINGS)}")
    _check_widths(args, "activation_bits", "input_bits")
    budget_of(args)


def _check_baseline(args: argparse.Namespace) -> None:
    from pann_hw.quantise.budget import WIDTHS

    if args.baseline not in _BASELINES:
        raise InputError(f"--baseline {args.baseline}: must be one of {', '.join(_BASELINES)}")
    for name in ("budget", "encoding"):
        if getattr(args, name) is not None:
            raise InputError(
                f"--{name} {getattr(args, name)}: not with --baseline, which takes --bits"
            )
    if args.bits is None:
        raise InputError(f"--baseline {args.baseline}: needs --bits {WIDTHS[0]}..{WIDTHS[-1]}")
    _check_widths(args, "bits", "activation_bits", "input_bits")


def _check_widths(args: argparse.Namespace, *names: str) -> None:
    from pann_hw.quantise.budget import WIDTHS

    for name in names:
        width = getattr(args, name)
        if width is not None and width not in WIDTHS:
            option = "--" + name.replace("_", "-")
            raise InputError(f"{option} {width}: must be {WIDTHS[0]}..{WIDTHS[-1]}")
