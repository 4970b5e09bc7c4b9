"""What makes the site, without the site: functions of ``theme``."""

import io
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("sphinx", reason="the site's tools are not installed")
from sphinx.errors import ExtensionError

from theme import bundle, formulas, marks

# Formulas, style and scripts, marks


def test_a_formula_that_cannot_be_drawn_stops_the_build():
    assert formulas.to_mathml(r"z_t", display=False).startswith("<math")
    with pytest.raises(ExtensionError, match=r"formula '\\\\nosuch'"):
        formulas.to_mathml(r"\nosuch", display=False)


def test_the_bundle_notices_a_changed_theme():
    with pytest.raises(ExtensionError, match="icon font has changed"):
        bundle.without_icon_font("body { color: red }")
    for name in bundle.LEFT_OUT:
        with pytest.raises(ExtensionError, match=f"{name}: the theme no lon"):
            bundle.mended(name, "addTabStops()")


def test_the_bundle_notices_a_file_that_is_gone(tmp_path):
    app = SimpleNamespace(
        bundle=([], []),
        outdir=tmp_path,
        builder=SimpleNamespace(name="html"),
    )
    with pytest.raises(ExtensionError, match="no longer brings it"):
        bundle.write(app, None)


def test_the_bundle_notices_pages_that_ask_for_other_files():
    app = SimpleNamespace(bundle=None)
    style = SimpleNamespace(filename="_static/one.css?v=1")
    context = {"css_files": [style], "script_files": []}
    bundle.collect(app, "a", "", context, None)
    assert app.bundle == [["one.css"], []]
    bundle.collect(app, "b", "", context, None)
    with pytest.raises(ExtensionError, match="c: asks for other styles"):
        bundle.collect(app, "c", "", {**context, "css_files": []}, None)


def test_rules_for_what_no_page_holds_are_left_out():
    style = """
      p, .no { a: b } .yes .no { a: b } #yes { a: b } .no-longer { a: b }
      .yes:not(.no), .yes:is(.no, :not(.b)) { a: b } [href=".no"] { a: b }
      @media print { .no { a: b } .yes { a: b } } @media print { .no { a: b } }
      @font-face { src: url(.no) } .m\\:1 { a: b }
    """
    kept = bundle.only_used(bundle.parsed(style), {"yes", "m:1"})
    assert kept.split("\n") == [
        "p{a: b}",
        "#yes{a: b}",
        ".yes:not(.no),.yes:is(.no, :not(.b)){a: b}",
        '[href=".no"]{a: b}',
        "@media print {.yes{a: b}}",
        "@font-face { src: url(.no) }",
        ".m\\:1{a: b}",
    ]
    with pytest.raises(ExtensionError, match="style sheet"):
        bundle.only_used(bundle.parsed("p { a: b } }"), set())


def test_mark_and_preview_are_drawn_by_the_code():
    assert marks.mark() == (marks.STATIC / "mark.svg").read_text("utf-8")
    stored = Image.open(marks.STATIC / "social.png").convert("RGB")
    assert stored.size == (1200, 630)
    drawn = io.BytesIO()
    with plt.rc_context():
        marks.preview().savefig(drawn)
        plt.close()
    drawn = np.asarray(Image.open(drawn).convert("RGB"), float)
    assert np.abs(drawn - np.asarray(stored, float)).mean() < 1
