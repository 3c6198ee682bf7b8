#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The IFD handler in a stock pcscd, with an emulated CCID reader of two slots: one reader of the service for each.
set -eu
. "${srcdir:-.}/tests/usb-env.sh"
if [ "${1-}" != inside ]; then
	needs ifd-fuda.bundle/Contents/Linux/libifd-fuda.so tests/usb-stage tests/listen-exec ./fuda-vcard
	begin_cards
	sh "$srcdir/tests/stock.sh" "$cards/card" --secrets "$srcdir/tests/canaries/suite.secrets" 2>/dev/null
	got=0
	tests/usb-stage ccid-slots:"$cards/card" -- sh "$0" inside "$cards" || got=$?
	exit $got
fi
cards=$2
. "${srcdir:-.}/tests/cli.sh"
echo 1234 >"$tmp/pin"

own_bundle -e 's/Sony RC-S380.S/Slotted/'
start_pcscd "$bundle" 2 --debug

# shows SLOT WHAT: waits until the reader of that slot is listed so
shows() {
	n=0
	until "$fuda" readers 2>/dev/null | grep -q "Slotted.* 00 $1  *$2\$"; do
		n=$((n + 1))
		[ $n -lt 150 ] || fail "in fifteen seconds: no '$2' in slot $1: $("$fuda" readers)"
		sleep 0.1
	done
}

count_readers() {
	n=0
	until [ "$("$fuda" readers --names 2>/dev/null | grep -c Slotted)" = "$1" ]; do
		n=$((n + 1))
		[ $n -lt 150 ] || fail "in fifteen seconds: not $1 readers"
		sleep 0.1
	done
}

count_readers 2
shows 00 card
shows 01 'no card'
run 0 auth -r '00 00' --trust "$cards/card/ca.pem" --pin-file pin
run 3 auth -r '00 01' --pin-file pin
stage remove 1
shows 00 'no card'
stage insert 1 "$cards/card"
shows 00 card
run 0 auth -r '00 00' --trust "$cards/card/ca.pem" --pin-file pin
stage usage 1
grep -q 'verifies 1$' "$tmp/answer" || fail "not 1 VERIFY: $(cat "$tmp/answer")"

# both go and come
stage unplug 1
count_readers 0
stage plug 1
count_readers 2
shows 00 card
shows 01 'no card'
run 0 auth --trust "$cards/card/ca.pem" --pin-file pin
kill -0 "$FUDA_TEST_PCSCD_PID" || fail 'the service has ended'
! grep -E 'ERROR: .*Sanitizer|runtime error' "$FUDA_TEST_DIR/pcscd.log" || fail 'the sanitizers complain'
