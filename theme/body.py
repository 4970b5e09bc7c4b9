"""What is mended in the body of each page.

Sphinx and MyST-NB write it; here code gets fewer colours and a size that fits
a phone, messages are let wrap, folds get their own names, and headings and
exercises the addresses that their authors gave them.
"""

import re
from html import unescape

PLAIN = re.compile(r'<span class="(?:n|o|p|w)">([^<]*)</span>')
TAG = re.compile(r"<[^>]*>")
FITS = 54  # columns of the smallest letters on a phone
PRE = re.compile(r"<pre>(?P<code>.*?)</pre>", re.S)
OUTPUT = re.compile(
    r'(?P<box><div class="output (?:stream|text_plain) [^"]*">'
    r'<div class="highlight"><pre)(?P<text>.*?)</pre>',
    re.S,
)
MESSAGE = re.compile(r"^\w+(?:Error|Warning|Problem)\b", re.M)
# A message on several lines, as the notebooks' helpers print it
IN_LINES = re.compile(
    r"(?:^|(?<=</span>))\w+(?:Error|Warning|Problem)\b.*(?:\n {4}\S.*)+", re.M
)
COLUMNS = re.compile(r"\S {2,}\S")  # more than one space: they are aligned
NAMED = re.compile(
    r'(?P<names>(?:<span id="[^"]+"></span>)+)'
    r'(?P<head><h\d>(?:(?!</h\d>).)*<a class="headerlink" href="#)[^"]+',
    re.S,
)
NAME = re.compile(r'<span id="((?!id\d+"|cites-)[^"]+)">')
EXERCISE = re.compile(
    r'<p(?: id="(?P<name>[^"]+)")?>'
    r"(?P<text><strong>(?P<number>\d+)\. .*?)</p>",
    re.S,
)
# What stays in one line: a number and its sign, a chapter and its number, a
# range in a table; not in code, which is copied
KEPT = re.compile(
    r"(?P<code><pre.*?</pre>)|(?<=\d) (?=%)|(?<=[Cc]hapter) (?=\d)", re.S
)
CELL = re.compile(r"<td[^>]*>[^<]*</td>")
# A line could begin with the mark after a formula.
FORMULA = re.compile(r"<math>(?:(?!</math>).)*</math>[.,;:!?)]+", re.S)
RANGE = re.compile(r"\(?[-+]?\d[\d.]*–\d[\d.]*\)?|(?:±|to|of) [-+]?\d[\d.]*")
MARK = (
    '<a class="headerlink" href="#{name}" title="Link to this exercise">#</a>'
)


def text_of(html):
    """Return what is read of a piece of a page."""
    return unescape(TAG.sub("", html))


def tell_columns(match):
    """Tell the style sheet how long the longest line of code is.

    Not if it cannot fit a phone: smaller letters would be of no use then.
    """
    lines = text_of(match["code"]).splitlines()
    columns = max(map(len, lines), default=0)
    style = f' style="--columns: {columns}"' if 0 < columns <= FITS else ""
    return f"<pre{style}>{match['code']}</pre>"


def join_lines(match):
    """Make one line of a message: it wraps where its box ends."""
    return match[0].replace("\n    ", " ")


def let_wrap(match):
    """Mark an output that may wrap: a message, or lines without columns."""
    text = text_of("<pre" + match["text"])
    if COLUMNS.search(text) and not MESSAGE.search(text):
        return match[0]
    lines = IN_LINES.sub(join_lines, match["text"])
    return f'{match["box"]} class="wraps"{lines}</pre>'


def link_by_name(match):
    """Have a heading's mark give the name that its author gave it."""
    names = NAME.findall(match["names"])
    return match["names"] + match["head"] + names[-1] if names else match[0]


def mark_exercise(match):
    """Give an exercise a name and a mark that links to it."""
    name = match["name"] or f"exercise-{match['number']}"
    mark = MARK.format(name=name)
    return f'<p class="exercise" id="{name}">{match["text"]}{mark}</p>'


def keep_ranges(match):
    """Mark what is not broken in a cell of a table."""
    return RANGE.sub(r'<span class="together">\g<0></span>', match[0])


def mended(body):
    """Return the body of a page as it is to be."""
    # Names, operators and brackets of code keep the text's own colour. That
    # is calmer, and halves the number of a page's elements.
    body = PLAIN.sub(r"\1", body)
    body = PRE.sub(tell_columns, body)
    body = OUTPUT.sub(let_wrap, body)
    body = CELL.sub(keep_ranges, body)
    body = FORMULA.sub(r'<span class="together">\g<0></span>', body)
    body = KEPT.sub(lambda found: found["code"] or "\N{NO-BREAK SPACE}", body)
    # A fold is called what it says.
    body = body.replace(' aria-label="Toggle hidden content"', "")
    # A role that browsers still know
    body = body.replace("doc-biblioentry", "listitem")
    body = NAMED.sub(link_by_name, body)
    before, exercises, after = body.partition(' id="exercises">')
    return before + exercises + EXERCISE.sub(mark_exercise, after)


def mend(app, pagename, templatename, context, doctree):
    """Mend the body of a page, if it has one."""
    if "body" in context:
        context["body"] = mended(context["body"])


def setup(app):
    """Connect to Sphinx."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
