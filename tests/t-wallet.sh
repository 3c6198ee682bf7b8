#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda-vcard and wallets: what is made, where it is said to be, and the QR code.
set -eu
srcdir=${srcdir:-.}
vcard=$PWD/fuda-vcard
[ -x "$vcard" ] || {
	echo "SKIP: built without the software card"
	exit 77
}
LC_ALL=C
export LC_ALL
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch"

fail()
{
	echo "FAILED: $*"
	cat out err
	exit 1
}
# run STATUS ARGUMENT...
run()
{
	want=$1
	shift
	got=0
	"$vcard" "$@" >out 2>err </dev/null || got=$?
	[ "$got" = "$want" ] || fail "fuda-vcard $*: status $got instead of $want"
	[ "$got" = 0 ] || [ -s err ] || fail "fuda-vcard $*: silent failure"
}
says()
{
	grep -q -- "$1" err || fail "no \"$1\" on standard error"
}

# ---- make ----

run 0 make phone --kind wallet
[ "$(wc -l <err)" = 1 ] || fail "not one sentence"
for file in ca crl reader; do
	says " phone/$file\.pem"
	[ -s phone/$file.pem ] || fail "no $file.pem"
done
says 'phone/card\.conf'
openssl verify -CAfile phone/ca.pem -CRLfile phone/crl.pem -crl_check -purpose any -ignore_critical phone/ds.pem >out 2>err ||
	fail "the signer is not the authority's"
openssl verify -CAfile phone/reader-ca.pem -purpose any -ignore_critical phone/reader.pem >out 2>err ||
	fail "the reader is not its authority's"
run 0 make other --kind wallet --authority phone --expired --set consent=none --set handover=static
cmp -s phone/ca.pem other/ca.pem || fail "another authority"
run 1 make third --kind wallet --authority .
[ ! -e third ] || fail "half a wallet is left"
run 2 make third --kind wallet --set past-end=9000
run 2 make third --set consent=none
run 2 make third --kind wallet --set consent=full_name_unicode,nmae
says 'no element nmae'
run 2 make third --kind telephone
says 'card, android, iphone or wallet'

# ---- crl ----

run 0 crl phone
openssl crl -noout -text -CAfile phone/ca.pem -verify <out >list 2>&1 || fail "the list does not verify"
grep -q 'No Revoked Certificates' list || fail "an empty list is not empty"
run 0 crl phone other --days 7
openssl crl -noout -text -CAfile phone/ca.pem -verify <out >list 2>&1 || fail "the list does not verify"
serial=$(openssl x509 -in other/ds.pem -noout -serial)
grep -q "Serial Number: ${serial#serial=}" list || fail "who is revoked is not on the list"
run 1 crl phone nothing
says 'nothing: no software wallet'
run 0 make stranger --kind wallet
run 2 crl phone stranger
says 'of another CA'

# ---- qr ----

run 0 qr phone
grep -q -x 'mdoc:[A-Za-z0-9_-]*' out || fail "no engagement"
[ ! -s err ] || fail "talk"
first=$(cat out)
run 0 qr phone
[ "$first" != "$(cat out)" ] || fail "the same key twice"
run 3 qr nothing
run 2 qr
run 2 qr phone other
run 2 qr phone --nothing
run 2 qr phone -o
mkdir card
echo 'kind = card' >card/card.conf
run 2 qr card
says 'a card, and no wallet'
if "$vcard" qr phone -o code.png 2>err; then
	[ "$(head -c 8 code.png | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "no PNG"
	run 1 qr phone -o nowhere/code.png
	if command -v zbarimg >/dev/null; then
		zbarimg -q --raw code.png >read 2>/dev/null || fail "nobody can read the code"
		grep -q -x 'mdoc:[A-Za-z0-9_-]*' read || fail "the code says something else"
	else
		echo "not read back: no zbarimg (zbar-tools)"
	fi
else
	says '--disable-qr'
fi

# ---- run ----

# it is played nowhere, and the code is there all the same
got=0
"$vcard" run phone --qr run.png --vpcd 127.0.0.1:1 --wait 1 >out 2>err || got=$?
[ "$got" = 3 ] || grep -q -- --disable-qr err || fail "run --qr: status $got"
[ -s run.png ] || grep -q -- --disable-qr err || fail "run --qr wrote no code"
run 2 run card --qr
echo ok
