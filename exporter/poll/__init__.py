"""One poll of one source: plan, read, store, publish; its schedule and its replicas."""
