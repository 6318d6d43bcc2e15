"""Coder v2."""
