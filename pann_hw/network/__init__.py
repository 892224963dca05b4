"""Float networks: the graph, its import from PyTorch, and the data that goes with it."""
