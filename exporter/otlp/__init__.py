"""OTLP push: points, targets, clients, traces."""
