"""From components to netlists of standard cells."""
