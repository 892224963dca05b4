"""PANN: from a trained float network to a multiplier-free accelerator that keeps a power budget."""

__version__ = "0.1.0"
