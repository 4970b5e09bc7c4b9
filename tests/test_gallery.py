"""The error gallery can be used by who has just pasted a message."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "chapters" / "16_error_gallery.ipynb"
START = re.compile(r'^<a id="(error-[a-z0-9-]+)"></a>\n### (.+)$', re.M)
MESSAGE = re.compile(r"^(\w+(?:Error|Warning): .*(?:\n    .*)*)", re.M)


def cells():
    """Yield kind, source and printed text of each cell."""
    for cell in json.loads(PAGE.read_text("utf-8"))["cells"]:
        shown = cell.get("outputs", [])
        text = "".join("".join(x.get("text", "")) for x in shown)
        yield cell["cell_type"], "".join(cell["source"]), text


PROSE = "\n\n".join(
    source for kind, source, _ in cells() if kind == "markdown"
)
INDEX, _, REST = PROSE.partition("\n## States and shapes")


def entries():
    """Return names, and the prose of each entry up to the next heading."""
    starts = list(START.finditer(REST))
    ends = [m.start() for m in re.finditer(r"^(?:<a id=|##)", REST, re.M)]
    ends.append(len(REST))
    return {
        start[1]: REST[start.start() : min(x for x in ends if x > start.end())]
        for start in starts
    }


ENTRIES = entries()


def linked(text):
    return re.findall(r"\]\(#(error-[a-z0-9-]+)\)", text)


def test_the_index_leads_to_every_entry_and_tells_their_number():
    assert len(ENTRIES) == len(START.findall(REST)) > 60
    assert set(linked(INDEX)) == set(ENTRIES)
    assert f"recognise {len(ENTRIES)} common errors" in INDEX


def test_old_addresses_of_entries_stay():
    moved = json.loads((ROOT / "theme/moved.json").read_text("utf-8"))
    old = moved["pages"]["11_error_gallery"]["ids"]
    names = {name for name in old if re.match(r"error-(?!gallery)", name)}
    assert len(names) == 30
    assert names <= set(ENTRIES)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_what_why_and_what_else(name):
    text = ENTRIES[name]
    for part in ("**Symptom.**", "**Why.**", "**Fix.**"):
        assert text.count(part) == 1, part
    also = text.partition("**You may also see**")[2]
    assert also.strip(), "no neighbour"
    assert name not in linked(text)
    assert linked(text), "no link to another entry"


@pytest.mark.parametrize("name", ENTRIES)
def test_what_others_saw_is_told_with_where(name):
    """Other versions' words have a version or an address."""
    for block in ENTRIES[name].split("\n\n"):
        if "Older versions say" in block or "Not run here" in block:
            place = r"\d+\.\d+\.\d+|\]\(https://|Python 3|nothing, and run"
            assert re.search(place, block), block


def printed_messages():
    """Yield what is printed of errors and warnings, one line each."""
    for _, _, shown in cells():
        for message in MESSAGE.findall(shown):
            yield re.sub(r"\n    ", " ", message), "\n" in message


def test_a_message_stands_in_one_piece():
    """Wrapped in an output, it stands in the text as well."""
    messages = list(printed_messages())
    assert len(messages) > 50
    missing = [
        message
        for message, is_wrapped in messages
        if is_wrapped and message.partition(": ")[2] not in REST
    ]
    assert not missing
