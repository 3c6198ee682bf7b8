#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda trace torture: what a program does under faults is seen, also what it must not do.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
echo 1234 >"$tmp/pin"
"$fuda" trace torture -r virtual:card -- true '{reader}' 2>/dev/null || [ $? != 7 ] || {
	echo "skipped: built without the fault driver"
	exit 77
}
export fuda
auth='"$fuda" auth -r "$1" --pin-fd 0 --trust card/ca.pem --challenge 0011 --timeout 3'

# torture STATUS OPTION... -- COMMAND...: each run with a card of its own
torture() {
	want=$1
	shift
	run "$want" trace torture -r 'virtual:{dir}/card' --before 'cp -R card "$FUDA_TORTURE_DIR/card"' \
		--stdin pin --ignore '^APDUs' "$@"
	clean
}
# nothing is left, neither folders nor processes
clean() {
	if ls -d "$TMPDIR"/* >/dev/null 2>&1; then
		fail "left behind: $(ls -d "$TMPDIR"/*)"
	fi
}
mkdir "$tmp/tmpdir"
TMPDIR=$tmp/tmpdir
export TMPDIR

# row KINDS OUTCOMES: a line of the table
row() {
	grep -q -x -E "$1 +$2" "$tmp/out" || fail "no line $1: $2"
}

# ---- a program that behaves; its commands: 1 SELECT, 2 and 3 READ, 4 counter, 5 VERIFY, 6 signature ----
# shellcheck disable=SC2086 # words
torture 0 -j 4 --fuda --kinds removed,pulled,sw=6A82,late=20 -- sh -c "exec $auth" sh '{reader}'
row Commands 6
row 'With a secret' 1
row 'removed, pulled' '1-4: 3, 5: 10, 6: 3'
row 'late=20' '1-6: 0'
row 'sw=6A82' '1: .*'
says_not out 'reached'
silent err
torture 0 --fuda --kinds pulled --json -- sh -c "exec $auth" sh '{reader}'
json .commands 6
json .secrets 1
json .status 0
json .result ok
json '.runs[4].fault' pulled
json '.runs[4].command' 5
json '.runs[4].outcome' ended
json '.runs[4].status' 10
json '.runs[4].secrets' 1
json '.runs[4].lost' 1
json '.runs[4].reached' true
json .not_reached 0
json '.runs[0].secrets' 0
json_lacks '.runs[6].fault'
torture 0 --fuda --kinds pulled --markdown 'fuda auth' -- sh -c "exec $auth" sh '{reader}'
[ "$(cat "$tmp/out")" = '| fuda auth | pulled | 1-4: 3, 5: 10, 6: 3 |' ] || fail "the row of the table"
# a reset keeps a command back: what is sent then is not sent again
torture 0 --fuda --kinds reset -- sh -c "exec $auth" sh '{reader}'

# ---- programs that do not: a script each, "$1" is the reader ----
# misbehaves OUTCOMES SCRIPT [OPTION...]: under "pulled"
misbehaves() {
	outcomes=$1 script=$2
	shift 2
	torture 1 -j 6 --kinds pulled "$@" -- sh -c "$script" sh '{reader}'
	row pulled "$outcomes"
	says err 'the first is pulled@'
}
misbehaves '1-6: CRASH \(SIGSEGV\)' "$auth || kill -SEGV \$\$"
misbehaves '1-4: 3, 5: CRASH \(SIGABRT\), 6: 3' "$auth; s=\$?; [ \$s != 10 ] || kill -ABRT \$\$; exit \$s"
misbehaves '1-6: HANG' "$auth || sleep 1000" --limit 2
misbehaves '1-6: HANG' "trap '' TERM; $auth || while :; do sleep 0.1; done" --limit 2
# tries once more: the card is gone for its program, not for the next one
auth_file=$(echo "$auth" | sed 's/--pin-fd 0/--pin-file pin/')
misbehaves '1-4: 3, 5: 10 \(AGAIN\), 6: 3 \(AGAIN\)' "$auth_file || $auth_file"
torture 0 --kinds pulled --secrets 2 -- sh -c "$auth_file || [ \$? = 10 ] || $auth_file" sh '{reader}'
# hides that the outcome is not known, or makes it up; others than ours may
misbehaves '1-4: 3, 5: 1 \(STATUS\), 6: 3' "$auth; s=\$?; [ \$s != 10 ] || s=1; exit \$s" --fuda
misbehaves '1-4: 10 \(STATUS\), 5: 10, 6: 10 \(STATUS\)' "$auth || exit 10" --fuda
torture 0 --kinds pulled -- sh -c "$auth || exit 1" sh '{reader}'
row pulled '1-6: 1'
# says something else, and that all is well: told, and no failure
torture 0 --kinds pulled -- sh -c "$auth || exit 0" sh '{reader}'
row pulled '1-6: 0 \(differs\)'
torture 0 --kinds pulled --ignore . -- sh -c "$auth || exit 0" sh '{reader}'
row pulled '1-6: 0'
torture 0 --kinds pulled --ignore 'n$' -- sh -c '"$fuda" apdu -r "$1" 00A40400 >&2; date +%Nn' sh '{reader}'
row pulled '1: 0'
# sends a secret again and then comes to a bad end: both are told, and a signal is no exit status
again="$auth_file || { $auth_file; kill -SEGV \$\$; }"
misbehaves '1-4: CRASH \(SIGSEGV\), 5-6: CRASH \(SIGSEGV\) \(AGAIN\)' "$again"
torture 1 --kinds pulled --json -- sh -c "$again" sh '{reader}'
json '.runs[4].outcome' again
json '.runs[4].signal' 11
json_lacks '.runs[4].status'
misbehaves '1-4: 3, 5: HANG \(AGAIN\), 6: .*' "$auth_file || { s=\$?; $auth_file; [ \$s != 10 ] || sleep 1000; exit \$s; }" --limit 3
# opens the reader for each command, and so never comes to a second one: that is told
twice='"$fuda" apdu -r "$1" 00A40400 >/dev/null && "$fuda" apdu -r "$1" 00A40400'
torture 0 --kinds removed,late=20 -- sh -c "$twice" sh '{reader}'
row removed '1: 3, 2: 0 \(not reached\)'
row late=20 '1: 0, 2: 0 \(not reached\)'
row 'Faults not reached' 2
torture 0 --kinds removed --json -- sh -c "$twice" sh '{reader}'
json '.runs[0].reached' true
json '.runs[1].reached' false
json .not_reached 1
# what crashes is not the shell, but what it runs
misbehaves '1-6: CRASH \(SIGABRT\)' "$auth || sh -c 'kill -ABRT \$\$'; exit"
misbehaves '1-6: CRASH \(signal 40\)' "$auth || kill -40 \$\$"
# is killed while it writes the trace
misbehaves '1-6: CRASH \(SIGKILL\)' "$auth || { printf '> 00' >>\"\$FUDA_TRACE\"; kill -KILL \$\$; }"
# writes without end
misbehaves '1-6: CRASH \(SIGXFSZ\)' "$auth || exec yes"
# leaves something running, which holds on to standard output
torture 0 --kinds pulled -- sh -c "sleep 1003.$$ & $auth" sh '{reader}'
! pgrep -f "^sleep 1003.$$\$" >/dev/null || fail "a child of the program is left"
# ... also in a session of its own, alone and beside others
for j in 1 3; do
	torture 0 -j $j --kinds pulled,removed -- sh -c "setsid sleep 1006.$$ & $auth" sh '{reader}'
	! pgrep -f "^sleep 1006.$$\$" >/dev/null || fail "a child of the program is left in its session (-j $j)"
done
# ... but not what was there before: children of the shell that has become torture
(cd "$tmp" && timeout 60 sh -c 'sleep 1008.'$$' & echo $! >before; exec "$@"' sh "$fuda" trace torture -r virtual:card \
	--kinds removed -- "$fuda" apdu -r '{reader}' 00A40400 >out 2>err) || fail "status $?"
kill "$(cat "$tmp/before")" || fail "a process that no run has started was ended"
# no core, also where the system pipes them to a program
torture 0 --kinds pulled --before 'cp -R card "$FUDA_TORTURE_DIR/card"; grep -q "^Max core file size *1 *1 " /proc/self/limits' \
	-- sh -c "ulimit -c unlimited 2>/dev/null && exit 50; $auth" sh '{reader}'

# ---- what cannot be ----
plain() {
	want=$1
	shift
	run "$want" trace torture "$@"
	silent out
	clean
}
plain 2 -r virtual:card
plain 2 -- "$fuda" info -r '{reader}'
says err '--reader is missing'
plain 2 -r virtual:card -- "$fuda" info -r virtual:card
says err '--reader is for {reader}'
plain 2 -r virtual:card --kinds '' -- "$fuda" info -r '{reader}'
for k in none sw sw=1 removed@1 'removed,' ',removed' pulled=1; do
	plain 2 -r virtual:card --kinds "$k" -- "$fuda" info -r '{reader}'
	says err '--kinds'
	says err ' these are: removed, pulled, '
done
plain 2 -r virtual:card --ignore '(' -- "$fuda" info -r '{reader}'
says err '--ignore'
plain 2 -r virtual:card --jobs 0 -- "$fuda" info -r '{reader}'
plain 1 -r virtual:card -- no-such-program '{reader}'
says err 'no-such-program: No such file'
plain 1 -r virtual:card --stdin no-such-file -- "$fuda" info -r '{reader}'
says err 'no-such-file: No such file'
# what its output goes to cannot be opened, and its input is not to blame
told=
for n in 5 6 7 8 9 10; do
	(cd "$tmp" && timeout 20 sh -c 'ulimit -n '$n' && exec "$fuda" trace torture -r virtual:card -- true {reader}' >out 2>err) || :
	says_not err /dev/null
	! grep -q 'fuda-torture\.[^ /]*/0: Too many open files' "$tmp/err" || told=yes
	clean
done
[ "$told" ] || fail "nobody says that there are too many open files"
plain 1 -r virtual:card --before 'echo it is broken >&2; false' -- "$fuda" info -r '{reader}'
says err 'it is broken'
plain 1 -r virtual:card -- echo '{reader}'
says err 'sends nothing to a card'
# ... and says itself why
torture 1 --kinds removed -- sh -c 'echo "there is no such thing" >&2; exit 7' '{reader}'
says err 'there is no such thing'
says err 'exit status 7'
plain 1 -r virtual:nowhere -- "$fuda" info -r '{reader}'
says err 'sends nothing to a card'
plain 1 -r virtual:card --limit 1 -- sh -c 'sleep 1000' '{reader}'
says err "'hang'"
plain 1 -r virtual:card -- sh -c 'kill -SEGV $$' '{reader}'
says err "'crash'"
TMPDIR=$tmp/nowhere
plain 1 -r virtual:card -- "$fuda" info -r '{reader}'
says err "$tmp/nowhere"
TMPDIR=$tmp/tmpdir
run 0 auth -r virtual:card --pin-file pin --trust card/ca.pem

# ---- ended by a signal ----
for s in INT TERM; do
	(cd "$tmp" && exec env --default-signal=$s "$fuda" trace torture -r virtual:card -j 3 --kinds removed \
		-- sh -c '"$fuda" apdu -r "$1" 00A40400; sleep "$2"' sh '{reader}' 1004.$$ >out 2>err) &
	child=$!
	becomes "a run" pgrep -f "^sleep 1004.$$\$" >/dev/null
	kill -$s $child
	got=0
	wait $child || got=$?
	[ $got = 8 ] || fail "status $got, not 8, after SIG$s"
	! pgrep -f "^sleep 1004.$$\$" >/dev/null || fail "a run is left after SIG$s"
	clean
done
# the table so far, where some runs are done
(cd "$tmp" && exec env --default-signal=INT "$fuda" trace torture -r virtual:card --kinds late=20,removed \
	-- sh -c '"$fuda" apdu -r "$1" 00A40400; [ ! -e hold ] || exec sleep "$2"; echo >>runs' sh '{reader}' 1007.$$ >out 2>err) &
child=$!
becomes 'a run' test -s "$tmp/runs"
: >"$tmp/hold"
becomes 'one that holds' pgrep -f "^sleep 1007.$$\$" >/dev/null
kill -INT $child
got=0
wait $child || got=$?
[ $got = 8 ] || fail "status $got, not 8"
says err ' of 2 runs'
says out 'not run'
says_not out CRASH
clean
# how long it will be
torture 0 --kinds late=20,removed,pulled,gone -- sh -c "sleep 3; $twice" sh '{reader}'
says err 'There are 8 runs, which take some '
echo ok
