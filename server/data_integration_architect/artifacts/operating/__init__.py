"""Scripts that are delivered for operation."""
