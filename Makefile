# SPDX-License-Identifier: ISC

# make             the port program, priv/alcove, and the Erlang application
# make demo        a tour: forks, clones into namespaces, runs CMD; as root and without
# make shell       an Erlang shell with the application
# make test        everything that is checked
#
# make gen         what is generated from c_src_compat
# make doc         the manual that h/1 shows in the shell, beside the application
# make site        guide, manual, examples and changelog as pages, in _build/site or SITE
# make site-check  opens each of them in Debian's chromium, at the widths of a desk and a phone
# make eg          the examples, in ebin
# make bench       benchmarks: Go packages, the program over pipes, calls from Erlang
# make fuzz        fuzzing, FUZZTIME inputs for each target
# make soak        random load, SOAKTIME long
# make race        the Go tests under the race detector, which needs a C compiler
# make matrix      make demo and make test on other releases of Debian, or CELLS, as root
# make matrix-kernel  suites that depend on the kernel, on that of Debian 12 in a machine of qemu
# make gate        what is checked again with another release of Go: GOES names those to take
# make dist        programs for all systems, in dist or DIST
# make package     the package for hex, there too
# make verify      builds the package TARBALL again, with the release of Go that built it, and compares
# make verify-host   compares the programs with those that an emulated machine of another kind builds
# make release-check   whether the last commit can be released, and what is left to do by hand
# make clean
# make help        these lines
# make setup       what the build and the tests need, on Debian and its relatives
# ALCOVE_PREBUILT=path takes a built program instead of building one, or all in a folder
# that make dist has written.
#
# Only setup, demo and test install what is missing; demo no more than it takes to build.

MAKEFLAGS += --no-print-directory

# Where Go is after its installation, whatever the profile says.
export PATH := $(PATH):/usr/local/go/bin

REBAR ?= rebar3
GO ?= go
# Inputs, not a time: at its end go 1.26 fails now and then without a cause (golang/go#75804).
FUZZTIME ?= 100000x
SOAKTIME ?= 15m
DIST ?= dist
SITE ?= _build/site

ARCHITECTURES = 386 amd64 arm arm64 riscv64

# The shell may go to another folder.
ERL = ERL_LIBS='$(CURDIR)/_build/default/lib' ERL_CRASH_DUMP_SECONDS=0 erl -pa '$(CURDIR)/ebin'

# A path that is relative is so for the project that is built, which may not be this one.
PREBUILT = $(if $(filter-out /%,$(firstword $(ALCOVE_PREBUILT))),$(or $(REBAR_ROOT_DIR),$(CURDIR))/)$(ALCOVE_PREBUILT)

# Runs rebar3, which does not pass on the means of make to run jobs side by side, nor is to
# read what is typed for the command after it. A warning is an error, but not to a project that
# depends on this one.
rebar = @for tool in erl $(firstword $(REBAR)); do command -v $$tool >/dev/null || { \
		echo "$$tool is missing; on Debian and its relatives make setup installs it" >&2; exit 1; }; \
	done; $(MAKE) -C c_src_compat go ALCOVE_PREBUILT='$(PREBUILT)' && \
	ERL_COMPILER_OPTIONS='[warnings_as_errors]' MAKEFLAGS=--no-print-directory $(REBAR) $(1) </dev/null

# The manual as chunks (EEP 48), where the shell and the site look for it.
LIB = _build/default/lib/alcove

edoc = case code:ensure_loaded(edoc_doclet_chunks) of \
	{module, _} -> \
		edoc:application(alcove, "erlang", [{doclet, edoc_doclet_chunks}, {layout, edoc_layout_chunks}, \
			{preprocess, true}, {includes, ["erlang/include"]}, {dir, "$(LIB)/doc"}]), \
		halt(); \
	_ -> \
		io:put_chars("edoc is missing; on Debian and its relatives make setup installs it\n"), \
		halt(1) \
end.

# edoc knows no errors, only warnings.
chunks = rm -rf $(LIB)/doc && said=$$($(ERL) -noshell -eval '$(edoc)' 2>&1 </dev/null) && test -z "$$said" || \
	{ echo "$$said" >&2; false; }

