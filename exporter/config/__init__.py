"""The configuration: YAML, settings models, and all mistakes of a file at once."""
