# shellcheck shell=sh
# The project's own Python environment, .venv: made when missing, mended when stale, otherwise out of the way.
#
# Sourced by mlxgpt, test and check, after `root` was set to the folder of the repository.  POSIX sh: runs in dash and in
# macOS's bash 3.2.  `environment_ensure` decides in a few milliseconds, without starting Python, whether .venv is up to date.
# A part of it (base, dev, cuda) is complete when its stamp, .venv/mlxgpt/PART, holds the current key.  Stamps are removed
# before an installation and written after it, so what was interrupted is done again.
#
#   MLXGPT_EXTRAS=cuda         installs extras too (asking once is enough: later starts keep them)
#   MLXGPT_PYTHON=python3.12   the Python to make .venv with, the next time it is made

# environment_ensure [PART…]: after it, "$venv" has the project, the parts asked for and those that were there before.
environment_ensure() {
    venv=$root/.venv
    environment_wanted "$@"
    if environment_ready; then return; fi
    environment_lock
    environment_ready || environment_install # another start may have done it while we waited
    environment_unlock
}

# Sets $wanted: the parts needed now.
environment_wanted() {
    case ${MLXGPT_EXTRAS-} in
    *[!A-Za-z0-9,_-]*) environment_fail "MLXGPT_EXTRAS=$MLXGPT_EXTRAS is not a list of extras, as in MLXGPT_EXTRAS=cuda" ;;
    esac
    wanted="base $*"
    rest=${MLXGPT_EXTRAS-},
    while [ -n "$rest" ]; do
        wanted="$wanted ${rest%%,*}"
        rest=${rest#*,}
    done
}

# ---- is it up to date? -----------------------------------------------------------------------------------------------

environment_ready() {
    [ -x "$venv/bin/python" ] && [ -x "$venv/bin/mlxgpt" ] || return 1
    environment_key
    for part in $wanted; do
        environment_stamped "$part" "$key" || return 1
    done
}

# Sets $place (a .venv belongs to its folder and its interpreter) and $key (the place, and what has to be installed).
environment_key() {
    set -f # words are split below, never expanded
    # shellcheck disable=SC2046  # splitting puts what the commands print on one line
    set -- "$root" $(readlink -f "$venv/bin/python" 2>/dev/null)
    place=$*
    # shellcheck disable=SC2046
    set -- "$place" $(cd "$root" && cksum pyproject.toml scripts/constraints.txt)
    key=$*
    set +f
}

# environment_stamped NAME LINE: the file .venv/mlxgpt/NAME holds this line.
environment_stamped() {
    [ -f "$venv/mlxgpt/$1" ] && IFS= read -r line <"$venv/mlxgpt/$1" && [ "$line" = "$2" ]
}

environment_stamp() {
    mkdir -p "$venv/mlxgpt"
    printf '%s\n' "$2" >"$venv/mlxgpt/.$1.new"
    mv "$venv/mlxgpt/.$1.new" "$venv/mlxgpt/$1"
}

# ---- making and mending ----------------------------------------------------------------------------------------------

environment_install() {
    started=$(date +%s)
    uv=$(command -v uv) || uv=
    if environment_reusable; then
        environment_say "bringing .venv up to date"
    else
        environment_say "setting up .venv with $([ -n "$uv" ] && echo uv || echo pip) (only once; it downloads about 200 MB)"
        environment_create
    fi
    parts=$wanted
    for stamp in "$venv/mlxgpt"/*; do
        name=${stamp##*/}
        case " $parts place * " in *" $name "*) ;; *) parts="$parts $name" ;; esac
        [ "$name" = place ] || rm -f "$stamp"
    done
    extras=
    for part in $parts; do
        [ "$part" = base ] || extras=${extras:+$extras,}$part
    done
    environment_add "${extras:+.[$extras]}" || environment_fail "installing failed; the lines above say why.
  Without a network nothing can be installed.  MLX needs macOS 14 on Apple silicon, or Linux with glibc 2.35 or newer."
    case ",$extras," in
    *,cuda,*) environment_prefer_cuda || environment_fail "installing MLX's CUDA back end failed; the lines above say why" ;;
    *) [ ! -e /proc/driver/nvidia/version ] || environment_say "there is an NVIDIA GPU: MLXGPT_EXTRAS=cuda $0 uses it" ;;
    esac
    environment_key
    for part in $parts; do
        environment_stamp "$part" "$key"
    done
    environment_say "ready after $(($(date +%s) - started)) s"
}

# True when the .venv that is there can be built upon: it works, it was not moved, and its Python is still the same.
environment_reusable() {
    [ -x "$venv/bin/python" ] && environment_suits "$venv/bin/python" || return 1
    [ -n "$uv" ] || "$venv/bin/python" -m pip --version >/dev/null 2>&1 || return 1
    environment_key
    [ ! -e "$venv/mlxgpt/place" ] || environment_stamped place "$place" # without this file a person made it: keep it
}

