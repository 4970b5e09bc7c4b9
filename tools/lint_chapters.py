"""Hold each chapter against the rules for notebooks.

Usage: python -m tools.lint_chapters [NN]

Each rule is a function: given a chapter, or the whole book, it yields what is
wrong with it. With a chapter's number, what is wrong with that chapter, and
what the rules for the book say of it. ``pytest --nbval chapters/``
compares what the cells print; this is about how they are written.
"""

import ast
import json
import re
import statistics
import sys
from functools import cache

import gru_tutorial
from theme.download import RUN_IT
from tools.chapters import ROOT, read_book
from tools.find_chapters import choose
from tools.lint_book import book_faults
from tools.lint_numbers import faults_of, numbers_of_chapter
from tools.notebook_files import source_digest

# How a chapter ends. A page at hand, such as the error gallery, has no
# exercises; the page before the first chapter ends in its own way.
ENDING = ["Summary", "Exercises", "Next"]
ENDING_AT_HAND = ["Summary", "Next"]
ENDING_OF_FIRST = ["What is wrong with this picture?", "Your own series"]
MINUTES = re.compile(r"Reading takes about (\d+) minutes, running about ")
SECONDS = re.compile(MINUTES.pattern + r"\d+ seconds?\. ")
MOST_MINUTES = 35
FORBIDDEN = {
    "a magic or shell line": r"^\s*[!%]",
    "a trailing semicolon": r";\s*$",
    "warnings filtered out": r"filterwarnings",
    "clear_output": r"clear_output",
    "an ignored or skipped cell": r"NBVAL_|nbval-(ignore|skip)",
    "torch's own random data": r"torch\.randn?\(",
}
PATHS = re.compile(r"/(home|root|Users|work|tmp)/|site-packages|\.venv")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@cache
def public_names():
    """Return the names that chapters import and must not define again."""
    names = set(gru_tutorial.__all__)
    for path in (ROOT / "gru_tutorial/book").glob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, DEFINITIONS) and node.name[0] != "_":
                names.add(node.name)
    return names


# The cells of a chapter


def short_cells(chapter):
    for cell in chapter.code:
        if len(cell.lines) > 25:
            yield f"{cell.where}: {len(cell.lines)} lines, more than 25"


def narrow_lines(chapter):
    for cell in chapter.code:
        for line in cell.lines:
            if len(line) > 79:
                yield f"{cell.where}: more than 79 columns: {line.strip()}"


def nothing_forbidden(chapter):
    for cell in chapter.code:
        for fault, pattern in FORBIDDEN.items():
            if found := re.search(f".*(?:{pattern}).*", cell.source, re.M):
                yield f"{cell.where}: {fault}: {found[0].strip()}"


def no_hiding_tags(chapter):
    for cell in chapter.code:
        for tag in cell.tags:
            if "nbval" in tag or tag == "raises-exception":
                yield f"{cell.where}: the tag {tag}"


def one_run_from_the_top(chapter):
    for number, cell in enumerate(chapter.code, start=1):
        if cell.count != number:
            yield (
                f"{cell.where}: run as {cell.count}, not as {number} of one "
                f"run from the top: `make run CHAPTER={chapter.number:02d}`"
            )
            return  # nor are those after it


def only_python(chapter):
    for cell in chapter.code:
        if cell.tree is None:
            yield f"{cell.where}: not Python"


def nothing_defined_twice(chapter):
    for cell in chapter.code:
        for node in ast.walk(cell.tree or ast.Module([])):
            if isinstance(node, DEFINITIONS) and node.name in public_names():
                name = node.name
                yield f"{cell.where}: defines {name}, which the package has"


def no_stderr(chapter):
    for cell in chapter.code:
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"{cell.where}: stderr is stored"


def no_error(chapter):
    for cell in chapter.code:
        if any(output["output_type"] == "error" for output in cell.outputs):
            yield f"{cell.where}: an error is stored"


def no_svg(chapter):
    for cell in chapter.code:
        if any("svg" in kind for kind in cell.kinds):
            yield f"{cell.where}: an SVG, which nbval would compare"


# Its figures


def figures_have_words(chapter):
    for cell in chapter.pictures:
        if len(cell.alt) < 40:
            yield (
                f"{cell.where}: a figure without a text of 40 letters or more "
                "that replaces it (mystnb, image, alt)"
            )


