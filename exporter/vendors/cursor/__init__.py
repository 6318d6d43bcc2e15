"""Cursor: people and counters by user and day, tokens and money by event, seats and billing groups."""
