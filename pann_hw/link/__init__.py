"""The link to a board: frames over a serial port, and the driver of the accelerator behind it."""
