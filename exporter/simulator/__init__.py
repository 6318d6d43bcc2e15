"""Vendor APIs over one synthetic company; imports nothing of the exporter, so that it can disagree with it."""

# What every simulated vendor takes, unless told otherwise.
CREDENTIAL = "demo-token"
