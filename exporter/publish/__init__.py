"""What is served and pushed: snapshots, expositions, self metrics, the status report, history as a file."""
