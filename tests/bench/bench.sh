#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make bench: what a job moves and how long that takes on the link; what we add to PC/SC. With limits: exceeding one is
# a failure. Run in the build folder.
set -eu
. "$srcdir/tests/pcscd-env.sh"

bench=tests/bench/bench
bad=0

# limit WHAT VALUE LIMIT: prints a line, remembers a failure
limit() {
	if awk -v v="$2" -v l="$3" 'BEGIN { exit !(v <= l) }'; then
		verdict=ok
	else
		verdict=EXCEEDED bad=1
	fi
	printf '%-66s %9s  (limit %s) %s\n' "$1" "$2" "$3" "$verdict"
}

make_card() {
	dir=$1
	shift
	./fuda-vcard make "$dir" --auth-certificate-size 1587 --certificate-file-size 2000 "$@" >/dev/null
}

# card_figures NAME DIR APDUS BYTES MS
card_figures() {
	figures=$($bench card "$2")
	set -- "$1" "$3" "$4" "$5" $figures
	limit "$1: APDUs" "$5" "$2"
	limit "$1: bytes both ways" "$6" "$3"
	limit "$1: ms on a link of 106 kbit/s (model)" "$7" "$4"
}

echo "Authentication with a certificate of 1,587 bytes in a file of 2,000:"
make_card "$FUDA_TEST_DIR/extended"
card_figures "extended length" "$FUDA_TEST_DIR/extended" 6 1960 210
make_card "$FUDA_TEST_DIR/short" --set extended=no
$bench card "$FUDA_TEST_DIR/short" >/dev/null # learns that extended length fails
card_figures "short only" "$FUDA_TEST_DIR/short" 11 1990 220

./fuda-vcard run "$FUDA_TEST_DIR/extended" --vpcd "127.0.0.1:$FUDA_TEST_PORT" 2>"$FUDA_TEST_DIR/card.log" &
card_pid=$!
at_exit "pcscd_stop $card_pid"
tests/bare-pcsc card "00 00" 5000

echo "Through PC/SC:"
if command -v valgrind >/dev/null; then
	# instructions MODE READER N
	instructions() {
		valgrind --tool=callgrind --callgrind-out-file=/dev/null $bench "$@" 2>&1 >/dev/null |
			sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
	}
	ours=$(($(instructions ours "pcsc:00 00" 600) - $(instructions ours "pcsc:00 00" 100)))
	bare=$(($(instructions bare "00 00" 600) - $(instructions bare "00 00" 100)))
	echo "instructions for an APDU: ours $((ours / 500)), bare SCardTransmit $((bare / 500))"
	limit "instructions added to an APDU (callgrind)" $(((ours - bare) / 500)) 3000
else
	echo "SKIP: no valgrind, so no instruction counts"
fi

ticks() {
	awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}
# The process that serves the socket is the one started or a child that namespaces needed.
service=$FUDA_TEST_PCSCD_PID
# cpu MODE READER N: microseconds of user and system time of program, service and card
cpu() {
	before=$(($(ticks $service) + $(ticks $card_pid)))
	own=$($bench "$@")
	after=$(($(ticks $service) + $(ticks $card_pid)))
	echo $((own + (after - before) * 1000000 / $(getconf CLK_TCK)))
}
# compare JOBS MODE...: in turns, so that both meet the same machine; sets ours, bare and ratio
compare() {
	jobs=$1
	shift
	ours=0 bare=0
	cpu "$@" bare-job "00 00" 20 >/dev/null
	for _ in 1 2 3 4 5; do
		ours=$((ours + $(cpu "$@" ours-job "pcsc:00 00" "$jobs")))
		bare=$((bare + $(cpu "$@" bare-job "00 00" "$jobs")))
	done
	ours=$((ours / jobs / 5)) bare=$((bare / jobs / 5))
	ratio=$(awk -v a=$ours -v b=$bare 'BEGIN { printf "%.3f", a / b }')
}

echo "User and system CPU time of a job, in the program, pcscd and the card together:"
compare 40 spawn
limit "a process for each job ($ours us, bare $bare us), ratio" "$ratio" 1.1
compare 60
echo "many jobs in one process: $ours us, bare $bare us, ratio $ratio (no limit: the library's thread is most of it)"
exit $bad
