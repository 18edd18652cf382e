"""The face: command line, settings and schedule; the only place that wires the rooms."""
