#!/bin/sh
# Install a lock file into .venv, unless it is installed: sh tools/environment.sh requirements.lock
# PYTHON makes a new .venv; with CHOSEN set, a .venv of another Python is replaced.
set -eu
lock=$1
bin=.venv/bin
[ "${OS:-}" = Windows_NT ] && bin=.venv/Scripts
unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX
fail() { echo "$*" >&2; exit 1; }
version_of() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null; }

wanted=$(version_of "$PYTHON") || fail "PYTHON=$PYTHON does not run, so .venv cannot be made." \
    "winenet needs Python 3.11 to 3.14. Select one, for example: make PYTHON=python3.13"
case $wanted in
3.11.* | 3.12.* | 3.13.* | 3.14.*) ;;
*) fail "PYTHON=$PYTHON is Python $wanted, for which no packages are locked. winenet needs Python" \
    "3.11 to 3.14. Select one, for example: make PYTHON=python3.13" ;;
esac

# The copies of the lock files are made last, so an interrupted installation has none.
usable() {
    [ "$(cat .venv/folder 2>/dev/null)" = "$PWD" ] && have=$(version_of "$bin/python") &&
        { [ -z "${CHOSEN:-}" ] || [ "$have" = "$wanted" ]; } &&
        { [ ! -f ".venv/$lock" ] || cmp -s "$lock" ".venv/$lock"; } &&
        cmp -s requirements.lock .venv/requirements.lock
}
installed() { usable && [ -f ".venv/$lock" ]; }
installed && exit 0

# One process at a time; the process that holds the folder may have been killed.
until mkdir .venv.making 2>/dev/null; do
    holder=$(cat .venv.making/pid 2>/dev/null) || holder=
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
        rm -rf .venv.making
    else
        [ -n "${waiting:-}" ] || echo "Another process is making .venv; waiting for it."
        waiting=yes
        sleep 1
    fi
done
trap 'rm -rf .venv.making' EXIT
trap 'exit 1' HUP INT TERM
echo $$ >.venv.making/pid
installed && exit 0

if ! usable; then
    echo "Making .venv with Python $wanted."
    rm -rf .venv
    "$PYTHON" -m venv .venv || fail "Python $wanted could not make .venv. It needs its modules" \
        "venv and ensurepip (on Debian and Ubuntu: the package python3-venv)."
    printf %s "$PWD" >.venv/folder
fi
echo "Installing $lock into .venv; the first time this takes a minute or two."
rm -f .venv/requirements*.lock
# Wheels only: what was tested is the wheel. One pure Python package has never had one.
"$bin/python" -m pip install --require-hashes -r "$lock" --only-binary :all: \
    --no-binary antlr4-python3-runtime --quiet --no-input --disable-pip-version-check ||
    fail "pip could not install $lock, so .venv is not usable. Check the connection to the" \
        "package index and the space on the disk, then run the same command again."
cp requirements.lock .venv/ # which every other lock contains
[ "$lock" = requirements.lock ] || cp "$lock" .venv/
