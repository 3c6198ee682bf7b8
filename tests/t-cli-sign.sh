#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sign and verify: each key, hash and scheme; what is changed afterwards; files.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
echo 1234 >"$tmp/pin.auth"
echo "$sign_password" | tr A-Z a-z >"$tmp/pin.sign"
echo "${sign_password}R" | cut -c 2- >"$tmp/wrong"
echo 'a letter' >"$tmp/letter"
echo 'another letter' >"$tmp/other"
sign() {
	want=$1 key=$2
	shift 2
	run "$want" sign -k "$key" -f raw -r virtual:card --trust card/ca.pem --pin-file "pin.$key" "$@"
}
verify() {
	want=$1
	shift
	run "$want" verify --signature sig --certificate me.pem --trust card/ca.pem "$@"
}

for key in auth sign; do
	for how in 'sha256 pkcs1' 'sha384 pkcs1' 'sha512 pkcs1' 'sha256 pss'; do
		hash=${how% *} scheme=${how#* }
		rm -f "$tmp/sig" "$tmp/me.pem"
		sign 0 $key letter -o sig --certificate me.pem --hash $hash --scheme $scheme --json
		json .result ok
		json .world test
		json .hash $hash
		json .scheme $scheme
		json .out sig
		json .secret $key
		json .certificate.use $key
		json .revocation not_checked
		[ "$(wc -c <"$tmp/sig")" -eq 256 ] || fail "not 256 bytes"
		verify 0 letter --hash $hash --scheme $scheme --json
		json .result ok
		json .world test
		json_lacks .error
		json_lacks .apdus.count
		verify 0 letter --hash $hash --scheme $scheme --use $key
		pss=
		[ $scheme = pkcs1 ] || pss='-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32'
		openssl x509 -in "$tmp/me.pem" -noout -pubkey >"$tmp/key.pem"
		openssl dgst -$hash -verify "$tmp/key.pem" -signature "$tmp/sig" $pss "$tmp/letter" >/dev/null ||
			fail "OpenSSL: $key $hash $scheme"
	done
done

# what does not fit: status 6, and the rule is named
sign 0 sign letter -o sig --certificate me.pem
says out 'ok'
verify 6 other --json
json .result signature_mismatch
json .rule signature_mismatch
json .error EVERIFY
verify 6 other
says out 'signature_mismatch'
says err 'Do not accept it'
verify 6 letter --hash sha512
verify 6 letter --scheme pss
verify 6 letter --use auth --json
json .rule profile_use
verify 6 letter --at 2000-01-01 --json
json .rule issuer_not_yet_valid
verify 6 letter --at 2033-01-01T00:00:00Z --json
json .result certificate_expired
run 6 verify letter --signature sig --certificate me.pem
says err '--trust'
: >"$tmp/empty"
run 6 verify letter --signature empty --certificate me.pem --trust card/ca.pem
head -c 255 "$tmp/sig" >"$tmp/short"
run 6 verify letter --signature short --certificate me.pem --trust card/ca.pem
head -c 600 /dev/zero >"$tmp/long"
run 1 verify letter --signature long --certificate me.pem --trust card/ca.pem
run 1 verify letter --signature sig --certificate letter --trust card/ca.pem
says err 'letter: neither a PEM nor a DER certificate'
head -c 100 "$tmp/card/jpki-000A.bin" >"$tmp/half.der"
run 1 verify letter --signature sig --certificate half.der --trust card/ca.pem
says err 'half.der: '
run 1 verify letter --signature sig --certificate empty --trust card/ca.pem
run 1 verify letter --signature nowhere --certificate me.pem --trust card/ca.pem
says err 'nowhere'
run 1 verify nowhere --signature sig --certificate me.pem --trust card/ca.pem --json
json .error EFILE
json_lacks .result
printf -- '-----BEGIN CERTIFICATE-----\nAAAA\n' >"$tmp/broken"
run 1 verify letter --signature sig --certificate broken --trust card/ca.pem

# ... in the command line
run 2 verify letter --signature sig
says err '--certificate is missing'
run 2 verify letter --certificate me.pem
run 2 verify letter --signature sig --certificate me.pem --use ca
for at in tomorrow 2026-02-30 2026-13-01 '2026-11-20 ' 2026-11-20T25:00:00Z 2026-11-20T00:00:00; do
	verify 2 letter --at "$at"
done
verify 2 letter --hash md5
sign 2 sign letter -o sig --hash sha512 --scheme pss
sign 2 sign letter -o - --json
run 2 sign -k sign -f raw letter
says err '--out is missing'
run 2 sign -k sign -f cms letter -o x
run 2 sign -f raw letter -o x
run 2 sign -k sign letter -o x
sign 2 sign - -o x --pin-fd 0

# DER certificates, standard input, standard output
openssl x509 -in "$tmp/me.pem" -outform DER -out "$tmp/me.der"
run 0 verify letter --signature sig --certificate me.der --trust card/ca.pem
input=$tmp/letter
run 0 verify - --signature sig --certificate me.pem --trust card/ca.pem
sign 0 sign - -o stdin.sig
unset input
cmp "$tmp/sig" "$tmp/stdin.sig" || fail "standard input signs differently"
sign 0 sign letter -o -
cmp "$tmp/sig" "$tmp/out" || fail "standard output differs"
if [ -w /dev/null ]; then
	sign 0 sign letter -o /dev/null
	[ -c /dev/null ] || fail "/dev/null replaced"
fi

# OUT is whole or as it was, through a link too
echo kept >"$tmp/target"
ln -s target "$tmp/link"
run 4 sign -k sign -f raw letter -o link -r virtual:card --trust card/ca.pem --pin-file wrong
grep -q kept "$tmp/target" || fail "an old file went"
sign 0 sign letter -o link
[ -L "$tmp/link" ] || fail "the link went"
cmp "$tmp/sig" "$tmp/target" || fail "not written through the link"
ln -s not-there "$tmp/dangling"
sign 1 sign letter -o dangling
says err 'dangling: a link that leads nowhere'
sign 1 sign letter -o x -c dangling
sign 1 sign letter -o ''
sign 1 sign letter -o new/
[ -L "$tmp/dangling" ] || fail "a dangling link was replaced"
[ ! -e "$tmp/not-there" ] || fail "a dangling link was followed"
# that nothing can be written is found before the PIN is asked for; if it fails anyway, that is no result
sign 1 sign letter -o nowhere/sig --json
says err 'nowhere/sig:'
json .error EFILE
json_lacks .result
json_lacks .tries_before
json_lacks .apdus.count
sign 1 sign letter -o unwritten -c nowhere/me.pem
[ ! -e "$tmp/unwritten" ] || fail "a file of a failure"
if [ -w /dev/full ]; then
	for to in '-o /dev/full' '-o unwritten -c /dev/full'; do
		sign 1 sign letter $to --json
		json .error EFILE
		json_lacks .result
		json .message
		says err 'the signature was made but not written'
		sign 1 sign letter $to
		silent out
	done
	[ ! -e "$tmp/unwritten" ] || fail "a signature of a failure"
fi
# IN is not overwritten, under any name
cp "$tmp/letter" "$tmp/original"
ln -s letter "$tmp/letter.link"
input=$tmp/letter
for paths in 'letter -o letter' 'letter -o letter.link' 'letter.link -o ./letter' 'letter -o x -c letter' \
	'- -o letter' 'letter -o x -c x' 'letter -o x -c ./x' 'letter -o sig -c ./sig' 'letter -o - -c -' \
	'out -o -' 'letter -o x -c -' 'letter -o x -c - --json'; do
	sign 2 sign $paths
done
unset input
cmp "$tmp/letter" "$tmp/original" || fail "IN was overwritten"
[ ! -e "$tmp/x" ] || fail "a file of a refusal"
sign 0 sign letter -o both.sig -c both.pem --json
json .certificate_out both.pem
sign 0 sign letter -o both.sig -c both.pem
says out 'Certificate written to'
mkfifo "$tmp/pipe"
sleep 60 >"$tmp/pipe" &
writer=$!
(cd "$tmp" && exec "$fuda" sign -k auth -f raw - -o x -r virtual:card <pipe >out 2>err) &
signer=$!
becomes 'handler of SIGINT' handles INT $signer
sleep 0.3
kill -INT $signer
got=0
wait $signer || got=$?
kill $writer
[ $got = 8 ] || fail "^C while the data is read: $got"
says err 'cancelled; nothing was sent to the card'
# the signer need not have the CA at hand; an expired certificate is refused where it can be judged
run 0 sign -k sign -f raw letter -o alone -r virtual:card --pin-file pin.sign --json
json .result ok
json .world unknown
cmp "$tmp/sig" "$tmp/alone" || fail "signs differently without --trust"
fresh old --expired
run 6 sign -k sign -f raw letter -o link -r virtual:old --pin-file pin.sign --json
json .result certificate_expired
json .world unknown
run 6 sign -k sign -f raw letter -o link -r virtual:old --trust old/ca.pem --pin-file pin.sign --json
json .result certificate_expired
cmp "$tmp/sig" "$tmp/target" || fail "an old file went"
sign 1 sign nowhere -o x
[ ! -e "$tmp/x" ] || fail "a file of a failure"
for to in sig target alone x stdin.sig both.sig both.pem me.pem unwritten; do
	[ -z "$(find "$tmp" -name "$to.??????")" ] || fail "temporary files left of $to"
done
tries card sign 5

# IN is looked at before the secret and the card
run 1 sign -k sign -f raw nowhere -o x -r virtual:nowhere
says err 'nowhere:'

# a card without a signature certificate: said without spending a try
fresh child --no-sign-certificate
run 1 sign -k sign -f raw letter -o x -r virtual:child --pin-file pin.sign
says err 'The password was not sent'
tries child sign 5
run 1 cert sign -r virtual:child --pin-file pin.sign --json
json .error ENOTFOUND

# a large file takes no memory; a sanitizer needs more than there is here anyway
limited() {
	# shellcheck disable=SC3045 # dash and bash have it
	(ulimit -v 250000 2>/dev/null && cd "$tmp" && "$fuda" "$@" >out 2>err)
}
if limited --version; then
	truncate -s 400M "$tmp/large"
	limited sign -k auth -f raw large -o large.sig -r virtual:card --trust card/ca.pem \
		--pin-file pin.auth || fail "a large file"
	rm "$tmp/large" # it takes long to look through
else
	echo "not tried: a large file in little memory"
fi
echo ok
