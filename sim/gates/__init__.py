"""Simulation of netlists of standard cells."""
