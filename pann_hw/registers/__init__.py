"""The registers that a host sees, written down once: for RTL, drivers and documents."""
