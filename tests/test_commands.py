"""The command line from end to end, and each kind of wrong input: one line and an exit code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pann_hw.cli import main
from pann_hw.commands import COMMANDS
from pann_hw.config import AcceleratorConfig
from pann_hw.integer import store
from pann_hw.integer.network import Accumulate, IntegerNetwork, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import run
from pann_hw.machine.machine import Machine
from pann_hw.machine.schedule import Schedule

FACTORY = """
import torch
def make():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(36, 3))
"""
SMALL = ("--lanes", "4", "--cores", "2", "--activation-words", "256", "--term-words", "1024",
         "--descriptor-words", "512")  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network, its data, an integer network and a program."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "net.py").write_text(FACTORY)
    rng = np.random.default_rng(7)
    x = rng.normal(size=(20, 1, 6, 6)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=rng.integers(0, 3, 20))
    quantize = ["quantize", f"{folder}/net.py:make", "--data", f"{folder}/data.npz"]
    assert main([*quantize, "--output", f"{folder}/net.npz"]) == 0
    unary = ["--encoding", "unary", "--budget", "24", "--output", f"{folder}/unary.npz"]
    assert main([*quantize, *unary]) == 0
    networks = [f"{folder}/net.npz", f"{folder}/unary.npz"]
    assert (
        main(["compile", *networks, "--encoding", "csd,unary", *SMALL,
              "--output", f"{folder}/program.pann"]) == 0
    )  # fmt: skip
    return folder


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """Run a command with --json; standard output must be one object and nothing else."""
    code = main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    result = json.loads(captured.out)
    assert isinstance(result, dict)
    return result


def refusal(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """Run a command that must fail with ``code`` and one line, and print nothing else."""
    assert main(list(arguments)) == code
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("pann-hw: error: ")]
    assert len(lines) == 1
    assert "Traceback" not in captured.err
    assert captured.out == ""
    return lines[0]


def test_help_answers_at_once() -> None:
    times = []
    for _ in range(3):
        begin = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "pann_hw.cli", "--help"], check=True, capture_output=True
        )
        times.append(time.monotonic() - begin)
    code = (
        "import sys, pann_hw.cli as cli; cli._parser()\n"
        "print([m for m in ('torch', 'numpy', 'amaranth', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", f"heavy imports; --help took {min(times):.2f} s"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_quantize_and_compile_report_what_they_made(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    result = output(
        capsys, "quantize", f"{work}/net.py:make", "--data", f"{work}/data.npz",
        "--budget", "3bit", "--output", f"{tmp_path}/new/folder/n.npz",
    )  # fmt: skip
    assert result["budget"] == 16.5
    flips = result["flips_per_mac"]
    assert isinstance(flips, float) and 0 < flips <= 16.5
    assert (tmp_path / "new/folder/n.npz").is_file()
    result = output(
        capsys, "compile", f"{work}/net.npz", *SMALL, "--output", f"{tmp_path}/p.pann"
    )  # fmt: skip
    points = result["points"]
    assert isinstance(points, list) and points[0]["encoding"] == "csd"
    compiled = ("compile", f"{work}/net.npz", *SMALL, "--output", f"{tmp_path}/p.pann")
    exact = ("--activation-words", f"{points[0]['activation_words']}")
    assert output(capsys, *compiled, *exact)["points"] == points


def test_conventional_lanes(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """An ordinary 4-bit network on multipliers, without its zeros and with them."""
    network = f"{tmp_path}/n.npz"
    output(
        capsys, "quantize", f"{work}/net.py:make", "--data", f"{work}/data.npz",
        "--baseline", "signed", "--bits", "4", "--output", network,
    )  # fmt: skip
    lane = ("--lane", "signed_mac", "--multiplier-width", "4", "--low-bits", "24", *SMALL)
    both = ("--encoding", "sparse,dense", *lane, "--output", f"{tmp_path}/p.pann")
    points = output(capsys, "compile", network, network, *both)["points"]
    assert isinstance(points, list)
    assert [point["encoding"] for point in points] == ["sparse", "dense"]
    assert points[0]["bundles"] < points[1]["bundles"]
    assert all(point["flips_per_mac"] == 0.5 * 4**2 + 3 * 4 + 16 for point in points)
    one = ("compile", network, *lane, "--output", f"{tmp_path}/q.pann")
    assert output(capsys, *one)["points"] == points[:1]

    message = refusal(capsys, 2, *one, "--encoding", "csd")
    assert "encoding 'csd': must be one of sparse, dense for lanes of kind signed_mac" in message
    message = refusal(
        capsys, 2, "compile", f"{work}/net.py:make", "--data", f"{work}/data.npz", "--budget",
        "3bit", *lane, "--output", f"{tmp_path}/q.pann",
    )  # fmt: skip
    assert "--budget 3bit: is of additions, lanes of kind signed_mac multiply" in message
    message = refusal(capsys, 2, "demo", *lane, "--output", f"{tmp_path}/demo")
    assert "--lane signed_mac: multiplies" in message
    assert not (tmp_path / "demo").exists()


def test_layers_are_listed_by_compile_and_simulate(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    networks = (f"{work}/net.npz", f"{work}/unary.npz", "--encoding", "csd,unary")
    compiled = ("compile", *networks, *SMALL, "--output", f"{tmp_path}/p.pann")
    points = output(capsys, *compiled, "--layers")["points"]
    assert isinstance(points, list)
    for point in points:
        names = [layer["layer"] for layer in point["layers"]]
        assert len(set(names)) == len(names) == 3
        assert sum(layer["cycles"] for layer in point["layers"]) == point["cycles_per_image"]
        # 4 x 3 x 3 weights at 36 pixels, no terms in max pooling, 36 x 3 weights at one.
        filled = [layer["filled"] for layer in point["layers"]]
        assert filled == [
            layer["terms"] * pixels
            for layer, pixels in zip(point["layers"], (36, 9, 1), strict=True)
        ]
        assert filled[0] > 0 == filled[1] and filled[2] > 0
    run = ("simulate", f"{work}/program.pann", "--data", f"{work}/data.npz", "--images", "2")
    simulated = output(capsys, *run, "--layers")["points"]
    assert isinstance(simulated, list)
    assert [point["layers"] for point in simulated] == [point["layers"] for point in points]
    for command in (compiled, run):
        assert main([*command, "--layers"]) == 0
        shown = capsys.readouterr().out
        assert "predicted" in shown
        assert all(layer["layer"] in shown for layer in points[0]["layers"])
        assert main(list(command)) == 0
        assert "no pixel" not in capsys.readouterr().out


def test_exported_program_gives_the_same_network_as_its_module(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    namespace: dict[str, object] = {}
    exec(FACTORY, namespace)
    module = namespace["make"]()  # type: ignore[operator]
    program = torch.export.export(module.eval(), (torch.zeros(2, 1, 6, 6),))
    torch.export.save(program, tmp_path / "net.pt2")
    for spec, name in ((f"{tmp_path}/net.pt2", "a.npz"), (f"{work}/net.py:make", "b.npz")):
        output(
            capsys, "quantize", spec, "--data", f"{work}/data.npz", "--output", f"{tmp_path}/{name}"
        )
    one, other = store.load(tmp_path / "a.npz"), store.load(tmp_path / "b.npz")
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        if isinstance(mine, Accumulate) and isinstance(theirs, Accumulate):
            assert np.array_equal(mine.sources[0].weights, theirs.sources[0].weights)


def test_compile_quantises_for_budgets(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = f"{tmp_path}/points.pann"
    result = output(
        capsys, "compile", f"{work}/net.py:make", "--data", f"{work}/data.npz",
        "--budget", "24,8,3bit", "--encoding", "csd,unary,csd", *SMALL, "--output", path,
    )  # fmt: skip
    points = result["points"]
    assert isinstance(points, list)
    assert [point["encoding"] for point in points] == ["csd", "unary", "csd"]
    for point, budget in zip(points, (24, 8, 16.5), strict=True):
        assert 0.8 * budget < point["flips_per_mac"] <= budget
    assert points[1]["cycles_per_image"] < points[0]["cycles_per_image"]
    # The same network as quantize makes.
    quantized = f"{tmp_path}/n.npz"
    output(
        capsys, "quantize", f"{work}/net.py:make", "--data", f"{work}/data.npz", "--budget", "3bit",
        "--output", quantized,
    )  # fmt: skip
    alone = output(capsys, "compile", quantized, *SMALL, "--output", f"{tmp_path}/p.pann")["points"]
    assert isinstance(alone, list)
    for key in ("bundles", "cycles_per_image", "flips_per_mac"):
        assert alone[0][key] == points[2][key]


def test_simulate_along_a_schedule(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ("simulate", f"{work}/program.pann", "--data", f"{work}/data.npz", "--images", "9")
    each = output(capsys, *run)["points"]
    assert isinstance(each, list)
    result = output(capsys, *run, "--schedule", "1,0,1", "--flips")
    points = result["points"]
    assert isinstance(points, list)
    assert [point["images"] for point in points] == [3, 6]
    for index, point in enumerate(points):
        images = [i for i in range(9) if (1, 0, 1)[i % 3] == index]
        assert point["classes"] == [each[index]["classes"][i] for i in images]
        assert point["cycles_mismatched"] == 0
        assert point["flips"]["operand"] > 0
    overlapped = output(capsys, *run, "--schedule", "1,0,1", "--overlap")["points"]
    assert isinstance(overlapped, list)
    for point, early in zip(points, overlapped, strict=True):
        assert early["classes"] == point["classes"]
        assert early["cycles_mismatched"] == 0
        assert early["cycles_per_image"] < point["cycles_per_image"]
    assert main([*run, "--schedule", "0,1", "--flips"]) == 0
    assert "flips per image" in capsys.readouterr().out


def test_cycles_of_inferences_are_as_predicted(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ("simulate", f"{work}/program.pann", "--data", f"{work}/data.npz", "--images", "3")
    result = output(capsys, *run, "--inferences")
    points, inferences = result["points"], result["inferences"]
    assert isinstance(points, list) and isinstance(inferences, list)
    assert [(one["image"], one["point"]) for one in inferences] == [
        (image, point) for image in range(3) for point in range(2)
    ]
    for one in inferences:
        point = points[one["point"]]
        assert one["class"] == point["classes"][one["image"]]
        assert one["cycles_predicted"] == one["cycles_counted"] == point["cycles_per_image"]
    assert main([*run, "--inferences"]) == 0
    assert "6 of 6 inferences took the cycles predicted" in capsys.readouterr().out

    from pann_hw.report import operating_points

    class Wrong(Machine):
        def run(self, point: int, words: Sequence[np.ndarray] = ()) -> Schedule:
            schedule = super().run(point, words)
            return replace(schedule, cycles=schedule.cycles + point)

    monkeypatch.setattr(operating_points, "Machine", Wrong)
    assert main([*run, "--inferences"]) == 1
    shown = capsys.readouterr().out
    assert "3 of 6 inferences took the cycles predicted" in shown
    assert shown.count(" yes") == shown.count(" NO") == 3


def test_generate_for_a_rate(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "hardware"
    arguments = ["generate", "--for", f"{work}/net.npz", "--fps", "1000", "--clock", "1"]
    arguments += ["--output", str(folder)]
    result = output(capsys, *arguments)
    tried = result["tried"]
    assert isinstance(tried, list)
    assert [one["meets"] for one in tried] == [False] * (len(tried) - 1) + [True]
    assert tried[-1]["fps"] >= 1000 and tried[-1]["cycles"] <= 1000
    config = AcceleratorConfig.load(folder / "config.json")
    assert (config.lanes, config.cores) == (tried[-1]["lanes"], tried[-1]["cores"])
    program = f"{tmp_path}/p.pann"
    fits = ["compile", f"{work}/net.npz", "--config", f"{folder}/config.json", "--output", program]
    assert main(fits) == 0
    assert main(arguments) == 0
    assert "<- the first that is fast enough" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("simulate", "program.pann", "--schedule", "0,2"), "point 2 is not loaded"),
        (("simulate", "program.pann", "--schedule", "x"), "must be numbers of operating points"),
        (("simulate", "program.pann", "--flips", "--overlap"), "leave out --overlap, or --flips"),
        (("compile", "net.py:make", "--budget", "2bit,x"), "budget 'x': must be 2bit"),
        (("compile", "net.npz", "unary.npz", "--budget", "2bit"), "must be one float network"),
        (("compile", "net.npz"), "calibrates for budgets, give them with --budget"),
    ],
)
def test_bad_operating_points(
    arguments: tuple[str, ...],
    message: str,
    work: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    command, *others = arguments
    files = [f"{work}/{one}" if "." in one else one for one in others]
    extra = ["--output", f"{tmp_path}/p.pann"] if command == "compile" else []
    found = refusal(capsys, 2, command, *files, "--data", f"{work}/data.npz", *extra)
    assert message in found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fps", "3"), "--fps without --for, --clock"),
        (("--fps", "0", "--clock", "1"), "--fps 0: must be above 0"),
        (("--fps", "1", "--clock", "nan"), "--clock nan: must be above 0"),
        (("--fps", "1e9", "--clock", "1"), "lower the rate or raise the clock"),
    ],
)
def test_bad_rates(
    arguments: tuple[str, ...],
    message: str,
    work: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    network = ["--for", f"{work}/net.npz"] if len(arguments) > 2 else []
    out = ["--output", f"{tmp_path}/hardware"]
    assert message in refusal(capsys, 2, "generate", *network, *arguments, *out)
    assert not (tmp_path / "hardware").exists()


def test_simulate_compare_and_power_agree(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = (f"{work}/program.pann", "--data", f"{work}/data.npz", "--images", "9")
    simulated = output(capsys, "simulate", *run)
    points = simulated["points"]
    assert isinstance(points, list) and len(points) == 2
    assert len(points[0]["classes"]) == 9
    compared = output(capsys, "compare", *run)
    assert compared["mismatches"] == 0
    levels = compared["points"]
    assert isinstance(levels, list)
    for simulated_point, level in zip(points, levels, strict=True):
        assert level["compared"] > 0
        assert level["cycles_predicted"] == level["cycles_counted"]
        assert simulated_point["cycles_per_image"] == level["cycles_counted"]
    networks = (f"{work}/net.npz", f"{work}/unary.npz", "--encoding", "csd,unary")
    compiled = output(capsys, "compile", *networks, *SMALL, "--output", f"{tmp_path}/program.pann")[
        "points"
    ]
    assert isinstance(compiled, list)
    assert [point["cycles_per_image"] for point in compiled] == [
        level["cycles_counted"] for level in levels
    ]
    power = output(capsys, "power", *run, "--point", "1")
    counted = power["points"]
    assert isinstance(counted, list) and len(counted) == 1
    assert counted[0]["encoding"] == "unary"
    toggles = counted[0]["toggles"]
    for name in ("operand", "accumulator"):
        assert toggles[name]["predicted"] == toggles[name]["counted"] > 0


def test_generate_writes_everything_or_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    result = output(capsys, "generate", *SMALL, "--output", f"{tmp_path}/hw")
    names = {path.name for path in (tmp_path / "hw").iterdir()}
    assert names == {"accelerator.v", "config.json", "waivers.vlt"}
    assert AcceleratorConfig.load(tmp_path / "hw/config.json").lanes == 4
    assert result["verilog"] == f"{tmp_path}/hw/accelerator.v"
    assert [path.name for path in tmp_path.iterdir()] == ["hw"]


@pytest.mark.parametrize("bus", ["axi", "wishbone"])
def test_generate_behind_a_bus(
    bus: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    result = output(capsys, "generate", *SMALL, "--bus", bus, "--output", f"{tmp_path}/hw")
    kinds = {
        "verilog", "waivers", "config", "ports", "fusesoc", "ip_xact", "header", "registers",
    } | ({"driver"} if bus == "wishbone" else set())  # fmt: skip
    names = {str(result[kind]) for kind in kinds}
    assert names == {str(path) for path in (tmp_path / "hw").iterdir()}
    assert result["verilog"] == f"{tmp_path}/hw/pann_{bus}.v"
    assert main(["generate", *SMALL, "--bus", bus, "--output", f"{tmp_path}/hw"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in names - {str(result["config"])})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bus", "apb"), "bus = 'apb': must be one of axi, wishbone"),
        (("--fifo-depth", "8"), "--fifo-depth 8: only with --bus wishbone"),
        (("--bus", "axi", "--fifo-depth", "8"), "fifo_depth = 8: only for wishbone"),
        (("--bus", "wishbone", "--fifo-depth", "2"), "fifo_depth = 2: must be 4..2048"),
    ],
)
def test_generate_refuses_a_bus_that_cannot_be(
    arguments: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    assert message in refusal(capsys, 2, "generate", *arguments, "--output", f"{tmp_path}/hw")
    assert not list(tmp_path.iterdir())


def test_parameters_that_are_words_are_options(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Also those whose names are near to another option's."""
    columns = ("--layer-kinds", "linear", "--weight-words", "64", "--lane", "unary")
    output(capsys, "generate", *columns, "--output", f"{tmp_path}/hw")
    config = AcceleratorConfig.load(tmp_path / "hw/config.json")
    assert (config.layer_kinds, config.weight_words, config.lane) == ("linear", 64, "unary")
    message = refusal(capsys, 2, "generate", "--layer-kinds", "pool")
    assert "layer_kinds = 'pool': must be one of all, linear" in message


