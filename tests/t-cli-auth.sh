#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# auth: the job, the verdict, and what may happen to the PIN.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
echo 1234 >"$tmp/pin"
echo 4321 >"$tmp/wrong"

# good: six APDUs, verified here and by OpenSSL
run 0 auth -r virtual:card --trust card/ca.pem --pin-file pin
says out 'ok'
says out 'user authentication'
silent err
run 0 auth -r virtual:card --trust card/ca.pem --pin-file pin --challenge 'A1 B2:c3' --json
json .result ok
json .reader virtual:card
json .world test
json .revocation not_checked
json .challenge A1B2C3
json .apdus.count 6
json .tries_before 3
json .tries_after 3
for key in serial subject issuer not_before not_after sha256; do
	json ".certificate.$key"
done
json .signature
signature=$(sed -n 's/^.signature=//p' "$tmp/lines")
octal=$(echo "$signature" | sed 's/../& /g' | tr ' ' '\n' | while read -r h; do
	[ -z "$h" ] || printf '\\%03o' "0x$h"
done)
# shellcheck disable=SC2059 # the format is the data
printf "$octal" >"$tmp/sig"
printf '\241\262\303' >"$tmp/challenge"
run 0 cert auth -r virtual:card -o me.pem
openssl x509 -in "$tmp/me.pem" -noout -pubkey >"$tmp/key.pem"
openssl dgst -sha256 -verify "$tmp/key.pem" -signature "$tmp/sig" "$tmp/challenge" >/dev/null ||
	fail "OpenSSL does not verify the signature"

# from a file descriptor, and only one line of it
got=0
(cd "$tmp" && "$fuda" auth -r virtual:card --trust card/ca.pem --pin-fd 7 --json 7<pin >out 2>err) || got=$?
[ $got = 0 ] || fail "--pin-fd: $got"
json .apdus.count 6
rest=$(cd "$tmp" && printf '1234\nrest\n' | { "$fuda" auth -r virtual:card --trust card/ca.pem --pin-fd 0 >out 2>err; cat; })
[ "$rest" = rest ] || fail "took more than its line: $rest"
run 2 auth -r virtual:card --pin-fd 9
says err 'is not open'
run 2 auth -r virtual:card --pin-fd 0 --pin-file pin
run 2 auth -r virtual:card --pin-fd 0 # nothing in it
says err 'file descriptor 0: line 1 is missing; the PIN for user authentication belongs there'
: >"$tmp/nothing"
run 2 auth -r virtual:card --pin-file nothing
says err 'nothing: line 1 is missing; the PIN for user authentication belongs there'
run 1 auth -r virtual:card --pin-file card # a directory
says err 'Is a directory'
run 1 auth -r virtual:card --pin-file nowhere
says err 'nowhere'

# secrets that do not come, or not whole, are not waited for longer than was said; ^C is told as such
mkfifo "$tmp/fifo"
(cd "$tmp" && printf 12 && exec sleep 20) 2>"$tmp/err" | (cd "$tmp" && got=0
	timeout 10 "$fuda" auth -r virtual:card --pin-fd 0 --timeout 1 >out 2>err || got=$?
	echo $got >status) &
slow=$!
becomes 'end of the wait' test -s "$tmp/status"
[ "$(cat "$tmp/status")" = 8 ] || fail "half a PIN: $(cat "$tmp/status")"
says err 'did not come in time; nothing was sent to the card'
kill $slow 2>/dev/null || :
run 8 auth -r virtual:card --pin-file fifo --timeout 1
says err 'did not come in time; nothing was sent to the card'
(cd "$tmp" && exec "$fuda" auth -r virtual:card --pin-file fifo >out 2>err) &
waiting=$!
becomes 'handler of SIGTERM' handles TERM $waiting
sleep 0.3
kill -TERM $waiting
got=0
wait $waiting || got=$?
[ $got = 8 ] || fail "stopped while it waits for the PIN: $got"
says err 'cancelled; nothing was sent to the card'
printf '1234\r\n' >"$tmp/crlf"
run 0 auth -r virtual:card --trust card/ca.pem --pin-file crlf
tries card auth 3

# a fresh challenge each time
run 0 auth -r virtual:card --trust card/ca.pem --pin-file pin --json
json .challenge
first=$(grep '^.challenge=' "$tmp/lines")
run 0 auth -r virtual:card --trust card/ca.pem --pin-file pin --json
json .challenge
[ "$first" != "$(grep '^.challenge=' "$tmp/lines")" ] || fail "the same challenge twice"

# bad challenges
for c in '' A 'xy' 'A1B' '  '; do
	run 2 auth -r virtual:card --pin-file pin --challenge "$c"
	says err '--challenge'
done

# bad verdicts: the report is whole, the status 6
run 6 auth -r virtual:card --pin-file pin
says out 'issuer_unknown'
says out 'invalid_certificate (the certificate is not accepted)'
says err '--trust'
run 6 auth -r virtual:card --pin-file pin --json
json .result invalid_certificate
json .rule issuer_unknown
json .error EVERIFY
json .world unknown
json .certificate.serial
sh "$top/tests/stock.sh" "$tmp/other" >"$tmp/out" 2>"$tmp/err" || fail "a second hierarchy"
run 6 auth -r virtual:card --pin-file pin --trust other/ca.pem
run 0 auth -r virtual:card --pin-file pin --trust other/ca.pem --trust card/ca.pem
run 1 auth -r virtual:card --pin-file pin --trust nowhere
tries card auth 3

