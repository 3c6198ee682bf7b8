#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda through PC/SC while another program uses the same card, resets it, switches it off or holds it for a while.
set -eu
[ -x ./fuda-vcard ] || {
	echo "SKIP: built without the software card"
	exit 77
}
. "${srcdir:-.}/tests/pcscd-env.sh"
dir=$FUDA_TEST_DIR/card out=$FUDA_TEST_DIR/out
HOME=$FUDA_TEST_DIR XDG_CACHE_HOME=$FUDA_TEST_DIR/cache
export HOME XDG_CACHE_HOME

fail()
{
	echo "FAILED: $*"
	sed 's/^/  /' "$out"
	exit 1
}

run()
{
	timeout 60 "$@" >"$out" 2>&1 || fail "exit status $?: $*"
}

canaries=$srcdir/tests/canaries
password=$(sed -n 's/^secret.sign *= *//p' "$canaries/suite.secrets")
sh "$srcdir/tests/stock.sh" "$dir" --secrets "$canaries/suite.secrets" --person "$canaries/suite.person" >/dev/null
./fuda-vcard run "$dir" --vpcd "127.0.0.1:$FUDA_TEST_PORT" >"$FUDA_TEST_DIR/card.log" 2>&1 &
at_exit "pcscd_stop $!"
run tests/bare-pcsc card " 00 00" 5000
echo 1234 >"$FUDA_TEST_DIR/auth-pin"
echo "$password" >"$FUDA_TEST_DIR/sign-pin"
echo text >"$FUDA_TEST_DIR/text"

# The jobs, and no try lost.
jobs_work()
{
	run ./fuda auth -r "pcsc: 00 00" --trust "$dir/ca.pem" --pin-file "$FUDA_TEST_DIR/auth-pin"
	run ./fuda sign -r "pcsc: 00 00" --key sign --format raw --trust "$dir/ca.pem" \
		--pin-file "$FUDA_TEST_DIR/sign-pin" \
		"$FUDA_TEST_DIR/text" -o "$FUDA_TEST_DIR/signature"
	run ./fuda pin status -r "pcsc: 00 00" --json
	tr -d ' \n' <"$out" | grep -q '"auth":3.*"sign":5' || fail "tries were lost"
}

other=
at_exit '[ -z "$other" ] || pcscd_stop "$other"'
jobs_work
for way in use reset off hold; do
	tests/bare-pcsc disturb " 00 00" $way 7 >"$FUDA_TEST_DIR/ready" 2>&1 &
	other=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ ! -s "$FUDA_TEST_DIR/ready" ] || break
		sleep 0.1
	done
	for round in 1 2 3 4 5; do
		jobs_work
	done
	kill -0 $other || fail "the other program did not hold out"
	pcscd_stop $other
	other=
	echo "while another program did \"$way\": ok"
done

# A card that someone keeps for himself, and one that is not there, each with what to do.
got=0
timeout 60 ./fuda auth -r "pcsc: 00 01" --pin-file "$FUDA_TEST_DIR/auth-pin" >"$out" 2>&1 || got=$?
[ $got = 3 ] || fail "exit status $got, not 3: no card"
grep -q 'no card' "$out" || fail "does not say that there is no card"
