#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mykey tap against the platform's own service: what registers a card, what a tap tells, and that nothing spends a try
# of the birth date's key which should not.
set -eu
srcdir=${srcdir:-.}
. "$srcdir/tests/cli.sh"
needs_mykey
. "$srcdir/tests/mykeyd.sh"
fresh card
secrets_of card
birth=$(cat "$tmp/birth")
cat "$tmp/pin" "$tmp/birth" >"$tmp/both"
{
	cat "$tmp/pin"
	echo 000000
} >"$tmp/mistyped"
"$build/fuda-vcard" crl "$tmp/card" >"$tmp/cards.crl"
mykeyd_init s --set "trust=$tmp/card/ca.pem" --set "crl=$tmp/cards.crl" --set "cv_trust=$tmp/card/cv-authority.pem"
mykeyd_start s
mykeyd_terminal s u library
mykeyd_terminal s t library bus

# mykey STATUS TERMINAL ARGUMENT...: as JSON, with the card; all APDUs in err
mykey() {
	want_status=$1
	at=$2
	shift 2
	run "$want_status" mykey "$@" --terminal "$at" -r virtual:card --json -vv
}
value() {
	sed -n "s/^\.$1=//p" "$tmp/lines"
}
# verified COUNT: so many times the birth date's key was sent to the card
verified() {
	count=$(grep -c '> 00200091 <7 bytes>' "$tmp/err" || :)
	[ "$count" = "$1" ] || fail "$count times verified, not $1"
}

# ---- registering ----

run 2 mykey tap --register --unregister --terminal t
run 2 mykey tap --register --sector bus --terminal t
# off until an operator says otherwise, and nobody is asked for a PIN before
mykey 9 t tap --register --pin-file wrong
says out tap_not_allowed
json_lacks .tries_before
mykey 9 t tap
json .result tap_not_allowed
verified 0
tries card auth 3
daemon_in s 2 terminal tap-on "$mykeyd_id"
daemon_in s 0 terminal tap-on "$mykeyd_id" --comment 'people see each other there'
daemon_in s 0 terminal show "$mykeyd_id" --json
json .tap true
allowed() {
	(mykey 9 t tap --sector library) >/dev/null 2>&1 && grep -q tap_not_registered "$tmp/out"
}
becomes 'a terminal that may tap' allowed
verified 0
mykey 9 t tap --register --pin-file both
json .result not_bound
mykey 0 t bind --pin-file pin
# mistyped: told by the card, and nobody is registered
mykey 4 t tap --register --pin-file mistyped
json .birth_tries_after 9
mykey 9 t tap --sector library
json .result tap_not_registered
mykey 0 t tap --register --pin-file both
json .registered true
json .birth_tries_after 10

# ---- the tap ----

mykey 9 t tap --sector library # which the holder has not been to
json .result not_linked_here
verified 0
mykey 9 t tap # it serves two
json .result sector_missing
mykey 9 t tap --sector nosuch
json .result sector_not_allowed
verified 0
mykey 0 t resolve --sector library --pin-file pin
json .ppid
ppid=$(value ppid)
mykey 0 t link 1200345 --sector library --pin-file pin
mykey 0 t tap --sector library
json .ppid "$ppid"
json .local_number 1200345
json .amr hwk
json .secret birth
json .tries_before 10
verified 1
mykey 9 u tap
json .result tap_not_allowed
verified 0

# ---- tries that are not ours to spend ----

# somebody mistyped it elsewhere: refused before it is sent, until it was right once more
printf '000000\n' >"$tmp/nobody"
run 4 face --with birth -r virtual:card --pin-file nobody --json
left=$(json_lines "$tmp/out" | sed -n 's/^\.tries_after=//p')
[ "$left" -lt 10 ] || fail "no try was spent"
for more in '' --use-last-try; do
	mykey 5 t tap --sector library $more
	json .tries_before "$left"
	says err 'not sent'
	verified 0
done
mykey 0 t tap --register --pin-file both
mykey 0 t tap --sector library
verified 1
# a counter that cannot be read
sed -i 's/^birth-tries = .*/birth-tries = 0/' "$tmp/card/card.conf"
rm -f "$tmp/card/state"
mykey 5 t tap --sector library
verified 0
sed -i 's/^birth-tries = .*/birth-tries = 10/' "$tmp/card/card.conf"
rm -f "$tmp/card/state"
mykey 0 t tap --sector library
verified 1
# the service has another key than the card, which is told; from then on nothing is sent any more
sed -i 's/^secret.birth = .*/secret.birth = 111111/' "$tmp/card/card.conf"
mykey 4 t tap --sector library
json .tries_after 9
verified 1
mykey 5 t tap --sector library
verified 0
sed -i "s/^secret.birth = .*/secret.birth = $birth/" "$tmp/card/card.conf"
mykey 5 t tap --sector library
verified 0
mykey 9 t tap --sector library # the fourth without an end
json .result tap_limit
json .retry_after
verified 0
mykey 0 t tap --register --pin-file both
mykey 0 t tap --sector library

# ---- the end of it ----

mykey 0 u tap --unregister --pin-file pin
mykey 9 t tap --sector library
json .result tap_not_registered
verified 0
mykey 9 t tap --unregister --pin-file pin
json .result tap_not_registered
mykey 0 t tap --register --pin-file both
daemon_in s 0 terminal tap-off "$mykeyd_id" --comment 'no more'
mykey 9 t tap --sector library
json .result tap_not_allowed
verified 0
daemon_in s 0 terminal tap-on "$mykeyd_id" --comment 'once more'
mykey 0 t tap --sector library
"$build/fuda-vcard" crl "$tmp/card" "$tmp/card" >"$tmp/new.crl"
mv "$tmp/new.crl" "$tmp/cards.crl"
mykeyd_revokes 1 s
mykey 6 t tap --sector library
json .result certificate_revoked
verified 0

# ---- what is written ----

daemon_in s 0 audit query --json
for word in tap-register tap-start tap tap-unregister terminal-tap-on terminal-tap-off; do
	grep -q "\"$word\"" "$tmp/out" || fail "the audit trail lacks $word"
done
mykeyd_stop s
for f in "$tmp"/*.log "$tmp"/s/mykeyd.db* "$tmp/out" "$tmp/err"; do
	[ ! -e "$f" ] || ! grep -a -q -e "$birth" -e 1200345 "$f" || fail "${f##*/} has what it must not have"
done
echo ok