.PHONY: all compile port help test vet go-test ct dialyzer xref demo shell \
	gen doc site site-check eg examples bench fuzz soak race gate matrix matrix-kernel dist package verify verify-host \
	release-check clean setup setup-build

# Most targets build in the same folders.
.NOTPARALLEL:

all: compile

# Also builds the port, by a hook that makes the target below.
compile:
	$(call rebar,compile)

# To a project that depends on it the whole folder is the application, and its include files are
# to be where those of an application are: here for rebar3, while mix has looked already and
# names the folder that it builds to. So are the sources for a release, where rebar3 builds to.
port:
	@$(MAKE) -C c_src_compat ALCOVE_PREBUILT='$(PREBUILT)'
	@test -z "$$REBAR_ROOT_DIR" -o "$$REBAR_ROOT_DIR" -ef . -o -e include || \
		ln -s erlang/include include
	@test -z "$$REBAR_BARE_COMPILER_OUTPUT_DIR" -o -e "$$REBAR_BARE_COMPILER_OUTPUT_DIR/include" || \
		ln -sfn '$(CURDIR)/erlang/include' "$$REBAR_BARE_COMPILER_OUTPUT_DIR/include"
	@test ! "$$REBAR_DEPS_DIR/alcove" -ef . || { mkdir -p src && ln -sfn ../erlang/src src/erlang; }
	@test ! -d "$$REBAR_CHECKOUTS_OUT_DIR/alcove" || { mkdir -p "$$REBAR_CHECKOUTS_OUT_DIR/alcove/src" && \
		ln -sfn '$(CURDIR)/erlang/src' "$$REBAR_CHECKOUTS_OUT_DIR/alcove/src/erlang"; }

# The checks, and the minutes that each takes on two processors. The first that fails is the last,
# but with make -k.
PARTS = setup:0 vet:1 xref:1 go-test:4 ct:7 dialyzer:2

test:
	@failed=; for part in $(PARTS); do \
		name=$${part%:*}; \
		echo "== make $$name (about $${part#*:} min)"; \
		start=$$(date +%s); \
		$(MAKE) $$name && status=passed || { status=FAILED; failed="$$failed $$name"; }; \
		echo "== make $$name $$status in $$(($$(date +%s) - start)) s"; \
		case $$failed,$(firstword -$(MAKEFLAGS)) in ,* | *,*k*) ;; *) break ;; esac; \
	done; \
	test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

