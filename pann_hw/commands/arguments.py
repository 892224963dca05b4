"""Arguments that commands share, and the checks that come before any work."""

from __future__ import annotations

import argparse
import re
import tempfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError

if TYPE_CHECKING:
    from pann_hw.network.data import Data
    from pann_hw.program.deployment import Deployment

__all__ = [
    "add_config",
    "add_program",
    "add_schedule",
    "check_writable",
    "load_config",
    "load_program",
    "load_program_data",
]


def add_config(parser: argparse.ArgumentParser) -> None:
    """``--config FILE`` and an option for each parameter of the accelerator."""
    group = parser.add_argument_group("accelerator")
    group.add_argument("--config", type=Path, metavar="FILE", help="configuration as JSON")
    described = re.compile(r"^    (\w+) : (.*(?:\n        .*)*)$", re.MULTILINE)
    meanings = dict(described.findall(AcceleratorConfig.__doc__ or ""))
    for field in fields(AcceleratorConfig):
        text = "str" in str(field.type)
        group.add_argument(
            "--" + field.name.replace("_", "-"),
            type=str if text else int,
            metavar="KIND" if text else "N",
            help=_help(meanings.get(field.name, field.name), field.default),
        )


def _help(meaning: str, default: object) -> str:
    text = " ".join(meaning.split())
    return text if default is None else f"{text}; default {default}"


def load_config(
    args: argparse.Namespace, default: AcceleratorConfig | None = None
) -> AcceleratorConfig:
    """The configuration that the arguments ask for: a file's, or the default, with changes.

    Parameters
    ----------
    default : where there is no file; None: the parameters' defaults
    """
    if args.config is None:
        base = default or AcceleratorConfig()
    else:
        base = AcceleratorConfig.load(args.config)
    changes = {
        field.name: getattr(args, field.name)
        for field in fields(AcceleratorConfig)
        if getattr(args, field.name) is not None
    }
    return AcceleratorConfig(**{**asdict(base), **changes})


def add_program(parser: argparse.ArgumentParser, *, labels: str) -> None:
    """The program, its data, and how much of both to run."""
    parser.add_argument("program", type=Path, help="made by pann-hw compile")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help=f".npz with x (float network inputs) and {labels}",
    )
    parser.add_argument("--images", type=int, metavar="N", help="use only the first N")
    parser.add_argument("--point", type=int, metavar="K", help="run only operating point K")


def add_schedule(parser: argparse.ArgumentParser) -> None:
    """``--schedule POINTS``, for ``pann_hw.report.operating_points.parse_schedule``."""
    parser.add_argument(
        "--schedule", metavar="POINTS",
        help="operating points of one image after another, separated by commas and repeated, such "
        "as 0,1; default every image at every point",
    )  # fmt: skip


def load_program(args: argparse.Namespace) -> Deployment:
    """The deployment of ``add_program``'s arguments, narrowed to ``--point``."""
    from pann_hw.program.deployment import deploy, load_deployment

    deployment = load_deployment(args.program)
    if args.point is None:
        return deployment
    count = len(deployment.programs)
    if not 0 <= args.point < count:
        raise InputError(f"--point {args.point}: the program has points 0..{count - 1}")
    program = deployment.programs[args.point]
    return deploy([deployment.networks[args.point]], [program.encoding], deployment.config)


def load_program_data(args: argparse.Namespace, deployment: Deployment) -> Data:
    """The data of ``add_program``'s arguments, checked against the program's input."""
    from pann_hw.network.data import load_data

    if args.images is not None and args.images < 1:
        raise InputError(f"--images {args.images}: must be at least 1")
    data = load_data(args.data, labels=False)
    shape = deployment.networks[0].input.shape
    if data.sample_shape != shape:
        raise InputError(f"{args.data}: samples are {data.sample_shape}, the program takes {shape}")
    return data.first(args.images)


def check_writable(path: Path, *, folder: bool = False) -> Path:
    """The path, where a file (or a folder) can be made there; checked before any long work.

    Raises
    ------
    InputError : the place cannot be written, or a file is in a folder's way, or the reverse
    """
    if folder and path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file, must be a folder; choose another --output")
    if not folder and path.is_dir():
        raise InputError(f"{path}: is a folder, must be a file; choose another --output")
    parent = path if folder else path.parent
    missing = [place for place in (parent, *parent.parents) if not place.exists()]
    made: list[Path] = []
    # Only trying tells: root is refused nothing by permissions, but by file systems.
    try:
        for place in reversed(missing):
            place.mkdir()
            made.append(place)
        with tempfile.TemporaryFile(dir=parent):
            return path
    except OSError as error:
        reason = error.strerror or "refused"
        raise InputError(f"{path}: cannot be written ({reason}); choose another --output") from None
    finally:
        for place in reversed(made):
            place.rmdir()
