# make            install, find the customer table, run the notebooks into build/
# make test       the tests
# make check      lint, format and the fast tests, in about a minute and a half
# make all        also the notebooks of notebooks/further/
# make render     the notebooks in place, on the real table, and img/
# make lab        the notebooks in JupyterLab, to run and change by hand
# make site       README, notebooks as committed and reference, for any static host: build/site
# make bench      ours beside the libraries as the source articles use them
# make lock       pin again what the pinned packages depend on, into requirements.lock
# make spark      install what --engine spark and scale_out.ipynb need; Java comes on its own
#
# CUSTOMERS=path.csv  a table of your own; beside it, customers.toml
# TRANSACTIONS=orders.csv  orders, of which customers are made; beside them, transactions.toml
# SEGMENTS=4          how many segments
# PYTHON=python3.12   another Python

PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python3.14,\
	$(shell $(p) -c 'import sys; print("$(p)" * ((3, 11) <= sys.version_info < (3, 15)))' 2>/dev/null)))
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/installed

ifdef CUSTOMERS
export CUSTOMERS
endif
ifdef TRANSACTIONS
export TRANSACTIONS
endif
ifdef SEGMENTS
export SEGMENTS
endif

.PHONY: notebooks test check all render bench lock spark clean

notebooks: $(INSTALLED)
	@$(RUN) -m segmentation.build

all: $(INSTALLED)
	@$(RUN) -m segmentation.build --further

render: $(INSTALLED)
	@$(RUN) -m segmentation.build --render

# Threads of two processes that spin while they wait take each other's cores.
test check: export OMP_WAIT_POLICY = PASSIVE
test check: export KMP_BLOCKTIME = 0

# A test file stays with one process, as what its tests share takes long to make.
test: $(INSTALLED)
	@$(RUN) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

check: $(INSTALLED)
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist loadfile

bench: $(INSTALLED)
	@$(RUN) -m benchmarks

# It lists what CUDA needs too; that is installed only where the PyTorch installed asks for it.
lock: $(INSTALLED)
	sed '/^-/d' requirements.txt requirements-spark.txt | $(RUN) -m uv pip compile --quiet \
		--universal --python-version 3.11 --upgrade \
		--custom-compile-command "make lock" -o requirements.lock -

spark: $(INSTALLED)
	$(RUN) -m pip install --disable-pip-version-check -r requirements-spark.txt

.PHONY: lab site
lab: $(INSTALLED)
	@$(RUN) -m segmentation.build --lab

site: $(INSTALLED)
	$(RUN) -m pip install --disable-pip-version-check --quiet -r requirements-site.txt
	@$(RUN) docs/build.py

clean:
	rm -rf build $(VENV)

$(INSTALLED): requirements.txt requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12, 3.13 or 3.14 is needed; name one with PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@
