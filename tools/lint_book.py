"""Hold the book as a whole against its rules.

``tools/lint_chapters.py`` runs them. The site counts figures itself; the
numbers of formulas and chapters, and all numbers in links, are typed.
"""

import re

from theme.plain import ANCHOR
from tools.lint_numbers import faults_of, numbers_of_page

TAG = re.compile(r"\\tag\{(.*?)\}")
LINK = re.compile(r"\[([^\]]*)\]\([^)\s]*#((?:fig|eq)-[a-z0-9-]+)\)")
TO_ANCHOR = re.compile(r"\]\(([\w./-]*)#([a-z0-9-]+)\)")
TO_CHAPTER = re.compile(r"\[[Cc]hapter (\d+)\b[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"\b[Cc]hapters?\s+(\d+)(?:\s*(?:,|and|or|to|–)\s*(\d+))?")
# The landing page: a part, or an item of it, and their minutes.
PART = re.compile(r"^\*\*(.+?)\*\*(?: \*(\d+) minutes\*)?$")
ITEM = re.compile(
    r"^(?:-|(\d+)\.|\| (\d+)) +\[([^\]]+)\]"
    r"\((?:chapters/)?(\d\d_\w+)\.ipynb\)(?: \*(\d+) minutes\*)?"
)
LANDING = "chapters/index.md"
REFERENCES = "chapters/references.md"
PART_I, MOST_MINUTES = range(1, 6), 120


def texts_of(book):
    """Yield names and texts of chapters and pages."""
    for chapter in book.chapters:
        captions = [cell.figure["caption"] for cell in chapter.pictures]
        alts = [cell.alt for cell in chapter.pictures]
        yield chapter.stem, "\n\n".join([chapter.text, *captions, *alts])
    yield from book.pages.items()


# The table of contents and the landing page


def pages_are_listed(book):
    files = [f"chapters/{chapter.stem}" for chapter in book.chapters]
    pages = [name.removesuffix(".md") for name in book.pages]
    files += [name for name in pages if name.startswith("chapters/")]
    for name in files:
        if name not in book.listed and name != LANDING.removesuffix(".md"):
            yield f"{name}: not in the table of contents"


def chapters_are_in_order(book):
    numbered = [x for x in book.listed if re.match(r"chapters/\d\d_", x)]
    if numbered != sorted(numbered):
        yield "the table of contents is not in the order of the numbers"
    numbers = [chapter.number for chapter in book.chapters]
    if len(set(numbers)) < len(numbers):
        yield f"two chapters of one number: {numbers}"


def items_of(book):
    """Yield page, part, its minutes, and each item of a list of chapters."""
    for name in ("README.md", LANDING):
        part = minutes = ""
        for line in book.pages.get(name, "").splitlines():
            if found := PART.match(line):
                part, minutes = found.groups()
            if found := ITEM.match(line):
                yield name, part, minutes, found


def lists_tell_numbers(book):
    for name, _, _, item in items_of(book):
        number = item[1] or item[2]
        if number and int(number) != int(item[4][:2]):
            yield f"{name}: {item[3]!r} has number {number}, but is {item[4]}"


def words_of(text):
    """Return the words of a title or file name."""
    return set(re.findall(r"[a-z]+", text.lower()))


def lists_tell_titles(book):
    titles = {
        c.stem: words_of(c.text.partition("\n")[0]) for c in book.chapters
    }
    for name, _, _, item in items_of(book):
        words = words_of(item[3])
        if item[4] not in titles:
            yield f"{name}: there is no chapter {item[4]}"
        elif not (words & words_of(item[4]) and words & titles[item[4]]):
            yield f"{name}: {item[3]!r} is another title than {item[4]}'s"


def lists_ask_the_questions(book):
    """Each item of a list asks what its page asks, perhaps with more."""
    for name, _, _, item in items_of(book):
        chapter = book.homes.get(f"{item[4]}.ipynb")
        if chapter is None or chapter.at_hand:
            continue
        below = book.pages[name].partition(item[0])[2]
        told = re.split(r"\n(?!  )", below)[0].strip(" |\n")
        if not plain(told).startswith(plain(chapter.question)):
            yield f"{name}: {item[3]!r} asks {told!r}, not its page's question"


def plain(text):
    """Return a text's words alone, for a comparison."""
    return " ".join(re.findall(r"\w+", text))


def landing_tells_minutes(book):
    minutes = {c.stem: c.minutes for c in book.chapters}
    parts, told = {}, set()
    for name, part, total, item in items_of(book):
        if name != LANDING or item[4] not in minutes:
            continue
        told |= {item[4]} if item[5] else set()
        if item[5] and int(item[5]) != minutes[item[4]]:
            yield (
                f"{name}: {item[4]} takes {minutes[item[4]]} minutes, "
                f"not {item[5]}"
            )
        parts.setdefault((part, total), []).append(minutes[item[4]])
    for (part, total), each in parts.items():
        if total and int(total) != sum(each):
            yield f"{name}: {part} takes {sum(each)} minutes, not {total}"
    for chapter in book.chapters:
        if chapter.stem not in told and not chapter.at_hand:
            yield f"{LANDING}: no minutes of {chapter.stem}"


def part_one_is_short(book):
    minutes = [c.minutes for c in book.chapters if c.number in PART_I]
    if sum(minutes) > MOST_MINUTES:
        yield f"Part I takes {sum(minutes)} minutes, more than 120: {minutes}"


# Numbers of figures, formulas and chapters


def names_are_given_once(book):
    for chapter in book.chapters:
        for name, number in chapter.numbered():
            if name and book.numbers[name] != number:
                yield (
                    f"{chapter.stem}: {number} is a second {name}, "
                    f"after {book.numbers[name]}"
                )


def formulas_have_own_lines(book):
    for chapter in book.chapters:
        if chapter.text.count("$$") != 2 * len(chapter.formulas):
            yield f"{chapter.stem}: a formula whose $$ have no own lines"


def formulas_are_numbered(book):
    for chapter in book.chapters:
        tags = [TAG.findall(formula) for _, formula in chapter.formulas]
        number = chapter.number
        if tags != [[f"{number}.{k + 1}"] for k in range(len(tags))]:
            told = ", ".join(" and ".join(tag) or "none" for tag in tags)
            yield (
                f"{chapter.stem}: formulas are numbered {told}, "
                f"not {number}.1, {number}.2 and so on"
            )


def links_tell_the_number(book):
    for where, text in texts_of(book):
        for label, name in LINK.findall(text):
            number = book.numbers.get(name)
            if number is None:
                yield f"{where}: {label} leads to {name}, nowhere"
            elif label != number:
                yield f"{where}: {label} leads to {name}, which is {number}"


def links_lead_to_anchors(book):
    """In a notebook, nothing but a link itself says on which page it ends."""
    anchors = {f"{c.stem}.ipynb": c.targets() for c in book.chapters}
    for name, text in book.pages.items():
        anchors[name.rpartition("/")[2]] = {*ANCHOR.findall(text)}
    for where, text in texts_of(book):
        if where == "README.md":
            continue  # GitHub gives headings their anchors
        here = where if where.endswith(".md") else f"{where}.ipynb"
        here = here.rpartition("/")[2]
        for page, anchor in TO_ANCHOR.findall(text):
            if anchor not in anchors.get(page or here, ()):
                yield f"{where}: {page}#{anchor} leads nowhere"
            elif page == here:
                yield f"{where}: {page}#{anchor} is on this page: #{anchor}"


def figures_tell_the_number(book):
    for chapter in book.chapters:
        for cell in chapter.pictures:
            typed = cell.metadata.get("figure")
            number = book.numbers.get(cell.figure["name"])
            if typed and f"Figure {typed}" != number:
                yield (
                    f"{chapter.stem}: Figure {typed}, {cell.figure['name']}, "
                    f"is {number}"
                )


def links_tell_the_chapter(book):
    for where, text in texts_of(book):
        for number, target in TO_CHAPTER.findall(text):
            file = target.rpartition("/")[2].partition("#")[0]
            home = book.homes.get(file or f"{where}.ipynb")
            if home is None:
                yield f"{where}: chapter {number} leads to {target}, nowhere"
            elif home.number != int(number):
                yield (
                    f"{where}: chapter {number} leads to {target}, which is "
                    f"in chapter {home.number}"
                )


def chapters_named_exist(book):
    known = {str(chapter.number) for chapter in book.chapters}
    for where, text in texts_of(book):
        for numbers in NAMED.findall(text):
            for number in set(numbers) - {""} - known:
                yield f"{where}: there is no chapter {number}"


# Exercises, and numbers on pages without cells


def answers_have_exercises(book):
    asked = set()
    for chapter in book.chapters:
        for exercise in chapter.exercises:
            name = exercise.name
            asked.add(name)
            if exercise.has_test or not re.fullmatch(r"\d+\.\d+", name):
                continue
            if name not in book.answers:
                yield f"{chapter.stem}: no stored answer {name}: `make run`"
    for name in sorted(set(book.answers) - asked):
        yield f"answers.json: {name} answers no exercise"


def numbers_on_pages_are_bound(book):
    for name, text in book.pages.items():
        if name == REFERENCES:
            continue  # volumes, pages and addresses
        for fault in faults_of(numbers_of_page(text, book)):
            yield f"{name}: {fault}"


BOOK_RULES = (
    pages_are_listed,
    chapters_are_in_order,
    lists_tell_numbers,
    lists_tell_titles,
    lists_ask_the_questions,
    landing_tells_minutes,
    part_one_is_short,
    names_are_given_once,
    formulas_have_own_lines,
    formulas_are_numbered,
    links_tell_the_number,
    links_lead_to_anchors,
    figures_tell_the_number,
    links_tell_the_chapter,
    chapters_named_exist,
    answers_have_exercises,
    numbers_on_pages_are_bound,
)


def book_faults(book):
    """Yield all that is wrong with the book as a whole."""
    for rule in BOOK_RULES:
        yield from rule(book)
