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
CODE = re.compile(r'<div class="highlight"><pre>(?P<code>.*?)</pre>', re.S)
OUTPUT = re.compile(
    r'(?P<box><div class="output (?:stream|text_plain) [^"]*">'
    r'<div class="highlight"><pre)>(?P<text>.*?)</pre>',
    re.S,
)
MESSAGE = re.compile(r"^\w+(?:Error|Warning|Problem)\b", re.M)
# A message on several lines, as the notebooks' helpers print it
IN_LINES = re.compile(
    r"(?:^|(?<=</span>))\w+(?:Error|Warning|Problem)\b.*(?:\n {4}\S.*)+", re.M
)
# Lines that a message was broken into, so that each has 79 columns at most
BROKEN = re.compile(r"^.*(?:\n {6}\S.*)+\n?", re.M)
# Longer than a phone is wide
INDENTED = re.compile(r"(?:^|(?<=</span>)) .{44,}\n?", re.M)
# A flag or a date in a message could be broken at its hyphens.
HYPHENS = re.compile(r"(?P<tag><[^>]*>)|--[a-z][\w-]*|\d{4}-\d\d-\d\d")
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
CELL = re.compile(r"<t[dh][^>]*>[^<]*</t[dh]>|<th[^>]*><p>[^<]*</p></th>")
LONG = re.compile(r'<span class="pre">(?=(?:[^<&]|&\w+;){21})')
# A line could begin with the mark after a formula.
FORMULA = re.compile(r"<math>(?:(?!</math>).)*</math>[.,;:!?)]+", re.S)
RANGE = re.compile(
    r"(?P<tag><[^>]*>)|\(?[-+]?\d[\d.]*[-–]\d[\d.]*\)?"
    r"|(?:±|to|of) [-+]?\d[\d.]*|[-+]?\d[\d.]*e[-+]\d+|\[(?:\d+, )+\d+\]"
    r"|\((?:\d+, )+\d+\)|\b\w{1,4}-\w{1,4}\b"
)
MARK = (
    '<a class="headerlink" href="#{name}" title="Link to this exercise">#</a>'
)


def text_of(html):
    """Return what is read of a piece of a page."""
    return unescape(TAG.sub("", html))


def tell_size(match):
    """Tell the style sheet how many lines code has, and how long they are.

    Not how long if they cannot fit a phone: smaller letters would be of no
    use then.
    """
    lines = text_of(match["code"]).splitlines()
    columns = max(map(len, lines), default=0)
    style = f"--lines: {len(lines)}"
    if 0 < columns <= FITS:
        style += f"; --columns: {columns}"
    code = match["code"]
    return f'<div class="highlight" style="{style}"><pre>{code}</pre>'


def join_lines(match):
    """Make one line of a message: it wraps where its box ends."""
    return match[0].replace("\n    ", " ")


def join_broken(match):
    """Make one line of broken ones, which hangs from its beginning.

    Only where the next word did not fit: others are indented on purpose.
    """
    first, *others = match[0].removesuffix("\n").split("\n      ")
    line, columns = first, len(text_of(first))
    for other in others:
        word = text_of(other).split()[0]
        if columns + 1 + len(word) <= 79:
            return match[0]
        line, columns = f"{line} {other}", 6 + len(text_of(other))
    return f'<span class="hangs">{line}\n</span>'


def keep_together(match):
    """Mark what stays in one line, if it is no tag."""
    if match.groupdict().get("tag"):
        return match[0]
    return f'<span class="together">{match[0]}</span>'


def let_wrap(match):
    """Mark an output that may wrap: a message, or lines without columns."""
    text = text_of(match["text"])
    if COLUMNS.search(text) and not MESSAGE.search(text):
        return match[0]
    lines = IN_LINES.sub(join_lines, match["text"])
    lines = BROKEN.sub(join_broken, lines)
    lines = INDENTED.sub(r'<span class="hangs">\g<0></span>', lines)
    lines = HYPHENS.sub(keep_together, lines)
    return f'{match["box"]} class="wraps">{lines}</pre>'


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
    return RANGE.sub(keep_together, match[0])


def mended(body):
    """Return the body of a page as it is to be."""
    # Names, operators and brackets of code keep the text's own colour. That
    # is calmer, and halves the number of a page's elements.
    body = PLAIN.sub(r"\1", body)
    body = OUTPUT.sub(let_wrap, body)
    body = CODE.sub(tell_size, body)
    body = CELL.sub(keep_ranges, body)
    body = LONG.sub('<span class="pre long">', body)
    body = FORMULA.sub(keep_together, body)
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