# Staticcheck takes what only assembly uses in port for unused.
vet:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || \
		{ echo 'gofmt would change:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck $$($(GO) list ./... | grep -v '^github.com/alcove-go/alcove/port')
	$(GO) tool staticcheck -checks inherit,-U1000 ./port/...
	shellcheck -S warning $$(git ls-files '*.sh') .ci/run .ci/setup

# The lines at the beginning of this file, below the licence.
help:
	@sed -n '1,2d; /^#/!q; s/^# \{0,1\}//p' Makefile

go-test: port
	$(GO) test -timeout 30m ./...

dialyzer xref: compile
	$(call rebar,$@)

# Failures are printed again at the end, which is what CI keeps of a long output.
ct: compile
	$(call rebar,$@) || { test/failures.sh >&2; exit 1; }

demo: setup-build eg
	@$(ERL) -noshell -s demo

shell: compile
	@$(chunks) || :
	@$(ERL) -eval 'code:ensure_modules_loaded([alcove, alcove_drv, alcove_codec])'

gen:
	$(GO) generate ./...

doc: compile
	@$(chunks)

site: doc
	@mkdir -p _build/manual
	@erlc -Wall -Werror -o _build/manual erlang/site/manual.erl
	@$(ERL) -noshell -pa _build/manual -s manual main -extra $(LIB) rebar.config _build/manual/manual.json
	@$(GO) run ./erlang/site -manual _build/manual/manual.json -out '$(SITE)'

site-check: site
	@command -v chromium >/dev/null || { echo "chromium is missing: apt-get install chromium" >&2; exit 1; }
	@$(GO) run ./erlang/site/browser -site '$(SITE)'

eg examples: compile
	@mkdir -p ebin
	@ERL_LIBS=_build/default/lib erlc -Wall -Werror -o ebin erlang/examples/*.erl

# What the tables show is worth as much as the machine is idle meanwhile.
bench: compile
	@$(GO) test -run '^$$' -bench . -benchtime 200ms ./etf ./port
	@echo
	@$(GO) run ./test/bench -port priv/alcove
	@echo
	@mkdir -p _build/bench
	@erlc -Wall -Werror -o _build/bench test/alcove_bench.erl test/alcove_sandbox_bench.erl test/alcove_peers.erl
	@$(ERL) -noshell -pa _build/bench -s alcove_bench main

fuzz:
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

soak: port
	$(GO) test -count 1 -timeout 0 -v -run Model ./test -budget $(SOAKTIME) -processes 220

race: port
	CGO_ENABLED=1 $(GO) test -race -timeout 30m ./...

matrix:
	@test/matrix/run.sh $(CELLS)

matrix-kernel: compile
	@test/matrix/kernel.sh

# What the program needs of Go and Go does not promise, for each release: what its code reaches
# of the Go runtime, on every machine, and that it works without the rest, over the wire and
# from Erlang. TRIED in c_src_compat/Makefile has those that have passed.
GOES = go1.26.8 go1.27.3

# Without suites that build programs themselves or run none, and without those of modules above
# the driver, whose calls the others make as well.
UNGATED = alcove_doc readme alcove_manual alcove_layers alcove_codec alcove_properties \
	alcove_run alcove_program alcove_sandbox alcove_escape alcove_nodes alcove_operations alcove_top
comma = ,
empty =
GATED = $(subst $(empty) ,$(comma),$(filter-out $(UNGATED:%=test/%_SUITE.erl),$(wildcard test/*_SUITE.erl)))

gate: compile
	@for go in $(GOES); do \
		echo "$$go:"; export GOTOOLCHAIN=$$go ALCOVE_UNTRIED=1; \
		$(GO) test -count 1 -timeout 30m ./port/entry ./port/signal ./test/gate ./test && \
		$(GO) run ./test/gate/trap _build/trapped && \
		ALCOVE_PREBUILT='$(CURDIR)/_build/trapped' $(REBAR) ct --suite '$(GATED)' </dev/null || exit 1; \
	done
	@$(MAKE) port

# The same program for the same sources and the same release of Go wherever it is built. The name
# of a file tells that release: not every sha256sum knows comments.
dist:
	@mkdir -p '$(DIST)' && cd '$(DIST)' && rm -f alcove-*-* built-with-* SHA256SUMS && dist=$$(pwd) && cd '$(CURDIR)' && \
	for arch in $(ARCHITECTURES); do \
		GOOS=linux GOARCH=$$arch GOFLAGS= $(MAKE) -C c_src_compat ALCOVE_PREBUILT= C_SRC_OUTPUT="$$dist/alcove-linux-$$arch" || exit 1; \
	done; \
	release=$$($(GO) env GOVERSION) && echo "GOTOOLCHAIN=$$release make dist" > "$$dist/built-with-$$release"
	@cd '$(DIST)' && chmod 755 alcove-*-* && LC_ALL=C && export LC_ALL && \
		sha256sum alcove-*-* built-with-* > SHA256SUMS && cat SHA256SUMS

# The package for hex, beside those programs.
package: dist
	@escript .ci/package.escript make '$(DIST)' $(firstword $(REBAR))

# Builds TARBALL again, from this tree.
verify:
	@REBAR='$(firstword $(REBAR))' .ci/verify.sh '$(TARBALL)'

# The programs as a machine of another kind builds them, which qemu emulates, in ten minutes.
verify-host: dist
	@.ci/verify_host.sh '$(DIST)'

release-check:
	@.ci/release.sh

# The second _build is that of a project in Elixir; include and src are there when this was a dependency.
clean:
	@$(MAKE) -C c_src_compat clean
	@rm -rf _build erlang/_build ebin dist include src

setup:
	@sh .ci/setup

setup-build:
	@sh .ci/setup build
