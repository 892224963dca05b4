"""The circuits of parallel multipliers, bit by bit, for software and hardware alike.

Each function takes the operands' bits, lowest first, and returns the bits of the product, as many
as both operands have together. See :mod:`pann_hw.power.adders` for bits and probes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pann_hw.power.adders import Bit, Probe, add_rows

__all__ = ["KINDS", "baugh_wooley", "booth", "unsigned_array"]


def unsigned_array(x: Sequence[Bit], w: Sequence[Bit], probe: Probe) -> list[Bit]:
    """Unsigned product by Braun's array: ``sum_ij x_i w_j 2**(i + j)``.

    A row of AND gates, ``pp_ROW_POSITION``, and a row of full adders per bit of ``w``.
    """
    rows = [
        {i + j: probe(f"pp_{j}_{i + j}", x_bit & w_bit) for i, x_bit in enumerate(x)}
        for j, w_bit in enumerate(w)
    ]
    return add_rows(rows, len(x) + len(w), probe)


def baugh_wooley(x: Sequence[Bit], w: Sequence[Bit], probe: Probe) -> list[Bit]:
    """Signed product by the Baugh-Wooley array: the unsigned array with inverted sign products.

    With m and n bits, ``x w = sum_{i<m-1, j<n-1} x_i w_j 2**(i+j) + x_{m-1} w_{n-1} 2**(m+n-2)
    + sum_{i<m-1} ~(x_i w_{n-1}) 2**(i+n-1) + sum_{j<n-1} ~(x_{m-1} w_j) 2**(j+m-1)
    + 2**(m-1) + 2**(n-1) + 2**(m+n-1)`` modulo ``2**(m+n)`` (Baugh and Wooley, IEEE Transactions
    on Computers C-22, 1973).
    """
    m, n = len(x), len(w)
    rows: list[dict[int, Bit]] = []
    for j, w_bit in enumerate(w):
        row: dict[int, Bit] = {}
        for i, x_bit in enumerate(x):
            product = x_bit & w_bit
            inverted = (i == m - 1) != (j == n - 1)
            row[i + j] = probe(f"pp_{j}_{i + j}", ~product if inverted else product)
        rows.append(row)
    return add_rows(
        [*rows, *_constant(2 ** (m - 1) + 2 ** (n - 1) + 2 ** (m + n - 1))], m + n, probe
    )


def booth(x: Sequence[Bit], w: Sequence[Bit], probe: Probe) -> list[Bit]:
    """Signed product by Booth's recoding in radix 4: a row per two bits of ``w``.

    Digit k is ``-2 w_{2k+1} + w_{2k} + w_{2k-1}``, in -2..2, as ``one_k``, ``two_k`` and ``neg_k``;
    its row is ``(one ? x : two ? 2 x : 0) ^ neg``, ``neg`` is added at the row's lowest bit. Sign
    extension is the usual constant: each row's sign inverted, ``-2**(m + 2k)`` added for each
    (MacSorley, Proceedings of the IRE 49, 1961). Where ``w`` has an odd number of bits, its
    highest digit is ``-w_{2k} + w_{2k-1}``, never two: its row is a bit shorter.
    """
    m, n, width = len(x), len(w), len(x) + len(w)
    rows: list[dict[int, Bit]] = []
    negation: dict[int, Bit] = {}
    constant = 0
    for k in range((n + 1) // 2):
        one, two, negative = _booth_digit(w, k, probe)
        sign = m - 1 if two is None else m
        # The place of the negation is free in the next row, which begins two bits higher.
        row = dict(negation)
        for i in range(sign + 1):
            bit = x[min(i, m - 1)] & one
            if two is not None and i:
                bit = bit | (x[i - 1] & two)
            bit = bit ^ negative
            row[2 * k + i] = probe(f"pp_{k}_{2 * k + i}", ~bit if i == sign else bit)
        rows.append(row)
        negation = {2 * k: negative}
        constant -= 2 ** (2 * k + sign)
    return add_rows([*rows, negation, *_constant(constant % 2**width)], width, probe)


def _booth_digit(w: Sequence[Bit], k: int, probe: Probe) -> tuple[Bit, Bit, Bit]:
    """Whether digit k is one, two (None where it cannot be), and negative."""
    middle = w[2 * k]
    if k == 0:
        return middle, probe("two_0", w[1] & ~middle), w[1]
    low = w[2 * k - 1]
    one = probe(f"one_{k}", middle ^ low)
    if 2 * k + 1 == len(w):
        return one, None, probe(f"neg_{k}", middle & ~low)
    high = w[2 * k + 1]
    two = probe(f"two_{k}", (high & ~middle & ~low) | (~high & middle & low))
    return one, two, probe(f"neg_{k}", high & ~(middle & low))


def _constant(value: int) -> list[dict[int, Bit]]:
    """Rows, at most one tied bit in each column, that add a constant."""
    return [{position: 1 for position in range(value.bit_length()) if value >> position & 1}]


KINDS: dict[str, Callable[[Sequence[Bit], Sequence[Bit], Probe], list[Bit]]] = {
    "array": unsigned_array,
    "baugh_wooley": baugh_wooley,
    "booth": booth,
}
"""Circuit of each kind of parallel multiplier; all but ``array`` are signed."""
