#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Emulated readers for other programs: what is plugged, laid on and taken away is seen by a program of its own.
set -eu
. "${srcdir:-.}/tests/usb-env.sh"
if [ -z "${FUDA_TEST_STAGE:-}" ]; then
	needs tests/usb-stage
	exec tests/usb-stage rcs380 ccid-extended -- sh "$0"
fi
. "${srcdir:-.}/tests/cli.sh"
fresh card

# ask STATUS ANSWER WHAT...
ask() {
	want=$1 answer=$2
	shift 2
	status=0
	said=$("$build/tests/usb-stage" ask "$@") || status=$?
	[ "$status" = "$want" ] || fail "$*: status $status, not $want: $said"
	case $said in
	$answer) ;;
	*) fail "$*: $said" ;;
	esac
}

# sees COUNT PATTERN: so many of the readers listed match
sees() {
	run 0 readers
	n=$(grep -c "$2" "$tmp/out" || :)
	[ "$n" = "$1" ] || fail "$n readers with $2, not $1"
}

sees 2 'no card ('
ask 0 1.1 place 1
ask 1 'error no card' usage 1
ask 0 ok insert 1 "$tmp/card"
sees 1 '^rcs380:.* card (Sony RC-S380/.)$'
run 0 readers --json
json '.readers[0].model'
run 0 info --reader rcs380:1.1
ask 0 'apdus [1-9]* verifies 0' usage 1
# the same card cannot lie on two readers
ask 1 'error *' insert 2 "$tmp/card"
ask 0 ok remove 1
ask 0 ok insert 2 "$tmp/card"
run 0 info --reader ccid:1.2
ask 0 ok unplug 2
sees 0 '^ccid:'
run 3 info --reader ccid:1.2
ask 1 'error not plugged in' place 2
ask 0 ok unplug 2
ask 0 ok plug 2
sees 1 '^ccid:.* card ('
ask 0 1.3 place 2
# a driver's only reader; names of none
run 0 pin status --reader ccid:
run 0 pin status --reader ccid
run 3 pin status --reader rcs380: # no card
says err 'no card'
ask 0 ok unplug 1
run 3 pin status --reader rcs380:
says err 'There is no reader "rcs380:". "fuda readers" lists'
for name in rcs380:1.1 ccid:1.99 ccid:1.3/1 rcs380:foo ccid:x/x ccid:1 ccid:1.3/ ccid:1.3x; do
	run 3 pin status --reader $name --json
	json .error ENOREADER
	says err "${name#*:}" # what was given
done
ask 0 ok plug 1
# what makes no sense
ask 1 'error no such reader' plug 3
ask 1 'error no such reader' plug 0
ask 1 'error no such reader' plug
ask 1 'error no such request' jump 1
ask 1 'error *' insert 1 "$tmp/nothing"
for bad in rcs380x ccid-nonsense ccid nonsense ''; do
	status=0
	"$build/tests/usb-stage" "$bad" -- true 2>/dev/null || status=$?
	[ $status = 2 ] || fail "usb-stage $bad: $status"
done
for status in 0 7; do
	got=0
	"$build/tests/usb-stage" rcs380 -- sh -c "exit $status" || got=$?
	[ $got = $status ] || fail "ended with $got, not $status"
done
