# Every target works in a fresh clone. `make check` is what CI runs.

MODULES := $(shell go list -m -f '{{.Dir}}')
TESTED  := $(filter-out %/internal/tools,$(MODULES))
BIN     := $(CURDIR)/.bin
PROTO   := proto/e6data/e6x/v1
SH      := set -e;

.DEFAULT_GOAL := help
.PHONY: help demo test check gen format vet lint drift tidy alone cross examples bench

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: ## real SQL on a local blue/green cluster that cuts over three times
	@cd examples && go run ./quickstart

test: ## all tests of every module, with the race detector
	@$(SH) for m in $(TESTED); do echo "== $$m"; (cd $$m && go test -race ./...); done

check: format vet lint drift tidy alone cross test examples ## everything that CI asks for

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
	go run ./internal/gendocs README.md docs/flow.md docs/configuration.md

# The lines that name the version of a generator may differ.
drift: gen ## what is generated is what is committed
	@git diff --exit-code -I'^//.*(protoc|Thrift Compiler)' -- proto README.md docs/flow.md docs/configuration.md
	@$(SH) new=$$(git ls-files --others --exclude-standard -- proto); \
	if [ -n "$$new" ]; then echo "generated and not committed: $$new"; exit 1; fi

tidy: ## go.mod and go.sum are tidy, in every module
	@$(SH) for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy -diff); done

alone: ## the root module builds and tests without the workspace
	GOWORK=off go build ./...
	GOWORK=off go vet ./...
	GOWORK=off go test ./...

cross: ## the root module and the command build for other systems
	@$(SH) for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "build $$os/$$arch"; export CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch; go build ./...; (cd cmd/e6 && go build -o /dev/null .); done; done

examples: ## the examples run
	cd examples && go run ./quickstart -duration 6s
	@$(SH) cd examples; for x in callbacks selection rollback tracing metrics gorm; do echo "== $$x"; go run ./$$x; done
	cd examples && go run ./debugpage -listen 127.0.0.1:0 -for 3s -every 700ms

bench: ## measure against the least that the same work can cost, and write docs/performance.md
	cd bench && go run . -write ../docs/performance.md

$(BIN)/%: internal/tools/go.mod internal/tools/go.sum
	@mkdir -p $(BIN)
	cd internal/tools && GOWORK=off GOBIN=$(BIN) go install tool
	@touch $(BIN)/*
