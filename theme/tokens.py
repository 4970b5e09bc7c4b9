"""The colours and typefaces of the book.

``gru_tutorial/book/tokens.json`` has them once: figures, marks and templates
read it. The style sheet writes them out, and a test compares.
"""

import json
from importlib import resources

TOKENS = json.loads(
    (resources.files("gru_tutorial.book") / "tokens.json").read_text("utf-8")
)
