# What the scripts share. Sourced, never run; works with the bash 3.2 of macOS.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Prints a heading.
heading() {
    printf '\n== %s\n' "$*"
}

# Ends the script with a message.
die() {
    printf '%s\n' "$@" >&2
    exit 1
}

ticker=

stop_ticker() {
    [ -n "$ticker" ] || return 0
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    ticker=
}

# quietly TITLE COMMAND...: runs a command whose output matters only if it fails. Says what it waits for, every 10 s.
quietly() {
    local title=$1 log status=0 started=$SECONDS
    shift
    log=$(mktemp "${TMPDIR:-/tmp}/formation-log.XXXXXX")
    printf '%s ...\n' "$title"
    (
        # The sleep's own output is closed: a pipe that reads ours must not wait for it.
        while sleep 10 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
            printf '  still at it (%d s)\n' $((SECONDS - started))
        done
    ) &
    ticker=$!
    "$@" >"$log" 2>&1 </dev/null || status=$?
    stop_ticker
    if [ "$status" -ne 0 ]; then
        tail -n 40 "$log" >&2
        printf '%s: failed with status %d.\n' "$title" "$status" >&2
    elif [ $((SECONDS - started)) -ge 2 ]; then
        printf '  done (%d s)\n' $((SECONDS - started))
    fi
    rm -f "$log"
    return "$status"
}

# Prints the directory of a PostgreSQL server's programs, 14 or newer; fails where there is none.
postgres_bin() {
    local candidate major
    for candidate in \
        "${POSTGRES_BIN:-}" \
        "$(pg_config --bindir 2>/dev/null || true)" \
        $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -t / -k 5 -V -r) \
        $(ls -d /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin 2>/dev/null | sort -r) \
        "$(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)")"; do
        [ -n "$candidate" ] && [ -x "$candidate/initdb" ] && [ -x "$candidate/pg_ctl" ] || continue
        major=$("$candidate/initdb" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
        [ "$major" -ge 14 ] || continue
        printf '%s\n' "$candidate"
        return 0
    done
    return 1
}

# Prints the path of a Chromium that Playwright can drive; fails where there is none.
chromium_path() {
    local candidate
    for candidate in "${CHROMIUM_PATH:-}" chromium google-chrome google-chrome-stable \
        "/Applications/Chromium.app/Contents/MacOS/Chromium" \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        [ -n "$candidate" ] || continue
        candidate=$(command -v "$candidate" 2>/dev/null) || continue
        # Ubuntu's package is a stub that starts a snap; it has no place in a container.
        case $(readlink -f "$candidate" 2>/dev/null || true) in
        */snap*) continue ;;
        esac
        printf '%s\n' "$candidate"
        return 0
    done
    return 1
}