def figures_stand_alone(chapter):
    """The site would give all that a cell shows the figure's name."""
    for cell in chapter.pictures:
        shown = [out for out in cell.outputs if "data" in out]
        if len(shown) > 1:
            yield f"{cell.where}: a figure, and more that is no printed text"


def figures_have_names(chapter):
    for cell in chapter.pictures:
        if not re.fullmatch(r"fig-[a-z0-9-]+", cell.figure["name"]):
            yield f"{cell.where}: a figure without a name like fig-a-loss"


def figures_have_captions(chapter):
    for cell in chapter.pictures:
        if not 1 < len(cell.figure["caption"].split()) <= 30:
            yield f"{cell.where}: a figure without a caption of 2 to 30 words"


# Its notes in passing, which the site sets into the margin, beside the
# paragraph that follows


def notes_in_passing(chapter):
    for cell in chapter.prose:
        blocks = re.split(r"\n\s*\n", cell.source.strip())
        for block, following in zip(blocks, [*blocks[1:], ""], strict=True):
            if "*In passing:*" in block:
                for fault in faults_of_note(block, following):
                    yield f"{cell.where}: a note in passing {fault}"


def faults_of_note(block, following):
    if not re.fullmatch(r"> \*In passing:\* .*", block):
        yield "that is no paragraph of its own, on one line"
    if len(block.split()) > 46:  # with the >
        yield f"of {len(block.split()) - 1} words, more than 45"
    if not following or following[0] in "#(":
        yield "that belongs to no paragraph after it"


# Its text as a whole


def cells_are_mostly_short(chapter):
    lengths = sorted(len(cell.lines) for cell in chapter.code)
    if statistics.median(lengths) > 6:
        median = statistics.median(lengths)
        yield f"the median cell has {median:g} lines, more than 6"
    long = lengths[max(0, round(0.9 * len(lengths)) - 1)]
    if long > 15:
        yield f"a tenth of the cells has {long} lines or more, above 15"


def more_words_than_code(chapter):
    words = len(chapter.text.split())
    lines = sum(len(c.lines) for c in chapter.code if not c.is_folded)
    if words < 7 * lines:
        yield (
            f"{words} words for {lines} lines of code in plain sight: "
            "fewer than 7 for each"
        )


# Its frame


def begins_with_title_and_question(chapter):
    blocks = re.split(r"\n\s*\n", chapter.cells[0].source.strip())
    if chapter.cells[0].is_code or not re.match(r"# \S.*$", blocks[0]):
        yield "the first cell does not begin with the title"
    titles = re.findall(r"^# .*", chapter.text, re.M)
    if len(titles) != 1:
        yield f"not exactly one title: {', '.join(titles)}"
    question = r"\*\*.+?\*\*" if chapter.is_first else r"\*\*[^*]+\?\*\*"
    if not re.match(question, blocks[1] if len(blocks) > 1 else ""):
        yield "no bold question below the title"


def says_what_you_can_do(chapter):
    lead = chapter.cells[0].source
    if not re.search(r"^Afterwards you can [^.]+\.", lead, re.M):
        yield "the first cell does not say 'Afterwards you can …'"


def says_how_to_run_it(chapter):
    if RUN_IT not in chapter.cells[0].source:
        yield f"the first cell does not end with {RUN_IT}"


def tells_its_minutes(chapter):
    pattern = MINUTES if chapter.is_first else SECONDS
    told = pattern.search(chapter.cells[0].source)
    if not told:
        yield (
            "the first cell does not say 'Reading takes about N minutes, "
            "running about M seconds. '"
        )
    elif int(told[1]) != chapter.minutes:
        yield f"says {told[1]} minutes, but reading takes {chapter.minutes}"
    if chapter.minutes > MOST_MINUTES and not chapter.at_hand:
        yield f"reading takes {chapter.minutes} minutes, more than 35"


def imports_of(cell):
    """Tell whether a cell imports at its top level."""
    body = cell.tree.body if cell.tree else []
    return any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body)


