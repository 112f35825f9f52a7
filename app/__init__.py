"""Wiring: the command line and the processes."""
