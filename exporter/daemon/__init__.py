"""The running exporter: composition, reload, signals, its life."""
