"""Hardware and operating point for a power budget: what ``pann-hw size`` searches."""
