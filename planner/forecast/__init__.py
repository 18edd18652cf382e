"""Forecasts as sample paths: an engine yields paths, a reducer turns them into dates."""
