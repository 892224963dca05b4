"""The accelerator's hardware, described in Amaranth."""
