#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Cards that are late, silent or gone, and signals, at each command of a job.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
echo 1234 >"$tmp/pin"
run 0 apdu -r virtual:card 00A40400 --timeout 5
case $("$fuda" info -r "fault:mute@9999:virtual:$tmp/card" 2>&1 >/dev/null && echo ok) in
ok) ;;
*)
	echo "skipped: built without the fault driver"
	exit 77
	;;
esac
auth() {
	want=$1 spec=$2
	shift 2
	run "$want" auth -r "fault:$spec:virtual:card" --trust card/ca.pem --pin-file pin "$@"
}

# The job: 1 SELECT, 2 and 3 READ, 4 counter, 5 VERIFY, 6 signature.
for n in 1 2 3 4; do
	auth 3 removed@$n --json
	json .error EREMOVED
	json .message
	json .reader "fault:removed@$n:virtual:card"
	json_lacks .result
	auth 3 gone@$n
	auth 8 mute@$n --timeout 1 --json
	json .error ETIMEOUT
	tries card auth 3
done
# before the card could answer to VERIFY, nobody knows
for how in removed pulled gone unreached truncated; do
	auth 10 $how@5 --json
	json .error EUNKNOWN
	json .secret auth
	json .tries_before 3
	json_lacks .result
	auth 10 $how@5
	says err 'was lost'
done
auth 10 mute@5 --timeout 1
tries card auth 3
# after it
auth 3 removed@6
auth 8 mute@6 --timeout 1
auth 1 truncated@6
auth 1 sw=6100@6
silent out
auth 0 reset@1
auth 0 reset@3
tries card auth 3

# signal NAME STATUS COMMAND...: what a signal does to a command that waits
signal() {
	name=$1 want=$2
	shift 2
	got=0
	# a job of a shell without job control ignores SIGINT; env sets that right
	(cd "$tmp" && exec env --default-signal="$name" "$fuda" "$@" <"${input:-/dev/null}" >out 2>err) &
	child=$!
	becomes "handler of SIG$name: fuda $*" handles "$name" $child
	sleep 1 # until it waits
	kill "-$name" $child
	wait $child || got=$?
	[ $got = "$want" ] || fail "status $got, not $want, after SIG$name: fuda $*"
}
for s in INT TERM HUP; do
	signal $s 8 auth -r fault:late=20000@2:virtual:card --pin-file pin
	signal $s 10 auth -r fault:late=20000@5:virtual:card --pin-file pin
done
signal INT 8 auth -r fault:late=20000@2:virtual:card --pin-file pin --json
json .error ECANCELLED
mkfifo "$tmp/pipe"
exec 9<>"$tmp/pipe" # somebody who could write, and never does
input=$tmp/pipe
signal INT 8 auth -r virtual:card --pin-fd 0
run 8 auth -r virtual:card --pin-fd 0 --timeout 1
says err 'in time'
signal INT 8 apdu -r virtual:card -
signal INT 8 sign -k auth -f raw - -o x -r virtual:card --pin-file pin
signal TERM 8 verify - --signature pin --certificate card/ca.pem
unset input
exec 9>&-
[ ! -e "$tmp/x" ] || fail "a file of a cancelled job"
tries card auth 3

run 0 info -r virtual:card --timeout 1
echo ok
