#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A phone that takes the card's place on a reader of the PC/SC service, and phones that come later than they are asked.
set -eu
. "${srcdir:-.}/tests/cli.sh"
needs_mykey
has_pcsc || { echo "SKIP: built without PC/SC"; exit 77; }
. "$top/tests/mykeyd.sh"
unset PCSCLITE_CSOCK_NAME
. "$top/tests/pcscd-env.sh"
at_exit 'mykeyd_end; sh "$top/tests/scan.sh" "$tmp" || pcscd_status=1; rm -rf "$tmp"'

fresh card
fresh other
secrets_of card
"$build/fuda-vcard" make "$tmp/phone" --kind wallet --person "$top/tests/canaries/suite.person" >"$tmp/out" 2>"$tmp/err" ||
	fail "no wallet"
# put NAME [PLACE]: onto the reader " 00 00" or " 00 01"
put() {
	place=${2:-0}
	"$build/fuda-vcard" run "$tmp/$1" --vpcd "127.0.0.1:$((FUDA_TEST_PORT + place))" >"$tmp/$1.played" 2>&1 &
	player=$!
	at_exit "pcscd_stop $player"
	"$build/tests/bare-pcsc" card " 00 0$place" 5000 >/dev/null || fail "$1 is not on reader $place"
}
empty() {
	"$fuda" readers --json >"$tmp/readers" 2>/dev/null && ! grep -q '"card":true' "$tmp/readers"
}
away() {
	pcscd_stop $player
	becomes 'an empty reader' empty
}
# begin WORD...: calls fuda and goes on; finish STATUS: waits for its end
begin() {
	: >"$tmp/err"
	(cd "$tmp" && exec setsid "$fuda" "$@" --terminal t --timeout 60 --json >out 2>err </dev/null) &
	begun=$!
	at_exit "kill $begun 2>/dev/null || :"
}
finish() {
	got=0
	wait $begun || got=$?
	[ "$got" = "$1" ] || fail "exit status $got, not $1"
}
told() {
	kill -0 $begun 2>/dev/null || fail "it ended before: $(cat "$tmp/err")"
	grep -q -F "$1" "$tmp/err"
}
# challenges: how many the service has given
challenges() {
	curl -sS "$ops/metrics" | sed -n 's/^mykey_http_requests_total{route="challenge",code="200"} //p'
}
value() {
	sed -n "s/^\.$1=//p" "$tmp/lines"
}

mykeyd_init s --set crl_required=no --set "trust=$tmp/card/ca.pem" --set "mdoc_trust=$tmp/phone/ca.pem"
mykeyd_start s
mykeyd_terminal s t library

# ---- one reader for both ----

put card
begin mykey bind --mdoc --reader 'pcsc: 00 00' --pin-file pin
becomes 'a word to take the card away' told 'Take the card away'
away
put card # again, or another one: it is waited on
away
put phone
finish 0
json .new true
json .mdoc true
json .mykey_id
id=$(value mykey_id)
[ "$(value reader)" = "$(value phone_reader)" ] || fail "two readers"
[ "$(grep -c 'Take the card away' "$tmp/err")" = 1 ] || fail "told more than once"
# with no reader named, that which has something
run 0 mykey show --mdoc --terminal t --json
json .mykey_id "$id"
away

# ---- who comes later ----

before=$(challenges)
begin mykey show --mdoc
becomes 'a word to hold it there' told 'Hold the phone'
sleep 3 # so long that the challenge is not a new one any more, and another one is got
put phone
finish 0
[ "$(challenges)" = $((before + 2)) ] || fail "the phone presented for a challenge that had waited"
json .mykey_id "$id"
away
begin mykey show --mdoc
becomes 'a word to hold it there' told 'Hold the phone'
kill -TERM $begun
finish 8
json .error ECANCELLED

# ---- a reader for each ----

put card 0
card_player=$player
put phone 1
run 0 mykey bind --mdoc --reader 'pcsc: 00 00' --phone-reader 'pcsc: 00 01' --pin-file pin --terminal t --json
json .mykey_id "$id"
json .new false
[ "$(value reader)" != "$(value phone_reader)" ] || fail "one reader"
run 0 mykey show --mdoc --reader 'pcsc: 00 01' --terminal t --json
json .mykey_id "$id"
# with no reader named the phone is found where it is: a card is asked once, and left alone
run 0 mykey show --mdoc --terminal t --json -vv
json .mykey_id "$id"
value reader | grep -q ' 00 01$' || fail "not the phone's reader"
printf 'fuda: > 00A4040007D276000085010100\nfuda: < 6A82\nfuda: > 00A4040007D276000085010100\nfuda: < 9000\n' >"$tmp/first"
grep '[<>] ' "$tmp/err" | head -n 4 | diff "$tmp/first" - || fail "the card was asked otherwise"
[ "$(grep -c 'fuda: < 6' "$tmp/err")" = 1 ] || fail "the card was asked more than once"
run 0 mdoc request age_over_20 --trust phone/ca.pem --json
json .result ok
value reader | grep -q ' 00 01$' || fail "not the phone's reader"
"$build/fuda-vcard" qr "$tmp/phone" >"$tmp/code"
run 0 mdoc request age_over_20 --trust phone/ca.pem --engagement code --json
json .result ok
value reader | grep -q ' 00 01$' || fail "not the phone's reader"
# nobody is a phone: that is told of all
one_left() {
	"$fuda" readers --json >"$tmp/readers" 2>/dev/null && [ "$(grep -o '"card":true' "$tmp/readers" | wc -l)" = 1 ]
}
pcscd_stop $player
becomes 'one card' one_left
put other 1
for what in 'mdoc request name --trust phone/ca.pem' 'mykey show --mdoc --terminal t' 'mykey unbind --mdoc --terminal t'; do
	# shellcheck disable=SC2086
	run 1 $what --json -vv
	json .error ENOTFOUND
	says out ' 00 00, pcsc:'
	says out ' 00 01 does not offer mobile documents'
	[ "$(grep -c 'fuda: > ' "$tmp/err")" = 2 ] || fail "more was sent than one command to each"
done
pcscd_stop $player
becomes 'one card' one_left
put phone 1
# the phone goes in the middle: nothing is bound, and nothing was lost
pcscd_stop $player
player=$card_player
begin mykey bind --mdoc --reader 'pcsc: 00 00' --phone-reader 'pcsc: 00 01' --pin-file pin
becomes 'a word to hold it there' told "Hold the holder's own phone to pcsc: 00 01"
put phone 1
finish 0
json .mykey_id "$id"
mykeyd_stop s
echo ok
