# Two commands: `make repro` and `make test`. Each sets up all it needs. `make help` lists the others.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV   := .venv
ONLY   :=
TOL    := 0.02
FROM   :=
MANIFEST :=
PHOTOS :=
SKETCHES :=
OUT    := runs/own
LAB    :=
METHODS :=
JOBS   := 2

BIN   := $(abspath $(VENV))/bin
READY := $(VENV)/.ready
DVC   := $(BIN)/python -m dvc

# The stages find papermill, and this checkout's library whatever is installed. Threads and hash seed are part of the result.
export PATH := $(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)
export OMP_NUM_THREADS := 2
export PYTHONHASHSEED := 0
# what is found in photos is kept here, for the next stage
export SKETCHNB_CACHE := $(CURDIR)/build/cache
export TOKENIZERS_PARALLELISM := false
export DVC_NO_ANALYTICS := 1
# glibc would return large blocks to the system and fetch them again for each layer: a third of the VAE's time on a CPU
export MALLOC_MMAP_THRESHOLD_ := 4294967296
export MALLOC_TRIM_THRESHOLD_ := 8589934592
export MALLOC_TOP_PAD_ := 67108864
# no network; `make repro HF_HUB_OFFLINE=0 TRANSFORMERS_OFFLINE=0` lets models be fetched from a hub (params/paper.yaml)
export HF_HUB_OFFLINE ?= 1
export TRANSFORMERS_OFFLINE ?= 1
export HF_HUB_DISABLE_TELEMETRY := 1
unexport MPLBACKEND

.PHONY: help repro studies test smoke check golden scratch adopt own world bench lab setup clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)  ## the environment in .venv; every other target does it first

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'Python 3.11 or newer is needed, and "$(PYTHON)" is not: name one with `make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)`' >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo 'setting up $(VENV) (once; some minutes)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@

repro: $(READY)  ## data and trained weights restored, every other result computed anew; prints the main table
	@$(BIN)/python tools/restore.py
	rm -rf metrics reports
	@$(BIN)/python tools/repro.py --jobs $(JOBS)
	@cat reports/tables/*.md
	@echo; echo 'tables: reports/tables  figures: reports/figures  numbers: metrics  executed notebooks: runs'

studies: $(READY)  ## rivals, ablations and curves anew, some three hours on two cores; their numbers go to studies/results, then `make repro` shows them
	@$(BIN)/python tools/restore.py
	$(DVC) repro source
	@$(MAKE) --no-print-directory -j$(JOBS) $$($(DVC) stage list studies/dvc.yaml --name-only | sed -nE 's/^(.*:)?train@/study-/p')
	$(DVC) repro studies/dvc.yaml
	cp build/studies/results/*/* studies/results/

# one training, what it then sees and how it answers; JOBS run at once, on a thread each
study-%: export OMP_NUM_THREADS := 1
study-%:
	@$(DVC) --wait-for-lock repro -s studies/dvc.yaml:train@$* studies/dvc.yaml:embed@$* studies/dvc.yaml:evaluate@$*

test: $(READY)  ## all that checks the project; ONLY=text runs the checks whose name holds it
	@$(BIN)/python tools/check.py --only '$(ONLY)'

smoke: $(READY)  ## every stage from nothing, at the smallest size, in a temporary copy
	@$(BIN)/python tools/smoke.py

check: $(READY)  ## metrics now against those of the last commit, within TOL
	@$(BIN)/python tools/compare.py --tol $(TOL)

golden: $(READY)  ## after a change that is meant to change results: what classes do now, on which their training depends
	@$(BIN)/python tools/golden.py

scratch: $(READY)  ## everything from nothing, training too (hours); run again after an interruption, it goes on
	@mkdir -p .dvc/tmp
	@test -e .dvc/tmp/scratch || { rm -rf dvc.lock metrics reports build/work && touch .dvc/tmp/scratch; }
	$(DVC) repro --no-run-cache
	@rm .dvc/tmp/scratch

adopt: $(READY)  ## take in weights trained elsewhere: FROM=folder with a sub-folder for each backbone, a file for each trained method
	@$(BIN)/python tools/adopt.py '$(FROM)'

own: $(READY)  ## tables for your own data: MANIFEST=file.csv, or PHOTOS=folder SKETCHES=folder; METHODS='entries of params.yaml'; OUT=folder
	@test -n '$(MANIFEST)$(PHOTOS)' || { echo 'name MANIFEST=file.csv, or PHOTOS=folder SKETCHES=folder' >&2; exit 1; }
	@mkdir -p runs
	papermill --cwd nbs/pipeline --no-progress-bar -r manifest '$(abspath $(MANIFEST))' -r photos '$(abspath $(PHOTOS))' \
	  -r sketches '$(abspath $(SKETCHES))' -r out '$(abspath $(OUT))' -r methods '$(METHODS)' nbs/pipeline/own.ipynb runs/own.ipynb
	@cat $(OUT)/*.md

world: $(READY)  ## render the data set anew, by the recipe in params.yaml
	@$(BIN)/python tools/world.py

bench: $(READY)  ## how much faster the features are than a plain implementation, at Stable Diffusion's full size: ratios
	@$(BIN)/python tools/bench.py

lab: $(READY)  ## JupyterLab in the same environment; LAB='--port 8899 --allow-root' goes to it
	@$(BIN)/jupyter lab --notebook-dir=nbs $(LAB)

clean:  ## what the stages left, but neither data, models nor environment
	rm -rf build runs features rankings _proc _docs
	find nbs sketchnb -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf
