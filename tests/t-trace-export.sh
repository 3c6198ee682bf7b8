#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# trace export: JSON lines; captures that tshark dissects, of recorded jobs and of every trace of tests/traces.
set -eu
. "${srcdir:-.}/tests/cli.sh"
unset XDG_CONFIG_HOME FUDA_TRACE FUDA_TRACE_RAW
fresh card
secrets_of card

traced auth.apdu auth -r trace:virtual:card --trust card/ca.pem --pin-file pin
traced ca.apdu cert auth-ca -r trace:virtual:card
# 256 bytes back and forth, in short and in extended length, over several blocks
jpki=00A4040C0AD392F000260100000001
zeros=$(printf '%0512d' 0)
traced chained.apdu apdu -r trace:virtual:card $jpki 00A4020C02000B 00B0000000 00B08B00000000 \
	"80AE0000000100${zeros}0000" 00B0000004

# JSON lines
run 0 trace export -f jsonl auth.apdu
[ "$(wc -l <"$tmp/out")" -eq 6 ] || fail "six lines"
sed -n 1p "$tmp/out" >"$tmp/line"
mv "$tmp/line" "$tmp/out"
json .command $jpki
json .about.application jpki
run 0 trace export --format jsonl auth.apdu --out auth.jsonl
silent out
[ "$(wc -l <"$tmp/auth.jsonl")" -eq 6 ] || fail "six lines in a file"
run 0 trace export --format jsonl auth.apdu --out auth.jsonl --json
json .result ok

# refused
run 2 trace export auth.apdu
says err '--format pcapng|jsonl is missing'
run 2 trace export -f gif auth.apdu
run 2 trace export -f jsonl
run 2 trace export -f jsonl auth.apdu ca.apdu
run 2 trace export -f pcapng auth.apdu -o auth.apdu
says err 'would replace the trace'
head -n 1 "$tmp/auth.apdu" | grep -q -x 'fuda-trace 1' || fail "the trace is gone"
run 1 trace export -f pcapng nowhere.apdu -o none.pcapng
run 1 trace export -f pcapng auth.apdu -o nowhere/none.pcapng
printf 'fuda-trace 1\n> 00 84 00 00 02\n< 9000 0102\nnonsense\n' >"$tmp/bad.apdu"
run 1 trace export -f pcapng bad.apdu -o none.pcapng
says err 'bad.apdu:4:1:'
[ ! -e "$tmp/none.pcapng" ] || fail "half a capture"
if command -v expect >/dev/null; then
	(cd "$tmp" && expect -c "spawn -noecho $fuda trace export -f pcapng auth.apdu; expect eof; exit [lindex [wait] 3]") \
		>"$tmp/out" && fail "pcapng on a terminal" || :
	says out 'not for terminals'
fi

# captures
command -v tshark >/dev/null || {
	echo "skipped: no tshark, so that no capture was looked at"
	exit 77
}

# dissect FILE ARGUMENT...: what tshark says of a capture
dissect() {
	capture=$tmp/$1
	shift
	HOME=$tmp/home timeout 120 tshark -r "$capture" -d iso14443.subdissector,iso7816 "$@" 2>"$tmp/err" ||
		fail "tshark $capture $*"
}

# sound FILE COMMANDS: tshark finds nothing wrong, and so many commands, put together from their blocks
sound() {
	error=8388608 # PI_ERROR
	dissect "$1" -Y "_ws.malformed || _ws.expert.severity == $error || iso14443.crc.status == 0 ||
		iso14443.apdu_fragment.error || iso14443.cmd.unknown" >"$tmp/out"
	silent out
	dissect "$1" -V >"$tmp/verbose"
	! grep -i -q 'malformed' "$tmp/verbose" || fail "$1: malformed"
	dissect "$1" -Y iso7816.apdu.cla -T fields -e iso7816.apdu.cla >"$tmp/out"
	n=$(wc -l <"$tmp/out")
	[ "$n" -eq "$2" ] || fail "$1: $n commands, not $2"
}

for job in auth ca chained; do
	run 0 trace export -f pcapng $job.apdu -o $job.pcapng
	sound $job.pcapng "$(grep -c '^>' "$tmp/$job.apdu")"
done

# a job, field by field
dissect auth.pcapng -Y iso7816.apdu.ins -T fields -e iso7816.apdu.ins -e iso7816.apdu.p2 -e iso7816.apdu.lc >"$tmp/out"
printf '0xa4\t0x0c\t10\n' >"$tmp/want"
head -n 1 "$tmp/out" | sed 's/0x0a$/10/' | diff "$tmp/want" - || fail "SELECT"
[ "$(grep -c '^0x20' "$tmp/out")" -eq 2 ] || fail "VERIFY, twice"
dissect auth.pcapng -Y iso7816.apdu.sw1 -T fields -e iso7816.apdu.sw1 -e iso7816.apdu.sw2 >"$tmp/out"
[ "$(grep -c '^0x90' "$tmp/out")" -eq 5 ] && grep -q '^0x63.0xc3$' "$tmp/out" || fail "status words"
dissect auth.pcapng -Y 'iso7816.apdu.ins == 0x20 && iso7816.apdu.body' -T fields -e iso7816.apdu.body \
	-e frame.comment >"$tmp/out"
grep -q '^00000000	The secret is not recorded: zeros stand for it.$' "$tmp/out" || fail "the secret is zeros"
! grep -q 31323334 "$tmp/verbose" || fail "a secret"
dissect auth.pcapng -Y 'iso14443.event == 0xfc || iso14443.wupb == 0 || iso14443.atqb_start || iso14443.attrib_start' >"$tmp/out"
[ "$(wc -l <"$tmp/out")" -eq 4 ] || fail "the field, REQB, ATQB, ATTRIB"
dissect auth.pcapng -c 1 -T fields -e frame.interface_name -e frame.time_epoch >"$tmp/out"
grep -q '^virtual:card' "$tmp/out" || fail "the reader's name"
year=$(sed -n 's/^date "\(....\).*/\1/p' "$tmp/auth.apdu")
TZ=UTC dissect auth.pcapng -c 1 -t ad >"$tmp/out"
says out " $year-"

# chaining both ways, put together again
dissect chained.pcapng -Y iso14443.apdu_reassembled.length -T fields -e iso14443.apdu_reassembled.length >"$tmp/out"
grep -q -x 258 "$tmp/out" || fail "a response over two blocks"
grep -q -x 265 "$tmp/out" || fail "a command over two blocks"
long=$(sort -n "$tmp/out" | tail -n 1)
[ "$long" -gt 1000 ] || fail "a whole certificate over many blocks"

# every trace that there is, one capture behind the other
commands=0
: >"$tmp/all.pcapng"
for f in $(find "$top/tests/traces" -name '*.apdu' | LC_ALL=C sort); do
	run 0 trace export -f pcapng "$f" -o one.pcapng
	cat "$tmp/one.pcapng" >>"$tmp/all.pcapng"
	run 0 trace show "$f"
	run 0 trace diff "$f" "$f"
	silent out
	run 0 trace export -f jsonl "$f"
	n=$(grep -c '"command"' "$tmp/out") || :
	commands=$((commands + n))
done
[ $commands -eq 0 ] || sound all.pcapng $commands
echo "ok: $commands commands of tests/traces"
