# shellcheck shell=bash
# The tests, recorded like a part, so that `down` ends them too when this script could not.

run_tests() {
    # Tests that kill a Kafka start one of their own, from the jars that are here.
    export PAYMENT_NATIVE_DIR="$PLACE"
    # An engine has up to 16 connections and 13 topics, and one MariaDB and one Kafka serve those of all tests.
    local processors
    processors="$(nproc)"
    export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((processors < 8 ? processors : 8))}"
    if [ $# -gt 0 ]; then
        cargo_test "$@"
    else
        # Documentation's examples apart: those marked as ignored are not tests that were left out.
        cargo_test --workspace --lib --bins --tests && attended cargo test --workspace --doc
    fi
}

# Tests that need the real parts are marked as ignored, so that `cargo test` alone lists them as left out.
cargo_test() {
    local argument
    for argument in "$@"; do
        if [ "$argument" = -- ]; then
            attended cargo test "$@" --include-ignored
            return
        fi
    done
    attended cargo test "$@" -- --include-ignored
}

# Runs a command in the tree and waits for it; when interrupted, so is everything it started.
attended() {
    local code=0
    mkdir -p "$PLACE/tests"
    cd "$ROOT" || return
    start_process tests "$@"
    attend "-$!" "$!" || code=$?
    rm -f "$PLACE/tests/process"
    return "$code"
}
