#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What other programs get wrong with this card (card.md 8.1), on software cards that behave that way, of every kind: ours
# gets it right. In the order of that list.
set -eu
. "$srcdir/tests/cli.sh"
printf '1234\n' >"$tmp/pin.auth"
echo "$sign_password" >"$tmp/pin.sign"
echo "$sign_password" | tr A-Z a-z >"$tmp/pin.small"
printf '4321\n' >"$tmp/wrong.auth"
echo letter >"$tmp/letter"

# auth STATUS CARD [ARGUMENT...], sign STATUS CARD [ARGUMENT...]
auth() {
	want=$1 card=$2
	shift 2
	run "$want" auth -r "virtual:$card" --trust "$card/ca.pem" --pin-file pin.auth --json "$@"
}
sign() {
	want=$1 card=$2
	shift 2
	run "$want" sign -k sign -f raw letter -o letter.sig -c signer.pem -r "virtual:$card" \
		--trust "$card/ca.pem" --pin-file pin.sign --json "$@"
}
# token KIND KEY=VALUE: a card or phone that behaves so; made once of each kind
token() {
	fresh card --kind "$1"
	key=${2%%=*}
	sed -i "s/^$key *=.*/$key = ${2#*=}/" "$tmp/card/card.conf"
	grep -q -x "$key = ${2#*=}" "$tmp/card/card.conf" || fail "no key $key"
}
# records KIND: what else is on a card, and not on a phone
records() {
	[ "$1" = card ] || return 0
	secrets_of card
	run 0 attributes -r virtual:card --pin-file pin --cv-trust card/cv-authority.pem --timeout 20
	run 0 mynumber -r virtual:card --pin-file pin --cv-trust card/cv-authority.pem --timeout 20
	run 0 face -r virtual:card -o face --with a --my-number --pin-file a --cv-trust card/cv-authority.pem --timeout 20
	run 0 info -r virtual:card --cv-trust card/cv-authority.pem --json
	json .common.serial
	# the chain can be had by commands of extended length only: card.md 1.2
	if grep -q '^extended = no' "$tmp/card/card.conf"; then json .cv_chain.error; else json .cv_chain.validity ok; fi
}
# verified_by_openssl: the last signature
verified_by_openssl() {
	openssl x509 -in "$tmp/signer.pem" -noout -pubkey >"$tmp/key.pem"
	openssl dgst -sha256 -verify "$tmp/key.pem" -signature "$tmp/letter.sig" "$tmp/letter" >/dev/null ||
		fail "OpenSSL does not accept the signature"
}

# 61xx to the signature command: 256 bytes from the card, not zeros; 6Cxx likewise
for kind in card android iphone; do
	for how in 61xx 6Cxx; do
		token $kind responses=$how
		auth 0 card
		json .result ok
		sign 0 card
		verified_by_openssl
		records $kind
	done
done

# a blocked PIN leaves the other key, its certificate and all else usable, and says that it is blocked
for how in 63C0 6984; do
	token card "blocked-query=$how"
	for _ in 1 2; do run 4 auth -r virtual:card --pin-file wrong.auth; done
	run 5 auth -r virtual:card --pin-file wrong.auth --use-last-try
	says err 'blocked'
	auth 5 card --use-last-try
	json .error EPINBLOCKED
	json .tries_after 0
	tries card auth 0
	run 0 info -r virtual:card --trust card/ca.pem
	run 0 cert auth -r virtual:card
	sign 0 card
	verified_by_openssl
	records card
	# the same of the application of texts: its other secret opens it, and the face has its own
	for _ in 1 2; do run 4 attributes -r virtual:card --pin-file wrong.auth; done
	run 5 attributes -r virtual:card --pin-file wrong.auth --use-last-try
	run 5 mynumber -r virtual:card --pin-file pin.auth
	says err 'blocked'
	run 0 attributes -r virtual:card --with b --pin-file b --cv-trust card/cv-authority.pem
	run 0 face -r virtual:card -o face --pin-file b --cv-trust card/cv-authority.pem
	run 0 pin status -r virtual:card --json
	json .text 0
