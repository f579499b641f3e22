# shellcheck shell=bash
# Authorizations at a steady rate: by payment-bench where it is built, by curl elsewhere.

# start_load SECONDS: in the background; its files are in $PLACE/drill.
start_load() {
    local seconds="$1" bench
    mkdir -p "$PLACE/drill"
    rm -f "$PLACE/drill"/load.*
    if bench="$(find_bench)"; then
        start_process drill "$bench" load --url "$public/api" --rate "$rate" --duration "${seconds}s" \
            --json "$PLACE/drill/load.json" </dev/null >"$PLACE/drill/load.log" 2>&1
    else
        start_process drill bash "$HERE/lib/curl-load" "$public" "$rate" "$seconds" "$PLACE/drill/load.statuses" \
            </dev/null >"$PLACE/drill/load.log" 2>&1
    fi
    load_process=$!
}

# Beside the engine, or where cargo puts it.
find_bench() {
    local engine folder
    engine="$(readlink "/proc/$(pid_of engine)/exe")" || engine=''
    for folder in "$(dirname "$engine")" "${CARGO_TARGET_DIR:-$ROOT/target}/release" \
        "${CARGO_TARGET_DIR:-$ROOT/target}/debug"; do
        if [ -x "$folder/payment-bench" ]; then
            printf '%s\n' "$folder/payment-bench"
            return
        fi
    done
    return 1
}

# end_load LIMIT: waits for its end; fails unless every request was answered. Sets load_told.
end_load() {
    local limit="$1" began=$SECONDS
    while pid_of drill >/dev/null; do
        if ((SECONDS - began >= limit)); then
            load_told="the load did not end within $limit s"
            return 1
        fi
        sleep 0.1
    done
    wait "$load_process" || true
    rm -f "$PLACE/drill/process"
    judge_load "$PLACE/drill/load"
}

# A decline is an answer.
judge_load() {
    local requests failed
    if [ -s "$1.json" ]; then
        requests="$(sed -n 's/^ *"requests": *\([0-9]*\).*/\1/p' "$1.json" | head -n 1)"
        failed="$(bench_errors "$1.json")"
    else
        requests="$(content_of "$1.statuses" | wc -l)"
        failed="$(content_of "$1.statuses" | grep -cv '^\(200\|402\)$' || true)"
    fi
    load_told="${requests:-0} authorizations under load, $failed of them failed"
    if [ "${requests:-0}" -eq 0 ]; then
        show_tail "$1.log"
        return 1
    fi
    [ "$failed" -eq 0 ]
}

# The sum of what its "errors" counts, by status.
bench_errors() {
    tr -d '\n' <"$1" | sed -n 's/.*"errors": *{\([^}]*\)}.*/\1/p' | grep -o ': *[0-9]*' | tr -d ': ' |
        { sum=0; while read -r count; do sum=$((sum + count)); done; echo "$sum"; }
}