def test_a_mismatch_is_shown_and_gives_exit_code_1(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pann_hw.report import verify

    def wrong(network: IntegerNetwork, x: np.ndarray) -> dict[str, torch.Tensor]:
        values = run(network, x)
        name = network.layers[0].output.name
        values[name] = values[name].clone()
        values[name][2, 1, 3, 4] += 1
        return values

    monkeypatch.setattr(verify, "run", wrong)
    arguments = ["compare", f"{work}/program.pann", "--data", f"{work}/data.npz", "--point", "0"]
    assert main(arguments) == 1
    shown = capsys.readouterr().out
    assert "image 2 at channel 1, row 3, column 4" in shown
    assert "1 of 2880 elements differ" in shown


def bad_data(folder: Path) -> dict[str, tuple[Path, str]]:
    """Data files that must be refused, and what the refusal must say."""
    good = np.zeros((4, 1, 6, 6), np.float32)
    nan, infinite = good.copy(), good.copy()
    nan[1, 0, 2, 3] = np.nan
    infinite[0, 0, 0, 0] = np.inf
    arrays = {
        "nan": (nan, "NaN"),
        "infinite": (infinite, "inf"),
        "shape": (np.zeros((4, 1, 5, 6), np.float32), "(1, 5, 6)"),
        "dtype": (np.zeros((4, 1, 6, 6), np.complex64), "complex64"),
        "empty": (good[:0], "0"),
    }
    files = {}
    for name, (x, found) in arrays.items():
        np.savez(folder / f"{name}.npz", x=x)
        files[name] = (folder / f"{name}.npz", found)
    (folder / "text.npz").write_text("not an archive")
    files["text"] = (folder / "text.npz", "text.npz")
    files["missing"] = (folder / "missing.npz", "no such file")
    return files


@pytest.mark.parametrize("name", ["nan", "infinite", "shape", "dtype", "empty", "text", "missing"])
@pytest.mark.parametrize("command", ["quantize", "compare"])
def test_bad_data(
    name: str, command: str, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path, found = bad_data(tmp_path)[name]
    before = set(tmp_path.iterdir())
    first = f"{work}/net.py:make" if command == "quantize" else f"{work}/program.pann"
    extra = ["--output", f"{tmp_path}/out.npz"] if command == "quantize" else []
    message = refusal(capsys, 2, command, first, "--data", str(path), *extra)
    assert found.lower() in message.lower()
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("budget", ["0", "-3", "1e9", "nan", "9bit", "much"])
def test_bad_budget(budget: str, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refusal(
        capsys, 2, "quantize", f"{work}/net.py:make", "--data", f"{work}/data.npz",
        f"--budget={budget}",
    )  # fmt: skip
    assert "budget" in message
    assert "64" in message


def test_bad_network_file(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    program = (work / "program.pann").read_bytes()
    (tmp_path / "cut.pt2").write_bytes(program[:100])
    (tmp_path / "cut.npz").write_bytes((work / "net.npz").read_bytes()[:200])
    (tmp_path / "cut.pann").write_bytes(program[: len(program) // 2])
    data = ("--data", f"{work}/data.npz")
    for arguments in (
        ("quantize", "missing.pt2", *data),
        ("quantize", f"{tmp_path}/cut.pt2", *data),
        ("quantize", f"{work}/data.npz", *data),
        ("compile", f"{tmp_path}/cut.npz"),
        ("compile", f"{work}/data.npz"),
        ("compile", "missing.npz"),
        ("compare", f"{tmp_path}/cut.pann", *data),
        ("compare", f"{work}/net.npz", *data),
        ("compare", "missing.pann", *data),
    ):
        message = refusal(capsys, 2, *arguments)
        assert Path(arguments[1]).name in message


@pytest.mark.parametrize(
    ("option", "parameter"),
    [
        ("--activation-words=16", "activation_words"),
        ("--term-words=16", "term_words"),
        ("--descriptor-words=64", "descriptor_words"),
        ("--accumulator-width=13", "accumulator_width"),
    ],
)
def test_memory_too_small_names_what_to_raise(
    option: str, parameter: str, work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    message = refusal(
        capsys, 2, "compile", f"{work}/net.npz", *SMALL, option, "--output", f"{tmp_path}/p.pann"
    )
    assert f"raise {parameter}" in message
    assert not list(tmp_path.iterdir())


def test_bad_configuration(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "lanes = 7" in refusal(capsys, 2, "generate", "--lanes", "7")
    (tmp_path / "config.json").write_text('{"lanse": 8}')
    config = ("--config", f"{tmp_path}/config.json")
    assert "lanse" in refusal(capsys, 2, "generate", *config)
    (tmp_path / "config.json").write_text("{")
    assert "config.json" in refusal(capsys, 2, "generate", *config)


def test_unwritable_output(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for arguments in (
        ("generate", "--output", f"{tmp_path}/file"),
        ("generate", "--output", f"{tmp_path}/file/below"),
        ("generate", "--output", "/proc/nowhere"),
        ("compile", f"{work}/net.npz", "--output", str(tmp_path)),
        ("quantize", f"{work}/net.py:make", "--data", f"{work}/data.npz", "--output",
         "/proc/nowhere/n.npz"),
        ("demo", "--output", f"{tmp_path}/file"),
    ):  # fmt: skip
        assert "choose another" in refusal(capsys, 2, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_missing_compiler_is_named_before_any_work(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for tool in ("make", "perl"):
        place = shutil.which(tool)
        assert place is not None
        (tmp_path / tool).symlink_to(place)
    monkeypatch.setenv("PATH", str(tmp_path))
    data = ("--data", f"{work}/data.npz")
    for arguments in (("compare", f"{work}/program.pann", *data), ("demo",)):
        assert "apt-get install g++" in refusal(capsys, 3, *arguments)


def test_images_and_points_out_of_range(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ("simulate", f"{work}/program.pann", "--data", f"{work}/data.npz")
    assert "points 0..1" in refusal(capsys, 2, *run, "--point", "2")
    assert "--images 0" in refusal(capsys, 2, *run, "--images", "0")


def test_network_files_that_print_do_not_disturb_json(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "loud.py").write_text('print("loading")' + FACTORY)
    output(
        capsys, "quantize", f"{tmp_path}/loud.py:make", "--data", f"{work}/data.npz",
        "--output", f"{tmp_path}/n.npz",
    )  # fmt: skip


def test_internal_error_is_one_line_unless_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(args: object) -> dict[str, object]:
        raise RuntimeError("a fault\nin two lines")

    monkeypatch.setattr("pann_hw.commands.generate.run", broken)
    assert "RuntimeError: a fault in two lines" in refusal(capsys, 3, "generate")
    monkeypatch.setenv("PANN_HW_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        main(["generate"])


def test_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["fly"])
    assert stopped.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_wide_raw_output_and_unlabelled_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A network made by hand whose output is a map, on data without classes."""
    rng = np.random.default_rng(1)
    hidden = Accumulate(
        Tensor("hidden", (2, 5, 5), 4),
        (Source("x", rng.integers(-3, 4, (2, 1, 3, 3)), padding=(1, 1)),),
        np.zeros(2, np.int64),
        (Scale.nearest(0.05),) * 2,
        15,
    )
    last = Accumulate(
        Tensor("map", (3, 5, 5), 8),
        (Source("hidden", rng.integers(-3, 4, (3, 2, 1, 1))),),
        np.zeros(3, np.int64),
        None,
        0,
    )
    network = IntegerNetwork(Tensor("x", (1, 5, 5), 8, 128, 1 / 64), (hidden, last))
    store.save(network, tmp_path / "n.npz")
    np.savez(tmp_path / "d.npz", x=rng.normal(size=(3, 1, 5, 5)).astype(np.float32))
    output(capsys, "compile", f"{tmp_path}/n.npz", *SMALL, "--output", f"{tmp_path}/p.pann")
    run = (f"{tmp_path}/p.pann", "--data", f"{tmp_path}/d.npz")
    assert output(capsys, "compare", *run)["mismatches"] == 0
    points = output(capsys, "simulate", *run)["points"]
    assert isinstance(points, list) and points[0]["accuracy"] is None
