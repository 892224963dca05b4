"""Simulation of the generated Verilog: tools, builds, benches and toggle counts."""
