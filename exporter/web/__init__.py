"""What answers HTTP: the pages, who may see them, and a server that nobody can keep busy."""
