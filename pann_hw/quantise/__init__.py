"""From a float graph to an integer network that keeps a budget of bit flips per MAC."""
