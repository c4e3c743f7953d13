#!/bin/sh
# What the container of a device at balena starts with: writes what `dag-infra provision --balena` set as variables, and runs
# the daemon. Copy it into the image as the command; it needs `base64` and `unzip` there, and `dag` in the PATH.
#
#   sh balena-start.sh [FOLDER]
#
# FOLDER is on a volume, so that the daemon finds at the next start what it kept: /data by default.
set -eu
umask 077
place=${1:-/data}
mkdir -p "$place/uplink"
put() { printf %s "$1" | base64 -d >"$place/.new" && mv "$place/.new" "$place/$2"; }
put "$AWS_ROOT_CERT" uplink/ca.pem
put "$AWS_THING_CERT" uplink/device.pem
put "$AWS_THING_KEY" uplink/device.key
put "$CONFIG_TOML" config.toml

# The rules that are there may have come by `dag-infra rules push`: they go on unless the variable is another one than the
# last time.
given=$(printf %s "$RULES_ZIP" | cksum)
if [ ! -d "$place/rules" ] || [ "$(cat "$place/.rules-given" 2>/dev/null)" != "$given" ]; then
  rm -rf "$place/rules.new"
  mkdir "$place/rules.new"
  put "$RULES_ZIP" rules.zip
  unzip -q "$place/rules.zip" -d "$place/rules.new"
  rm -rf "$place/rules" "$place/rules.zip"
  mv "$place/rules.new/rules" "$place/rules"
  rmdir "$place/rules.new"
  printf %s "$given" >"$place/.rules-given"
fi
# They are in files now, and no program that the daemon starts need see them.
unset AWS_THING_CERT AWS_THING_KEY AWS_ROOT_CERT CONFIG_TOML RULES_ZIP
exec dag run --config "$place/config.toml"
