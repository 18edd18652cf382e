"""Reads hypervisors and files, writes the inventory. Holds credentials; knows no planner."""
