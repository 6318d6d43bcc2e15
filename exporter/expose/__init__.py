"""Ways out: the Prometheus exposition, OTLP and backfill, all made from the same samples."""
