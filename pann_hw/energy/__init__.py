"""From toggles to joules."""
