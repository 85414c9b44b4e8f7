# Shared by the server scripts beside this file; sourced, not run.
# shellcheck shell=bash
#
# A server script defines install, start DIR [PORT] and probe DIR, and ends with dispatch "$@".
# All of a server's files are in DIR: pid, url, log and its data. Everything listens on loopback.

CACHE="${FLEET_SERVICES_CACHE:-$HOME/.cache/data-fleet/services}"
READY_SECONDS="${FLEET_SERVICES_READY_SECONDS:-90}"
STOP_SECONDS="${FLEET_SERVICES_STOP_SECONDS:-30}"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
wants() { command -v "$1" >/dev/null 2>&1 || die "$1 is needed: ${2:-install it first}"; }

# Runs "$2..." under a lock named $1, so that test runs side by side install once.
with_lock() {
    local name="$1" fd
    shift
    mkdir -p "$CACHE"
    exec {fd}>"$CACHE/.$name.lock"
    flock -w 900 "$fd" || die "another install of $name has held its lock for 15 minutes"
    "$@"
    exec {fd}>&-
}

# Makes a directory and prints its absolute path.
absolute() {
    [ -n "${1:-}" ] || die "a directory is needed"
    mkdir -p "$1"
    (cd "$1" && pwd -P)
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Prints "$1", or a free port below the kernel's ephemeral range when it is 0 or empty.
pick_port() {
    local want="${1:-0}" i port
    if [ "$want" != 0 ]; then
        # After kill -9 the last threads of a process hold its sockets a little longer than its pid.
        for ((i = 0; i < 100; i++)); do
            if ! port_open "$want"; then printf '%s\n' "$want"; return; fi
            sleep 0.1
        done
        die "port $want is taken"
    fi
    for ((i = 0; i < 100; i++)); do
        port=$((10000 + RANDOM % 20000))
        if ! port_open "$port"; then printf '%s\n' "$port"; return; fi
    done
    die "no free port found in 100 tries"
}

# The pid in $1/pid, if that process lives and its command line or working directory still names
# the directory: a pid that was given to another process is never touched.
live_pid() {
    local dir="$1" pid
    [ -s "$dir/pid" ] || return 1
    pid="$(cat "$dir/pid")"
    [[ "$pid" =~ ^[0-9]+$ ]] && [ -r "/proc/$pid/cmdline" ] || return 1
    case "$(awk '/^State/ {print $2}' "/proc/$pid/status" 2>/dev/null)" in Z | X | '') return 1 ;; esac
    if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$dir" ||
        [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$dir" ]; then
        printf '%s\n' "$pid"
        return 0
    fi
    return 1
}

# spawn DIR COMMAND...: starts it in DIR, detached, with its pid and log there.
spawn() {
    local dir="$1"
    shift
    (
        cd "$dir"
        exec setsid "$@" >>"$dir/log" 2>&1 </dev/null &
        printf '%s\n' "$!" >"$dir/pid"
    )
}

# wait_ready DIR NAME: polls the script's probe until it succeeds, the process ends, or time is up.
wait_ready() {
    local dir="$1" name="$2" deadline=$((SECONDS + READY_SECONDS))
    while ((SECONDS < deadline)); do
        if ! live_pid "$dir" >/dev/null; then
            tail -n 30 "$dir/log" >&2
            rm -f "$dir/pid"
            say "$name ended while starting; its log is $dir/log"
            return 1
        fi
        if probe "$dir" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    tail -n 30 "$dir/log" >&2
    stop_server "$dir" KILL || true
    say "$name was not ready after $READY_SECONDS s; its log is $dir/log"
    return 1
}

# stop_server DIR SIGNAL: ends the process in DIR's pid file and waits until it is gone; the data
# stays. A graceful stop that takes too long is followed by KILL.
stop_server() {
    local dir="$1" signal="${2:-TERM}" pid deadline
    if ! pid="$(live_pid "$dir")"; then
        rm -f "$dir/pid"
        return 0
    fi
    kill -s "$signal" "$pid" 2>/dev/null || true
    deadline=$((SECONDS + STOP_SECONDS))
    while live_pid "$dir" >/dev/null; do
        if ((SECONDS >= deadline)); then
            [ "$signal" != KILL ] || die "pid $pid cannot be ended"
            say "pid $pid outlived SIG$signal by $STOP_SECONDS s: sending KILL"
            kill -s KILL "$pid" 2>/dev/null || true
            signal=KILL
            deadline=$((SECONDS + 10))
        fi
        sleep 0.05
    done
    rm -f "$dir/pid"
}

# Prints "URL HEALTH"; fails unless the server answers.
status() {
    local dir="$1"
    if ! live_pid "$dir" >/dev/null; then echo "- down"; return 3; fi
    if probe "$dir" >/dev/null 2>&1; then echo "$(cat "$dir/url") ready"; return 0; fi
    echo "$(cat "$dir/url") not answering"
    return 4
}

# What every server script can do.
dispatch() {
    local verb="${1:-}"
    [ $# -eq 0 ] || shift
    case "$verb" in
        install) install ;;
        start) start "$(absolute "${1:-}")" "${2:-0}" ;;
        stop) stop_server "$(absolute "${1:-}")" TERM ;;
        kill) stop_server "$(absolute "${1:-}")" KILL ;;
        status) status "$(absolute "${1:-}")" ;;
        *)
            say "usage: $(basename "$0") install
       $(basename "$0") start DIR [PORT]   (PORT 0, the default, picks a free one; prints the URL)
       $(basename "$0") stop|kill|status DIR   (stop is graceful, kill is SIGKILL; data is kept)"
            exit 2
            ;;
    esac
}
