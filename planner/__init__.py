"""Reads the inventory and decides. Pure functions: no clock, no network, no credentials."""
