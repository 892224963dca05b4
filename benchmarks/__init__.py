"""Benchmarks: the whole path on networks of real size, with times, memory and utilisation."""
