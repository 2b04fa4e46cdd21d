"""Two themes of our own, one dark and one light; every text on every ground is at least 4.5 : 1 (WCAG AA), and tested."""

from rich.terminal_theme import TerminalTheme
from textual.theme import Theme

DARK = Theme(
    name="mlxgpt-dark",
    dark=True,
    background="#0f1218",
    surface="#161b24",
    panel="#1f2632",
    foreground="#e3e6ec",
    primary="#7cb2ff",
    secondary="#62c8c0",
    accent="#ffb454",
    warning="#ffc14d",
    error="#ff8080",
    success="#7fd38c",
    variables={
        "text-muted": "#a3adbd",
        "text-disabled": "#7f8999",
        "footer-key-foreground": "#ffb454",
        "block-cursor-background": "#7cb2ff",
        "block-cursor-foreground": "#0f1218",
        "border": "#7cb2ff",
        "border-blurred": "#4a566b",
    },
)
LIGHT = Theme(
    name="mlxgpt-light",
    dark=False,
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e7e4dc",
    foreground="#1d2129",
    primary="#0b57a8",
    secondary="#0a6660",
    accent="#8f4a00",
    warning="#854f00",
    error="#a81f1f",
    success="#1c672a",
    variables={
        "text-muted": "#4d5563",
        "text-disabled": "#666e7c",
        "footer-key-foreground": "#8f4a00",
        "block-cursor-background": "#0b57a8",
        "block-cursor-foreground": "#ffffff",
        "border": "#0b57a8",
        "border-blurred": "#9aa3b2",
    },
)
THEMES = (DARK, LIGHT)
# What rich's sixteen colours are on the light background: Textual's own yellow and cyan cannot be read there.
ON_LIGHT = TerminalTheme(
    (251, 250, 247),
    (29, 33, 41),
    [
        (29, 33, 41),
        (168, 31, 31),
        (28, 103, 42),
        (133, 79, 0),
        (11, 87, 168),
        (122, 62, 157),
        (10, 102, 96),
        (77, 85, 99),
    ],
)
