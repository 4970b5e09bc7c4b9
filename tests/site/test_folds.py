"""A folded cell says what is in it."""

import re

import pytest

from tests.site.reading import chapters, soup
from theme.folds import kind_of, name_of

NAMED = r"Show the code of (?!the )\w+( and \w+)?$"

KINDS = {
    "imports": "import torch\n\ntorch.set_num_threads(1)",
    "solution": "# Solution: count\nanswer = 3\nassert answer == 3",
    "source": "show_source(fit)\nshow_source(Run.epoch)",
    "code of the figure": "fig, ax = plt.subplots()\nplt.show()\nassert fig",
    "code of the table": "show_table(rows)\nassert rows",
    "check": "np.testing.assert_allclose(gap, 0.067)",
    "code": "def train():\n    return 3",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_known_by_its_code(kind):
    assert kind_of(KINDS[kind]) == kind


def test_code_that_is_not_python_is_code():
    assert kind_of("!pip list") == "code"
    # Functions that are called further down
    assert kind_of("def show():\n    show_table([])") == "code"


def test_one_or_two_functions_are_named():
    assert name_of("def train():\n    return 3") == "code of train"
    both = "def a():\n    return 3\n\n\nclass B:\n    pass"
    assert name_of(both) == "code of a and B"
    assert name_of(f"{both}\n\n\ndef c():\n    return 1") == "code"
    assert name_of("def a():\n    return 3\n\n\nassert a()") == "check"


def test_all_folds_of_the_book_say_what_is_in_them(site):
    told = {}
    for name in chapters(site):
        for fold in soup(site / name).select("details.hide .collapsed"):
            told.setdefault(fold.text, []).append(name)
    functions = {text for text in told if re.match(NAMED, text)}
    assert len(functions) > 20
    kinds = {f"Show the {kind}" for kind in KINDS} | functions
    own_words = {  # of tables behind a figure
        "Show the table",
        "Show the tables",
        "Show all 25 methods",
        "Show all 60 tasks",
    }
    assert set(told) - {"Show the output"} - own_words == kinds
    with_imports = chapters(site)[1:]  # the first page hides nothing
    assert set(told["Show the imports"]) == set(with_imports)
