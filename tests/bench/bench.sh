#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make bench: what a job moves and how long that takes on the link; what we add to PC/SC. With limits: exceeding one is
# a failure. Run in the build folder.
set -eu
. "$srcdir/tests/pcscd-env.sh"
# what is learned here about extended length is for here only
export XDG_CACHE_HOME="$FUDA_TEST_DIR/cache"

bench=tests/bench/bench
bad=0

# limit WHAT VALUE LIMIT: prints a line, remembers a failure
limit() {
	if awk -v v="$2" -v l="$3" 'BEGIN { exit !(v > 0 && v <= l) }'; then
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

# records_figures DIR WHAT APDUS: what is allowed, or what the sizes alone need; bytes within 5 % of the least
records_figures() {
	figures=$($bench records "$1" "$2")
	set -- "$2" "$3" $figures
	what=$1 most=$2 apdus=$3 sent=$4 received=$5 ms=$6 objects=$7 least=$8
	shift 8
	[ "$least" -le "$most" ] || {
		echo "  (their sizes need $least APDUs, $((least - most)) over the $most of the goal; $objects bytes of objects)"
		most=$least
	}
	limit "  $what: APDUs (least $least)" "$apdus" "$most"
	limit "  $what: bytes, $sent sent and $received received; least $1, objects $objects" $((sent + received)) \
		$(($1 + $1 / 20))
	echo "  $what: $ms ms on a link of 106 kbit/s (model); and the challenge: APDUs $2, bytes $3, ms $4"
}

# records_of DIR: after what is there was learned
records_of() {
	echo "$1, extended length:"
	sed -i 's/^extended = .*/extended = yes/' "$FUDA_TEST_DIR/$1/card.conf"
	rm -rf "$XDG_CACHE_HOME"
	records_figures "$FUDA_TEST_DIR/$1" face 6
	records_figures "$FUDA_TEST_DIR/$1" attributes 7
	echo "$1, short only:"
	sed -i 's/^extended = .*/extended = no/' "$FUDA_TEST_DIR/$1/card.conf"
	rm -rf "$XDG_CACHE_HOME"
	records_figures "$FUDA_TEST_DIR/$1" face 30
	records_figures "$FUDA_TEST_DIR/$1" attributes 9
}

# make_records NAME OPTION...
make_records() {
	name=$1
	shift
	./fuda-vcard make "$FUDA_TEST_DIR/$name" "$@" >/dev/null 2>"$FUDA_TEST_DIR/log" || {
		cat "$FUDA_TEST_DIR/log"
		exit 1
	}
}

echo "Records with their CV certificate, without the challenge:"
make_records "photo of 6144 bytes" --record-file-step exact
records_of "photo of 6144 bytes"
make_records "photo of 4000 bytes" --record-file-step exact --photo-size 4000
records_of "photo of 4000 bytes"
make_records "files filled to 256 bytes"
records_of "files filled to 256 bytes"

# instructions_between WHOLE PART... -- COMMAND...: instructions in measured_WHOLE() of a program, less those in measured_PART()
instructions_between() {
	names=
	while [ "$1" != -- ]; do
		names="$names $1"
		shift
	done
	shift
	valgrind --tool=callgrind --callgrind-out-file="$FUDA_TEST_DIR/profile" "$@" >"$FUDA_TEST_DIR/profiled" 2>&1 || {
		cat "$FUDA_TEST_DIR/profiled" >&2
		exit 1
	}
	callgrind_annotate --auto=no --inclusive=yes --threshold=100 "$FUDA_TEST_DIR/profile" | tr -d , |
		awk -v names="$names" '/=>/ { next }
			match($0, /:measured_[a-z]+/) { # the list may have one twice, by two names of its file
				name = substr($0, RSTART + 10, RLENGTH - 10)
				if ($1 > cost[name]) cost[name] = $1
			}
			END {
				n = split(names, parts, " ")
				sum = cost[parts[1]]
				for (i = 2; i <= n; i++) sum -= cost[parts[i]]
				print sum
			}'
}

# driver_instructions DRIVER N: of N APDUs, less what the bus takes
driver_instructions() {
	instructions_between transmit in out -- tests/bench/devices "$1" "$FUDA_TEST_DIR/extended" "$2"
}
# devices_figures DRIVER TRANSFERS INSTRUCTIONS: what is allowed for an APDU of one block. The device is emulated, and what
# it and the bus do is taken off.
devices_figures() {
	transfers=$(tests/bench/devices "$1" "$FUDA_TEST_DIR/extended" 100)
	transfers=$(awk -v n="$transfers" 'BEGIN { print n / 100 }')
	limit "$1: USB transfers for an APDU of one block" "$transfers" "$2"
	command -v callgrind_annotate >/dev/null || {
		echo "SKIP: no valgrind, so no instruction counts"
		return
	}
	# The bus works while the reader is opened and closed, too: the same in both.
	driver=$((($(driver_instructions "$1" 300) - $(driver_instructions "$1" 100)) / 200))
	limit "$1: instructions of the driver for an APDU (callgrind)" "$driver" "$3"
}
# recording_instructions N: of N authentications, less what is below
recording_instructions() {
	FUDA_TRACE="$FUDA_TEST_DIR/trace.apdu" XDG_CONFIG_HOME="$FUDA_TEST_DIR/config" instructions_between trace below -- \
		$bench recording "$FUDA_TEST_DIR/extended" "$1"
}
echo "Recording an authentication of 6 APDUs (trace:):"
if command -v callgrind_annotate >/dev/null; then
	recorded=$((($(recording_instructions 15) - $(recording_instructions 5)) / 60))
	limit "instructions that it adds to an APDU (callgrind)" "$recorded" 10000
else
	echo "SKIP: no valgrind, so no instruction counts"
fi

if grep -q '^ENTRY(rcs380)$' device-drivers.def; then
	echo "Through drivers of our own, on an emulated bus:"
	devices_figures rcs380 3 6000
	# readers.md A2: four commands for each exchange, each of a transfer for the command, one for the ACK, one for the
	# answer. Computed from how it is written, not measured.
	awk -v n="$transfers" 'BEGIN { printf "nfcpy (computed): 12 transfers; ratio %.2f\n", n / 12 }'
	devices_figures ccid 2 3000
fi

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
