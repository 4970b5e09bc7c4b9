"""The rules for notebooks, held against each chapter.

``pytest --nbval chapters/`` compares what the cells print; this file checks
how the notebooks are written.
"""

import ast
import copy
import json
import re
import statistics
from pathlib import Path

import pytest
from download import RUN_IT
from notebook_files import source_digest

import gru_tutorial
from gru_tutorial import notebook as notebook_module
from gru_tutorial import plotting

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))

# The sections that every chapter has, in this order.
FRAME = [
    "What you will find out",
    "Before you start",
    "The libraries",
    "Summary",
    "Exercises",
    "Next",
]
AT_HAND = ["The libraries", "Summary", "Next"]
FORBIDDEN = {
    "a magic or shell line": r"^\s*[!%]",
    "a trailing semicolon": r";\s*$",
    "warnings filtered out": r"filterwarnings",
    "clear_output": r"clear_output",
    "an ignored or skipped cell": r"NBVAL_|nbval-(ignore|skip)",
    "torch's own random data": r"torch\.randn?\(",
}
# A numbered formula, with the target that links lead to, if it has one.
FORMULA = re.compile(
    r"(?:^\((eq-[a-z-]+)\)=\n)?^\$\$\n(.+?)\n\$\$$", re.M | re.S
)
LINK = re.compile(r"\[([^\]]*)\]\(((?:fig|eq)-[a-z0-9-]+)\)")
PATHS = re.compile(r"/(home|root|Users|work|tmp)/|site-packages|\.venv")


def public_names():
    """Return the names that chapters import and must not define again."""
    names = set(gru_tutorial.__all__)
    for module in (notebook_module, plotting):
        for name, value in vars(module).items():
            if getattr(value, "__module__", "") == module.__name__:
                names.add(name)
    return names


def percentile(values, share):
    """Return the value that ``share`` of all values do not exceed."""
    return sorted(values)[max(0, round(share * len(values)) - 1)]


def text_of(field):
    """Join a notebook's text, stored as a string or as lines."""
    return field if isinstance(field, str) else "".join(field)


