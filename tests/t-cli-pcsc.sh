#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command line through a PC/SC service: readers that are there without being named, cards that come and go.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
. "$top/tests/pcscd-env.sh"
at_exit 'rm -rf "$tmp"'
echo 1234 >"$tmp/pin"

card_is_there() {
	"$fuda" readers --json 2>/dev/null | grep -q '"card":true'
}

# readers, but no card
run 0 readers
says out 'no card'
run 0 readers --names
[ "$(grep -c '^pcsc:Fuda Test' "$tmp/out")" = "$(wc -l <"$tmp/out")" ] || fail "more than names"
run 0 readers --names --json
json '.readers[0].card' false
json_lacks '.readers[0].atr'
run 3 info
says err 'no card'
run 3 info --json
json .error ENOCARD
run 3 info -r 'no such reader'
says err 'fuda readers'
run 2 info -r 'Fuda Test' # both
says err 'more than one'
run 3 doctor
says out 'no card'
says out 'the PC/SC service answers'
run 3 doctor --sysroot nowhere # readers, but not on the USB
says out 'the system knows others'
# an RC-S380 for which the service has our driver, but has not looked since
mkdir -p "$tmp/system/sys/bus/usb/devices/1-2" "$tmp/system/usr/lib/pcsc/drivers/ifd-fuda.bundle/Contents"
echo 054c >"$tmp/system/sys/bus/usb/devices/1-2/idVendor"
echo 06c1 >"$tmp/system/sys/bus/usb/devices/1-2/idProduct"
: >"$tmp/system/usr/lib/pcsc/drivers/ifd-fuda.bundle/Contents/Info.plist"
run 3 doctor --sysroot system
says out 'the PC/SC service has a driver for the Sony RC-S380/S, but does not list it'

# a card comes
(cd "$tmp" && exec "$fuda" readers --watch --timeout 60 --json >events 2>watch.err) &
watcher=$!
at_exit "kill $watcher 2>/dev/null || :"
"$build/fuda-vcard" run "$tmp/card" --vpcd "localhost:$FUDA_TEST_PORT" >"$tmp/vcard.log" 2>&1 &
vcard=$!
at_exit "kill $vcard 2>/dev/null || :"
becomes 'card' card_is_there
run 0 readers --json
json '.readers[0].atr'
reader=$("$fuda" readers --names | head -n 1)
run 0 info
says out 'My Number card'
says out "$reader"
run 0 auth --trust card/ca.pem --pin-file pin --json
json .result ok
json .reader "$reader"
run 0 sign -k auth -f raw pin -o sig -c me.pem --trust card/ca.pem --pin-file pin -r "${reader#pcsc:}"
run 0 verify pin -s sig -c me.pem --trust card/ca.pem
run 0 doctor --json
json .result ok
run 0 pin status -r ' 00 00'
run 0 doctor
says out "'fuda auth' should work"
grep -q '^note .*: no card' "$tmp/out" || fail "an empty reader beside one with a card is no mere note"

# ... and goes
kill $vcard
wait $vcard 2>/dev/null || :
becomes 'word that the card is gone' grep -q card_removed "$tmp/events"
kill -INT $watcher # as ^C
got=0
wait $watcher || got=$?
[ $got = 0 ] || fail "the watch ended with $got"
[ ! -s "$tmp/watch.err" ] || fail "^C is not silent"
for e in reader_added card_inserted card_removed; do
	grep -q "\"event\":\"$e\"" "$tmp/events" || fail "no event $e"
done
while read -r line; do
	echo "$line" >"$tmp/out"
	json .event
	json .reader.name
done <"$tmp/events"
run 3 auth --pin-file pin
run 0 readers --watch --timeout 1
says out 'reader added'
says out 'Fuda Test'
echo ok
