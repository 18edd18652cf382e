"""Renders a report; one pure function per format, and none knows another."""