def imports_come_first_and_folded(chapter):
    for cell in chapter.code[:2]:
        if imports_of(cell) and "hide-input" not in cell.tags:
            yield f"{cell.where}: imports without the tag hide-input"
    for cell in chapter.code[2:]:
        if imports_of(cell):
            yield f"{cell.where}: imports after the second code cell"


def the_first_section_comes_at_once(chapter):
    lead, *cells = chapter.cells
    if re.search(r"^## ", lead.source, re.M):
        yield "a heading in the first cell"
    if not imports_of(cells[0]):
        yield "no imports right after the first cell"
    after = next((c for c in cells if not imports_of(c)), lead)
    if not re.match(r'(<a id="[a-z0-9-]+"></a>\n+)*## ', after.source):
        yield "no section right after the imports"


def sets_one_thread(chapter):
    sources = "".join(cell.source for cell in chapter.code[:2])
    if "torch.set_num_threads(1)" not in sources:
        yield "the first cells do not call torch.set_num_threads(1)"


def ending_of(chapter):
    """Return the sections that a chapter ends with."""
    if chapter.is_first:
        return ENDING_OF_FIRST
    return ENDING_AT_HAND if chapter.at_hand else ENDING


def ends_as_all_do(chapter):
    ending = ending_of(chapter)
    sections = [section.title for section in chapter.sections]
    found = [title for title in sections if title in ending]
    last = ending[-1:] if chapter.is_first else ending
    if found != ending or sections[-len(last) :] != last:
        yield (
            f"does not end with the sections {', '.join(ending)}, "
            f"but with {', '.join(sections[-len(ending) :])}"
        )


# What is folded, and what is a table


def plots_are_folded(chapter):
    for cell in chapter.code:
        draws = re.search(r"\b(plt|axe?s?|fig)(\[\w+\])?\.\w+\(", cell.source)
        if draws and len(cell.lines) > 6 and not cell.is_folded:
            count = len(cell.lines)
            yield f"{cell.where}: {count} lines that plot, and no hide-input"


