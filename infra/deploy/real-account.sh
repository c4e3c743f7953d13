#!/usr/bin/env bash
# This COSTS MONEY (some cents) and makes resources in a real account. Nothing runs it by itself, not even CI.
#
#   bash infra/deploy/real-account.sh CONFIG
#
# CONFIG is a config.toml for this trial, with its rules/ beside it, whose `[aws] stack` begins with `trial`. The script
# deploys it, provisions a trial device, reports an outage as that device over TLS with its certificate, and looks for
# the decision in the table. Then it deletes everything but what `dag-infra destroy` keeps and names. It needs the AWS
# command line, mosquitto's clients and cargo-lambda. It was written without an account to try it on.
set -euo pipefail

config=${1:?usage: bash infra/deploy/real-account.sh CONFIG}
infra() { cargo run --quiet --locked --package dag-infra -- --config "$config" "$@"; }
device=trial-$(date +%s)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

region=$(sed -n 's/^region = "\(.*\)"/\1/p' "$config" | head -n 1)
stack=$(sed -n 's/^stack = "\(.*\)"/\1/p' "$config" | head -n 1)
[[ $stack = trial* ]] || {
  echo "the stack of $config is \"$stack\": name it trial…, so that no other can be meant" >&2
  exit 2
}
read -r -p "Make the stack $stack in $region, for money? Type its name: " answer
[[ $answer = "$stack" ]] || exit 1

infra deploy
infra provision "$device" --out "$work/$device"
endpoint=$(sed -n 's/^endpoint = "\(.*\)"/\1/p' "$work/$device/config.toml")
report=$(printf '{"v":1,"device":"%s","boot":1,"number":1,"sent_at":"%s","clock":"set","sources":[{"source":"trial","boot":1,"first":1,"readings":[{"fact":"power","value":"off","age_ms":0}]}]}' \
  "$device" "$(date --utc +%Y-%m-%dT%H:%M:%SZ)")
mosquitto_pub --host "$endpoint" --port 8883 --id "$device" --qos 1 --topic "dag/$device/report" --message "$report" \
  --cafile "$work/$device/uplink/ca.pem" \
  --cert "$work/$device/uplink/device.pem" --key "$work/$device/uplink/device.key"

table=$(aws cloudformation describe-stacks --region "$region" --stack-name "$stack" \
  --query "Stacks[0].Outputs[?OutputKey=='Table'].OutputValue" --output text)
for _ in $(seq 30); do
  found=$(aws dynamodb query --region "$region" --table-name "$table" --select COUNT --query Count --output text \
    --key-condition-expression 'pk = :pk AND begins_with(sk, :sk)' \
    --expression-attribute-values "{\":pk\":{\"S\":\"device#$device\"},\":sk\":{\"S\":\"decisions#\"}}")
  ((found == 0)) || break
  sleep 2
done
((found > 0)) || echo "NO DECISION within a minute: look at the consumer's log and at the dead letters" >&2
infra list
infra provision "$device" --revoke --yes
infra destroy --with-devices
((found > 0))
