# Needs Python 3.11 or newer and nothing else. GNU make (3.81 of macOS too) and BSD make read this file.
#
# The project is not installed into .venv: every command runs from the checkout with `python -m`, which puts this
# folder first on the path. So no build backend is needed, and the running code is always the code you see.

PYTHON ?= python3
ENGINE ?= docker
INSTALL = .venv/bin/python -m pip --disable-pip-version-check --no-input install --quiet --quiet --require-hashes
LOCK = .venv/bin/uv --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--annotation-style line --custom-compile-command 'make lock' $(LOCK_FLAGS)

.PHONY: help demo test test-fast check lock manifests image image-test debian13-test clean

help:
	@echo 'make demo    run the exporter over built-in vendor simulators and print its address'
	@echo 'make test    formatting, lint, types and all tests'
	@echo 'make test-fast  the tests without real servers, processes and long searches: under two minutes'
	@echo 'make check   formatting, lint and types alone'
	@echo 'make lock    pin pyproject.toml anew; LOCK_FLAGS=--upgrade takes the newest versions'
	@echo 'make manifests  write the rules of prometheus/ into the PrometheusRule; RUNBOOKS=URL and GRAFANA=URL for its links'
	@echo 'make image   build the image with docker, or with make ENGINE=podman'
	@echo 'make image-test  build the image without a registry, run it, and boot systemd with the unit; root, minutes'
	@echo 'make debian13-test  make test-fast on Debian 13 and its Python 3.13; root, minutes'
	@echo 'make clean   remove .venv and caches'

demo: .venv/runtime
	@.venv/bin/python -m exporter demo

test: check
	.venv/bin/python -m pytest --numprocesses auto --dist worksteal

# Property tests try fewer examples.
test-fast: .venv/dev
	.venv/bin/python -m pytest --numprocesses auto --dist worksteal --hypothesis-profile fast \
		-m 'not (servers or slow or image)'

check: .venv/dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

# Not pip-compile: the universal lock holds for every platform and Python at once (markers included), and pip's
# configuration on the machine that makes it is not even read.
lock: .venv/dev
	$(LOCK) --all-extras --output-file requirements.txt pyproject.toml
	$(LOCK) --all-extras --group dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	$(LOCK) --group build --constraint requirements-dev.txt --output-file requirements-build.txt

manifests:
	RUNBOOKS='$(RUNBOOKS)' GRAFANA='$(GRAFANA)' sh deploy/kubernetes/prometheusrule.sh >deploy/kubernetes/prometheus-operator/prometheusrule.yaml

image:
	$(ENGINE) build --tag adoption-exporter .

# Debian packages: buildah debootstrap podman runc.
image-test: .venv/dev
	.venv/bin/python -m pytest -m image

# Debian package: debootstrap.
debian13-test:
	tests/deploy/another_debian.sh trixie

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find exporter tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo '$(PYTHON) is not Python 3.11 or newer; name one that is: make PYTHON=python3.13 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo '$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Making .venv with the pinned packages: a minute, once'
	@$(PYTHON) -m venv --clear .venv

.venv/runtime: .venv/bin/python requirements.txt
	@$(INSTALL) --requirement requirements.txt
	@touch .venv/runtime

.venv/dev: .venv/bin/python requirements-dev.txt
	@$(INSTALL) --requirement requirements-dev.txt
	@touch .venv/dev
