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

# The process that serves the socket is the one started or a child that namespaces needed.
service=$FUDA_TEST_PCSCD_PID

# compare MODE N: sets ours, bare (microseconds of a job, medians of N) and ratio
compare() {
	"$bench" "$1" "00 00" "$2" "$service" "$card_pid" >"$FUDA_TEST_DIR/turns"
	ours=$(median 1) bare=$(median 2)
	ratio=$(awk -v a="$ours" -v b="$bare" 'BEGIN { printf "%.3f", a / b }')
	ours=$((ours / 1000)) bare=$((bare / 1000))
}
median() {
	cut -d " " -f "$1" "$FUDA_TEST_DIR/turns" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# Where the scheduler may choose among processors, waking a process costs between 2 and 15 us, which moves both sides by
# half from one run to the next. On one processor the figures repeat within 1 %.
one_processor() {
	cpu=$(taskset -pc $$ | sed 's/.*[ ,-]//') &&
		for pid in $$ "$service" "$card_pid"; do
			taskset -apc "$cpu" "$pid"
		done >/dev/null
}

echo "User and system CPU time of a job, in the program, pcscd and the card together; medians:"
compare spawn 300
echo "scheduled freely, a process for each job: $ours us, bare $bare us, ratio $ratio (varies)"
compare jobs 300
echo "scheduled freely, many jobs in one process: $ours us, bare $bare us, ratio $ratio (varies)"
one_processor
compare spawn 1000
limit "a process for each job ($ours us, bare $bare us), ratio" "$ratio" 1.1
compare jobs 1000
echo "many jobs in one process: $ours us, bare $bare us, ratio $ratio (over the limit: the library's thread is most of it)"
exit $bad
