#!/bin/sh
# Prints the rules of prometheus/ as a PrometheusRule; `make manifests` keeps it beside the other manifests. RUNBOOKS and
# GRAFANA are the addresses to which its alerts link.
set -eu
cd "$(dirname "$0")/../.."
cat <<'HEAD'
# Made of prometheus/recording.yaml and prometheus/alerts.yaml by `make manifests`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: adoption-exporter
  labels: {app.kubernetes.io/name: adoption-exporter}
spec:
  groups:
HEAD
for rules in prometheus/recording.yaml prometheus/alerts.yaml; do
  sed "1,/^groups:\$/d
    s#url: http://localhost:10723/dashboards/docs/runbooks/#url: ${RUNBOOKS:-http://localhost:10723/dashboards/docs/runbooks}/#
    s#url: http://localhost:3000/#url: ${GRAFANA:-http://localhost:3000}/#
    s/^\(.\)/  \1/" "$rules"
done