environment_create() {
    environment_find_python
    rm -rf "$venv"
    if [ -n "$uv" ]; then
        "$uv" venv --quiet --python "${python:-3.13}" "$venv" >&2 || environment_fail "uv could not make $venv"
    else
        "$python" -m venv "$venv" >&2 || environment_fail "$python could not make $venv"
    fi
    environment_key
    environment_stamp place "$place"
}

# Sets $python to the newest Python that will do; empty when uv is there to bring one.
environment_find_python() {
    if [ -n "${MLXGPT_PYTHON-}" ]; then
        python=$(command -v "$MLXGPT_PYTHON") || environment_fail "MLXGPT_PYTHON=$MLXGPT_PYTHON: there is no such program"
        environment_suits "$python" || environment_fail "MLXGPT_PYTHON=$MLXGPT_PYTHON is not Python 3.11 or newer"
        return
    fi
    without_venv=
    for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
        python=$(command -v "$name") && environment_suits "$python" || continue
        if [ -n "$uv" ] || "$python" -c 'import ensurepip, venv' 2>/dev/null; then return; fi
        without_venv=${without_venv:-$python}
    done
    python=
    [ -z "$uv" ] || return 0
    [ -z "$without_venv" ] || environment_fail "$without_venv cannot make environments.  On Debian and Ubuntu:
  sudo apt install $("$without_venv" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    environment_fail "Python 3.11 or newer is needed, and none was found.  Install one of these, then run this again:
  macOS          brew install python@3.13    (it has to be an arm64 Python)
  Debian, Ubuntu sudo apt install python3 python3-venv
  Fedora         sudo dnf install python3
  anywhere       uv, which brings its own Python"
}

# True for a Python that is new enough and, on a Mac, native: there is no MLX for Intel.
environment_suits() {
    "$1" -c 'import sys, platform
sys.exit(sys.version_info < (3, 11) or (sys.platform == "darwin" and platform.machine() != "arm64"))' \
        >/dev/null 2>&1 </dev/null
}

# environment_add [.[EXTRAS]]: install the project, editable.
environment_add() {
    environment_pip install -c scripts/constraints.txt -e "${1:-.}"
}

# environment_pip COMMAND…: uv's pip or pip's own, on $venv, in the folder of the repository; everything goes to stderr.
environment_pip() (
    cd "$root" || exit
    command=$1
    shift
    if [ -n "$uv" ]; then
        exec "$uv" pip "$command" --quiet --python "$venv/bin/python" "$@" >&2 </dev/null
    fi
    [ "$command" = uninstall ] || set -- --no-input "$@"
    [ "$command" != uninstall ] || set -- --yes "$@"
    exec "$venv/bin/python" -m pip "$command" -qq --disable-pip-version-check "$@" >&2 </dev/null
)

# The wheels mlx-cpu and mlx-cuda-13 hold the same file, mlx/lib/libmlx.so: the CPU's goes, then the other is put back whole.
environment_prefer_cuda() {
    environment_pip uninstall mlx-cpu
    reinstall=--force-reinstall
    [ -z "$uv" ] || reinstall=--reinstall
    environment_pip install --no-deps "$reinstall" -c scripts/constraints.txt mlx-cuda-13
}

# ---- one at a time ---------------------------------------------------------------------------------------------------

# mkdir either makes the folder or fails: the one who made it may install.  A lock whose owner died is taken away.
environment_lock() {
    lock=$root/.venv.lock
    waited=0
    until mkdir "$lock" 2>/dev/null; do
        [ -w "$root" ] || environment_fail "$root cannot be written, so .venv cannot be made there"
        owner=
        [ ! -f "$lock/owner" ] || read -r owner <"$lock/owner" || true
        if [ -n "$owner" ] && kill -0 "$owner" 2>/dev/null; then
            [ "$waited" -gt 0 ] || environment_say "another start is setting up .venv; waiting for it"
        elif [ -n "$owner" ] || [ "$waited" -gt 5 ]; then
            mv "$lock" "$lock.$$" 2>/dev/null && rm -rf "$lock.$$"
            continue
        fi
        waited=$((waited + 1))
        sleep 1
    done
    trap 'rm -rf "$lock"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    echo $$ >"$lock/owner"
}

environment_unlock() {
    rm -rf "$lock"
    trap - EXIT INT TERM HUP
}

# ---- speaking --------------------------------------------------------------------------------------------------------

environment_say() {
    printf 'mlxgpt: %s\n' "$1" >&2
}

environment_fail() {
    environment_say "$1"
    exit 1
}
