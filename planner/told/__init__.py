"""What stands behind the rows of the weekly files and of commands: a module per kind of row."""
