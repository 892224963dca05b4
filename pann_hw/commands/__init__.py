"""The commands of ``pann-hw``, a module each: ``add_arguments``, ``run`` and ``show``.

Heavy libraries are imported where ``run`` needs them, so that ``--help`` answers at once.
"""

COMMANDS = {
    "demo": "train a small network, make it an accelerator, run it in Verilator, compare, count",
    "quantize": "turn a trained float network into an integer network that keeps a power budget",
    "train": "train the integer network of a power budget further, on images",
    "sweep": "accuracy against power: many budgets and encodings, and the Pareto front of them",
    "generate": "write the accelerator's Verilog",
    "compile": "compile integer networks to a program for an accelerator",
    "simulate": "run a program on the accelerator in Verilator",
    "run": "run a program on a board, over its serial port, and compare what it gives",
    "board": "boards: what they have, what an accelerator needs of one, and its bitstream",
    "board simulate": "a simulated board behind a pseudo-terminal, for run without hardware",
    "compare": "compare every output of every layer: PyTorch, interpreter, accelerator",
    "power": "predict and count bit flips by signal class; with --gates, energy in standard cells",
    "size": "hardware and operating point for a budget of power or energy",
    "power units": "hold the power model of every arithmetic unit against counted toggles",
}
"""Name of each command, of one or two words, and what it does."""
