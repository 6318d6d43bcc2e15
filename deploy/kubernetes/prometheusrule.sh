#!/bin/sh
# Prints the rules of prometheus/ as a PrometheusRule; `make manifests` keeps it beside the other manifests.
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
  sed '1,/^groups:$/d; s/^\(.\)/  \1/' "$rules"
done