# no terminal
run 2 auth -r virtual:card
says err '--pin-fd or --pin-file'
run 3 auth -r virtual:nowhere
run 3 auth

# what cannot be right is not sent
for bad in 123 12345 abcd '12 4' '１２３４' 99999999999999999999999999999999999999999999999999999999999999999999999; do
	echo "$bad" >"$tmp/bad"
	run 4 auth -r virtual:card --pin-file bad
	says err 'sent to the card'
done
for wide in '１２３４' '123４' '１234' '12　34'; do
	echo "$wide" >"$tmp/bad"
	run 4 auth -r virtual:card --pin-file bad
	says err 'full-width'
done
tries card auth 3

# an empty line is no secret: which one, and where
echo >"$tmp/bad"
run 2 auth -r virtual:card --pin-file bad
says err 'bad: line 1 is empty; the PIN for user authentication'
got=0
(cd "$tmp" && "$fuda" auth -r virtual:card --pin-fd 7 7<bad >out 2>err) || got=$?
[ $got = 2 ] || fail "an empty line of a descriptor: $got"
says err 'file descriptor 7: line 1 is empty'
tries card auth 3

# what is wrong costs a try and says so; the last one needs a word; blocked is blocked
run 4 auth -r virtual:card --pin-file wrong
says err '2 tries are left'
silent out
run 4 auth -r virtual:card --pin-file wrong --json
json .error EPINWRONG
json .secret auth
json .tries_before 2
json .tries_after 1
json .step
json_lacks .result
run 5 auth -r virtual:card --pin-file wrong
says err '--use-last-try'
says err 'It was not sent.'
run 5 auth -r virtual:card --pin-file pin --json
json .error ELASTTRY
json .tries_before 1
json .tries_after 1
tries card auth 1
run 5 auth -r virtual:card --pin-file wrong --use-last-try --json
json .error EPINBLOCKED
json .tries_after 0
run 5 auth -r virtual:card --pin-file pin --use-last-try
says err 'municipal office'
run 5 auth -r virtual:card --pin-file pin --json
json .error EPINBLOCKED
json .tries_before 0
run 0 pin status -r virtual:card
says out 'blocked'
tries card auth 0
tries card sign 5

# the last try, if it is right, restores the others
fresh card
run 4 auth -r virtual:card --pin-file wrong
run 4 auth -r virtual:card --pin-file wrong
run 0 auth -r virtual:card --pin-file pin --use-last-try --trust card/ca.pem
tries card auth 3

# the PIN is nowhere in the log
run 0 auth -r virtual:card --pin-file pin --trust card/ca.pem -vv
says err '00200098 <5 bytes>'
! tr -d ' :' <"$tmp/err" | grep -i -F 31323334 || fail "the PIN is in the log"

# nobody reads on: the card's job is done nevertheless
got=0
(cd "$tmp" && { "$fuda" auth -r virtual:card --pin-file pin --trust card/ca.pem -vv; echo $? >status; } 2>&1 |
	head -n 2 >out) || got=$?
[ "$(cat "$tmp/status")" -le 1 ] || fail "a pipe that breaks: $(cat "$tmp/status")"

# what nobody could take, by its time or its kind, is told before the PIN
# unasked CARD RESULT RULE: what auth says of it; its counter was not even read
unasked() {
	run 6 auth -r "virtual:$1" --pin-file wrong --trust "$1/ca.pem" --json -vv
	json .result "$2"
	json .rule "$3"
	json .error EVERIFY
	json .revocation not_checked
	json .certificate.serial
	json .challenge
	for key in signature secret tries_before; do
		json_lacks ".$key"
	done
	says err 'The PIN was not asked for.'
	says_not err '> 0020'
	run 6 auth -r "virtual:$1" --trust "$1/ca.pem" # nor is there anybody to ask
	says err 'The PIN was not asked for.'
	tries "$1" auth 3
}
fresh old --expired
unasked old certificate_expired expired
run 6 auth -r virtual:old --pin-file wrong --trust old/ca.pem
says out 'certificate_expired'
says err "If this machine's clock is wrong"
run 6 auth -r virtual:old --pin-file wrong --json # nor by a CA that nobody knows
json .rule issuer_unknown
json_lacks .tries_before
run 1 auth -r virtual:old --pin-file nowhere
run 6 sign -k auth -f raw pin -o old.sig -r virtual:old --pin-file wrong --json -vv
json .rule expired
json_lacks .signature
says_not err '> 0020'
says_not err 'the signature fits'
fresh other
cp "$tmp/other/jpki-0001.bin" "$tmp/other/jpki-000A.bin"
unasked other invalid_certificate profile_use
fresh broken
flip broken/jpki-000A.bin 4
run 1 auth -r virtual:broken --pin-file wrong --json -vv
json .error EFORMAT
json_lacks .tries_before
says_not err '> 0020'
run 0 info -r virtual:old --trust old/ca.pem --json
json .certificates.auth.validity certificate_expired
json .result ok
run 6 sign -k auth -f raw pin -o old.sig -r virtual:old --pin-file pin --trust old/ca.pem
[ ! -e "$tmp/old.sig" ] || fail "a signature that nobody accepts was written"

# phones keep the certificate behind the PIN
fresh phone --kind iphone
run 0 auth -r virtual:phone --pin-file pin --trust phone/ca.pem --json
json .result ok
echo ok
