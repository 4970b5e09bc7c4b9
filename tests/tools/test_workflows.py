"""The workflows as data: pinned, with least permissions, and up to date.

And what pages, comments and commands say about files of the repository.
"""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(path):
    return yaml.safe_load(path.read_text("utf-8"))


def steps(workflow):
    for job in workflow["jobs"].values():
        yield from job.get("steps", [])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_permissions_are_few(path):
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for step in steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_only_publishing_and_reporting_may_write():
    writers = {
        (path.stem, name): set(job["permissions"])
        for path in WORKFLOWS
        for name, job in load(path)["jobs"].items()
        if "permissions" in job
    }
    assert writers == {
        ("publish", "deploy"): {"pages", "id-token"},
        ("weekly", "report"): {"issues"},
    }


def test_unit_tests_run_on_all_systems_and_versions():
    matrix = load(ROOT / ".github/workflows/checks.yml")["jobs"]["unit"][
        "strategy"
    ]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    others = {entry["os"] for entry in matrix["include"]}
    assert others == {"macos-latest", "windows-latest"}


def test_publishing_waits_for_the_checks():
    jobs = load(ROOT / ".github/workflows/publish.yml")["jobs"]
    assert jobs["checks"]["uses"] == "./.github/workflows/checks.yml"
    assert jobs["build"]["needs"] == "checks"
    assert jobs["deploy"]["needs"] == "build"


def test_publishing_makes_the_book_as_files():
    """They are made beside the pages that are uploaded."""
    build = load(ROOT / ".github/workflows/publish.yml")["jobs"]["build"]
    (made,) = [step for step in build["steps"] if "run" in step]
    assert made["run"].split() == ["make", "book", "pdf", "epub"]
    assert made["env"] == {"SITE_ADDRESS": "${{ vars.SITE_ADDRESS }}"}
    upload = build["steps"][-1]
    assert upload["with"]["path"] == "_build/html"


def test_commands_of_the_pages_exist():
    targets = re.findall(
        r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M
    )
    pages = ["README.md", "CONTRIBUTING.md", "chapters/index.md"]
    for page in pages:
        text = (ROOT / page).read_text("utf-8")
        named = re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", text, re.M)
        for command in {name for pair in named for name in pair if name}:
            assert command in targets, (page, command)


FOLDERS = "benchmarks|binder|chapters|gru_tutorial|tests|theme|tools"
FILE = re.compile(
    rf"(?<![\w./-])(?:{FOLDERS})/[\w/.-]*\.(?:py|md|json|css|js|png|toml|txt)"
    r"(?![\w*])"
)
MODULE = re.compile(r"-m ((?:tools|theme)\.\w+)")


def texts():
    """Yield all that may name a file, as (path, text)."""
    names = ["README.md", "CONTRIBUTING.md", "chapters/index.md", "Makefile"]
    names += [".ci/run", "pyproject.toml", "_config.yml", "conftest.py"]
    paths = [ROOT / name for name in names] + WORKFLOWS
    for folder in FOLDERS.split("|"):
        paths += (ROOT / folder).rglob("*.py")
    for path in paths:
        if path != Path(__file__):
            yield path.relative_to(ROOT), path.read_text("utf-8")


def test_files_that_are_named_exist():
    named = {
        (str(where), name)
        for where, text in texts()
        for name in [
            *FILE.findall(text),
            *(m.replace(".", "/") + ".py" for m in MODULE.findall(text)),
        ]
    }
    assert len(named) > 20
    lost = {pair for pair in named if not (ROOT / pair[1]).exists()}
    assert not lost
    scripts = re.compile(r"python (?:tools|theme)/")  # they are modules
    assert [where for where, text in texts() if scripts.search(text)] == []


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))[
        "project"
    ]


def test_binder_has_the_python_that_the_chapters_are_checked_on():
    runtime = (ROOT / "binder/runtime.txt").read_text("utf-8")
    python = re.fullmatch(r"python-(3\.\d+)\n", runtime)[1]
    assert python in SpecifierSet(project()["requires-python"])
    jobs = load(ROOT / ".github/workflows/checks.yml")["jobs"]
    setup = [step for step in jobs["chapters"]["steps"] if "with" in step][-1]
    assert setup["with"]["python-version"] == python


def test_binder_installs_the_package_with_the_pinned_versions():
    folder = ROOT / "binder"
    text = (folder / "requirements.txt").read_text("utf-8")
    lines = [x for x in text.splitlines() if not x.startswith("#")]
    constraints, package = lines
    option, path = constraints.split()
    assert option == "-c"
    assert (folder / path).samefile(ROOT / "constraints.txt")
    assert (ROOT / package / "pyproject.toml").is_file()
    # Other files there would take the place of these two.
    assert {path.name for path in folder.iterdir()} == {
        "requirements.txt",
        "runtime.txt",
    }


def test_installing_on_colab_replaces_nothing_that_its_kernel_uses():
    """Other versions of these make pip ask for a restart, or break it."""
    bounds = {
        requirement.name: requirement.specifier
        for requirement in map(Requirement, project()["dependencies"])
    }
    assert "7.34.0" in bounds["ipython"]
    assert "7.7.1" in bounds["ipywidgets"]
    assert "ipykernel" not in bounds
