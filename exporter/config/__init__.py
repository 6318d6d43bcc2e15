"""The configuration: YAML, settings models, and every mistake of a file at once."""
