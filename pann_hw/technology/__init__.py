"""Standard cells and memories of a chip technology: what they do, take and cost."""
