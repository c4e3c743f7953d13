#!/bin/sh
# The command of a device's container at balena. It writes the files that `dag-infra provision --balena` set as
# variables, and runs the daemon. Copy it into the image. It needs `base64` and `unzip` there, and `dag` in the PATH.
#
#   sh balena-start.sh [FOLDER]
#
# FOLDER, by default /data, is on a volume, so that the daemon finds its store at the next start.
set -eu
umask 077
place=${1:-/data}
mkdir -p "$place/uplink"
put() { printf %s "$1" | base64 -d >"$place/.new" && mv "$place/.new" "$place/$2"; }
put "$AWS_ROOT_CERT" uplink/ca.pem
put "$AWS_THING_CERT" uplink/device.pem
put "$AWS_THING_KEY" uplink/device.key
put "$CONFIG_TOML" config.toml

# The rules there may be from `dag-infra rules push`. They stay unless the variable changed since the last start.
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
# The files have the values now. Programs that the daemon starts need not see the variables.
unset AWS_THING_CERT AWS_THING_KEY AWS_ROOT_CERT CONFIG_TOML RULES_ZIP
exec dag run --config "$place/config.toml"
