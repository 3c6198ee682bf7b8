#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The IFD handler in a stock pcscd, with emulated RC-S380s: programs of others and fuda see a My Number card.
set -eu
. "${srcdir:-.}/tests/usb-env.sh"
if [ "${1-}" != inside ]; then
	needs ifd-fuda.bundle/Contents/Linux/libifd-fuda.so tests/usb-stage ./fuda-vcard
	for program in opensc-tool pkcs11-tool openssl timeout; do
		command -v $program >/dev/null || {
			echo "SKIP: no $program"
			exit 77
		}
	done
	begin_cards
	sh "$srcdir/tests/stock.sh" "$cards/one" --secrets "$srcdir/tests/canaries/suite.secrets" 2>/dev/null
	printf '%s\n' 'name = 番号　花子' 'birth_date = 1989-01-08' 'sex = female' \
		'my_number = 987654321093' >"$cards/hanako"
	./fuda-vcard make "$cards/two" --person "$cards/hanako" 2>/dev/null
	got=0
	tests/usb-stage rcs380:"$cards/one" rcs380 -- sh "$0" inside "$cards" || got=$?
	exit $got
fi
cards=$2

. "${srcdir:-.}/tests/cli.sh"
start_pcscd "$build/ifd-fuda.bundle" 2 --debug
echo 1234 >"$tmp/pin"
echo 4321 >"$tmp/wrong"

# other PROGRAM...: one that is not ours must succeed; what it says is in out
other() {
	timeout 30 "$@" >"$tmp/out" 2>"$tmp/err" || fail "$*"
}

# No card is there, or the reader is not.
has_no_card() {
	! pcscd_has_card "$1"
}

count_readers() {
	[ "$("$fuda" readers --names 2>/dev/null | grep -c RC-S380)" = "$1" ]
}

# ---- programs of others ----

becomes 'card in the first reader' pcscd_has_card 00
run 0 readers
says out 'RC-S380'
has_no_card 01
other opensc-tool -r 0 --atr
says out '3b:88:80:01:'
other opensc-tool -r 0 --name
says out jpki
verifies 1 0
other pkcs11-tool --slot 0 --login --pin 1234 --sign --id 01 --mechanism SHA256-RSA-PKCS \
	--input-file "$tmp/pin" --output-file "$tmp/signature"
verifies 1 1
run 0 cert auth
openssl x509 -in "$tmp/out" -noout -pubkey >"$tmp/key"
other openssl dgst -sha256 -verify "$tmp/key" -signature "$tmp/signature" "$tmp/pin"
if timeout 30 pkcs11-tool --slot 0 --login --pin 4321 --sign --id 01 --mechanism SHA256-RSA-PKCS \
	--input-file "$tmp/pin" --output-file "$tmp/none" >"$tmp/out" 2>&1; then
	fail 'a wrong PIN was accepted'
fi
says out CKR_PIN_INCORRECT
verifies 1 2

# ---- fuda ----

run 0 pin status --json
json .auth 2
run 0 auth --trust "$cards/one/ca.pem" --pin-file pin --json
json .result ok
verifies 1 3
run 0 pin status --json
json .auth 3
run 0 attributes --cv-trust "$cards/one/cv-authority.pem" --pin-file pin --json
json .name '山田　太郎'
verifies 1 4
run 4 auth --pin-file wrong
verifies 1 5
run 0 auth --pin-file pin --trust "$cards/one/ca.pem"
verifies 1 6

# ---- two at once ----

(cd "$tmp" && exec "$fuda" readers --watch --timeout 120 --json >events 2>watch.err) &
watcher=$!
at_exit "kill $watcher 2>/dev/null || :"
stage insert 2 "$cards/two"
becomes 'card in the second reader' pcscd_has_card 01
for n in 0 1; do
	card=$cards/one
	[ $n = 0 ] || card=$cards/two
	(cd "$tmp" && for i in 1 2 3; do
		"$fuda" auth -r "0$n 00" --trust "$card/ca.pem" --pin-file pin >"auth-$n" 2>&1 || exit 1
	done) &
	eval "user_$n=$!"
done
wait $user_0 || fail "the first of two: $(cat "$tmp/auth-0")"
wait $user_1 || fail "the second of two: $(cat "$tmp/auth-1")"
verifies 1 9
verifies 2 3

# ---- a card that goes, comes back, is another ----

stage remove 1
becomes 'word that the card was removed' has_no_card 00
run 3 auth -r '00 00' --pin-file pin
stage insert 1 "$cards/one"
becomes 'card again' pcscd_has_card 00
run 0 auth -r '00 00' --trust "$cards/one/ca.pem" --pin-file pin
verifies 1 1 # counted since it was inserted
stage remove 2
stage insert 1 "$cards/two" # at once: only its silence tells
becomes 'other card' sh -c "'$fuda' attributes -r '00 00' --pin-file '$tmp/pin' \
	--cv-trust '$cards/two/cv-authority.pem' 2>/dev/null | grep -q 花子"
verifies 1 1

# ---- idle: switched off, and on again by who comes next ----

rests() {
	[ "$(grep -c 'powerState: POWER_STATE_UNPOWERED' "$FUDA_TEST_DIR/pcscd.log")" -gt "$rested" ]
}
rested=$(grep -c 'powerState: POWER_STATE_UNPOWERED' "$FUDA_TEST_DIR/pcscd.log" || :)
run 0 pin status -r '00 00'
becomes 'rest' rests
pcscd_has_card 00
run 0 auth -r '00 00' --trust "$cards/two/ca.pem" --pin-file pin
verifies 1 2

# ---- unplugged and plugged in again ----

stage unplug 1
becomes 'word that a reader is gone' count_readers 1
run 3 auth -r 'RC-S380' --pin-file pin
stage unplug 2
becomes 'word that all are gone' count_readers 0
stage plug 1
becomes 'reader' count_readers 1
becomes 'card in it' sh -c "'$fuda' readers 2>/dev/null | grep -q 'card$'"
run 0 auth --trust "$cards/two/ca.pem" --pin-file pin
stage plug 2
becomes 'second reader' count_readers 2

# ---- what was said meanwhile ----

kill -INT $watcher
wait $watcher || fail 'the watch failed'
for e in reader_added reader_removed card_inserted card_removed; do
	grep -q "\"event\":\"$e\"" "$tmp/events" || fail "no event $e"
done
kill -0 "$FUDA_TEST_PCSCD_PID" || fail 'the service has ended'
# the service's log has our lines, and no secret in them
grep -q 'fuda: > 00200080' "$FUDA_TEST_DIR/pcscd.log" || fail 'the log lacks commands'
! grep -E 'fuda: .*(31323334|34333231)' "$FUDA_TEST_DIR/pcscd.log" || fail 'a PIN is in the log'
! grep -E 'ERROR: .*Sanitizer|runtime error' "$FUDA_TEST_DIR/pcscd.log" || fail 'the sanitizers complain'
