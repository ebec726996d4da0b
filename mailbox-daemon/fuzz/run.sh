#!/bin/sh
# Coverage-guided fuzzing of every target, SECONDS_PER_TARGET each, or of the targets named. Works with the stable toolchain:
# libFuzzer comes from crates.io, the instrumentation is what cargo-fuzz asks the compiler for.
#
#   sh mailbox-daemon/fuzz/run.sh smtp_session imap_session
#
# A finding is left in artifacts/TARGET; put it into corpus/TARGET once it is mended, so that `make test` keeps watch.
set -eu
cd "$(dirname "$0")"

seconds="${SECONDS_PER_TARGET:-300}"
host="$(rustc -vV | sed -n 's/^host: //p')"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}"
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
cargo build --release --target "$host"

[ $# -gt 0 ] || set -- $(sed -n 's/^    ("\([a-z_]*\)", .*/\1/p' targets/mod.rs)
for target; do
    echo "== $target, $seconds s"
    mkdir -p "found/$target" "artifacts/$target"
    TARGET="$target" "$CARGO_TARGET_DIR/$host/release/fuzz" "found/$target" "corpus/$target" \
        -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=0 -verbosity=1
done
