#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cert: forms of output, secrets where the card asks for them.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
echo "$sign_password" | tr A-Z a-z >"$tmp/password" # small letters: the card knows capitals only, the program folds them
echo "${sign_password}R" | cut -c 2- >"$tmp/wrong"
echo 1234 >"$tmp/pin"

for which in auth auth-ca sign-ca; do
	run 0 cert $which -r virtual:card
	openssl x509 -in "$tmp/out" -noout || fail "no PEM"
done
run 0 cert auth -r virtual:card --format der -o a.der
silent out
run 0 cert auth -r virtual:card --format der
cmp "$tmp/out" "$tmp/a.der" || fail "DER on standard output differs"
openssl x509 -inform DER -in "$tmp/a.der" -noout || fail "no DER"
run 0 cert auth -r virtual:card -o a.pem
openssl x509 -in "$tmp/a.pem" -outform DER | cmp - "$tmp/a.der" || fail "PEM differs"
run 0 cert auth -r virtual:card --format text
says out 'user authentication'
says out '2048'
serial=$(openssl x509 -in "$tmp/a.pem" -noout -serial | sed 's/.*=//')
sha256=$(openssl x509 -in "$tmp/a.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g')
for form in --json --format=json; do
	run 0 cert auth -r virtual:card $form
	json .result ok
	json .reader virtual:card
	json .world unknown
	json .apdus.count
	json .serial "$serial"
	json .sha256 "$sha256"
	json .use auth
	json .pem
	json_lacks .name
	json_lacks .secret
done

# the signature certificate is behind its password
run 2 cert sign -r virtual:card
says err '--pin-fd'
run 0 cert sign -r virtual:card --pin-file password --json
json .secret sign
json .tries_before 5
json .tries_after 5
json .use sign
json .name
json .birth_date
json .sex
run 4 cert sign -r virtual:card --pin-file wrong
says err '4 tries are left'
run 4 cert sign -r virtual:card --pin-file pin # too short: costs nothing
says err 'no try was spent'
tries card sign 4

# it is behind its PIN on phones
fresh phone --kind android
run 2 cert auth -r virtual:phone
run 0 cert auth -r virtual:phone --pin-file pin --json
json .secret auth

# bad places to write to
run 2 cert auth -r virtual:card --format text -o x
run 1 cert auth -r virtual:card -o no/such/place
says err 'no/such/place'
run 3 cert auth -r virtual:nowhere -o kept
[ ! -e "$tmp/kept" ] || fail "a file of a failure"
echo ok
