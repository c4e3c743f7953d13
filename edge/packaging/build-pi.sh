#!/usr/bin/env bash
# Builds `dag` for a Raspberry Pi as one static file. The Pi needs no C library, no Rust and no packages.
#
#   bash edge/packaging/build-pi.sh [TARGET]
#
#   arm-unknown-linux-musleabihf   Pi Zero, Zero W, 1 (ARMv6 with VFPv2); all later ones run it too. The default
#   aarch64-unknown-linux-musl     Pi Zero 2 W, 3, 4, 5 with a 64-bit system
#
# Zig, from PyPI, is the C compiler (ring has some C) and the linker, so no cross toolchain is needed. Rust's standard
# library for the target comes from rustup. Where rustup cannot fetch it, it is built from Debian's source package.
# Output goes to CARGO_TARGET_DIR (default: target/ in the checkout). The script prints what it installs before it does.
set -euo pipefail

target=${1:-arm-unknown-linux-musleabihf}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
target_dir=${CARGO_TARGET_DIR:-$root/target}
[[ $target_dir = /* ]] || target_dir=$OLDPWD/$target_dir
export CARGO_TARGET_DIR=$target_dir

case $target in
  arm-unknown-linux-musleabihf) zig_target=(-target arm-linux-musleabihf -mcpu=arm1176jzf_s) ;;
  aarch64-unknown-linux-musl)   zig_target=(-target aarch64-linux-musl) ;;
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$here/build-pi.sh"; exit 0 ;;
  *) echo "build-pi.sh: unknown target \"$target\": use arm-unknown-linux-musleabihf or aarch64-unknown-linux-musl" >&2
     exit 2 ;;
esac

say() { printf 'build-pi: %s\n' "$*"; }
fail() { printf 'build-pi: %s\n' "$*" >&2; exit 1; }

# Zig, in the Python environment that the checks use too.
venv=$target_dir/venv
[[ -x $venv/bin/python ]] || python3 -m venv "$venv" \
  || fail "no Python environment could be made; as root: apt-get install -y python3-venv"
if ! "$venv/bin/python" -c 'import ziglang' 2>/dev/null; then
  say "installing zig (PyPI: ziglang) into $venv"
  "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
fi

# Cargo takes the path of a program, not a command line, so each tool gets a small script. The scripts drop the flags by
# which rustc and the cc crate name the target, since Zig does not know these names.
tools=$target_dir/zig/$target
mkdir -p "$tools"
cat > "$tools/cc" <<WRAPPER
#!/usr/bin/env bash
arguments=()
for argument in "\$@"; do
  case \$argument in
    --target=* | -march=* | -mfpu=* | -mfloat-abi=*) ;;
    *) arguments+=("\$argument") ;;
  esac
done
exec "$venv/bin/python" -m ziglang cc ${zig_target[*]} "\${arguments[@]}"
WRAPPER
cat > "$tools/ar" <<WRAPPER
#!/usr/bin/env bash
exec "$venv/bin/python" -m ziglang ar "\$@"
WRAPPER
chmod +x "$tools/cc" "$tools/ar"

# Zig brings musl and its start files, so those of rustc are left out. A fixed address costs nothing on a device that
# runs one program, and avoids static-pie, which linkers for ARMv6 get wrong.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
lower=${target//-/_}
upper=${lower^^}
export "CC_$lower=$tools/cc" "AR_$lower=$tools/ar"
export "CARGO_TARGET_${upper}_LINKER=$tools/cc"
export "CARGO_TARGET_${upper}_RUSTFLAGS=-C link-self-contained=no -C relocation-model=static"

build=(build --release --locked --package dag --bin dag --target "$target")

has_rustup_std() { [[ -d $(rustc --print sysroot)/lib/rustlib/$target/lib ]]; }
add_rustup_std() {
  say "fetching Rust's standard library for $target: rustup target add $target"
  rustup target add "$target" >"$tools/rustup.log" 2>&1 || { say "rustup cannot fetch it"; return 1; }
}
has_debian_rust() { [[ -x /usr/bin/cargo && -x /usr/bin/rustc && -d /usr/lib/rustlib/src/rust/library ]]; }
add_debian_rust() {
  local packages=(rustc-web cargo-web rust-web-src)
  (( EUID == 0 )) || fail "Rust with its source is missing; as root: apt-get install -y ${packages[*]}"
  say "installing Debian packages: ${packages[*]}"
  { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } >"$tools/apt.log" 2>&1 \
    || fail "apt-get install -y ${packages[*]} failed; its output is in $tools/apt.log"
}

if command -v rustup >/dev/null && { has_rustup_std || add_rustup_std; }; then
  say "building with $(rustc --version)"
  cargo "${build[@]}"
else
  has_debian_rust || add_debian_rust
  say "building, the standard library too, with Debian's $(/usr/bin/rustc --version)"
  # -Zbuild-std is not stable: RUSTC_BOOTSTRAP lets a stable compiler use it. PATH must not begin with rustup's shims.
  PATH=/usr/bin:$PATH RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
    /usr/bin/cargo -Zbuild-std=std,panic_abort "${build[@]}"
fi

binary=$target_dir/$target/release/dag
say "built $binary, $(stat --format %s "$binary") bytes"
if command -v readelf >/dev/null; then
  if readelf --program-headers "$binary" | grep -q INTERP; then
    fail "$binary is not static: it asks for a dynamic loader"
  fi
  readelf --arch-specific "$binary" | sed -n '/Tag_CPU\|Tag_FP\|Tag_ABI_VFP/p'
fi
