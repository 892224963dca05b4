"""Programs as the hardware executes them: every cycle, every value, every flip."""
