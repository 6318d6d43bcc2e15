"""Coder v1, before insights."""
