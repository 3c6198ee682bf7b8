#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No service, no permission, no reader, no card, wrong card: each has its own message with the next step, and exit status 3.
set -eu
. "$srcdir/tests/pcscd-env.sh"
dir=$FUDA_TEST_DIR
mkdir "$dir/home"
export HOME="$dir/home" LC_ALL=C
: >"$dir/messages"

fail() {
	echo "FAILED: $*"
	exit 1
}

# expect ERROR NEXT-STEP ARGUMENT...: fuda fails with 3 and ERROR, and its message names NEXT-STEP
expect() {
	error=$1 step=$2
	shift 2
	status=0
	./fuda "$@" --json >"$dir/out" 2>"$dir/err" </dev/null || status=$?
	[ $status = 3 ] || fail "$error: exit status $status: $(cat "$dir/err")"
	grep -q "\"error\":\"$error\"" "$dir/out" || fail "not $error: $(cat "$dir/out")"
	grep -q -e "$step" "$dir/err" || fail "$error does not say '$step': $(cat "$dir/err")"
	head -n 1 "$dir/err" >>"$dir/messages" # what follows is the same advice for several
}

sh "$srcdir/tests/stock.sh" "$dir/card" --secrets "$srcdir/tests/canaries/suite.secrets" 2>/dev/null
expect ENOCARD 'Insert' info
! grep -q 'ENTRY(fault)' drivers.def ||
	expect EWRONGCARD 'not a My Number card' info --reader "fault:sw=6A82@1+:virtual:$dir/card"
expect ENOREADER 'fuda readers' info --reader nonsense
expect ENOREADER 'fuda-vcard make' info --reader "virtual:$dir/none"
if [ "$(id -u)" != 0 ]; then
	chmod 000 "$PCSCLITE_CSOCK_NAME"
	expect EACCESS 'polkit' info
	chmod 777 "$PCSCLITE_CSOCK_NAME"
fi
pcscd_stop "$FUDA_TEST_PCSCD_PID" || :
rm -f "$PCSCLITE_CSOCK_NAME"
expect ENOSERVICE 'Start it' info
rm -f "$dir"/conf/*
"$FUDA_TEST_PCSCD" &
at_exit "pcscd_stop $!"
for _ in 1 2 3 4 5 6 7 8 9 10; do
	./fuda info >/dev/null 2>"$dir/err" </dev/null || :
	! grep -q 'Start it' "$dir/err" || sleep 0.3
done
expect ENOREADER 'Plug one in' info
./fuda readers --json >"$dir/out" 2>"$dir/err" || fail "no reader is no failure: $(cat "$dir/err")"
grep -q '"readers":\[\]' "$dir/out" || fail "that there is no reader is known: $(cat "$dir/out")"
[ -z "$(sort "$dir/messages" | uniq -d)" ] || fail "two of them say the same: $(sort "$dir/messages" | uniq -d)"
