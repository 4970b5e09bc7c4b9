"""The icons of the theme's buttons, drawn here as lines.

The theme brings Font Awesome for them, 700 kB of script and fonts. A page
uses about ten; each is a path of the SVG below, used as a mask, so that it
takes the colour of the text around it.
"""

from urllib.parse import quote

# Paths in a square of 24 by 24, drawn with a round line two units wide.
PATHS = {
    "angle-left": "M15 5l-7 7 7 7",
    "angle-right": "M9 5l7 7-7 7",
    "arrow-up": "M12 20V4m-6 6 6-6 6 6",
    "bars": "M4 6h16M4 12h16M4 18h16",
    "circle-half-stroke": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 0v18m3-17v16"
    "m3-13v10",
    "download": "M12 3v12m-5-5 5 5 5-5M4 20h16",
    "expand": "M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5",
    "file": "M6 3h8l5 5v13H6zm8 0v5h5",
    "file-pdf": "M6 3h8l5 5v13H6zm8 0v5h5M9 13h7m-7 4h7",
    "github": "M9 19c-4 1.5-4-2-6-2.5m12 5v-3.5c0-1 .1-1.4-.5-2 2.8-.3"
    " 5.5-1.4 5.5-6a4.6 4.6 0 0 0-1.3-3.2 4.2 4.2 0 0 0-.1-3.2s"
    "-1.1-.3-3.5 1.3a12 12 0 0 0-6.2 0C6.5 2.8 5.4 3.1 5.4 3.1a4.2"
    " 4.2 0 0 0-.1 3.2A4.6 4.6 0 0 0 4 9.5c0 4.6 2.7 5.7 5.5 6-.6.6"
    "-.6 1.2-.5 2V21",
    "lightbulb": "M9 18h6m-5 3h4M8 14a6 6 0 1 1 8 0c-.7.7-1 1.3-1 2v2H9v-2"
    "c0-.7-.3-1.3-1-2z",
    "list": "M8 6h12M8 12h12M8 18h12M4 6h0M4 12h0M4 18h0",
    "magnifying-glass": "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z"
    "m5 11.5L21 21",
    "moon": "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z",
    "pencil-alt": "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
    "rocket": "M8 5l11 7-11 7z",
    "sun": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2m0 16v2M2 12h2m16 0h2"
    "M5 5l1.4 1.4m11.2 11.2L19 19M5 19l1.4-1.4M17.6 6.4 19 5",
}


def svg(path):
    """Return an icon's picture."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" '
        'fill="none" stroke="#000" stroke-width="2" stroke-linecap="round" '
        f'stroke-linejoin="round"><path d="{path}"/></svg>'
    )


def style():
    """Return the style sheet that draws ``<i class="fa-solid fa-moon">``."""
    names = ", ".join(f".fa-{name}" for name in PATHS)
    rules = [
        f":is({names}) {{ display: inline-block; width: 1.15em; "
        "height: 1.15em; vertical-align: -0.2em; flex: none; "
        "background: currentColor; mask: var(--icon) center / contain "
        "no-repeat; forced-color-adjust: none; }",
        f":is({names})::before {{ content: none; }}",
        ".fa-lg { font-size: inherit; line-height: inherit; }",
    ]
    for name, path in PATHS.items():
        picture = quote(svg(path), safe="/ :=,-")
        rules.append(
            f'.fa-{name} {{ --icon: url("data:image/svg+xml,{picture}"); }}'
        )
    return "\n".join(rules) + "\n"
