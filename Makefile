# The whole vocabulary of a developer. Every target first installs what it needs from Debian, naming it.

CARGO ?= cargo
INSTALL := sh mailbox-daemon/debian/install.sh
# What `make run` hands to the demo box, e.g. make run ARGS="--port-base 30000".
ARGS ?=
# How long `make fuzz` spends on each target.
SECONDS_PER_TARGET ?= 300

.PHONY: help run test bench fuzz crash

help:
	@echo 'make run     build the daemon and start a demo box on 127.0.0.1 (stop it with Ctrl-C)'
	@echo 'make test    everything CI checks: format, lints, tests, real mail programs, kill -9'
	@echo 'make bench   the same work for this daemon and for Postfix + Dovecot, as ratios'
	@echo 'make fuzz    coverage-guided fuzzing of every parser and of whole sessions (SECONDS_PER_TARGET=300)'
	@echo 'make crash   cut a real ext4 under load and look for every acknowledged message (root, minutes)'

run:
	@$(INSTALL)
	$(CARGO) build --release --locked --package mailbox-daemon
	@exec "$${CARGO_TARGET_DIR:-target}/release/mailbox-daemon" demo $(ARGS)

test:
	@$(INSTALL) test
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	$(CARGO) test --locked --workspace
	$(CARGO) test --locked --release --package mailbox-daemon --test kill9 --test low_memory

bench:
	@$(INSTALL) bench
	$(CARGO) build --release --locked --package mailbox-daemon --package bench
	@exec "$${CARGO_TARGET_DIR:-target}/release/bench" $(ARGS)

fuzz:
	@$(INSTALL) fuzz
	SECONDS_PER_TARGET=$(SECONDS_PER_TARGET) sh mailbox-daemon/fuzz/run.sh

crash:
	@$(INSTALL) crash
	$(CARGO) test --locked --release --package mailbox-daemon --test power_cut -- --ignored --nocapture
