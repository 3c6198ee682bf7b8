#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Programs of others see a My Number card: OpenSC's tools through PC/SC, their signatures verified by OpenSSL.
set -eu
[ -x ./fuda-vcard ] || {
	echo "SKIP: built without the software card"
	exit 77
}
for program in opensc-tool pkcs15-tool pkcs11-tool openssl timeout; do
	command -v $program >/dev/null || {
		echo "SKIP: no $program"
		exit 77
	}
done
. "${srcdir:-.}/tests/pcscd-env.sh"

fail()
{
	echo "FAILED: $*"
	sed 's/^/  /' "$FUDA_TEST_DIR/out" | tail -n 20
	exit 1
}

# run PROGRAM...: must succeed; what it says is in out
run()
{
	timeout 60 "$@" >"$FUDA_TEST_DIR/out" 2>&1 || fail "$*"
}

says()
{
	grep -q -e "$1" "$FUDA_TEST_DIR/out" || fail "does not say: $1"
}

dir=$FUDA_TEST_DIR/card
canaries=$srcdir/tests/canaries
password=$(sed -n 's/^secret.sign *= *//p' "$canaries/suite.secrets")
sh "$srcdir/tests/stock.sh" "$dir" --secrets "$canaries/suite.secrets" --person "$canaries/suite.person" >/dev/null
./fuda-vcard run "$dir" --vpcd "127.0.0.1:$FUDA_TEST_PORT" >"$FUDA_TEST_DIR/card.log" 2>&1 &
at_exit "pcscd_stop $!"
run tests/bare-pcsc card " 00 00" 5000

run opensc-tool --name
says '^jpki$'
run opensc-tool -c default -s 00A4040C0AD392F000260100000001
says 'SW1=0x90, SW2=0x00'
run pkcs15-tool --list-certificates
says 'User Authentication Certificate'
says 'Digital Signature Certificate'
run pkcs11-tool --list-slots
says 'JPKI (User Authentication PIN)'
says 'JPKI (Digital Signature PIN)'

# sign ID SLOT PIN: read certificate ID, sign with key ID, verify
sign()
{
	run pkcs15-tool --read-certificate "$1" --verify-pin --auth-id "$1" --pin "$3" \
		--output "$FUDA_TEST_DIR/$1.pem"
	run openssl x509 -in "$FUDA_TEST_DIR/$1.pem" -noout -pubkey -out "$FUDA_TEST_DIR/$1.pub"
	run openssl verify -partial_chain -ignore_critical -CAfile "$dir/ca.pem" \
		"$FUDA_TEST_DIR/$1.pem"
	for hash in 1 256 384 512; do
		echo "to be signed $hash" >"$FUDA_TEST_DIR/text"
		if [ $hash = 1 ]; then mechanism=SHA1; else mechanism=SHA$hash; fi
		run pkcs11-tool --slot "$2" --login --pin "$3" --sign --id "$1" \
			--mechanism $mechanism-RSA-PKCS --input-file "$FUDA_TEST_DIR/text" \
			--output-file "$FUDA_TEST_DIR/signature"
		run openssl dgst -sha$hash -verify "$FUDA_TEST_DIR/$1.pub" \
			-signature "$FUDA_TEST_DIR/signature" "$FUDA_TEST_DIR/text"
		says 'Verified OK'
	done
	# nor does it verify what was not signed
	echo "something else" >"$FUDA_TEST_DIR/text"
	if openssl dgst -sha512 -verify "$FUDA_TEST_DIR/$1.pub" -signature "$FUDA_TEST_DIR/signature" \
		"$FUDA_TEST_DIR/text" >"$FUDA_TEST_DIR/out" 2>&1; then
		fail "a signature of something else was accepted"
	fi
}
sign 01 0 1234
sign 02 1 "$password"

# a wrong PIN is refused and costs a try, which the right one gives back
if timeout 60 pkcs11-tool --slot 0 --login --pin 4321 --sign --id 01 --mechanism RSA-PKCS \
	--input-file "$FUDA_TEST_DIR/text" --output-file "$FUDA_TEST_DIR/signature" \
	>"$FUDA_TEST_DIR/out" 2>&1; then
	fail "a wrong PIN was accepted"
fi
says CKR_PIN_INCORRECT
run opensc-tool -c default -s 00A4040C0AD392F000260100000001 -s 00200098
says 'SW1=0x63, SW2=0xC2'
sign 01 0 1234
run opensc-tool -c default -s 00A4040C0AD392F000260100000001 -s 00200098
says 'SW1=0x63, SW2=0xC3'
