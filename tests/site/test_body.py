"""What is mended in the body of a page: code, messages, folds, marks."""

import re

import pytest

from tests.site.reading import chapters, pages, soup
from theme.body import mended

OUTPUT = (
    '<div class="output stream highlight-myst-ansi notranslate">'
    '<div class="highlight"><pre><span></span>{}\n</pre></div></div>'
)


def printed(text):
    """Return the element that shows what a cell has printed."""
    found = re.search(r"<pre.*?</pre>", mended(OUTPUT.format(text)), re.S)
    return found[0]


def test_code_tells_its_size():
    code = '<div class="highlight"><pre>{}</pre>'
    sized = '<div class="highlight" style="--lines: {}"><pre>'
    two = 'a = <span class="mi">1</span>\nif b &lt; 3:\n'
    assert sized.format("2; --columns: 9") in mended(code.format(two))
    # It does not fit a phone anyway.
    assert sized.format(1) in mended(code.format("x" * 79))


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: x: expected numbers",
        "table  (32, 24)\nUserWarning: sizes differ",
        "4032 values from 2000-06-05\nfrom 18640 to 38",
    ],
)
def test_messages_and_lines_without_columns_may_wrap(text):
    assert 'class="wraps"' in printed(text)


@pytest.mark.parametrize(
    "text", ["copy   11.74\nridge   1.43", "no Error:  a word", "[ 1  2]"]
)
def test_columns_stay_as_they_are(text):
    assert "wraps" not in printed(text)
    assert text in printed(text)


def test_a_message_becomes_one_line():
    text = "IndexError: too\n    many\n    indices\nright\n    {\n"
    assert ">IndexError: too many indices\nright\n    {" in printed(text)
    assert "size\n    found: 3" in printed("size\n    found: 3")


def test_lines_that_were_broken_become_one_that_hangs():
    full = f"  row 2, column 'a': {'x' * 56}"  # of 77 columns
    one = f'<span class="hangs">{full} or else, b\n</span>  row 3'
    assert one in printed(f"2 faults:\n{full}\n      or else, b\n  row 3")
    after = printed(f"{full}\n      or no\n{full}")
    assert f'</span><span class="hangs">{full}\n</span>' in after
    assert f"{full} or no\n</span>" in printed(f"{full}\n      or no")
    kept = f'"hangs">{full}\n</span>    or'
    assert kept in printed(f"2 faults:\n{full}\n    or")
    assert "  a\n      b\n  c\n" in printed("  a\n      b\n  c")


def test_flags_and_dates_of_a_message_are_not_broken():
    text = "from 2025-05-12 on; <b class='x--y'>or</b> --drop-rows 10"
    shown = printed(text)
    for kept in ("2025-05-12", "--drop-rows"):
        assert f'<span class="together">{kept}</span>' in shown
    assert "class='x--y'" in shown


def test_a_fold_is_called_what_it_says():
    fold = '<summary aria-label="Toggle hidden content"><p>Show'
    assert mended(fold) == "<summary><p>Show"


def test_a_heading_is_linked_by_the_name_that_its_author_gave():
    heading = '<h2>A table<a class="headerlink" href="#a-table">#</a></h2>'
    named = '<span id="id3"></span><span id="error-table"></span>'
    assert 'href="#error-table"' in mended(named + heading)
    for other in ("", '<span id="id3"></span>'):
        assert 'href="#a-table"' in mended(other + heading)


def test_a_number_is_not_parted_from_its_sign_nor_a_chapter_from_its_own():
    text = "<p>95 % of <a>chapter 10</a></p>"
    assert mended(text) == text.replace("5 ", "5\xa0").replace("r 1", "r\xa01")
    code = "<pre>print(5 %\n3)</pre>"
    assert mended(code) == code


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("1.017 (1.016–1.024)", "(1.016–1.024)"),
        ("-0.069 ± 0.016", "± 0.016"),
        ("0.900 to 0.910", "to 0.910"),
        ("10 of 10", "of 10"),
        ("months 9-10", "9-10"),
        ("a one-hot code", "one-hot"),
        ("about 1.48e-04", "1.48e-04"),
        ("a shape (2, 4, 8)", "(2, 4, 8)"),
        ("got [1, 4, 8] here", "[1, 4, 8]"),
    ],
)
def test_ranges_in_a_table_are_not_broken(cell, kept):
    one = f'<span class="together">{kept}</span>'
    assert mended(f"<td>{cell}</td>") == f"<td>{cell.replace(kept, one)}</td>"
    head = f'<th class="row-odd"><p>{cell}</p></th>'
    assert mended(head) == head.replace(kept, one)
    assert mended(f"<p>{cell}</p>") == f"<p>{cell}</p>"


def test_only_long_code_in_the_text_is_broken():
    flag, name = "--duplicates", "pack_padded_sequence_of(a)"
    assert mended(f'<span class="pre">{flag}</span>').count("pre") == 1
    assert 'class="pre long"' in mended(f'<span class="pre">{name}</span>')
    short = f'<span class="pre">{"&lt;" * 20}</span>'
    assert mended(short) == short


def test_exercises_have_a_name_and_a_mark():
    one = "<p><strong>1. Count.</strong> How many?</p>"
    two = '<p id="own"><strong>2. Go.</strong> Where?</p>'
    body = mended(f'{one}<section id="exercises">{one}{two}')
    before, after = body.split('<section id="exercises">')
    assert before == one
    assert '<p class="exercise" id="exercise-1"><strong>1. Count.' in after
    assert 'How many?<a class="headerlink" href="#exercise-1"' in after
    assert 'Where?<a class="headerlink" href="#own"' in after


def test_everything_that_is_referred_to_has_a_mark(site):
    """Sections, gallery entries among them, figures and exercises."""
    for name in pages(site):
        if not name.startswith("chapters/"):
            continue
        article = soup(site / name).find("article")
        places = article.select("section > :is(h1, h2, h3, h4), figure[id]")
        assert places, name
        for place in places:
            mark = place.select_one("a.headerlink")
            assert mark["href"][1:], (name, place)
            assert article.find(id=mark["href"][1:]), (name, mark)


def test_a_formula_keeps_the_mark_after_it_in_its_line(site):
    formula = "<math><mi>z</mi></math>"
    kept = f'<span class="together">{formula}).</span>'
    assert kept + " On" in mended(f"<p>({formula}). On</p>")
    assert "together" not in mended(f"<p>{formula} is, so</p>")
    page = str(soup(site / "chapters/01_gru_theory.html").find("article"))
    assert page.count('class="together"><math>') > 20
    assert not re.search(r"</math>[.,;:!?)]+(?!</span>)", page)


def test_every_exercise_has_a_mark(site):
    count = 0
    for name in chapters(site):
        page = soup(site / name)
        if part := page.find(id="exercises"):
            solutions = part.find_all(string="Show the solution")
            marks = part.select("p.exercise > a.headerlink")
            assert len(marks) == len(solutions) > 0, name
            count += len(marks)
    assert count > 40


def test_entries_of_the_gallery_have_stable_addresses(site):
    """Their authors name them, so their wording may change."""
    gallery = soup(site / "chapters/16_error_gallery.html")
    marks = gallery.select("article h3 > a.headerlink")
    assert len(marks) > 20
    for mark in marks:
        assert mark["href"].startswith("#error-"), mark
