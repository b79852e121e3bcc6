"""The stages wired as Dagster assets. Thin: what a stage does lives on the floors below."""
