"""Prometheus and OpenTelemetry exporter for the adoption of developer tools."""

__version__ = "0.1.0"
