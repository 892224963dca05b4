"""cocotb test modules: one for each unit of the RTL, and one for the whole accelerator."""
