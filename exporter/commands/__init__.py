"""The commands of adoption-exporter, a file for each."""
