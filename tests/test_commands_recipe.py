"""Arguments that several commands share, and the recipe that they ask for."""

from __future__ import annotations

import argparse

import pytest

from pann_hw.commands.recipe import (
    SWITCHES,
    add_calibration,
    add_recipe,
    check_calibration,
    load_recipe,
)
from pann_hw.errors import InputError
from pann_hw.quantise.recipe import FULL, PLAIN


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_calibration(parser)
    add_recipe(parser)
    return parser.parse_args(["net.pt2", "--data", "data.npz", *arguments])


def test_named_recipes() -> None:
    assert load_recipe(parsed()) == FULL
    assert load_recipe(parsed("--recipe", "plain")) == PLAIN


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_part_has_its_switch(switch: str) -> None:
    name = switch.replace("-", "_")
    for argument, value in ((f"--{switch}", True), (f"--no-{switch}", False)):
        for recipe in (FULL, PLAIN):
            named = "full" if recipe is FULL else "plain"
            found = load_recipe(parsed("--recipe", named, argument))
            assert vars(found) == {**vars(recipe), name: value}


@pytest.mark.parametrize("images", ["0", "-3"])
def test_images(images: str) -> None:
    with pytest.raises(InputError, match=f"--images {images}: must be at least 1"):
        check_calibration(parsed("--images", images))


@pytest.mark.parametrize("shift", ["0", "8"])
def test_max_shift(shift: str) -> None:
    with pytest.raises(InputError, match=rf"--max-shift {shift}: must be 1\.\.7"):
        check_calibration(parsed("--max-shift", shift))
    check_calibration(parsed("--max-shift", "7", "--images", "1"))


def test_unknown_recipe() -> None:
    with pytest.raises(InputError, match="--recipe best: must be one of plain, full"):
        load_recipe(parsed("--recipe", "best"))
