"""Terms of one output channel as the streams of a core's rails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.terms import encode
from pann_hw.program.layout import pack, term_fields

__all__ = ["WeightWindow", "rail_streams"]

WeightWindow = Sequence[int]
"""The weights under the taps of one window; empty where the channel does not use the window."""


def rail_streams(
    weights: Sequence[WeightWindow], config: AcceleratorConfig, max_shift: int
) -> tuple[np.ndarray, ...]:
    """Packed terms (uint16) of one tile for every rail of a core.

    With two rails positive terms go to the first and negative ones to the second; with one rail a
    window's positive terms come before its negative ones. Terms of one operand stay together, so
    that a repeated addition does not switch it.

    Parameters
    ----------
    weights : per window of the pass, in order
    max_shift : 0 for unary; at most the lane's
    """
    streams: list[list[dict[str, int]]] = [[] for _ in range(config.rails)]
    position = [0] * config.rails
    for index, window in enumerate(weights):
        for rail, terms in enumerate(_split(window, config, max_shift)):
            for term in terms:
                advance = index - position[rail]
                while advance >= config.window_slots:
                    streams[rail].append({"advance": config.window_slots - 1})
                    advance -= config.window_slots - 1
                streams[rail].append({"add": 1, "advance": advance, **term})
                position[rail] = index
    return tuple(_packed(stream, config) for stream in streams)


def _split(
    window: WeightWindow, config: AcceleratorConfig, max_shift: int
) -> list[list[dict[str, int]]]:
    """The window's terms for each rail: sorted by sign (one rail), then tap, then shift."""
    rails: list[list[dict[str, int]]] = [[] for _ in range(config.rails)]
    for sign in (1, -1):
        for offset, weight in enumerate(window):
            for term_sign, shift in encode(int(weight), max_shift):
                if term_sign != sign:
                    continue
                term = {"offset": offset}
                if config.shift:
                    term["shift"] = shift
                if config.rails == 1:
                    term["subtract"] = int(sign < 0)
                rails[0 if config.rails == 1 or sign > 0 else 1].append(term)
    return rails


def _packed(stream: list[dict[str, int]], config: AcceleratorConfig) -> np.ndarray:
    if not stream:
        stream = [{}]
    stream[-1]["last"] = 1
    fields = term_fields(config)
    return np.array([pack(fields, term) for term in stream], dtype=np.uint16)
