#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda trace torture of programs that know PC/SC and nothing of us: faults come between them and its library.
set -eu
. "${srcdir:-.}/tests/pcscd-env.sh"
fail()
{
	echo "FAILED: $*"
	cat "$FUDA_TEST_DIR/out" "$FUDA_TEST_DIR/err"
	exit 1
}
[ -e .libs/libfuda-preload.so ] || pcscd_skip "built without what is preloaded"
./fuda trace torture -- true 2>/dev/null || [ $? != 7 ] || pcscd_skip "built without the fault driver"
export LC_ALL=C HOME="$FUDA_TEST_DIR" TMPDIR="$FUDA_TEST_DIR"
pcscd_let_preload
reader='Fuda Test [Card] (20261120) 00 00'
card=$FUDA_TEST_DIR/card
canaries=$srcdir/tests/canaries
sh "$srcdir/tests/stock.sh" "$card" --secrets "$canaries/suite.secrets" --person "$canaries/suite.person" >/dev/null 2>&1
./fuda-vcard run "$card" --vpcd "localhost:$FUDA_TEST_PORT" --wait 10 2>"$FUDA_TEST_DIR/vcard.log" &
at_exit "pcscd_stop $!"
n=0
until ./fuda info --reader "pcsc:$reader" >/dev/null 2>&1; do
	n=$((n + 1))
	[ $n -lt 100 ] || fail "no card"
	sleep 0.1
done

# torture STATUS OPTION... -- COMMAND...
torture()
{
	want=$1
	shift
	got=0
	./fuda trace torture --ignore '^APDUs' "$@" >"$FUDA_TEST_DIR/out" 2>"$FUDA_TEST_DIR/err" || got=$?
	[ $got = "$want" ] || fail "status $got, not $want: $*"
}
row()
{
	grep -q -x -E "$1 +$2" "$FUDA_TEST_DIR/out" || fail "no line $1: $2"
}

# our own program, by the service
echo 1234 >"$FUDA_TEST_DIR/pin"
torture 0 --test-card --fuda --stdin "$FUDA_TEST_DIR/pin" --kinds removed,pulled -- \
	./fuda auth --reader "pcsc:$reader" --pin-fd 0 --trust "$card/ca.pem" --challenge 0011
row Commands 6
row 'With a secret' 1
row 'removed, pulled' '1-4: 3, 5: 10, 6: 3'
# no tries are used up unasked, and none at all with a secret that is wrong
torture 5 --fuda --stdin "$FUDA_TEST_DIR/pin" --kinds removed -- \
	./fuda auth --reader "pcsc:$reader" --pin-fd 0 --trust "$card/ca.pem" --challenge 0011
grep -q -e --test-card "$FUDA_TEST_DIR/err" || fail "it does not say what to do"
echo 9999 >"$FUDA_TEST_DIR/wrong"
torture 5 --test-card --stdin "$FUDA_TEST_DIR/wrong" --kinds removed,pulled -- \
	./fuda auth --reader "pcsc:$reader" --pin-fd 0 --trust "$card/ca.pem" --challenge 0011
./fuda pin status --reader "pcsc:$reader" --json | grep -q '"auth": *2' || fail "more than one try was used"
./fuda auth --reader "pcsc:$reader" --pin-file "$FUDA_TEST_DIR/pin" --trust "$card/ca.pem" >"$FUDA_TEST_DIR/out"
# what prepares a run is under no fault
torture 0 --kinds gone --before "./fuda apdu --reader 'pcsc:$reader' 00A40400 >&2" -- \
	./fuda apdu --reader "pcsc:$reader" 00A4040C0AD392F000260100000001 00A4020C020006
row gone '1-2: 3'
# one that sends a secret again
torture 1 --test-card --kinds pulled --stdin /dev/null -- sh -c '"$@" || "$@"' sh \
	./fuda auth --reader "pcsc:$reader" --pin-file "$FUDA_TEST_DIR/pin" --trust "$card/ca.pem" --challenge 0011
row pulled '1-4: 3, 5: 10 \(AGAIN\), 6: 3 \(AGAIN\)'

# others'
if command -v opensc-tool >/dev/null; then
	torture 0 --kinds removed,sw=6A82,truncated --limit 20 -- \
		opensc-tool --reader "$reader" --card-driver default -s 00A4040C0AD392F000260100000001 -s 00A4020C020006
	grep -q -E '^Commands +[1-9]' "$FUDA_TEST_DIR/out" || fail "nothing is counted"
	cat "$FUDA_TEST_DIR/out"
fi
echo ok
