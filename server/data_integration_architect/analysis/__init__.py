"""What follows from a topology: effects in order, mechanisms of paths, systems of record."""
