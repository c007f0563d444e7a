"""Runs a design folder on real engines: start, load, break, compare, stop."""
