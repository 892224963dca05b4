"""Networks as the command line names them: a saved file, or a factory in a Python file."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.export import ExportedProgram

from pann_hw.errors import InputError, PannError
from pann_hw.network.graph import FloatGraph
from pann_hw.network.torch_import import (
    check_weights,
    first_line,
    import_module,
    import_program,
    inference,
    quiet,
)

__all__ = ["load_network"]

ALLOWED = "give a torch.export program (.pt2), an ONNX file (.onnx) or module.py:factory"


def load_network(spec: str, sample_shape: tuple[int, ...]) -> FloatGraph:
    """The float graph of the network that ``spec`` names.

    Parameters
    ----------
    spec : path of a program saved by torch.export.save, or of an ONNX file, or
        "module.py:factory", a Python file and the name in it of a callable without arguments that
        returns a torch.nn.Module
    sample_shape : (C, H, W) of the data's samples; vectors of F features are (F, 1, 1)

    Raises
    ------
    InputError : file missing, cut short or of another kind; factory missing, raising or returning
        something else; a network that does not take such samples; all of the import's own
    """
    path = Path(spec)
    if path.suffix == ".onnx" and path.is_file():
        from pann_hw.network.onnx_import import import_onnx

        graph = import_onnx(path, tuple(sample_shape))
    elif path.suffix != ".py" and (path.exists() or ".py:" not in spec):
        graph = import_program(_program(path))
    else:
        graph = _import(_module(spec), spec, sample_shape)
    if graph.input_shape != tuple(sample_shape):
        raise InputError(
            f"{spec}: network takes samples of shape {graph.input_shape}, the data has "
            f"{tuple(sample_shape)}: give data of the network's shape, or the matching network"
        )
    return graph


def _program(path: Path) -> ExportedProgram:
    if not path.exists():
        raise InputError(f"{path}: no such file; {ALLOWED}")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; {ALLOWED}")
    try:
        with path.open("rb") as file:
            _check_archive(path, file.read(4) == b"PK\x03\x04")
            file.seek(0)
            with quiet():
                return torch.export.load(file)
    except PannError:
        raise
    except Exception as error:
        # Whatever a damaged archive breaks inside torch: the user can only save it anew.
        raise InputError(
            f"{path}: cannot be loaded as a torch.export program ({first_line(error)}): "
            f"save it anew with torch.export.save, by the installed torch {torch.__version__}"
        ) from None


def _check_archive(path: Path, begins_as_zip: bool) -> None:
    """Tell a .pt2 from other files before torch does, whose messages speak of its insides."""
    if not zipfile.is_zipfile(path):
        found = "is cut short" if begins_as_zip else "is not a torch.export program"
        raise InputError(f"{path}: {found}; save it anew with torch.export.save, or {ALLOWED}")
    with zipfile.ZipFile(path) as archive:
        names = [Path(name).name for name in archive.namelist()]
    if "archive_format" in names:
        return
    if "constants.pkl" in names:
        found = "is a TorchScript archive"
    elif "data.pkl" in names:
        found = "holds what torch.save wrote (weights or a module)"
    else:
        found = "is a zip archive of another kind"
    raise InputError(f"{path}: {found}, not a torch.export program; {ALLOWED}")


def _module(spec: str) -> torch.nn.Module:
    """What the factory of a Python file returns."""
    file, _, name = spec.rpartition(":")
    if not file or not name.isidentifier():
        raise InputError(f"{spec}: names no factory; {ALLOWED}, such as net.py:make_network")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"{path}: no such file; {ALLOWED}")
    with _importable(path):
        try:
            factory = getattr(_executed(path), name, None)
        except (Exception, SystemExit) as error:
            raise InputError(
                f"{path}: cannot be run as Python ({first_line(error)}): correct the file"
            ) from None
        if not callable(factory):
            found = "has no" if factory is None else "has a value that cannot be called as"
            raise InputError(
                f"{path}: {found} {name!r}; give the name of a callable that returns the network"
            )
        try:
            module = factory()
        except PannError:
            raise
        except (Exception, SystemExit) as error:
            raise InputError(
                f"{spec}: the factory failed ({first_line(error)}): it must run without arguments"
            ) from None
    if not isinstance(module, torch.nn.Module):
        raise InputError(
            f"{spec}: the factory returned {type(module).__name__}, must return a torch.nn.Module"
        )
    return module


@contextmanager
def _importable(path: Path) -> Iterator[None]:
    """Let the file import its neighbours, as when Python runs it."""
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _executed(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(f"pann_hw_network_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _import(module: torch.nn.Module, spec: str, sample_shape: tuple[int, ...]) -> FloatGraph:
    """Import with two random samples; (F, 1, 1) may stand for vectors, which are tried too."""
    check_weights(module.state_dict())
    example = torch.rand((2, *sample_shape), generator=torch.Generator().manual_seed(0))
    failure = _failure(module, example)
    if failure and sample_shape[1:] == (1, 1) and not _failure(module, example.flatten(1)):
        return import_module(module, example.flatten(1))
    if failure:
        raise InputError(
            f"{spec}: network does not run on samples of the data's shape {tuple(sample_shape)} "
            f"({failure}): give data of the network's shape, or the matching network"
        )
    return import_module(module, example)


def _failure(module: torch.nn.Module, example: torch.Tensor) -> str | None:
    """What a module says to such inputs; None where it takes them."""
    try:
        with torch.no_grad(), inference(module):
            module(example.clone())
    except Exception as error:
        return first_line(error)
    return None
