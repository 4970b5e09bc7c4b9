"""Find the numbers in prose that measure something.

Four kinds: decimals (1.198), percentages (12 %), counts of a total ("four of
five"), and multiples ("ten times", "tenfold", "twice as"). Code, formulas,
the targets of links, and the numbers of figures, formulas and chapters are
not looked at.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

WORDS = {
    "none": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "a hundred": 100,
    "a thousand": 1000,
}

# What is no prose, or numbers something: it is blanked.
NO_PROSE = [
    re.compile(pattern, re.M | re.S | re.I)
    for pattern in (
        r"\A---\n.*?\n---\n",  # the front matter of a page
        r"<!--.*?-->",
        r"\$\$.*?\$\$",  # a formula of its own
        r"(?<!\\)\$[^$\n]*(?:\n[^$\n]+)*?(?<!\\)\$",  # one in a paragraph
        r"(`+)(?!`).+?(?<!`)\1(?!`)",  # code, between as many ticks
        r"</?[a-z][^>\n]*>",  # a tag of HTML
        r"(?<=\])\([^)\s]*\)",  # the target of a link, or of a picture
        r"\[\(\d+\.\d+\)\]",  # the text of a link to a formula
        r"\b(?:figure|chapter|section|exercise|table|formula|equation)s?"
        r"\s+\d+(?:\.\d+)*(?:(?:,| and| to|–)\s*\d+\.\d+)*",
        r"\bPython 3\.\d+(?: (?:to|and|or) 3\.\d+)?|\bCC BY 4\.0",
    )
]
FENCE = re.compile(r"^(```+|~~~+).*?^\1[ \t]*$", re.M | re.S)
ALT = re.compile(r"^:alt: (.*)$", re.M)  # in a fence: it replaces a picture

# The parts of numbers: 850 or 3,393; 1.198, but not of 2.13.0; words, too.
WHOLE = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
DECIMAL = rf"(?:{WHOLE}\.\d+)(?!\d|\.\d)"
WORD = rf"\b(?:{'|'.join(WORDS)})"
COUNT = rf"(?:{WHOLE}|{WORD}\b)"
# No number begins within a name, a version or another number.
BEFORE = r"(?<![\w.])(?<!\d[,/])"
# "Twice as large", "ten times the loss": ratios. "It runs twice": none.
RATIO = (
    r"(?=\s+(?:as|the|that|those|these|this|its|their|what|an?|better|worse"
    r"|more|less|fewer|larger|smaller|faster|slower|longer|shorter|lower"
    r"|higher)\b)"
)

# 12 %, 7 percent, 10 to 20 %
PERCENT = re.compile(
    rf"{BEFORE}(?:(?P<low>{DECIMAL}|{WHOLE})\s*(?:to|or|and|–|-)\s*)?"
    rf"(?P<n>{DECIMAL}|{COUNT})\s?(?:%|per ?cent\b)",
    re.I,
)
# four of five, 4 out of the 5, but not 4 of 5-fold, 5.5, 5 % or 5,000
OF = re.compile(
    rf"{BEFORE}(?P<n>{COUNT})\s+(?:out\s+)?of\s+"
    r"(?:(?:the|all|these|those|its|their|our|your)\s+)?"
    rf"(?P<total>{COUNT})(?![\w-]|\.\d|\s?%|,\d)",
    re.I,
)
# ten times, two to three times, 12×
TIMES = re.compile(
    rf"{BEFORE}(?:(?P<low>{COUNT})\s+(?:to|or)\s+)?(?P<n>{COUNT})"
    rf"(?:\s?×(?!\s?\d)|\s+times\b)(?P<as>{RATIO})?",
    re.I,
)
# tenfold, 5-fold
FOLD = re.compile(rf"{BEFORE}(?P<n>{WHOLE}|{WORD})-?fold\b", re.I)
TWICE = re.compile(rf"\btwice\b{RATIO}", re.I)
PLAIN = re.compile(rf"{BEFORE}{DECIMAL}")

# What says before or after a number that it is a bound; and what may turn it
# round: "none is above 3" is an upper bound.
LOWER = re.compile(
    r"\b(?:more than|over|at least|above|as much as|between)"
    r"(?:\s+about)?\s+\Z",
    re.I,
)
UPPER = re.compile(
    r"(?:\b(?:less than|fewer than|at most|below|under|up to|within)"
    r"(?:\s+about)?"
    r"|\bbetween\s+[\d.,]+(?:\s%)?\s+and|\d(?:\s%)?\s+to)\s+\Z",
    re.I,
)
FROM = re.compile(r"[\d.,]*\d(?:\s%)?\s+to\s+\d")
NEGATION = re.compile(
    r"\b(?:no|not|none|never|neither|nor|nobody|nothing|cannot|without)\b"
    r"[^.!?:;]*\Z",
    re.I,
)


@dataclass(frozen=True)
class Number:
    """A number in a text; ``digits`` are those after its point."""

    kind: str  # "decimal", "percent", "of" or "times"
    text: str
    start: int
    value: float
    digits: int = 0
    total: int = 0  # of "four of five": 5
    is_ratio: bool = False  # "ten times as" is one, "ten times" may be none
    bound: str = ""  # "lower", as in "more than 3", "upper" or "either"

    @property
    def key(self):
        """What makes two numbers the same claim."""
        return self.kind, self.value, self.digits, self.total

    @property
    def significant(self):
        """How many significant digits it has; few agree by chance."""
        if self.kind not in ("decimal", "percent"):
            return 0
        return len(re.sub(r"\D", "", self.text).lstrip("0"))


def blank(match):
    """Return as much white space: all else stays where it is."""
    return re.sub(r"[^\n]", " ", match[0])


def blank_fence(match):
    """Blank a fenced block, but for the text that replaces a picture."""
    blanked = blank(match)
    for alt in ALT.finditer(match[0]):
        blanked = blanked[: alt.start(1)] + alt[1] + blanked[alt.end() :]
    return blanked


def prose_of(text):
    """Return a Markdown text, with white space for what is no prose."""
    text = FENCE.sub(blank_fence, text)
    for pattern in NO_PROSE:
        text = pattern.sub(blank, text)
    return text


def value_of(written):
    """Return the value of a number or number word."""
    word = re.sub(r"\s+", " ", written.lower())
    return WORDS.get(word) if word in WORDS else float(word.replace(",", ""))


def digits_of(written):
    """Return how many digits a number has after its point."""
    return len(written.partition(".")[2])


def percents(prose):
    for match in PERCENT.finditer(prose):
        n, low = match["n"], match["low"]
        digits = digits_of(n)
        if low and digits_of(low) == digits:  # not "1.198 and 12 %"
            start, value = match.start("low"), value_of(low)
            yield Number("percent", f"{low} %", start, value, digits)
        start = match.start("n")
        text = prose[start : match.end()]
        yield Number("percent", text, start, value_of(n), digits)


def counts(prose):
    for match in OF.finditer(prose):
        if match["n"].lower() != "one":  # "one of the two waves"
            x, total = value_of(match["n"]), int(value_of(match["total"]))
            yield Number("of", match[0], match.start(), x, total=total)


def multiples(prose):
    for match in TIMES.finditer(prose):
        is_ratio = "×" in match[0] or match["as"] is not None
        for group in ("low", "n"):
            if match[group]:
                start, n = match.start(group), value_of(match[group])
                yield Number("times", match[0], start, n, is_ratio=is_ratio)
    for match in FOLD.finditer(prose):
        n = value_of(match["n"])
        yield Number("times", match[0], match.start(), n, is_ratio=True)
    for match in TWICE.finditer(prose):
        yield Number("times", match[0], match.start(), 2, is_ratio=True)


def decimals(prose):
    for match in PLAIN.finditer(prose):
        value, digits = value_of(match[0]), digits_of(match[0])
        yield Number("decimal", match[0], match.start(), value, digits)


def bound_of(prose, start):
    """Return which bound a number is, by the words around it."""
    before = prose[:start]
    lower = LOWER.search(before) or FROM.match(prose, start)
    told = "lower" if lower else "upper" if UPPER.search(before) else ""
    return "either" if told and NEGATION.search(before) else told


@lru_cache(4096)
def numbers_in(text):
    """Return the measured numbers of a Markdown text, in their order."""
    prose, found = prose_of(text), {}
    for reader in (percents, counts, multiples, decimals):
        for number in reader(prose):
            bound = bound_of(prose, number.start)
            found.setdefault(number.start, replace(number, bound=bound))
    return tuple(found[start] for start in sorted(found))
