"""Vendor APIs over one synthetic company; independent of the exporter, so that tests can find the exporter wrong."""

# The token that every simulated vendor accepts by default.
CREDENTIAL = "demo-token"
