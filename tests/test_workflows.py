"""The workflows as data: pinned, with least permissions, and up to date."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
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
