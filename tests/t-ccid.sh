#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One emulated CCID reader after the other: our driver, and then a stock pcscd with a stock libccid, find the same in it.
set -eu
bundle=/usr/lib/pcsc/drivers/ifd-ccid.bundle
if [ "${1-}" != inside ]; then
	for need in tests/usb-stage ./fuda-vcard "$bundle/Contents/Info.plist"; do
		[ -e "$need" ] || {
			echo "SKIP: there is no $need"
			exit 77
		}
	done
	cards=$(mktemp -d)
	trap 'rm -rf "$cards"' EXIT
	trap 'exit 1' HUP INT TERM
	./fuda-vcard make "$cards/card" 2>/dev/null
	cp -RL "$bundle" "$cards/ifd-ccid.bundle"
	for kind in extended short tpdu tpdu-vendor tpdu-crc; do
		echo "$kind"
		got=0
		tests/usb-stage "ccid-$kind:$cards/card" -- sh "$0" inside "$cards" || got=$?
		[ $got = 0 ] || exit $got
	done
	exit 0
fi
cards=$2
bus=${LD_PRELOAD-}
. "${srcdir:-.}/tests/cli.sh"
echo 1234 >"$tmp/pin"
echo 4321 >"$tmp/wrong"

# What a reader does; without its name and the number of APDUs, which depends on what is remembered of a reader.
job() {
	run 0 apdu -r "$1" "$SELECT" 00A4020C02000A 00B0000004 00B0000000
	cp "$tmp/out" "$tmp/$2-apdus"
	run 0 cert -r "$1" auth
	cp "$tmp/out" "$tmp/$2-cert"
	run 0 attributes -r "$1" --cv-trust "$cards/card/cv-authority.pem" --pin-file pin
	grep -v -e "^Reader" -e "^APDUs" "$tmp/out" >"$tmp/$2-attributes"
	run 4 auth -r "$1" --pin-file wrong
	run 0 pin status -r "$1"
	grep -v -e "^Reader" -e "^APDUs" "$tmp/out" >"$tmp/$2-pins"
	run 0 auth -r "$1" --trust "$cards/card/ca.pem" --pin-file pin --challenge 00112233
	run 0 info -r "$1"
	# libccid makes a status word of a reader's refusal of extended length
	grep -v -e "^Reader" -e "^APDUs" "$tmp/out" | sed 's/ \[6700: wrong length\]$//' >"$tmp/$2-info"
}
SELECT=00A4040C0AD392F000260100000001

"$build/tests/usb-stage" ask place 1 >"$tmp/place"
job "ccid:$(cat "$tmp/place")" ours
"$build/tests/usb-stage" ask usage 1 >"$tmp/usage"
grep -q 'verifies 3$' "$tmp/usage" || fail "not 3 VERIFY: $(cat "$tmp/usage")"

# Only the service lives on the emulated bus from here on.
unset LD_PRELOAD
export FUDA_TEST_PRELOAD="$bus" FUDA_TEST_BUNDLE="$cards/ifd-ccid.bundle" FUDA_TEST_READERS=1
. "$top/tests/pcscd-env.sh"
at_exit 'rm -rf "$tmp"'
n=0
until "$fuda" readers 2>/dev/null | grep -q '  *card$'; do
	n=$((n + 1))
	[ $n -lt 150 ] || fail 'pcscd shows no card in fifteen seconds'
	sleep 0.1
done
name=$("$fuda" readers --names | sed -n 's/^pcsc:/&/p' | head -n 1)
job "$name" theirs
LD_PRELOAD=$bus "$build/tests/usb-stage" ask usage 1 >"$tmp/usage"
grep -q 'verifies 6$' "$tmp/usage" || fail "not 6 VERIFY: $(cat "$tmp/usage")"
for what in apdus cert attributes pins info; do
	diff "$tmp/ours-$what" "$tmp/theirs-$what" || fail "$what differs"
done
