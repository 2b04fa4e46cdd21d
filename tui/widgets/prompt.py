"""Where a person writes."""

from textual.widgets import Input


class Prompt(Input):
    """A line of text; enter sends it."""
