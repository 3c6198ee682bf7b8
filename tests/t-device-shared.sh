#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Programs that want the same device at once, without the PC/SC service: each has it to itself or is told that another
# one has it; nobody's PIN is sent twice or lost, and nobody gets in between.
set -eu
. "${srcdir:-.}/tests/usb-env.sh"
if [ -z "${FUDA_TEST_STAGE:-}" ]; then
	needs tests/usb-stage
	exec tests/usb-stage rcs380 ccid-tpdu -- sh "$0"
fi
. "${srcdir:-.}/tests/cli.sh"
fresh card
echo 1234 >"$tmp/pin"

# competitor READER FILE: authenticates four times, and notes the statuses
competitor() {
	for i in 1 2 3 4; do
		status=0
		"$fuda" auth --reader "$1" --trust "$tmp/card/ca.pem" --pin-file "$tmp/pin" >"$2.out" 2>"$2.err" ||
			status=$?
		echo $status >>"$2"
		[ $status = 0 ] || cat "$2.err" >>"$2.why"
	done
}

for n in 1 2; do
	reader=rcs380:1.1
	[ $n = 1 ] || reader=ccid:1.2
	stage insert $n "$tmp/card"
	pids=
	for who in a b c; do
		competitor $reader "$tmp/$n$who" &
		pids="$pids $!"
	done
	for i in 1 2 3; do # who only looks, meanwhile
		"$fuda" readers >"$tmp/list" 2>&1 || fail "readers: $(cat "$tmp/list")"
	done
	for pid in $pids; do
		wait $pid || fail 'a competitor ended'
	done
	good=$(cat "$tmp/$n"[abc] | grep -c '^0$')
	others=$(cat "$tmp/$n"[abc] | grep -v '^0$' | sort -u)
	[ "$good" -ge 4 ] || fail "$reader: $good of 12 had a turn"
	[ -z "$others" ] || [ "$others" = 3 ] || fail "$reader: statuses $others: $(cat "$tmp/$n"[abc].why)"
	# For umockdev, programs that start at the same moment want the same name of a socket: one then sees no USB.
	[ -z "$others" ] || ! cat "$tmp/$n"[abc].why |
		grep -v -e 'Another program has this reader' -e 'There is no .* \(1\.[12]\|on the USB\)\.' ||
		fail "$reader: other complaints"
	verifies $n "$good"
	run 0 pin status --reader $reader --json
	json .auth 3
	stage remove $n
	echo "$reader: $good of 12 at once"
done
