"""The commands, by what a person comes for."""
