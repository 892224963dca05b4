"""The integer network: the exact reference for program, RTL and gates."""