def prose_of(notebook):
    """Return all Markdown of a notebook as one text."""
    return "\n\n".join(
        text_of(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown"
    )


def has_picture(cell):
    """Tell whether a cell has drawn a figure."""
    return any(
        "image/png" in output.get("data", {})
        for output in cell.get("outputs", [])
    )


def figure_of(cell):
    """Return the name and the caption of a cell's figure, perhaps empty."""
    figure = cell["metadata"].get("mystnb", {}).get("figure", {})
    return figure.get("name", ""), figure.get("caption", "")


def cell_faults(number, cell):
    """Yield what is wrong with one code cell."""
    source = text_of(cell["source"])
    lines = [line for line in source.splitlines() if line.strip()]
    where = f"code cell {number}"
    if len(lines) > 25:
        yield f"{where}: {len(lines)} lines, more than 25"
    if any(len(line) > 79 for line in lines):
        yield f"{where}: a line of more than 79 columns"
    for fault, pattern in FORBIDDEN.items():
        if re.search(pattern, source, re.M):
            yield f"{where}: {fault}"
    tags = cell["metadata"].get("tags", [])
    for tag in tags:
        if "nbval" in tag or tag == "raises-exception":
            yield f"{where}: the tag {tag}"
    if cell.get("execution_count") != number:
        yield f"{where}: not number {number} of one run from the top"
    try:
        tree = ast.parse(source)
    except SyntaxError:
        yield f"{where}: not Python"
        return
    kinds = (ast.FunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and node.name in public_names():
            yield f"{where}: defines {node.name}, which the package exports"
    for output in cell["outputs"]:
        if output.get("name") == "stderr":
            yield f"{where}: stderr is stored"
        if output["output_type"] == "error":
            yield f"{where}: an error is stored"
        if any("svg" in kind for kind in output.get("data", {})):
            yield f"{where}: an SVG, which nbval would compare"
    if has_picture(cell):
        image = cell["metadata"].get("mystnb", {}).get("image", {})
        if len(image.get("alt", "")) < 40:
            yield f"{where}: a figure without a text that replaces it"
        name, caption = figure_of(cell)
        if not re.fullmatch(r"fig-[a-z0-9-]+", name):
            yield f"{where}: a figure without a name"
        if not 1 < len(caption.split()) <= 30:
            yield f"{where}: a figure without a caption of at most 30 words"


def note_faults(text):
    """Yield what is wrong with the notes in passing of a Markdown cell.

    The site sets them into the margin, beside the paragraph that follows.
    """
    blocks = re.split(r"\n\s*\n", text.strip())
    for block, following in zip(blocks, [*blocks[1:], ""], strict=True):
        if "*In passing:*" in block:
            if not re.fullmatch(r"> \*In passing:\* .*", block):
                yield "a note in passing that is no paragraph of its own"
            if len(block.split()) > 46:
                yield "a note in passing of more than 45 words"
            if not following or following[0] in "#(":
                yield "a note in passing that belongs to no paragraph"


def chapter_faults(notebook, at_hand=False):
    """Return all that is wrong with a chapter, as a list of lines.

    A page at hand, such as the error gallery, has no exercises.
    """
    faults = []
    frame = AT_HAND if at_hand else FRAME
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    prose = [c for c in notebook["cells"] if c["cell_type"] == "markdown"]
    for number, cell in enumerate(code, start=1):
        faults += cell_faults(number, cell)
    for cell in prose:
        faults += note_faults(text_of(cell["source"]))
    lengths = [
        sum(bool(line.strip()) for line in text_of(c["source"]).splitlines())
        for c in code
    ]
    if statistics.median(lengths) > 6:
        faults.append(f"median cell of {statistics.median(lengths)} lines")
    if percentile(lengths, 0.9) > 15:
        faults.append(f"a tenth of the cells above {percentile(lengths, 0.9)}")
    words = sum(len(text_of(c["source"]).split()) for c in prose)
    if words < 7 * sum(lengths):
        faults.append(f"{words} words for {sum(lengths)} lines of code")
    if RUN_IT not in text_of(notebook["cells"][0]["source"]).splitlines():
        faults.append("the first cell does not say how to run the page")
    first = text_of(code[0]["source"])
    if "torch.set_num_threads(1)" not in first:
        faults.append("the first cell does not set one thread")
    headings = re.findall(
        r"^(#+) (.*)$",
        "\n".join(text_of(c["source"]) for c in prose),
        re.M,
    )
    if [level for level, _ in headings].count("#") != 1:
        faults.append("not exactly one title")
    titles = [title for level, title in headings if level == "##"]
    missing = [title for title in frame if title not in titles]
    faults += [f"no section {title!r}" for title in missing]
    kept = [title for title in titles if title in frame]
    if not missing and kept != frame:
        faults.append("the frame's sections are out of order")
    asked = sum(
        len(re.findall(r"^\*\*\d\. ", text_of(c["source"]), re.M))
        for c in prose
    )
    solutions = [
        c
        for c in code
        if text_of(c["source"]).startswith("# Solution")
        and "hide-cell" in c["metadata"].get("tags", [])
        and c["metadata"].get("jupyter", {}).get("source_hidden")
        and "check_answer(" in text_of(c["source"])
    ]
    enough = asked == 0 if at_hand else 3 <= asked <= 5
    if not enough or asked != len(solutions):
        faults.append(
            f"{asked} exercises, {len(solutions)} folded and checked solutions"
        )
    metadata = notebook["metadata"]
    if metadata.get("kernelspec", {}).get("name") != "python3":
        faults.append("the kernel is not python3")
    if set(metadata) - {"kernelspec", "language_info", "gru_tutorial"}:
        faults.append("metadata of an editor")
    made_from = metadata.get("gru_tutorial", {}).get("sources")
    if made_from != source_digest(notebook):
        faults.append("outputs of other sources: run `make run`")
    if PATHS.search(json.dumps(notebook)):
        faults.append("a path of a machine")
    return faults


def numbered(stem, notebook):
    """Yield a chapter's figures and formulas: their names and numbers."""
    chapter = int(stem[:2])
    pictures = filter(has_picture, notebook["cells"])
    for k, cell in enumerate(pictures, start=1):
        yield figure_of(cell)[0], f"Figure {chapter}.{k}"
    formulas = FORMULA.findall(prose_of(notebook))
    for k, (target, _) in enumerate(formulas, start=1):
        yield target, f"({chapter}.{k})"


def book_faults(book):
    """Return what is wrong with the numbers of figures and formulas.

    ``book`` holds the chapters by the stems of their files. The site counts
    figures itself; the numbers of formulas, and all in links, are typed.
    """
    faults, numbers = [], {}
    for stem, notebook in book.items():
        for name, number in numbered(stem, notebook):
            if name and numbers.setdefault(name, number) != number:
                faults.append(f"{stem}: a second {name}")
        prose = prose_of(notebook)
        tags = [
            re.findall(r"\\tag\{(.*?)\}", formula)
            for _, formula in FORMULA.findall(prose)
        ]
        if prose.count("$$") != 2 * len(tags):
            faults.append(f"{stem}: a formula whose $$ stand in its lines")
        if tags != [[f"{int(stem[:2])}.{k + 1}"] for k in range(len(tags))]:
            faults.append(f"{stem}: formulas are numbered {tags}")
    for stem, notebook in book.items():
        for text, name in LINK.findall(prose_of(notebook)):
            if text != numbers.get(name):
                faults.append(
                    f"{stem}: {text} leads to {name}, {numbers.get(name)}"
                )
    return faults


def load(path):
    """Read a notebook as plain data."""
    return json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_keeps_the_rules(path):
    assert chapter_faults(load(path), at_hand=path.stem >= "11") == []
    assert path.stat().st_size < 400_000


BOOK = {path.stem: load(path) for path in CHAPTERS}


def test_figures_and_formulas_have_their_numbers():
    assert book_faults(BOOK) == []


def test_every_chapter_is_in_the_book():
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    for path in CHAPTERS:
        assert f"chapters/{path.stem}\n" in toc


def code(notebook, k):
    return [c for c in notebook["cells"] if c["cell_type"] == "code"][k]


def plant_source(text, k=2):
    def plant(notebook):
        code(notebook, k)["source"] = text

    return plant


def plant_output(**output):
    def plant(notebook):
        code(notebook, 2)["outputs"].append(output)

    return plant


def plant_tag(tag):
    def plant(notebook):
        code(notebook, 2)["metadata"]["tags"] = [tag]

    return plant


def plant_count(notebook):
    code(notebook, 2)["execution_count"] = None


def plant_heading(notebook):
    for cell in notebook["cells"]:
        text = text_of(cell["source"])
        cell["source"] = text.replace("## Summary", "## In short")


def plant_other_ways(notebook):
    text = text_of(notebook["cells"][0]["source"])
    notebook["cells"][0]["source"] = text.replace("`pip install .`", "pip")


def plant_no_alt(notebook):
    for cell in notebook["cells"]:
        cell["metadata"].pop("mystnb", None)


def plant_figure(**changes):
    def plant(notebook):
        cell = next(filter(has_picture, notebook["cells"]))
        cell["metadata"]["mystnb"]["figure"].update(changes)

    return plant


def plant_prose(text):
    def plant(notebook):
        cell = {"cell_type": "markdown", "metadata": {}, "source": text}
        notebook["cells"].append(cell)

    return plant


def plant_open_solution(notebook):
    for cell in notebook["cells"]:
        cell["metadata"].pop("tags", None)


def plant_silence(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            lines = text_of(cell["source"]).splitlines()
            cell["source"] = "\n".join(x for x in lines if x[:1] in "#*")


def plant_kernel(notebook):
    notebook["metadata"]["kernelspec"]["name"] = "my-env"


FAULTS = {
    "a long cell": (plant_source("x = 1\n" * 26), "26 lines"),
    "a wide line": (plant_source("x = '" + "a" * 80 + "'"), "79 columns"),
    "a magic": (plant_source("%timeit 1"), "a magic"),
    "a shell line": (plant_source("!pip list"), "a magic"),
    "a semicolon": (plant_source("x = 1;"), "semicolon"),
    "filtered warnings": (
        plant_source("warnings.filterwarnings('ignore')"),
        "warnings filtered",
    ),
    "an ignored output": (plant_source("# NBVAL_IGNORE_OUTPUT\n1"), "ignored"),
    "random data": (plant_source("x = torch.randn(3)"), "random data"),
    "a definition again": (
        plant_source("def make_windows():\n    return 1"),
        "defines make_windows",
    ),
    "a helper again": (
        plant_source("def set_style():\n    return 1"),
        "defines set_style",
    ),
    "many threads": (plant_source("import torch", k=0), "one thread"),
    "a changed source": (plant_source("x = 1"), "make run"),
    "an ignoring tag": (plant_tag("nbval-ignore-output"), "the tag"),
    "a wanted traceback": (plant_tag("raises-exception"), "the tag"),
    "stderr": (
        plant_output(output_type="stream", name="stderr", text="oh"),
        "stderr",
    ),
    "an error": (
        plant_output(output_type="error", ename="E", evalue="", traceback=[]),
        "an error is stored",
    ),
    "an SVG": (
        plant_output(output_type="display_data", data={"image/svg+xml": ""}),
        "SVG",
    ),
    "a path": (
        plant_output(output_type="stream", name="stdout", text="/home/me/x"),
        "a path",
    ),
    "no counts": (plant_count, "of one run"),
    "a lost section": (plant_heading, "no section 'Summary'"),
    "no way to run it": (plant_other_ways, "how to run"),
    "no alt text": (plant_no_alt, "a figure without"),
    "no name": (plant_figure(name="recall"), "a figure without a name"),
    "no caption": (plant_figure(caption=""), "without a caption"),
    "a long caption": (plant_figure(caption="so " * 31), "without a caption"),
    "a long note": (
        plant_prose("> *In passing:*" + " so" * 46 + "\n\nOn."),
        "of more than 45 words",
    ),
    "a note within a paragraph": (
        plant_prose("> *In passing:* so\nOn."),
        "no paragraph of its own",
    ),
    "a note at the end": (
        plant_prose("> *In passing:* so\n\n## On"),
        "belongs to no paragraph",
    ),
    "an open solution": (plant_open_solution, "0 folded"),
    "code without prose": (plant_silence, "words for"),
    "another kernel": (plant_kernel, "kernel is not python3"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    plant, found = FAULTS[name]
    notebook = copy.deepcopy(load(CHAPTERS[0]))
    plant(notebook)
    assert any(found in fault for fault in chapter_faults(notebook))


def replace(old, new):
    def plant(book):
        for notebook in book.values():
            for cell in notebook["cells"]:
                if cell["cell_type"] == "markdown":
                    text = text_of(cell["source"])
                    cell["source"] = text.replace(old, new)

    return plant


def plant_name_again(book):
    plant_figure(name="fig-recall")(book["02_data_preparation"])


def plant_picture(book):
    cells = book["04_training"]["cells"]
    cells.insert(0, next(filter(has_picture, cells)))


BOOK_FAULTS = {
    "a name again": (plant_name_again, "a second fig-recall"),
    "no number": (replace(r" \tag{1.3}", ""), "formulas are numbered"),
    "two numbers": (replace(r"\tag{1.3}", r"\tag{1.3} \tag{1.9}"), "numbered"),
    "numbers out of order": (replace(r"\tag{1.3}", r"\tag{1.4}"), "numbered"),
    "another chapter's number": (
        replace(r"\tag{7.1}", r"\tag{1.1}"),
        "07_horizons: f",
    ),
    "a formula in a line": (
        replace("## Summary", "$$a = 1$$\n\n## Summary"),
        "in its lines",
    ),
    "another figure's number": (
        replace("[Figure 4.2]", "[Figure 4.3]"),
        "4.2",
    ),
    "a figure before": (plant_picture, "leads to fig-validation-loss"),
    "another formula's number": (replace("[(1.6)]", "[(1.5)]"), "(1.6)"),
    "a lost target": (replace("(eq-four)=", ""), "leads to eq-four, None"),
    "a lost figure": (replace("(fig-cost)", "(fig-coast)"), "fig-coast, None"),
}


@pytest.mark.parametrize("name", BOOK_FAULTS)
def test_a_planted_fault_in_the_numbers_is_found(name):
    plant, found = BOOK_FAULTS[name]
    book = copy.deepcopy(BOOK)
    plant(book)
    assert any(found in fault for fault in book_faults(book))
