"""The commands of adoption-exporter, one file each."""
