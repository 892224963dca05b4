"""Networks by file or factory: what is loaded, and one line for each way to be wrong."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from pann_hw.errors import InputError
from pann_hw.network.load import load_network

SHAPE = (1, 6, 6)


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4)).eval()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "net.pt2"
    torch.export.save(torch.export.export(network(), (torch.randn(2, *SHAPE),)), path)
    return path


def test_saved_program(program: Path) -> None:
    graph = load_network(str(program), SHAPE)
    x = torch.randn(5, *SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(graph.run(x), network()(x))
    assert [node.name for node in graph.nodes] == ["0", "1", "3"]


def test_factory_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_net.py").write_text("WIDTH = 5\n")
    (tmp_path / "net.py").write_text(
        "from dataclasses import dataclass\n"
        "from torch import nn\n"
        "from neighbour_of_net import WIDTH\n"
        "@dataclass\n"
        "class Size:\n"
        "    width: 'int' = WIDTH\n"
        "def make():\n"
        "    return nn.Conv2d(1, Size().width, 3)\n"
    )
    before = list(sys.path)
    graph = load_network(f"{tmp_path / 'net.py'}:make", SHAPE)
    assert graph.shapes[graph.output_name] == (5, 4, 4)
    assert sys.path == before


@pytest.mark.parametrize("layer", ["nn.Linear(7, 3)", "nn.Conv2d(7, 3, 1)"])
def test_vectors_and_maps_of_one_pixel(layer: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(f"from torch import nn\ndef make():\n    return {layer}\n")
    graph = load_network(f"{tmp_path / 'net.py'}:make", (7, 1, 1))
    assert graph.input_shape == (7, 1, 1)
    assert graph.shapes[graph.output_name] == (3, 1, 1)


def refused(spec: str, shape: tuple[int, ...] = SHAPE) -> str:
    with pytest.raises(InputError) as caught:
        load_network(spec, shape)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_shape_of_the_data_must_match(program: Path, tmp_path: Path) -> None:
    found = refused(str(program), (1, 8, 8))
    assert "takes samples of shape (1, 6, 6), the data has (1, 8, 8)" in found
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Linear(4, 2)"
    )
    found = refused(f"{tmp_path / 'net.py'}:make")
    assert "does not run on samples of the data's shape (1, 6, 6) (RuntimeError: " in found


def write_cut(path: Path, program: Path) -> None:
    content = program.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def write_zip(path: Path, _: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")


def write_damaged(path: Path, program: Path) -> None:
    """A program whose graph is not JSON any more, in an archive that is sound."""
    with zipfile.ZipFile(program) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[:50] if name.endswith("model.json") else content)


FILES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "missing": (lambda path, _: None, "no such file; give a torch.export program (.pt2), an ONNX"),
    "folder": (lambda path, _: path.mkdir(), "is a folder"),
    "empty": (lambda path, _: path.touch(), "is not a torch.export program"),
    "text": (lambda path, _: path.write_text("hello"), "is not a torch.export program"),
    "cut": (write_cut, "is cut short"),
    "zip": (write_zip, "is a zip archive of another kind"),
    "weights": (
        lambda path, _: torch.save(network().state_dict(), path),
        "holds what torch.save wrote (weights or a module), not a torch.export program",
    ),
    "damaged": (write_damaged, "cannot be loaded as a torch.export program"),
}


@pytest.mark.parametrize("name", FILES)
def test_bad_file(
    name: str, program: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write, message = FILES[name]
    path = tmp_path / "net.pt2"
    write(path, program)
    assert message in refused(str(path))
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


FACTORIES: dict[str, tuple[str, str, str]] = {
    "no factory": ("", ":make", "has no 'make'"),
    "not callable": ("make = 3", ":make", "cannot be called as 'make'"),
    "no name": ("", "", "names no factory"),
    "odd name": ("", ":make it", "names no factory"),
    "syntax": ("def make(:", ":make", "cannot be run as Python (SyntaxError"),
    "import": ("import no_such_module", ":make", "No module named 'no_such_module'"),
    "exit": ("raise SystemExit(0)", ":make", "cannot be run as Python (SystemExit: 0)"),
    "raises": ("def make():\n    raise ValueError('a\\nb')", ":make", "failed (ValueError: a)"),
    "argument": ("def make(x):\n    return x", ":make", "it must run without arguments"),
    "returns": (
        "def make():\n    return 3",
        ":make",
        "returned int, must return a torch.nn.Module",
    ),
    "double": (
        "import torch\ndef make():\n    return torch.nn.Conv2d(1, 2, 3).double()",
        ":make",
        "weights 'weight' are torch.float64, must be float32",
    ),
}


@pytest.mark.parametrize("name", FACTORIES)
def test_bad_factory(name: str, tmp_path: Path) -> None:
    source, factory, message = FACTORIES[name]
    path = tmp_path / "net.py"
    path.write_text(source)
    assert message in refused(f"{path}{factory}")


def test_missing_module() -> None:
    assert "no such file" in refused("nowhere/net.py:make")


def test_nothing_is_printed_while_importing(program: Path) -> None:
    code = f"from pann_hw.network.load import load_network; load_network({str(program)!r}, {SHAPE})"
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""
