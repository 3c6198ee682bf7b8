#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One emulated CCID reader after the other: our driver, and then a stock pcscd with a stock libccid, find the same in it.
set -eu
. "${srcdir:-.}/tests/usb-env.sh"
stock=/usr/lib/pcsc/drivers/ifd-ccid.bundle
if [ "${1-}" != inside ]; then
	needs tests/usb-stage ./fuda-vcard "$stock/Contents/Info.plist"
	begin_cards
	sh "$srcdir/tests/stock.sh" "$cards/card" --secrets "$srcdir/tests/canaries/suite.secrets" 2>/dev/null
	cp -RL "$stock" "$cards/ifd-ccid.bundle"
	for kind in extended short tpdu tpdu-vendor tpdu-crc; do
		echo "$kind"
		got=0
		tests/usb-stage "ccid-$kind:$cards/card" -- sh "$0" inside "$cards" || got=$?
		[ $got = 0 ] || exit $got
	done
	exit 0
fi
cards=$2
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

stage place 1
job "ccid:$(cat "$tmp/answer")" ours
verifies 1 3
start_pcscd "$cards/ifd-ccid.bundle" 1
becomes 'card in the reader' pcscd_has_card
name=$("$fuda" readers --names | sed -n 's/^pcsc:/&/p' | head -n 1)
job "$name" theirs
verifies 1 6
for what in apdus cert attributes pins info; do
	diff "$tmp/ours-$what" "$tmp/theirs-$what" || fail "$what differs"
done
