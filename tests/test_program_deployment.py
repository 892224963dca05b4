"""Deployments: several points of one network, saved and loaded, refused where they are damaged."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.program.deployment import Deployment, deploy, load_deployment, save_deployment
from tests.random_networks import one_layer

CONFIG = AcceleratorConfig(lanes=4, cores=2)


@pytest.fixture
def deployment() -> Deployment:
    """Two points of one layer."""
    networks = [one_layer((1, 3, 3), (3, 3)), one_layer((1, 3, 3), (3, 3))]
    return deploy(networks, ["unary", "csd"], CONFIG)


def test_round_trip(deployment: Deployment, tmp_path: Path) -> None:
    save_deployment(deployment, tmp_path / "p.pann")
    again = load_deployment(tmp_path / "p.pann")
    assert again.config == CONFIG
    assert [program.encoding for program in again.programs] == ["unary", "csd"]
    assert np.array_equal(again.image.stream(), deployment.image.stream())


def test_stream_in_the_file_is_what_the_hardware_loads(
    deployment: Deployment, tmp_path: Path
) -> None:
    save_deployment(deployment, tmp_path / "p.pann")
    with zipfile.ZipFile(tmp_path / "p.pann") as archive:
        words = np.frombuffer(archive.read("program.bin"), "<u4")
    assert np.array_equal(words, deployment.image.stream())


def test_points_of_different_shapes_are_refused() -> None:
    networks = [one_layer((1, 3, 3), (3, 3)), one_layer((1, 4, 3), (3, 3))]
    with pytest.raises(InputError, match="must be of one network"):
        deploy(networks, ["unary", "unary"], CONFIG)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_truncated_file_is_refused(deployment: Deployment, tmp_path: Path, kept: float) -> None:
    path = tmp_path / "p.pann"
    save_deployment(deployment, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept if kept >= 1 else kept * len(content))])
    with pytest.raises(InputError, match="damaged or not a program"):
        load_deployment(path)


def rewritten(path: Path, member: str, content: bytes) -> None:
    """Replace one member of a file that was saved."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, old in (members | {member: content}).items():
            archive.writestr(name, content if name == member else old)


def test_other_stream_and_other_version_are_refused(deployment: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "p.pann"
    save_deployment(deployment, path)
    stream = deployment.image.stream()
    stream[-2] ^= 1
    rewritten(path, "program.bin", stream.tobytes())
    with pytest.raises(InputError, match="another version"):
        load_deployment(path)

    save_deployment(deployment, path)
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read("header.json"))
    rewritten(path, "header.json", json.dumps(header | {"version": 99}).encode())
    with pytest.raises(InputError, match="another version"):
        load_deployment(path)

    rewritten(path, "header.json", json.dumps(header | {"format": "something"}).encode())
    with pytest.raises(InputError, match="not a program"):
        load_deployment(path)
