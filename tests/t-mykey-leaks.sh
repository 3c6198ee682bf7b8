#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the service has and says of holders: a card whose values are nowhere else goes through all that a holder can have
# done, and through refusals; then its serial number, certificate, holder, secrets, the number that was linked and the
# terminal's code are searched for in the database, the log, the metrics, the audit trail and errors.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/mykeyd.sh"
. "$top/tests/canary.sh"
cp -R "$cards/stock" "$tmp/card"
"$build/fuda-vcard" crl "$tmp/card" >"$tmp/cards.crl"
local_number=LOCAL7392KANARIA

# keep NAME: what the last command of fuda printed, to be searched
keep() {
	cat "$tmp/out" "$tmp/err" >"$seen/$1"
}
# holder STATUS WORD...: at the terminal, with the canary's PIN
holder() {
	want_status=$1
	shift
	run "$want_status" mykey "$@" --terminal desk --reader virtual:card --pin-file "$given/auth" --json
}
mykeyd_init service --set "trust=$tmp/card/ca.pem" --set "crl=$tmp/cards.crl"
mykeyd_start service
mykeyd_terminal service desk library bus
holder 0 bind
keep bind
holder 0 resolve --sector library
keep resolve
holder 0 link $local_number --sector library # what it prints is the holder's
holder 0 resolve --sector library
grep -q $local_number "$tmp/out" || fail "the number that was linked is not told"
holder 9 link ${local_number}2 --sector library
keep relink
holder 9 resolve --sector nowhere
keep nowhere
holder 0 change --wish KANARIA1
keep change
holder 0 show
keep show
run 4 mykey bind --terminal desk --reader virtual:card --pin-file "$given/wrong" --json
keep wrong
holder 0 bind
"$build/fuda-vcard" crl "$tmp/card" "$tmp/card" >"$tmp/new.crl"
mv "$tmp/new.crl" "$tmp/cards.crl"
mykeyd_revokes 1 service
holder 6 bind
keep revoked

# what an attacker sends comes back in no error
der=$(base64 -w 0 "$tmp/card/jpki-000A.bin")
for body in "{\"challenge\":\"$local_number\"}" "{\"certificate\":\"$der\",\"challenge\":\"x\",\"signature\":\"AAAA\"}" \
	"{\"$local_number\":1}" "[\"$local_number\"]" "$local_number"; do
	curl -sS --cacert "$tmp/service/ca.pem" --cert "$tmp/desk/certificate.pem" --key "$tmp/desk/key.pem" \
		-H 'Content-Type: application/json' -H "Idempotency-Key: x" -d "$body" "$url/v1/mykeys" >>"$seen/errors" 2>&1
	echo >>"$seen/errors"
done
[ "$(grep -c '"code"' "$seen/errors")" = 5 ] || fail "not five errors: $(cat "$seen/errors")"

curl -sS "$ops/metrics" >"$seen/metrics" 2>&1 || fail "no metrics"
grep -q mykey_ "$seen/metrics" || fail "no metrics: $(cat "$seen/metrics")"
daemon_in service 0 audit query
cp "$tmp/out" "$seen/audit"
grep -q resolve "$seen/audit" || fail "no audit trail"
daemon_in service 0 report daily
cp "$tmp/out" "$seen/report"
cp "$tmp/service.log" "$seen/log"
sqlite3 "$tmp/service/mykeyd.db" .dump >"$seen/dump"
grep -q 'INSERT INTO link' "$seen/dump" || fail "no pseudonym in the database"
cp "$tmp/service"/mykeyd.db* "$tmp/service/checkpoints.jsonl" "$seen"
mykeyd_stop service
cp "$tmp/service"/mykeyd.db "$seen/database-at-the-end"

# Everything in one line of hexadecimal digits a file, in which bytes and their hexadecimal text are found.
serial=$(openssl x509 -inform DER -in "$tmp/card/jpki-000A.bin" -noout -serial | sed 's/serial=//')
subject=$(openssl x509 -inform DER -in "$tmp/card/jpki-000A.bin" -noout -subject -nameopt multiline,utf8 |
	sed -n 's/ *commonName *= //p')
[ ${#serial} = 8 ] && [ ${#subject} -gt 10 ] || fail "no serial number and subject: $serial $subject"
hex() {
	printf %s "$1" | xxd -p | tr -d '\n'
}
lower=$(echo "$serial" | tr A-F a-f)
for file in "$seen"/*; do
	xxd -p "$file" | tr -d '\n' >"$tmp/hex"
	for what in "$lower" "$(hex "$serial")" "$(hex "$lower")" "$(hex "$subject")" "$(hex $local_number)" \
		"$(hex "$(printf %s "$der" | cut -c 301-340)")" "$(xxd -p -s 300 -l 24 "$tmp/card/jpki-000A.bin" | tr -d '\n')"; do
		! grep -q "$what" "$tmp/hex" || fail "$(basename "$file") has $what"
	done
done
look "the service"
rm -f "$tmp/out" "$tmp/err"
