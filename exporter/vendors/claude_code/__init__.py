"""Claude Code (Anthropic): the analytics of a Console organization, or those of a Claude Enterprise organization."""
