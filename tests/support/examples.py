"""How many examples a search tries."""

from hypothesis import settings


def examples(number: int) -> settings:
    """So many examples, or as few as the profile `fast` tries of any search."""
    fast = settings.get_current_profile_name() == "fast"
    return settings(max_examples=min(number, settings.get_profile("fast").max_examples) if fast else number)
