# Every target works in a fresh clone. `make check` is what CI runs.

MODULES := $(shell go list -m -f '{{.Dir}}')
TESTED  := $(MODULES)
# What programs import: the modules whose exported API api/ records.
PUBLIC  := $(filter-out %/bench %/examples %/cmd/e6 $(CURDIR)/internal/%,$(MODULES))
# Where make vuln takes the known vulnerabilities from; file:///some/copy works too.
VULNDB  := https://vuln.go.dev
BIN     := $(CURDIR)/.bin
PROTO   := proto/e6data/e6x/v1
SH      := set -e;

.DEFAULT_GOAL := help
.PHONY: help demo playground test stress flaky check gen format vet lint drift tidy alone cross examples torture slice conformance verdicts sidebyside bench sim fuzz api sbom vuln release dryrun

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: ## real SQL on a local blue/green cluster that cuts over three times
	@cd examples && go run ./quickstart

playground: ## write .bin/playground.html: a cluster, a client and a load, in a browser
	@mkdir -p $(BIN)
	@go run ./internal/playground/build -o $(BIN)/playground.html

# A package that has not ended by then hangs: none needs a tenth of it.
# make vet vets, and these binaries are not debugged: -vet=off and -w save processor time.
TEST := go test -race -vet=off -ldflags=-w -timeout 30m

# Without it, each program with the race detector sleeps a second before it exits, for
# goroutines that still run. goleak finds those.
export GORACE := atexit_sleep_ms=0

# One go test for all modules, so that their packages share the processors. Many packages
# wait for programs, for timers and for disks: twice as many run at a time as there are
# processors.
PACKAGES := $(addsuffix /...,$(TESTED))
AT_ONCE  := -p $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))

test: ## all tests of every module, with the race detector
	@$(TEST) $(AT_ONCE) $(PACKAGES)

# Without the race detector, as make test runs the same code with it: the models of
# e6/internal/router have their largest scope, and a bubble has all processors (see
# internal/bubbles). The root module runs without the workspace, and of the others the
# packages that ask internal/stress how often to do something. Both run at once: many of
# these tests wait.
LONG   := E6_STRESS=1 go test -vet=off -timeout 30m $(AT_ONCE) -count=1
NESTED := $(filter-out $(CURDIR),$(MODULES))
stress: ## the long form of the tests that have one, without the race detector
	@$(MAKE) --no-print-directory -j 2 stress-root stress-nested

stress-root:
	GOWORK=off $(LONG) ./...

stress-nested:
	$(LONG) $$(git grep -lE 'stress\.(Count|Long)\(' -- $(NESTED) | xargs -n1 dirname | sort -u | sed 's|^|./|')

# Every second round runs beside a busy loop for each processor, at half the speed.
ROUNDS ?= 20
flaky: ## run all tests ROUNDS (20) times, half of them on a busy machine
	@ROUNDS=$(ROUNDS) PACKAGES="$(PACKAGES)" TEST="$(TEST) $(AT_ONCE) -count=1" ./internal/tools/flaky.sh

# One round of flaky is make test.
check: ROUNDS := 1
check: format vet lint drift tidy alone cross flaky stress slice verdicts dryrun ## everything that CI asks for

format: ## gofmt has nothing to say
	@$(SH) unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi

vet: ## go vet, in every module
	@$(SH) for m in $(TESTED); do (cd $$m && go vet ./...); done

lint: $(BIN)/staticcheck ## staticcheck, in every module
	@$(SH) for m in $(TESTED); do (cd $$m && $(BIN)/staticcheck ./...); done

gen: $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc ## generate the protocol's Go, and what the documents derive from the code
	protoc -I proto --plugin=$(BIN)/protoc-gen-go --plugin=$(BIN)/protoc-gen-go-grpc \
		--go_out=proto --go_opt=paths=source_relative --go-grpc_out=proto --go-grpc_opt=paths=source_relative \
		$(PROTO)/engine.proto $(PROTO)/cluster.proto
	thrift --gen go:skip_remote --out proto/thrift proto/thrift/chunk.thrift
	gofmt -w proto/thrift/chunk
	go run ./internal/gendocs README.md docs/flow.md docs/configuration.md docs/recorder.md
	go run ./internal/report/example write docs

# The lines that name the version of a generator may differ.
drift: gen api ## what is generated is what is committed
	@git diff --exit-code -I'^//.*(protoc|Thrift Compiler)' -- proto api README.md docs/flow.md docs/configuration.md docs/recorder.md docs/cutover-report.html docs/cutover-report.svg
	@$(SH) new=$$(git ls-files --others --exclude-standard -- proto api); \
	if [ -n "$$new" ]; then echo "generated and not committed: $$new"; exit 1; fi

tidy: ## go.mod and go.sum are tidy, in every module
	@$(SH) for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy -diff); done

alone: ## the root module builds without the workspace
	GOWORK=off go build ./...
	GOWORK=off go vet ./...

cross: ## the root module and the command build for other systems
	@$(SH) for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "build $$os/$$arch"; export CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch; go build ./...; (cd cmd/e6 && go build -o /dev/null .); done; done

