"""GitLab Product Analytics (Cube)."""