done
for kind in android iphone; do
	token $kind blocked-query=6984
	for _ in 1 2; do run 4 auth -r virtual:card --pin-file wrong.auth; done
	run 5 auth -r virtual:card --pin-file wrong.auth --use-last-try
	run 0 info -r virtual:card
	sign 0 card
done

# the end of a file, however it answers; files without filler and with more than expected
for kind in card android iphone; do
	for how in 6B00 6282 9000; do
		token $kind past-end=$how
		auth 0 card --timeout 10
		records $kind
	done
	# ... read in short pieces
	token $kind extended=no
	auth 0 card
	records $kind
done
for size in exact 4000; do
	fresh card --certificate-file-size "$size"
	auth 0 card
	sign 0 card
	for which in auth-ca sign-ca; do run 0 cert $which -r virtual:card; done
done
for size in exact 4096; do
	fresh card --record-file-step "$size"
	records card
done
# a file that ends inside its object: an error that says so, soon
fresh card
file=$tmp/card/jpki-000A.bin
truncate -s 1000 "$file"
for how in 6B00 6282 9000; do
	sed -i "s/^past-end.*/past-end = $how/" "$tmp/card/card.conf"
	auth 1 card --timeout 10
	json .error EFORMAT
	tries card auth 3
done
fresh card
secrets_of card
for f in text-0002 face-0002; do
	truncate -s 90 "$tmp/card/$f.bin"
done
for how in 6B00 6282 9000; do
	sed -i "s/^past-end.*/past-end = $how/" "$tmp/card/card.conf"
	run 1 attributes -r virtual:card --pin-file pin --timeout 10 --json
	json .error EFORMAT
	run 1 face -r virtual:card -o short.face --pin-file b --timeout 10 --json
	json .error EFORMAT
done

# 6F00 to the first command after power-up
for kind in card android iphone; do
	token $kind first-command=6F00
	auth 0 card
	sign 0 card
	run 0 pin status -r virtual:card
	run 0 info -r virtual:card
	records $kind
done

# smartphones: both certificates behind their PINs; labels known
for kind in android iphone; do
	fresh phone --kind $kind
	run 0 info -r virtual:phone --json
	json .token $kind
	run 2 cert auth -r virtual:phone
	says err 'PIN for user authentication is needed'
	run 0 cert auth -r virtual:phone --pin-file pin.auth
	run 0 cert sign -r virtual:phone --pin-file pin.sign
	auth 0 phone
	json .result ok
	sign 0 phone
	verified_by_openssl
done

# a password in small letters is right; what cannot be right by its length is not sent
for kind in android iphone card; do
	fresh card --kind $kind
	run 0 sign -k sign -f raw letter -o letter.sig -r virtual:card --pin-file pin.small
	tries card sign 5
done
for bad in abc12 'abc 123' 12345678901234567 'ABC12あ'; do
	printf '%s\n' "$bad" >"$tmp/bad"
	run 4 sign -k sign -f raw letter -o letter.sig -r virtual:card --pin-file bad
	tries card sign 5
done

# one VERIFY for certificate and signature
run 0 sign -k sign -f raw letter -o letter.sig -c signer.pem -r virtual:card --pin-file pin.sign -v -v
[ "$(grep -c '0020009B <' "$tmp/err")" = 1 ] || fail "not exactly one VERIFY"

# no signature certificate: said, and no try spent, in every form that this may take
for how in ff 6A82; do
	fresh card --no-sign-certificate --set "no-sign-certificate=$how"
	sign 1 card
	json .error ENOTFOUND
	tries card sign 5
	run 1 cert sign -r virtual:card --pin-file pin.sign
	tries card sign 5
	auth 0 card
done

# a wrong password is called wrong, with the tries left
fresh card
printf 'WRONG99\n' >"$tmp/wrong.sign"
run 4 sign -k sign -f raw letter -o letter.sig -r virtual:card --pin-file wrong.sign
says err 'wrong'
says err '4 tries'

# 6 commands for an authentication
auth 0 card
json .apdus.count 6
echo ok