examples: ## run the examples; make stress tests what they print
	cd examples && go run ./quickstart -duration 6s
	@$(SH) cd examples; for x in callbacks selection rollback tracing metrics gorm; do echo "== $$x"; go run ./$$x; done
	cd examples && go run ./debugpage -listen 127.0.0.1:0 -for 3s -every 700ms

# SEED=7 draws the scripts from 7, WORLDS=nginx plays one world only, and RECORD=recordings
# keeps the flight recordings there.
SEED     ?= 0
CUTOVERS ?= 1000
WORLDS   ?=
RECORD   ?=
torture: ## 1,000 cutovers of every kind under load, with faults of every kind; 10 minutes at the most
	@cd internal/torture && go build -o $(BIN)/torture . && $(BIN)/torture -time 10m -cutovers $(CUTOVERS) -seed $(SEED) -worlds "$(WORLDS)" -record "$(abspath $(RECORD))"

slice: ## a minute of it, the same one each time
	@cd internal/torture && go build -o $(BIN)/torture . && $(BIN)/torture -time 60s -cutovers 0 -seed 1

# Envoy and the public connector come from Python packages, into an environment of their own.
# Without Python the rest runs. LONG=1 runs each case for longer, RUN='Ingress/nginx' some.
RUN ?= .
CONFORMANCE := $(CURDIR)/.conformance
conformance: ## test with Envoy, HAProxy, nginx and the public connector, and write docs/conformance.md
	@internal/conformance/run.sh all -test.run '$(RUN)' -write $(CURDIR)/docs/conformance.md

verdicts: ## the same for CI: the verdicts are those of docs/conformance.md, which stays as it is
	@internal/conformance/run.sh some -check $(CURDIR)/docs/conformance.md
	@internal/conformance/run.sh sidebyside -cutovers 2 -pause 1s

sidebyside: ## run the same load with the public connector and with this SDK, and write the tables
	@E6_REQUIRE_PYTHON=1 internal/conformance/run.sh sidebyside -write $(CURDIR)/docs/performance.md -short $(CURDIR)/README.md

# A new target is found by its name. Each begins with the inputs that its package
# keeps in testdata/fuzz, which every run of the tests goes through too.
FUZZTIME ?= 20s
fuzz: ## run every fuzz target for FUZZTIME (20s)
	@mkdir -p $(BIN)
	@$(SH) for m in $(TESTED); do cd $$m; \
	go test -list '^Fuzz' ./... | awk '/^Fuzz/ { name[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, name[i]; n = 0 } /^FAIL/ { exit 1 }' >$(BIN)/targets; \
	while read -r package target; do \
		echo "== $$target of $$package"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10s $$package </dev/null || { \
			echo "the input is in testdata/fuzz/$$target of the package: keep it there; replay it with"; \
			echo "    cd $$m && go test -run '^$$target\$$' $$package"; \
			exit 1; }; \
	done <$(BIN)/targets; done

api: ## write the exported API to api/, and tell what changed since the last commit
	@cd internal/tools && GOWORK=off go run ./api -o $(CURDIR)/api $(PUBLIC)
	@changed=$$(git diff -U0 -- api | grep -E '^[-+][^-+]'); \
	if [ -z "$$changed" ]; then echo "the exported API is as committed"; else echo "$$changed"; fi
	@if git diff -U0 -- api | grep -qE '^-[^-]'; then echo "what goes or changes is a breaking change: see docs/versions.md"; fi

sbom: $(BIN)/cyclonedx-gomod ## write a bill of materials (CycloneDX) of every module to .sbom/
	@mkdir -p .sbom
	@$(SH) for m in $(MODULES); do name=$$(cd $$m && GOWORK=off go list -m | sed 's|^github.com/e6data/||; s|/|-|g'); \
		(cd $$m && GOWORK=off GOFLAGS=-mod=mod $(BIN)/cyclonedx-gomod mod -json -output $(CURDIR)/.sbom/$$name.json); echo ".sbom/$$name.json"; done

vuln: $(BIN)/govulncheck ## look for known vulnerabilities; it needs the network, or VULNDB
	@$(SH) for m in $(MODULES); do echo "== $$m"; (cd $$m && $(BIN)/govulncheck -db $(VULNDB) ./...) || { code=$$?; \
		[ $$code = 3 ] || echo "nothing was checked here: is $(VULNDB) within reach? VULNDB=file:///... takes a copy"; exit $$code; }; done

release: ## create the tags of VERSION (v1.2.3) here, after programs could use it; push nothing
	@cd internal/tools && GOWORK=off go run ./release -C $(CURDIR) "$(VERSION)"

dryrun: ## a release of these files up to its tags, in a copy
	cd internal/tools && E6_RELEASE=1 GOWORK=off go test -count=1 -v -run TestRelease_OfThisRepositoryIsReady ./release

bench: ## measure against the least that the same work can cost, and write docs/performance.md
	cd bench && go run . -write ../docs/performance.md

sim: ## let 10,000 clients go through cutovers, and write docs/scale.md
	cd bench && go test ./sim -run TestTheDocumentIsWritten -timeout 20m -v -args -write ../../docs/scale.md

$(BIN)/%: internal/tools/go.mod internal/tools/go.sum
	@mkdir -p $(BIN)
	cd internal/tools && GOWORK=off GOBIN=$(BIN) go install $$(GOWORK=off go list tool | grep '/$*$$')
	@touch $@
