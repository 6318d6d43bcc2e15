"""Builds the Grafana dashboards: `python -m grafana.build` writes grafana/dashboards/*.json."""