def is_guard(node):
    """Tell whether a statement asserts, with no eye on the package."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func).startswith("np.testing.")
    return isinstance(node, ast.Assert)


def guards_are_folded(chapter):
    for cell in chapter.code:
        body = cell.tree.body if cell.tree else []
        if body and all(map(is_guard, body)) and not cell.is_folded:
            yield f"{cell.where}: nothing but assertions, without hide-cell"


def tables_are_tables(chapter):
    if not 1 <= chapter.number <= 5:
        return
    for cell in chapter.code:
        for output in cell.outputs:
            if has_columns("".join(output.get("text", ""))):
                yield f"{cell.where}: a printed table (use show_table)"


def has_columns(text):
    """Tell whether three lines in a row have two numbers or more each."""
    row = 0
    for line in text.splitlines():
        numbers = re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?\b", line)
        row = row + 1 if len(numbers) > 1 and "[" not in line else 0
        if row == 3:
            return True
    return False


# Its exercises


def exercises_are_numbered(chapter):
    asked = re.findall(r"^\*\*(\d+)\. ", chapter.text, re.M)
    wanted = "Exercises" in ending_of(chapter)
    if len(asked) not in (range(3, 6) if wanted else [0]):
        number = "3 to 5" if wanted else "none"
        yield f"{len(asked)} exercises, not {number}"
    if asked != [str(k + 1) for k in range(len(asked))]:
        yield f"exercises are numbered {', '.join(asked)}"
    names = [f"{chapter.number}.{k}" for k in asked]
    calls = chapter.exercises
    for kind, is_solution in (("exercises", False), ("solutions", True)):
        found = [x.name for x in calls if x.is_solution == is_solution]
        if found != names:
            yield f"{kind} check {names_of(found)}, not {names_of(names)}"


def names_of(calls):
    return ", ".join(calls) or "nothing"


def exercises_are_blank(chapter):
    """Yield visible cells that hold more than a blank for the answer."""
    calls = chapter.exercises
    solved = {x.name: answers_in(x.cell) for x in calls if x.is_solution}
    for exercise in calls:
        cell = exercise.cell
        if exercise.is_solution:
            continue
        if [ast.unparse(x) for x in answers_in(cell)] != ["None"]:
            yield f"{cell.where}: no `answer = None` before the check"
        for answer in solved.get(exercise.name, []):
            if reveals(cell, answer):
                yield f"{cell.where}: contains the answer"


def answers_in(cell):
    """Return what a cell gives to the name ``answer``."""
    return [
        node.value
        for node in ast.walk(cell.tree)
        if isinstance(node, ast.Assign)
        and any(ast.unparse(target) == "answer" for target in node.targets)
    ]


def reveals(cell, answer):
    """Tell whether a cell has the same expression as the answer."""
    answer = ast.dump(answer)
    return any(
        ast.dump(node) == answer
        for node in ast.walk(cell.tree)
        if isinstance(node, ast.expr)
    )


def solutions_are_folded_after_a_hint(chapter):
    calls = chapter.exercises
    asked = {x.name: x.at for x in calls if not x.is_solution}
    for exercise in calls:
        if not exercise.is_solution:
            continue
        cell, start = exercise.cell, asked.get(exercise.name, exercise.at)
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        if not (hidden and "hide-cell" in cell.tags):
            yield (
                f"{cell.where}: a solution that is not folded (tag hide-cell, "
                "and jupyter, source_hidden)"
            )
        between = chapter.cells[start : exercise.at]
        if not any("*Hint:*" in x.source for x in between if not x.is_code):
            yield f"{cell.where}: a solution without a hint before it"


# The numbers in its prose


def numbers_are_bound(chapter):
    yield from faults_of(numbers_of_chapter(chapter))


# Its file


def small_file(chapter):
    if chapter.size >= 400_000:
        yield f"{chapter.size} bytes, more than 400,000"


def clean_metadata(chapter):
    metadata = chapter.notebook["metadata"]
    if metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"
    more = set(metadata) - {"kernelspec", "language_info", "gru_tutorial"}
    if more:
        yield f"metadata of an editor: {', '.join(sorted(more))}"


def outputs_of_these_sources(chapter):
    made_from = chapter.notebook["metadata"].get("gru_tutorial", {})
    if made_from.get("sources") != source_digest(chapter.notebook):
        yield (
            "outputs of other sources: "
            f"`make run CHAPTER={chapter.number:02d}`"
        )


def no_path_of_a_machine(chapter):
    if found := PATHS.search(json.dumps(chapter.notebook)):
        yield f"a path of a machine: {found[0]}"


RULES = (
    short_cells,
    narrow_lines,
    nothing_forbidden,
    no_hiding_tags,
    one_run_from_the_top,
    only_python,
    no_stderr,
    no_error,
    no_svg,
    figures_have_words,
    figures_stand_alone,
    figures_have_names,
    figures_have_captions,
    notes_in_passing,
    more_words_than_code,
    begins_with_title_and_question,
    says_how_to_run_it,
    tells_its_minutes,
    sets_one_thread,
    ends_as_all_do,
    tables_are_tables,
    exercises_are_numbered,
    exercises_are_blank,
    solutions_are_folded_after_a_hint,
    numbers_are_bound,
    small_file,
    clean_metadata,
    outputs_of_these_sources,
    no_path_of_a_machine,
)
# The first page is plain PyTorch: it folds nothing, and has cells of its own.
RULES_AFTER_THE_FIRST = (
    nothing_defined_twice,
    cells_are_mostly_short,
    says_what_you_can_do,
    imports_come_first_and_folded,
    the_first_section_comes_at_once,
    plots_are_folded,
    guards_are_folded,
)


def chapter_faults(chapter):
    """Yield all that is wrong with a chapter."""
    rules = RULES if chapter.is_first else RULES + RULES_AFTER_THE_FIRST
    for rule in rules:
        yield from rule(chapter)


def main(number="", root=ROOT):
    """Print what is wrong with chapters and book; return the exit code."""
    book = read_book(root)
    stems = choose(number, [chapter.stem for chapter in book.chapters])
    chosen = [c for c in book.chapters if c.stem in stems]
    faults = [
        f"{chapter.stem}: {fault}"
        for chapter in chosen
        for fault in chapter_faults(chapter)
    ]
    faults += [
        fault
        for fault in book_faults(book)
        if not number or any(stem in fault for stem in stems)
    ]
    for fault in faults:
        print(fault)
    print(f"{len(chosen)} chapters, {len(faults)} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
