# Everything here runs on a clean checkout: it makes .venv, installs what is needed, and can be run again.

PYTHON ?= python3
VENV := .venv
IN_VENV := $(VENV)/bin/python

.PHONY: help demo check test test-base newcomer spark fuzz faults soak test-min test-next test-extra licences interop docs release-check bench screenshot schemas viewer-bundle browser clean
.DELETE_ON_ERROR:

help:
	@echo "make demo      log a run on photographs into demo-runs/ and show it back with pandas"
	@echo "make check     style, types and the tests of what differs from main; a minute or less"
	@echo "make test      style, types and the whole test suite"
	@echo "make test-base the tests that numpy, pyarrow and Pillow are enough for, in a venv of nothing else"
	@echo "make newcomer  the README, the demo and twelve jobs of a first user, in an environment made from the wheel"
	@echo "make spark     read runs with pyspark (half a gigabyte, needs Java); not part of make test"
	@echo "make fuzz      mutated input for every reader, SECONDS=60 in all; not part of make test"
	@echo "make faults    let calls of the system fail in everything that writes, SECONDS=1200 at most; not part of make test"
	@echo "make soak      kill writers, damage files, log for SECONDS=600 from many threads; most of an hour; not part of make test"
	@echo "make test-min  the oldest packages that pyproject.toml allows, on Python 3.11; make test-next: what comes next"
	@echo "make test-extra NAME=polars  the tests with one extra and nothing else; make licences: of all that extras bring"
	@echo "make docs      the documentation site in site/, which loads nothing from a network"
	@echo "make interop   values into the real trackers and frameworks, an environment each: NAME=wandb for one; up to 20 GB for all"
	@echo "make release-check  wheel and sdist, and the demo from the wheel in an empty environment"
	@echo "make bench     measure against the alternatives, medians of interleaved rounds"
	@echo "make schemas   write schemas/ from the declarations"
	@echo "make clean     remove .venv and caches; demo-runs/ stays"
	@echo
	@echo "Another Python than python3: make test PYTHON=python3.12"

demo: $(VENV)/.demo viewer-bundle
	$(IN_VENV) -m mediatypes demo
	@echo "To type these yourself: . $(VENV)/bin/activate"

check: $(VENV)/.test
	@$(call step,1/4 ruff check,ruff check)
	@$(call step,2/4 ruff format,ruff format --check)
	@$(call step,3/4 mypy,mypy)
	@$(call step,4/4 pytest of what changed,pytest -q -n 2 $$($(IN_VENV) -m tests.changed))
	@echo "All is well with what changed."

test: $(VENV)/.test viewer-bundle browser
	@$(call step,1/5 ruff check,ruff check)
	@$(call step,2/5 ruff format,ruff format --check)
	@$(call step,3/5 mypy,mypy)
	@$(call step,4/5 pyright,basedpyright --pythonpath $(IN_VENV))
	@$(call step,5/5 pytest,tests.suite)
	@echo "All is well."

step = echo "$(1)"; $(IN_VENV) -m $(2) || { echo "make $@: $(1) failed; what it found stands above." >&2; exit 1; }

test-base: $(VENV)-base/.pip
	$(VENV)-base/bin/python -m pytest -q --base

newcomer: $(VENV)/.test
	$(IN_VENV) -m tests.newcomer

# scikit-learn 1.5 calls SciPy as later ones warn of.
test-min: $(VENV)/.pip
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "make: pass PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)-min
	$(IN_VENV) -m tests.bounds > $(VENV)-min/oldest.txt
	$(VENV)-min/bin/python -m pip install --quiet --no-deps --editable .
	$(VENV)-min/bin/python -m pip install --quiet -r $(VENV)-min/oldest.txt 'scipy<1.15' attrs hypothesis ml-dtypes pycocotools
	$(VENV)-min/bin/python -m pytest -q --base

test-next: $(VENV)/.pip
	$(PYTHON) -m venv $(VENV)-next
	$(VENV)-next/bin/python -m pip install --quiet --upgrade --pre --editable '.[all,testing]' attrs hypothesis ml-dtypes pycocotools
	$(VENV)-next/bin/python -m pytest -q --base

