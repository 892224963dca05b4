"""Power models of arithmetic units: closed formulas, bit statistics and exact counts of flips."""
