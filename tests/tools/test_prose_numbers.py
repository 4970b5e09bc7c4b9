"""The numbers that are read from prose, and those that are passed over."""

import pytest

from tools.prose_numbers import numbers_in

READ = {
    "It is 1.198.": ["decimal 1.198 3"],
    "It is 1.198, or −0.50 (0.3).": [
        "decimal 1.198 3",
        "decimal 0.5 2",
        "decimal 0.3 1",
    ],
    "about 3,393.5": ["decimal 3393.5 1"],
    "**1.2** to *3.4* and [5.6 or so](a.md)": [
        "decimal 1.2 1",
        "decimal 3.4 1",
        "decimal 5.6 1",
    ],
    "version 2.13.0, v1.2, Python 3.11 to 3.13, CC BY 4.0": [],
    "12 %, 99.5%, 7 percent, twelve per cent": [
        "percent 12 0",
        "percent 99.5 1",
        "percent 7 0",
        "percent 12 0",
    ],
    "10 to 20 % and between 3 and 5 %": [
        "percent 10 0",
        "percent 20 0",
        "percent 3 0",
        "percent 5 0",
    ],
    "from 1.198 to 12 %": ["decimal 1.198 3", "percent 12 0"],
    "four of five, 720 of the 850, none of the six": [
        "of 4 of 5",
        "of 720 of 850",
        "of 0 of 6",
    ],
    "Five out of six": ["of 5 of 6"],
    "in 1 of 3, but in one of three": ["of 1 of 3"],
    "one of the two waves, a faster one of 18 steps": [],
    "a state of 32, size of 5, 2 of which, chapter of two": [],
    "ten times, 24 times, two to three times": [
        "times 10",
        "times 24",
        "times 2",
        "times 3",
    ],
    "a hundred times as many, 12× as fast": ["times 100", "times 12"],
    "tenfold, twofold, 5-fold, a manifold unfolds": [
        "times 10",
        "times 2",
        "times 5",
    ],
    "twice as good, twice the loss": ["times 2", "times 2"],
    "It ran twice, at times, many times; 3 × 4.": [],
    "1.5 times": ["decimal 1.5 1"],
    "`0.5`, ``0.5``, $0.5$, $a\n= 0.5$, $$\n0.5\n$$": [],
    "```python\nx = 0.5\n```\n{cite:p}`vaswani2017` <b x=0.5>": [],
    "[(4.1)](eq-a), [Figure 8.2](fig-a), Figures 2.1 and 2.2": [],
    "exercise 2.1, chapters 2 and 3, section 3.4": [],
    "![a curve at 0.5](b1.5.png)": ["decimal 0.5 1"],
    "```{image} a0.1.png\n:alt: It falls to 0.5.\n```": ["decimal 0.5 1"],
    "<!-- defined: 0.5 -->": [],
    "---\ntitle: 0.5\n---\n# It": [],
    "it costs \\$5 and 0.5": ["decimal 0.5 1"],
}


def told(number):
    after = {
        "of": f" of {number.total}",
        "times": "",
    }.get(number.kind, f" {number.digits}")
    return f"{number.kind} {number.value:g}{after}"


@pytest.mark.parametrize("text", READ)
def test_the_numbers_of_a_text(text):
    assert [told(number) for number in numbers_in(text)] == READ[text]


def test_a_number_knows_its_place_and_digits():
    text = "Of `1.5` it is\n0.067, so **1,200.5**, or 12 % of 1.00."
    numbers = numbers_in(text)
    for number in numbers:
        assert text[number.start :].startswith(number.text)
    assert [n.significant for n in numbers] == [2, 5, 2, 3]
    as_good, times = numbers_in("ten times as good, ten times")
    assert as_good.is_ratio
    assert not times.is_ratio


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("it is 0.5", [""]),
        ("more than 0.5, above 12 %, at least twice as good", ["lower"] * 3),
        ("below 0.5, at most 4 of 5, within about 12 %", ["upper"] * 3),
        ("between 0.2 and 0.5, 7 to 12 %", ["lower", "upper"] * 2),
        ("All are above 0.5. None is below 0.2.", ["lower", "either"]),
        ("none is small: all are above 0.5", ["lower"]),
        ("a sum of 0.5 and 0.2, moreover 0.1", [""] * 3),
    ],
)
def test_a_number_knows_which_bound_it_is(text, bounds):
    assert [number.bound for number in numbers_in(text)] == bounds
