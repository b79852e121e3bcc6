"""The command line `materia`. Thin: each command parses its words and calls the floors below."""
