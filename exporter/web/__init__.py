"""The web server: pages, access to them, and limits for slow and idle clients."""
