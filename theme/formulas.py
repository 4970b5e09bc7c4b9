"""Formulas as MathML, which browsers draw themselves.

No script runs and nothing moves when the page has loaded; screen readers
read the formula itself. ``math-core`` does the conversion.
"""

import re
from html import escape

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.errors import ExtensionError

CONVERTER = LatexToMathML(fancy_error=False)
TAG = re.compile(r"\\tag\{([^}]*)\}")


def to_mathml(latex, display):
    """Convert a formula; name it in the error if that fails."""
    try:
        return CONVERTER.convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        raise ExtensionError(f"formula {latex!r}: {error}") from error


def visit_inline(writer, node):
    """Write a formula that stands in a line of text."""
    writer.body.append(to_mathml(node.astext(), display=False))
    raise nodes.SkipNode


def visit_block(writer, node):
    r"""Write a formula on a line of its own, with the number in ``\tag``."""
    latex = node.astext()
    tag = TAG.search(latex)
    formula = to_mathml(TAG.sub("", latex).strip(), display=True)
    # Wide formulas scroll, also by keyboard; the number stays in sight.
    body = f'<div class="formula__body">{formula}</div>'
    if tag:
        body += f'<span class="formula__number">({escape(tag[1])})</span>'
    writer.body.append(
        writer.starttag(node, "div", CLASS="formula") + body + "</div>\n"
    )
    raise nodes.SkipNode


def setup(app):
    """Offer Sphinx the renderer that ``html_math_renderer`` names."""
    app.add_html_math_renderer(
        "mathml", (visit_inline, None), (visit_block, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
