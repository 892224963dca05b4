"""The program: an integer network as terms and layer descriptors for one accelerator."""
