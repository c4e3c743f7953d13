# shellcheck shell=bash
# The common part of `.ci/run` and `.ci/long`: paths, steps with their times, and the installation of missing tools.
# It is sourced, with `set -euo pipefail` in force.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
exec </dev/null # no command may ask a question

target_dir=${CARGO_TARGET_DIR:-$root/target}
[[ $target_dir = /* ]] || target_dir=$OLDPWD/$target_dir
export CARGO_TARGET_DIR=$target_dir
export CARGO_TERM_PROGRESS_WHEN=never
export PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:/usr/sbin:/sbin
venv=$target_dir/venv
logs=$target_dir/ci-logs
mkdir -p "$logs"

say() { printf '   %s\n' "$*"; }
die() { printf '\nSTOPPED: %s\n' "$*" >&2; exit 1; }
took() { if (($1 >= 60)); then printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); else printf '%ds' "$1"; fi; }

# step NAME COMMAND...: runs the command under a heading, and continues if it fails, so that one run shows all problems.
# The output is kept in a file.
summary_lines=()
failed=()
last_log=
step() {
  local name=$1 began=$SECONDS verdict=ok
  shift
  last_log=$logs/${name// /-}.log
  printf '\n== %s: %s\n' "$name" "$*"
  # Not `if step_command`: there bash does not stop at the first failing line of a function. And no pipe, which a
  # process that a failing test leaves behind would keep open. So tee gets five seconds to finish.
  local status tee_pid
  exec 3> >(exec tee "$last_log")
  tee_pid=$!
  set +e
  (set -e; "$@") >&3 2>&1 3>&-
  status=$?
  exec 3>&-
  timeout 5 tail --pid="$tee_pid" --sleep-interval=0.1 --follow /dev/null
  set -e
  if ((status != 0)); then
    verdict=FAILED
    failed+=("$name")
  fi
  printf '== %s: %s after %s\n' "$name" "$verdict" "$(took $((SECONDS - began)))"
  note "$verdict" "$name" "$(took $((SECONDS - began)))"
}

# note VERDICT NAME TEXT: adds a line to the summary.
note() { summary_lines+=("$(printf '%-12s %-18s %s' "$@")"); }

# summary: prints all steps with their times. The last line and the exit status say whether all passed.
summary() {
  printf '\n== summary\n'
  printf '%s\n' "${summary_lines[@]}"
  if ((${#failed[@]} > 0)); then
    local names
    names=$(printf ', %s' "${failed[@]}")
    printf '\nFAILED after %s: %s\n' "$(took $SECONDS)" "${names#, }"
    exit 1
  fi
  printf '\nPASSED: every step, in %s\n' "$(took $SECONDS)"
}

# quietly LOG COMMAND...: runs an installer, and shows its output only if it fails, without addresses.
quietly() {
  local log=$logs/$1.log
  shift
  "$@" >"$log" 2>&1 && return
  tail -n 15 "$log" | sed -E 's#[a-z+]+://[^ ]+#(address)#g' >&2
  return 1
}

# need_packages COMMAND=PACKAGE...: installs the Debian packages of commands that are missing.
need_packages() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  install_packages "${missing[@]}"
}

install_packages() {
  (($# > 0)) || return 0
  local install="apt-get install -y --no-install-recommends $*"
  command -v apt-get >/dev/null || die "missing: what Debian's packages $* hold; install it and run this again"
  ((EUID == 0)) || die "packages are missing; run: sudo $install"
  say "installing packages: $*"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-update apt-get update || say "apt-get update failed; trying with the lists that are there"
  # shellcheck disable=SC2086 # split into words on purpose
  quietly apt-install $install || die "this failed: $install"
}

# need_rust: checks for a toolchain, and installs rustfmt and clippy.
need_rust() {
  command -v cargo >/dev/null || die "Rust is missing; get it by rustup (https://rustup.rs) and run this again"
  local component
  for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 && continue
    [[ $component = fmt ]] && component=rustfmt
    command -v rustup >/dev/null || die "$component is missing; install it as you installed Rust"
    say "installing $component"
    quietly "rustup-$component" rustup component add "$component" || die "this failed: rustup component add $component"
  done
}

# need_cargo_tool NAME: installs a cargo subcommand unless some version is there. It is built without the slow
# optimisations of its release profile, which cost more time than they save here.
declare -A cargo_tools=([cargo-nextest]=0.9.143 [cargo-deny]=0.20.2)
need_cargo_tool() {
  local name=$1 version=${cargo_tools[$1]} began=$SECONDS
  cargo "${name#cargo-}" --version >/dev/null 2>&1 && return
  say "installing $name $version: cargo install --locked (takes some minutes)"
  CARGO_TARGET_DIR=$target_dir/tools CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 quietly "$name" cargo install --locked --version "$version" "$name" \
    || die "this failed: cargo install --locked --version $version $name"
  rm -rf "$target_dir/tools"
  say "$name installed in $(took $((SECONDS - began)))"
}

# need_python: installs Python with venv, which is a package of its own in Debian.
need_python() {
  need_packages python3=python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
}

# need_python_packages FOLDER FILE: creates a Python environment in the folder, with the packages of the file.
need_python_packages() {
  need_python
  [[ -x $1/bin/python ]] || quietly venv python3 -m venv "$1" || die "no Python environment in $1"
  cmp --silent "$2" "$1/installed.txt" && return
  say "installing Python packages into $1: $(grep -v '^#' "$2" | xargs)"
  quietly pip "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" \
    || die "the Python packages of $2 could not be installed"
  cp "$2" "$1/installed.txt"
}

# need_venv: creates the Python environment with the servers of the tests, and names it in DAG_TEST_VENV.
need_venv() {
  need_python_packages "$venv" .ci/requirements.txt
  export DAG_TEST_VENV=$venv
}

# need_checkov: installs the checker of policies, in an environment of its own.
checkov=$target_dir/checkov
need_checkov() { need_python_packages "$checkov" .ci/checkov.txt; }
