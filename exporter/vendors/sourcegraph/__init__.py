"""Sourcegraph Analytics."""
