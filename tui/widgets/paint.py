"""The style of a widget's part as rich draws it: colours that let the background shine through are mixed with it."""

from rich.style import Style
from textual.color import Color
from textual.widget import Widget


def painted(widget: Widget, name: str) -> Style:
    """The colours and text style that a component class adds to the widget's own style."""
    own = widget.rich_style
    under = Color.from_rich_color(own.bgcolor) if own.bgcolor is not None else Color(0, 0, 0)
    styles = widget.get_component_styles(name)
    style = own + styles.text_style
    if styles.has_rule("background"):
        under = under.blend(styles.background, styles.background.a, 1)
        style += Style(bgcolor=under.rich_color)
    if styles.has_rule("color"):
        colour = under.get_contrast_text(styles.color.a) if styles.auto_color else styles.color
        style += Style(color=under.blend(colour, colour.a, 1).rich_color)
    return style
