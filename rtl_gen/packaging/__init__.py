"""What tools other than simulators and synthesis take along with the Verilog."""
