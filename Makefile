# The book's commands; `make help` lists them.
PYTHON ?= python3
BIN = .venv/bin
BOOK = $(BIN)/jupyter-book build . -W -n --keep-going

WORKERS ?= 2
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
BENCHMARKS = speed memory visibility horizons regime "recipes --sweep" recipes \
	series wins columns labels "commandline --python .venv-rival/bin/python"

.PHONY: help book lint test quick test-portable lab run check bench clean

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

book: .venv/ready  ## build the site into _build/html
	$(BOOK)
	@echo "Open $(CURDIR)/_build/html/index.html"

ifdef CHAPTER
test: .venv/ready  ## a strict build, all tests, every notebook; one: make test CHAPTER=03
	$(BIN)/python -m tools.lint_chapters $(CHAPTER)
	$(BIN)/pytest --nbval chapters/$(CHAPTER)*.ipynb
else
test: .venv/ready
	$(BOOK) --all
	BUILT_SITE=$(CURDIR)/_build/html $(PYTEST)
	$(PYTEST) --nbval chapters/
endif

quick: .venv/ready  ## the tests that need no browser, no process and no patience
	$(BIN)/pytest -q -m "not slow and not browser"

test-portable: book  ## the site's downloads, run elsewhere, as an older processor would
	env $$($(BIN)/python -m tools.portable) $(BIN)/python -m tools.run_downloads $(WORKERS)

lab: .venv/ready  ## open JupyterLab on the chapters
	$(BIN)/jupyter lab chapters/

run: .venv/ready  ## execute chapters and store outputs; one: make run CHAPTER=03
	$(BIN)/python -m tools.run_chapters $(CHAPTER)

lint: .venv/ready  ## style, spelling, and which way imports point
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports

check: lint test  ## lint, then all of `make test`

bench: .venv-bench/ready .venv-rival/ready  ## measure this package and its peers again: some hours
	@for script in $(BENCHMARKS); do \
		set -- $$script; name=$$1; shift; \
		echo "benchmarks/$$name.py $$*"; \
		.venv-bench/bin/python benchmarks/$$name.py $$* || exit 1; \
	done

clean:  ## remove the site and the environment
	rm -rf _build .venv .venv-bench .venv-rival

# The environment, made once and again when what it must hold changes.
.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("GRU by Experiment needs Python 3.11 to 3.13; $(PYTHON) is %d.%d. Try: make PYTHON=python3.11" % sys.version_info[:2])'
	@echo "Installing what the book needs into .venv; this takes some minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[book,test]'
	@touch $@

.venv-bench/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet -c constraints.txt -e '.[bench,series]'
	@touch $@

.venv-rival/ready:  # it needs an older pandas than the book
	$(PYTHON) -m venv .venv-rival
	.venv-rival/bin/python -m pip install --quiet skforecast-ai==0.4.2
	@touch $@
