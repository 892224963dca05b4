"""What is reported: agreement of all levels, and power."""
