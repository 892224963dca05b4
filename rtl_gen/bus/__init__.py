"""The accelerator behind the buses of systems on chip."""
