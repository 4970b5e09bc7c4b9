# The book's commands; `make help` lists them.
PYTHON ?= python3
BIN = .venv/bin
BOOK = $(BIN)/jupyter-book build . -W -n --keep-going

WORKERS ?= 2
LABFLAGS ?=
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
BENCHMARKS = speed memory visibility horizons regime "recipes --sweep" recipes \
	series wins columns labels explorables export streaming serving retraining rows many_series distributed "commandline --python .venv-rival/bin/python"

.PHONY: help book pdf epub lint test quick test-portable lab run check bench clean

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

book: .venv/ready  ## build the site into _build/html
	@echo "Building the site: half a minute from nothing, less when little has changed."
	@$(BOOK)
	@echo "Open $(CURDIR)/_build/html/index.html"

pdf: book  ## the book as a PDF, printed by Chromium: some minutes more
	@$(BIN)/python -m tools.print_book

epub: book  ## the book as an EPUB
	@$(BIN)/python -m tools.bind_epub

ifdef CHAPTER
test: .venv/ready  ## a strict build, all tests, every notebook; one: make test CHAPTER=3
	$(BIN)/python -m tools.lint_chapters $(CHAPTER)
	$(BIN)/pytest --nbval $$($(BIN)/python -m tools.find_chapters $(CHAPTER))
else
test: .venv/ready
	@for name in chromium-headless-shell chromium chromium-browser; do \
		command -v $$name > /dev/null && exit; \
	done; echo "Chromium is not installed: the tests that drive a browser are skipped."
	$(BOOK) --all
	BUILT_SITE=$(CURDIR)/_build/html $(PYTEST)
	$(PYTEST) --nbval chapters/
endif

quick: .venv/ready  ## the tests that need no browser, no process and no patience
	$(BIN)/pytest -q -m "not slow and not browser"

test-portable: book  ## the site's downloads, run elsewhere, as an older processor would
	env $$($(BIN)/python -m tools.portable) $(BIN)/python -m tools.run_downloads $(WORKERS)

lab: .venv/ready  ## open JupyterLab on the chapters; as root: make lab LABFLAGS=--allow-root
	$(BIN)/jupyter lab $(LABFLAGS) chapters/

run: .venv/ready  ## execute chapters and store outputs; one: make run CHAPTER=3
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
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || { \
		echo "GRU by Experiment needs Python 3.11 to 3.13; $(PYTHON) is not."; \
		for other in 3.13 3.12 3.11; do \
			if python$$other -c 'import ensurepip' 2> /dev/null; then \
				echo "Try: make $(or $(MAKECMDGOALS),book) PYTHON=python$$other"; exit 1; \
			fi; \
		done; \
		echo "None is installed here. With one at hand: make $(or $(MAKECMDGOALS),book) PYTHON=/path/to/python3"; \
		exit 1; }
	@echo "Installing what the book needs into .venv, once. It takes some minutes and 2.4 GB,"
	@echo "mostly PyTorch; on Linux much more, unless you install its build for the CPU first (README)."
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
