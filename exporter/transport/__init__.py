"""HTTP to vendors: client, retries, rate limits, bodies, JSON."""
