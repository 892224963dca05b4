"""The driver against the simulated board: inferences, and every way in which things go wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from pann_hw.errors import InputError, MismatchError, PannError, ToolError
from pann_hw.link.driver import BoardDriver, open_board
from pann_hw.link.protocol import FLAG, Deframer, Operation, framed, request
from pann_hw.machine.machine import Machine
from pann_hw.program.deployment import Deployment
from pann_hw.program.image import Image
from pann_hw.program.stores import network_order
from pann_hw.registers.map import Control, Register, Status
from sim.board import SimulatedBoard, simulated_board
from tests.board_cases import (
    BOARD,
    OTHER,
    REGISTERED,
    expected_outputs,
    images,
    small_deployment,
)
from tests.faulty_line import Fault, faulty_line

OUTPUTS = 5


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return small_deployment()


@pytest.fixture(scope="module")
def board() -> Iterator[SimulatedBoard]:
    """One board for all tests: each leaves it so that the next one can use it."""
    with simulated_board(BOARD) as running:
        yield running


def run_all(driver: BoardDriver, deployment: Deployment, rng: np.random.Generator) -> np.ndarray:
    """Images at operating points in any order, all outputs right; the cycles."""
    x = images(rng)
    points = rng.integers(0, len(deployment.programs), len(x))
    result = driver.run(x.reshape(len(x), -1).astype(np.uint8), points, OUTPUTS)
    for index, point in enumerate(points):
        found = network_order(deployment.programs[point], result.outputs[index : index + 1])
        assert np.array_equal(
            found, expected_outputs(deployment, point, x[index : index + 1].astype(np.int64))
        )
    return result.cycles


def refuses(error: type[PannError], message: str, port: str, **options: float) -> None:
    """A connection that must fail with one line."""
    with pytest.raises(error, match=message) as caught:
        with open_board(port, BOARD, **options):  # type: ignore[arg-type]
            pass
    assert "\n" not in str(caught.value)


def test_operating_points_in_any_order(
    board: SimulatedBoard, deployment: Deployment, rng: np.random.Generator
) -> None:
    with open_board(board.port, BOARD) as driver:
        assert driver.clock == 12_000_000
        assert driver.read(Register.STATUS) == Status.READY
        driver.load(deployment.image)
        assert driver.read(Register.STATUS) == Status.READY | Status.LOADED
        for _ in range(3):
            run_all(driver, deployment, rng)
        counters = driver.counters
    assert counters.repeated == counters.refused == counters.damaged == counters.timeouts == 0


@pytest.mark.slow
def test_register_stages_change_no_output(rng: np.random.Generator) -> None:
    """Results cross a register more on their way to the link, faults or none."""
    deployment = small_deployment(REGISTERED)
    with simulated_board(REGISTERED) as board:
        for _ in range(2):
            # A connection begins with a restart of the accelerator.
            with open_board(board.port, REGISTERED) as driver:
                driver.load(deployment.image)
                run_all(driver, deployment, rng)


def test_cycles_are_those_of_the_whole_run(
    board: SimulatedBoard, deployment: Deployment, rng: np.random.Generator
) -> None:
    with open_board(board.port, BOARD) as driver:
        driver.load(deployment.image)
        x = images(rng).reshape(12, -1).astype(np.uint8)
        slow = driver.run(x[:1], np.zeros(1, int), OUTPUTS)
        # Its input came after its start, 10 bits of 4 cycles a byte.
        assert slow.cycles[0] > Machine(deployment.image).run(0).cycles
        assert driver.read(Register.CYCLES) == slow.cycles[0]
        sent = driver.counters.bytes_sent
        many = driver.run(np.tile(x, (4, 1)), np.full(48, 2), OUTPUTS)
        sent = driver.counters.bytes_sent - sent
        # The line is what takes most of the time: a byte for each element and little more.
        assert sum(Machine(deployment.image).intervals([2] * 48)) < 48 * 72 * 40
        assert many.cycles.sum() > 48 * 72 * 40
        assert 48 * 76 < sent < 48 * 90


def test_registers_are_written(board: SimulatedBoard) -> None:
    with open_board(board.port, BOARD) as driver:
        for point in (5, 7, 0):
            driver.write(Register.POINT, point)
            assert driver.read(Register.POINT) == point


def test_wrong_use_is_reported_and_harms_nothing(
    board: SimulatedBoard, deployment: Deployment, rng: np.random.Generator
) -> None:
    x = np.zeros((1, 72), np.uint8)
    with open_board(board.port, BOARD, timeout=0.5) as driver:
        with pytest.raises(MismatchError, match="error 5: no program is loaded"):
            driver.run(x, np.zeros(1, int), OUTPUTS)
        driver.load(deployment.image)
        with pytest.raises(MismatchError, match="error 6: the operating point is not loaded"):
            driver.run(x, np.full(1, 6), OUTPUTS)
        for values, code in ((x[:, :-1], 8), (np.zeros((1, 80), np.uint8), 9)):
            driver.load(deployment.image)
            with pytest.raises(MismatchError, match=f"the board reports error {code}: "):
                driver.run(values, np.zeros(1, int), OUTPUTS)
        driver.load(deployment.image)
        with pytest.raises(MismatchError, match=r"inference 0 of 1 does not end: .* 0.5 s"):
            driver.run(x, np.zeros(1, int), OUTPUTS + 1)
        driver.load(deployment.image)
        run_all(driver, deployment, rng)


def test_values_are_checked_before_they_are_sent(
    board: SimulatedBoard, deployment: Deployment
) -> None:
    with open_board(board.port, BOARD) as driver:
        with pytest.raises(ValueError, match="must be \\(inferences, elements\\)"):
            driver.run(np.zeros((2, 72), np.uint8), np.zeros(3, int), OUTPUTS)
        with pytest.raises(ValueError, match=r"inputs are 0\.\.256, must be 0\.\.255"):
            driver.run(np.full((1, 72), 256) * (np.arange(72) == 3), np.zeros(1, int), OUTPUTS)


def test_a_corrupt_program_is_never_accepted(
    board: SimulatedBoard, deployment: Deployment, rng: np.random.Generator
) -> None:
    words = deployment.image.stream()
    with open_board(board.port, BOARD, timeout=0.5) as driver:
        for _ in range(6):
            bad = words.copy()
            bad[rng.integers(len(bad))] ^= np.uint32(1 << int(rng.integers(32)))
            with pytest.raises(MismatchError, match=r"error [1234]: |is not taken"):
                driver.load(_Stream(deployment.image, bad))  # type: ignore[arg-type]
            assert not driver.read(Register.STATUS) & Status.LOADED
        driver.load(deployment.image)
        run_all(driver, deployment, rng)


class _Stream:
    """An image whose stream is damaged before any frame is made of it."""

    def __init__(self, image: Image, words: np.ndarray) -> None:
        self.config, self._words = image.config, words

    def stream(self) -> np.ndarray:
        return self._words


def _rarely(chance: float, seed: int, change: str) -> Fault:
    """Bytes flipped, lost, or with noise before them, after the board has been identified."""
    generator = random.Random(seed)

    def fault(number: int, value: bytes) -> bytes:
        if number < 60 or generator.random() >= chance:
            return value
        if change == "flip":
            return bytes((value[0] ^ 1 << generator.randrange(8),))
        if change == "lose":
            return b""
        return generator.randbytes(generator.choice((1, 2, 600))) + value

    return fault


@pytest.mark.parametrize("direction", ["to_board", "from_board"])
@pytest.mark.parametrize("change", ["flip", "lose", "noise"])
def test_faults_on_the_line_change_no_result(
    change: str,
    direction: str,
    board: SimulatedBoard,
    deployment: Deployment,
    rng: np.random.Generator,
    seed: int,
) -> None:
    faults = {direction: _rarely(2e-3 if direction == "to_board" else 4e-3, seed, change)}
    with (
        faulty_line(board.port, **faults) as port,
        open_board(port, BOARD, patience=0.2) as driver,
    ):
        for _ in range(3):
            driver.load(deployment.image)
            run_all(driver, deployment, rng)
        counters = driver.counters
        assert counters.refused + counters.damaged + counters.timeouts > 3
        if direction == "to_board":
            assert counters.refused > 0 and counters.repeated > 0


def test_a_session_that_breaks_off_leaves_nothing_behind(
    board: SimulatedBoard, deployment: Deployment, rng: np.random.Generator
) -> None:
    """In the midst of a program, of an input, of a frame: the next session begins anew."""
    stream = deployment.image.stream().astype("<u4").tobytes()
    half_program = bytes((Operation.PROGRAM, 255)) + stream[:200]
    start = bytes((Operation.WRITE | Register.CONTROL, Control.START))
    half_input = start + bytes((Operation.INPUT | Operation.LAST, 71)) + bytes(30)
    for data in (half_program, half_input, bytes((Operation.INPUT, 255)) + bytes(100)):
        with open_board(board.port, BOARD) as driver:
            if data is half_input:
                driver.load(deployment.image)
            connection = driver._connection
            connection.send(data)
            for _ in range(5):
                connection.exchange(Register.STATUS)
            connection._port.write(framed(request(1, 17, 0, bytes(50)))[:20])
    with open_board(board.port, BOARD) as driver:
        driver.load(deployment.image)
        run_all(driver, deployment, rng)


def test_operations_that_are_none_do_not_hang_the_board(
    board: SimulatedBoard, deployment: Deployment, rng: np.random.Generator
) -> None:
    """Frames with right CRCs, and anything in them."""
    for _ in range(8):
        with open_board(board.port, BOARD) as driver:
            driver.load(deployment.image)
            driver._connection.send(rng.bytes(int(rng.integers(1, 2000))))
            for _ in range(10):
                driver._connection.exchange(Register.STATUS)
            assert driver.read(Register.FINGERPRINT) == BOARD.fingerprint
    with open_board(board.port, BOARD) as driver:
        driver.load(deployment.image)
        run_all(driver, deployment, rng)


def test_a_frame_too_long_is_dropped(
    board: SimulatedBoard, deployment: Deployment, rng: np.random.Generator
) -> None:
    with open_board(board.port, BOARD) as driver:
        driver.load(deployment.image)
        for length in (510, 3000):
            driver._connection._port.write(framed(request(1, 0, 0, bytes(length))))
        run_all(driver, deployment, rng)
        assert driver.counters.refused > 0


def test_a_frame_of_another_version_is_dropped(
    board: SimulatedBoard, deployment: Deployment, rng: np.random.Generator
) -> None:
    with open_board(board.port, BOARD) as driver:
        driver.load(deployment.image)
        other = bytearray(request(Register.CONTROL, 0, 0, bytes((0, Control.START))))
        other[0] ^= 0x60
        driver._connection._port.write(bytes((FLAG,)) + framed(bytes(other)))
        run_all(driver, deployment, rng)
        assert driver.counters.refused > 0


def test_another_version_of_the_board_is_refused(board: SimulatedBoard) -> None:
    """The line makes another version of every report's version, and of its CRC what belongs to
    it."""
    held = bytearray()

    def other(number: int, value: bytes) -> bytes:
        held.extend(value)
        if value[0] != FLAG:
            return b""
        bodies = [bytearray(body) for body in Deframer().feed(bytes(held))]
        held.clear()
        for body in bodies:
            body[0] ^= 0x60
        return b"".join(framed(bytes(body)) for body in bodies)

    with faulty_line(board.port, from_board=other) as port:
        refuses(InputError, "link is of version 2, this pann-hw's of version 1: load a bit", port)


def test_another_configuration_is_refused(board: SimulatedBoard) -> None:
    with pytest.raises(InputError, match=r"fingerprint .* \(lanes 4, cores 2, .*compile it for"):
        with open_board(board.port, OTHER):
            pass


def test_a_board_that_says_nothing_is_given_up(board: SimulatedBoard) -> None:
    with faulty_line(board.port, to_board=lambda number, value: b"") as port:
        refuses(ToolError, r"no board answers \(8 attempts of 0.05 s, 0 bytes", port, patience=0.05)


def test_a_board_that_hears_only_noise_is_given_up(board: SimulatedBoard) -> None:
    def noise(number: int, value: bytes) -> bytes:
        return value if value[0] == FLAG else bytes((value[0] ^ 1,))

    with faulty_line(board.port, to_board=noise) as port:
        refuses(ToolError, r"what it gets is damaged \(100 times in a row\); check cable", port)


def test_noise_alone_is_no_board(board: SimulatedBoard) -> None:
    def noise(number: int, value: bytes) -> bytes:
        return bytes((value[0] & 0xF0 | 3,))

    with faulty_line(board.port, from_board=noise) as port:
        refuses(ToolError, r"no board answers .* [1-9]\d* bytes came", port, patience=0.05)


def test_a_port_that_goes_away_ends_the_run(deployment: Deployment) -> None:
    with simulated_board(BOARD) as board:
        x = np.zeros((200, 72), np.uint8)
        with open_board(board.port, BOARD) as driver:
            driver.load(deployment.image)
            with pytest.raises(ToolError, match=r"the port has gone .*; connect the board again"):
                driver.run(x, np.zeros(200, int), OUTPUTS, board.stop)
    refuses(InputError, "No such file or directory", board.port)
