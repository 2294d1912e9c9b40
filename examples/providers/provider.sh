#!/bin/sh
# A provider that is a program: one word of what to do as the last argument, JSON in, JSON out.
# docs/providers.md has the contract. Replace make, unmake and what `observe` reads by the commands of
# your cloud; here a VM is a file in $VMS, so that the example can be tried as it is. Wants jq.
set -eu

: "${VMS:?the folder that stands for the cloud}" "${PORT:=10050}"
input=$(cat)
field() { printf %s "$input" | jq -r ".$1"; }
give_up() { echo "$2" >&2; exit "$1"; }

make() { # VM FLAVOR: whatever gives it the name, so that `observe` finds it again
    number=$(printf %s "$1" | cksum | cut -d' ' -f1)
    address=127.0.$((number / 250 % 250)).$((number % 250 + 1))
    jq -n --arg id "$1" --arg flavor "$2" --arg address "$address" --arg port "$PORT" \
        '{id: $id, flavor: $flavor, host: "h1", power: "running",
          agent: "\($address):\($port)", app: "\($address):8080"}' >"$VMS/$1.new"
    mv "$VMS/$1.new" "$VMS/$1.json" # There whole or not at all, also if we are killed.
}

case "$1" in
    observe)
        # `complete` only if nothing can be missing: what a complete list lacks is taken for dead.
        find "$VMS" -name '*.json' -exec cat {} + | jq -s '{complete: true, vms: .}'
        ;;
    create)
        vm=$(field vm)
        [ ! -e "$VMS/$vm.json" ] || exit 0 # The same order again makes no second one.
        [ "$(find "$VMS" -name '*.json' | wc -l)" -lt "${MOST:-10}" ] ||
            give_up 69 "all ${MOST:-10} places are taken"
        make "$vm" "$(field flavor)"
        ;;
    destroy)
        rm -f "$VMS/$(field vm).json" # One that is not there is a success.
        ;;
    *) give_up 78 "no such word: $1" ;;
esac
