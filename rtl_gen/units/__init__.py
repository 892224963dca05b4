"""The circuits of arithmetic units whose power :mod:`pann_hw.power` models."""
