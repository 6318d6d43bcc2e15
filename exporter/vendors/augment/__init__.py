"""Augment Code Analytics."""
