# make demo   a living made-up city at http://localhost:8080
# make test   brings what the tests need, checks the sources, runs all tests
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export CGO_ENABLED := 0

GO   ?= go
TOOL := $(GO) tool -modfile=tools/go.mod
ARGS ?=
NAME ?= cases
PKG  ?= ./...
TIME ?= 1h

.PHONY: help demo build test soak fuzz bench lint generate bundle bundle-if-possible font axe peers needs clean

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: bundle-if-possible ## a living made-up city; pass options with ARGS="--seed 7"
	@$(GO) run ./cmd/yiwang demo $(ARGS)

build: bundle-if-possible ## the program as one static file, bin/yiwang
	@mkdir -p bin
	$(GO) build -trimpath -ldflags "-s -w" -o bin/yiwang ./cmd/yiwang
	@ls -lh bin/yiwang | awk '{print "bin/yiwang, " $$5}'

test: needs bundle axe peers lint ## install what tests need, check the sources, run every test
	@$(GO) test -json -vet=off -ldflags="-s -w" -timeout 40m $(PKG) | $(GO) run -C tools ./testsum

soak: needs bundle axe peers ## the long versions: many crashes, many rounds
	@YIWANG_SOAK=1 $(GO) test -json -count=1 -timeout 150m $(PKG) | $(GO) run -C tools ./testsum

fuzz: ## hostile bytes for every parser in turn, TIME=1h each; choose with PKG=./tlog
	@TIME=$(TIME) tools/fuzz.sh $(if $(filter-out ./...,$(PKG)),$(PKG))

bench: ## the project's own benchmarks; choose one with NAME=cases
	@$(GO) run ./cmd/yiwang bench $(NAME) $(ARGS)

lint: ## formatting, vet, staticcheck, generated templates up to date
	@tools/lint.sh

generate: ## templates to Go
	@$(TOOL) templ generate

bundle: font ## fetch and bundle the front-end packages when missing or stale
	@if [ -x web/bundle/build.sh ]; then web/bundle/build.sh; fi

# The program runs without the bundle: maps and charts show their tables and say why.
bundle-if-possible: font
	@$(MAKE) --no-print-directory bundle || echo "Going on without the bundle: maps and charts will show their tables."

font: ## fetch the font for PDF pages
	@tools/font.sh

axe: ## the accessibility checker for browser tests
	@tools/npm-ci.sh internal/story

peers: ## implementations of others that tests talk to
	@tools/npm-ci.sh tools/peers/sdjwt

needs: ## install Chromium, PostgreSQL and fonts for the tests when missing
	@tools/needs.sh

clean: ## remove what was built and fetched
	@rm -rf bin internal/story/node_modules tools/peers/sdjwt/node_modules web/bundle/node_modules .work
	@if [ -d web/bundle/dist ]; then git clean -fdXq web/bundle/dist; fi
