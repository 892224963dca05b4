"""What is deployed on one accelerator: the operating points of a network, compiled and linked."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pann_hw.config import FORMAT_VERSION, AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.files import whole_file
from pann_hw.integer import store
from pann_hw.integer.network import IntegerNetwork
from pann_hw.program.compile import compile_network
from pann_hw.program.image import Image, link
from pann_hw.program.program import Program

__all__ = ["Deployment", "deploy", "load_deployment", "save_deployment"]

_FORMAT = "pann-hw program"
_HEADER = "header.json"
_STREAM = "program.bin"


@dataclass(frozen=True, eq=False)
class Deployment:
    """Operating points of one network, in the order of their numbers.

    Attributes
    ----------
    networks : an integer network per point
    programs : each compiled, all for one configuration
    image : all of them linked
    """

    networks: tuple[IntegerNetwork, ...]
    programs: tuple[Program, ...]
    image: Image

    @property
    def config(self) -> AcceleratorConfig:
        """The hardware that it is for."""
        return self.image.config


def deploy(
    networks: Sequence[IntegerNetwork], encodings: Sequence[str], config: AcceleratorConfig
) -> Deployment:
    """Compile and link networks, each with its encoding.

    Raises
    ------
    InputError : a network does not fit, or the points differ in input or output shape
    """
    shapes = {(n.input.shape, n.layers[-1].output.shape) for n in networks}
    if len(shapes) > 1:
        raise InputError(
            f"operating points must be of one network: input and output shapes are "
            f"{', '.join(map(str, sorted(shapes)))}"
        )
    programs = tuple(
        compile_network(network, config, encoding)
        for network, encoding in zip(networks, encodings, strict=True)
    )
    return Deployment(tuple(networks), programs, link(programs))


def save_deployment(deployment: Deployment, path: Path) -> None:
    """Write a deployment as one file: a zip of header, integer networks and program stream.

    ``program.bin`` in it holds the words for the accelerator's program port, lowest byte first.
    The file appears whole or not at all.

    Raises
    ------
    InputError : the file cannot be written
    """
    header = {
        "format": _FORMAT,
        "version": FORMAT_VERSION,
        "config": asdict(deployment.config),
        "encodings": [program.encoding for program in deployment.programs],
    }
    with (
        whole_file(path) as part,
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(part, "w") as archive,
    ):
        archive.writestr(_HEADER, json.dumps(header))
        archive.writestr(_STREAM, _stream(deployment))
        for index, network in enumerate(deployment.networks):
            member = Path(folder) / f"network{index}.npz"
            store.save(network, member)
            archive.write(member, member.name)


def load_deployment(path: Path) -> Deployment:
    """Read a deployment; it is compiled anew and must give the program stream that the file holds.

    Raises
    ------
    InputError : missing, damaged or another kind of file, or made by another version
    """
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            header = json.loads(archive.read(_HEADER))
            if header["format"] != _FORMAT:
                raise KeyError(header["format"])
            stream = archive.read(_STREAM)
            names = [f"network{index}.npz" for index in range(len(header["encodings"]))]
            networks = [store.load(Path(archive.extract(name, folder))) for name in names]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; make it with pann-hw compile") from None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError):
        raise InputError(
            f"{path}: damaged or not a program; make it with pann-hw compile"
        ) from None
    config = AcceleratorConfig.of(header["config"], str(path))
    if header["version"] == FORMAT_VERSION:
        deployment = deploy(networks, header["encodings"], config)
        if _stream(deployment) == stream:
            return deployment
    raise InputError(f"{path}: made by another version of pann-hw; compile it again")


def _stream(deployment: Deployment) -> bytes:
    words: np.ndarray = deployment.image.stream().astype("<u4")
    return words.tobytes()
