"""Find the numbers in prose that measure something.

Four kinds: decimals (1.198), percentages (12 %), counts of a total ("four of
five"), and multiples ("ten times", "tenfold", "twice as"). Code, formulas,
the targets of links, and the numbers of figures, formulas and chapters are
not looked at.
"""

import re
from dataclasses import dataclass
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

# What is no prose, or numbers something.
NO_PROSE = [
    re.compile(pattern, re.M | re.S | re.I)
    for pattern in (
        r"\A---\n.*?\n---\n",  # the front matter of a page
        r"<!--.*?-->",
        r"\$\$.*?\$\$",
        r"(?<!\\)\$[^$\n]*(?:\n[^$\n]+)*?(?<!\\)\$",
        r"\{[a-z:]+\}`[^`]*`",
        r"(`+)(?!`).+?(?<!`)\1(?!`)",
        r"^\([a-z0-9-]+\)=$",
        r"</?[a-z][^>\n]*>",
        r"(?<=\])\([^)\s]*\)",  # the target of a link, or of a picture
        r"\bPython 3\.\d+(?: (?:to|and|or) 3\.\d+)?|\bCC BY 4\.0",
        r"\[\(\d+\.\d+\)\]",  # the text of a link to a formula
        r"\b(?:figures?|chapters?|sections?|exercises?|tables?|formulas?"
        r"|equations?)\s+\d+(?:\.\d+)*(?:(?:,| and| to|–)\s*\d+\.\d+)*",
    )
]
FENCE = re.compile(r"^(```+|~~~+).*?^\1[ \t]*$", re.M | re.S)
ALT = re.compile(r"^:alt: (.*)$", re.M)

WHOLE = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
DECIMAL = rf"(?:{WHOLE}\.\d+)(?!\d|\.\d)"
WORD = "|".join(WORDS)
COUNT = rf"(?:{WHOLE}|\b(?:{WORD})\b)"
ANY = rf"(?:{DECIMAL}|{WHOLE})"
BEFORE = r"(?<![\w.])(?<!\d[,/])"
THE = (
    r"(?:(?:the|all|these|those|its|their|our|your)\s+"
    r"(?:(?:last|first|other)\s+)?)"
)
# "In one of three runs", but not "a faster one of 18 steps".
ONE = re.compile(
    r"(?:^|[.:;,(*]\s*|\b(?:in|only|just|for|on|at|but|and)\s+)$", re.I
)
RATIO = (
    r"(?=\s+(?:as|the|that|those|these|this|its|their|what|a|an|better|more"
    r"|less|fewer|larger|smaller|faster|slower|longer|shorter|lower|higher"
    r"|worse)\b)"
)
NEARLY = r"(?:about|nearly|almost|over|more than|less than|at least|roughly)"

PERCENT = re.compile(
    rf"{BEFORE}(?:(?P<low>{ANY})\s*(?:to|or|–|-)\s*"
    rf"|(?<=between )(?P<from>{ANY}) and )?"
    rf"(?P<n>{ANY}|\b(?:{WORD})\b)\s?(?:%|per ?cent\b)",
    re.I,
)
OF = re.compile(
    rf"{BEFORE}(?P<n>{COUNT})\s+(?:out\s+)?of\s+(?P<the>{THE})?"
    rf"(?P<total>{COUNT})(?![\w-]|\.\d|\s?%|,\d)",
    re.I,
)
TIMES = re.compile(
    rf"{BEFORE}(?:(?P<low>{COUNT})\s+(?:to|or)\s+)?(?P<n>{COUNT})"
    rf"(?:(?P<sign>\s?×(?!\s?\d))|\s+times\b(?:(?P<as>{RATIO})|))",
    re.I,
)
FOLD = re.compile(rf"{BEFORE}(?P<n>{WHOLE}|\b(?:{WORD}))-?fold\b", re.I)
TWICE = re.compile(
    rf"\b(?:(?P<near>{NEARLY}\s+)?(?:twice|thrice)\b{RATIO}"
    rf"|{NEARLY}\s+(?:twice|thrice)\b)",
    re.I,
)
PLAIN = re.compile(rf"{BEFORE}(?P<n>{DECIMAL})(?P<e>e[-+]?\d+)?", re.I)


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

    @property
    def key(self):
        """What makes two numbers the same claim."""
        return self.kind, self.value, self.digits, self.total

    @property
    def significant(self):
        """How many significant digits it has; few agree by chance."""
        if self.kind not in ("decimal", "percent"):
            return 0
        mantissa = re.split("[e%p ]", self.text.lower())[0]
        return len(re.sub(r"[^\d]", "", mantissa).lstrip("0"))


def blank(match):
    """Return as much white space: all else stays where it is."""
    return re.sub(r"[^\n]", " ", match[0])


def blank_fence(match):
    """Blank a fenced block, but keep the text that replaces a picture."""
    kept, end = [], 0
    for alt in ALT.finditer(match[0]):
        kept += [re.sub(r"[^\n]", " ", match[0][end : alt.start(1)]), alt[1]]
        end = alt.end()
    return "".join([*kept, re.sub(r"[^\n]", " ", match[0][end:])])


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
        n = match["n"]
        low = match["low"] or match["from"]
        digits = digits_of(n)
        if low and digits_of(low) == digits:
            start, value = match.start(), value_of(low)
            yield Number("percent", f"{low} %", start, value, digits)
        start, text = match.start("n"), prose[match.start("n") : match.end()]
        yield Number("percent", text, start, value_of(n), digits)


def counts(prose):
    for match in OF.finditer(prose):
        x, total = value_of(match["n"]), value_of(match["total"])
        one = match["n"].lower() == "one"
        before = prose[: match.start()][-9:]
        if one and (match["the"] or not ONE.search(before)):
            continue  # "one of the two waves"
        yield Number("of", match[0], match.start(), x, total=int(total))


def multiples(prose):
    for match in TIMES.finditer(prose):
        is_ratio = bool(match["sign"]) or match["as"] is not None
        for group in ("low", "n"):
            if match[group]:
                start, n = match.start(group), value_of(match[group])
                yield Number("times", match[0], start, n, is_ratio=is_ratio)
    for match in FOLD.finditer(prose):
        n = value_of(match["n"])
        yield Number("times", match[0], match.start(), n, is_ratio=True)
    for match in TWICE.finditer(prose):
        n = 3 if "thrice" in match[0].lower() else 2
        yield Number("times", match[0], match.start(), n, is_ratio=True)


def decimals(prose):
    for match in PLAIN.finditer(prose):
        power = int(match["e"][1:]) if match["e"] else 0
        value = float(match[0].replace(",", ""))
        digits = digits_of(match["n"]) - power
        yield Number("decimal", match[0], match.start(), value, digits)


@lru_cache(4096)
def numbers_in(text):
    """Return the measured numbers of a Markdown text, in their order."""
    prose, found = prose_of(text), {}
    for reader in (percents, counts, multiples, decimals):
        for number in reader(prose):
            found.setdefault(number.start, number)
    return tuple(found[start] for start in sorted(found))
