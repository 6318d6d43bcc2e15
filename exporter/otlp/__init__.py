"""OTLP push of metrics and traces: points, targets, clients."""
