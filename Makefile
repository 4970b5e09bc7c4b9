# The book's commands; `make help` lists them.
PYTHON ?= python3
BIN = .venv/bin
BOOK = $(BIN)/jupyter-book build . -W -n --keep-going

.PHONY: help book test test-portable lab run check bench clean

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

book: .venv/ready  ## build the site into _build/html
	$(BOOK)
	@echo "Open $(CURDIR)/_build/html/index.html"

test: .venv/ready  ## unit tests, every notebook compared, a strict site build
	$(BIN)/pytest
	$(BIN)/pytest --nbval chapters/
	$(BOOK) --all

test-portable: book  ## the site's downloads, run elsewhere, as an older processor would
	env $$($(BIN)/python tools/portable.py) $(BIN)/python tools/run_downloads.py

lab: .venv/ready  ## open JupyterLab on the chapters
	$(BIN)/jupyter lab chapters/

run: .venv/ready  ## execute chapters and store outputs; one: make run CHAPTER=03
	$(BIN)/python tools/run_chapters.py $(CHAPTER)

check: .venv/ready  ## lint and spelling, then all of `make test`
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(MAKE) test

bench: .venv-bench/ready  ## measure this package and its peers again: an hour
	.venv-bench/bin/python benchmarks/speed.py
	.venv-bench/bin/python benchmarks/visibility.py
	.venv-bench/bin/python benchmarks/recipes.py --sweep
	.venv-bench/bin/python benchmarks/recipes.py

clean:  ## remove the site and the environment
	rm -rf _build .venv .venv-bench

# The environment, made once and again when what it must hold changes.
.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("GRU by Experiment needs Python 3.11 to 3.13; $(PYTHON) is %d.%d. Try: make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[book,test]'
	@touch $@

.venv-bench/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	@touch $@
