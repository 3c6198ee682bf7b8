#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mykey tap in a reader of the PC/SC service: once for each time that a card is put in, whichever process asks.
set -eu
. "${srcdir:-.}/tests/cli.sh"
needs_mykey
has_pcsc || { echo "SKIP: built without PC/SC"; exit 77; }
. "$top/tests/mykeyd.sh"
unset PCSCLITE_CSOCK_NAME
. "$top/tests/pcscd-env.sh"
at_exit 'mykeyd_end; sh "$top/tests/scan.sh" "$tmp" || pcscd_status=1; rm -rf "$tmp"'

fresh card
secrets_of card
cat "$tmp/pin" "$tmp/birth" >"$tmp/both"
insert() {
	"$build/fuda-vcard" run "$tmp/card" --vpcd "127.0.0.1:$FUDA_TEST_PORT" >"$tmp/card.played" 2>&1 &
	player=$!
	at_exit "pcscd_stop $player"
	"$build/tests/bare-pcsc" card " 00 00" 5000 >/dev/null || fail "no card in the reader"
}
gone() {
	(run 3 info --reader 'pcsc: 00 00' --json) >/dev/null 2>&1
}
insert
mykeyd_init s --set crl_required=no --set "trust=$tmp/card/ca.pem" --set "cv_trust=$tmp/card/cv-authority.pem"
mykeyd_start s
mykeyd_terminal s t library
daemon_in s 0 terminal tap-on "$mykeyd_id" --comment 'people see each other there'

# mykey STATUS WORD...: all APDUs in err
mykey() {
	want_status=$1
	shift
	run "$want_status" mykey "$@" --terminal t --reader 'pcsc: 00 00' --json -vv
}
# verified COUNT: so many times the birth date's key was sent to the card
verified() {
	count=$(grep -c '> 00200091 <7 bytes>' "$tmp/err" || :)
	[ "$count" = "$1" ] || fail "$count times verified, not $1"
}
mykey 0 bind --pin-file pin
mykey 0 resolve --pin-file pin
ppid=$(sed -n 's/.*"ppid":"\([^"]*\)".*/\1/p' "$tmp/out")
# what comes to nothing before the card is asked leaves it free
mykey 9 tap
verified 0
registered() {
	(mykey 0 tap --register --pin-file both) >/dev/null 2>&1
}
becomes 'a terminal that may tap' registered
mykey 0 tap
json .ppid "$ppid"
verified 1
for more in '' --sector=library; do
	mykey 5 tap $more
	json .error EPINCOMMAND
	says err 'take it away first'
	verified 0
done
run 0 pin status --reader 'pcsc: 00 00' --json
json .birth 10
mykey 0 resolve --pin-file pin # whoever says the PIN is there
pcscd_stop $player
becomes 'an empty reader' gone
insert
mykey 0 tap
json .ppid "$ppid"
verified 1
mykey 5 tap
verified 0
mykeyd_stop s
echo ok
