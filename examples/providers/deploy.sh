#!/bin/sh
# A deployer that is a program: starts and stops a module's program on a VM by ssh, as a unit of systemd.
# docs/providers.md has the contract. Wants jq here, and on the VMs an account that may run systemd-run.
#   deployer: {exec: {program: [./deploy.sh], environment: {USER_ON_VM: app}, timeout: 1m}}
# $SSH is what reaches a VM; a test puts something else there.
set -eu

: "${SSH:=ssh -o BatchMode=yes -o ConnectTimeout=5}" "${USER_ON_VM:=root}"
input=$(cat)
field() { printf %s "$input" | jq -r "$1"; }
on_vm() { $SSH "$USER_ON_VM@$address" "$1"; }

app=$(field .app)
address=${app%:*}
case "$1" in
    deploy)
        unit=cloudbrain-app-$(field .assignment)
        # The same assignment again starts no second program; a higher one replaces what runs.
        ! on_vm "systemctl is-active --quiet $unit" || exit 0
        on_vm "systemctl stop 'cloudbrain-app-*'" || true
        environment=$(field '.environment | to_entries[] | @sh "--setenv=\(.key)=\(.value)"' | tr '\n' ' ')
        command=$(field '.command | @sh')
        on_vm "systemd-run --quiet --collect --unit=$unit --setenv=PORT=${app##*:} $environment $command"
        ;;
    undeploy)
        grace=$(($(field .grace_ms) / 1000 + 1))
        # Nothing running is a success.
        on_vm "systemctl set-property --runtime 'cloudbrain-app-*' TimeoutStopSec=$grace" 2>/dev/null || true
        on_vm "systemctl stop 'cloudbrain-app-*'"
        ;;
    *) exit 78 ;;
esac