test-extra: $(VENV)/.pip
	$(PYTHON) -m venv $(VENV)-extra-$(NAME)
	$(VENV)-extra-$(NAME)/bin/python -m pip install --quiet --editable '.[$(NAME)]' 'pytest>=8.2'
	$(VENV)-extra-$(NAME)/bin/python -m pytest -q --base

licences: $(VENV)/.test
	$(IN_VENV) -m tests.licences

spark: $(VENV)/.spark
	$(IN_VENV) -m pytest tests/runset/test_spark.py tests/runfolder/test_other_readers.py -k spark

fuzz: $(VENV)/.test
	$(IN_VENV) -m tests.hostile --seconds $(or $(SECONDS),60)
	EXAMPLES=$(or $(EXAMPLES),200) $(IN_VENV) -m pytest -q tests/writing/test_sessions_model.py

faults: $(VENV)/.test
	$(IN_VENV) -m tests.faults --seconds $(or $(SECONDS),1200)

soak: $(VENV)/.test
	$(IN_VENV) -m tests.writing.soak
	$(IN_VENV) -m tests.writing.load --seconds $(or $(SECONDS),600)
	SAMPLES=200 $(IN_VENV) -m pytest -q -n 2 tests/journal/test_damage.py

docs: $(VENV)/.pip viewer-bundle $(VENV)-docs/.pip
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build
	@echo "Open site/index.html"

interop: $(VENV)/.test
	$(IN_VENV) -m tests.interop.environments $(NAME)

release-check: $(VENV)/.test
	$(IN_VENV) -m tests.release

bench: $(VENV)/.test
	$(IN_VENV) -m benchmarks

screenshot: $(VENV)/.test viewer-bundle browser demo
	$(IN_VENV) docs/screenshot.py demo-runs

schemas: $(VENV)/.test
	$(IN_VENV) -m mediatypes.schemas --write schemas

clean:
	rm -rf $(VENV) $(VENV)-base $(VENV)-min $(VENV)-next $(VENV)-extra-* $(VENV)-docs $(VENV)-interop $(VENV)-peers site
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find mediatypes tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +

# The viewer's page, from npm packages; without npm runs show as plain HTML, and the tests of the page say why they skip.
viewer-bundle:
	@$(IN_VENV) viewer/build.py || echo "Going on without the viewer's page."

# A browser for the tests of the page, where Debian's may be installed; else they skip.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing Chromium, a minute the first time ..." && \
		apt-get update -qq >/dev/null && apt-get install -y -qq chromium >/dev/null; } || echo "No browser: its tests skip."

# Each stamp is newer than pyproject.toml once its packages are installed; without that nothing is done.

$(VENV)/.demo: pyproject.toml $(VENV)/.pip
	@echo "Installing mediatypes and what the demo needs, about a minute the first time ..."
	$(IN_VENV) -m pip install --editable '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.pip
	@echo "Installing mediatypes and what the tests need, a minute or two the first time ..."
	$(IN_VENV) -m pip install --editable . --group test
	@touch $@

$(VENV)/.spark: $(VENV)/.test
	@echo "Installing pyspark, a minute or two the first time ..."
	$(IN_VENV) -m pip install 'pyspark>=4'
	@touch $@

$(VENV)-base/.pip: pyproject.toml $(VENV)/.pip
	$(IN_VENV) -m venv $(VENV)-base
	$(VENV)-base/bin/python -m pip install --editable . 'pytest>=8.2'
	@touch $@

$(VENV)-docs/.pip: pyproject.toml $(VENV)/.pip
	$(IN_VENV) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(VENV)-docs/bin/python -m pip install --quiet --editable . --group docs
	@touch $@

# pip knows --group since 25.1, and a fresh machine may bring an older one.
$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "make: expected Python 3.11 or later as PYTHON, got '$(PYTHON)':" \
			"$$($(PYTHON) --version 2>&1 || true). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(IN_VENV) -m pip install --upgrade 'pip>=25.1'
	@touch $@
