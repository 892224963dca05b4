"""Accuracy against bit flips: many integer networks of one float network, on many cores."""
