#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make soak: a trace of SOAK_MB (100) megabytes is read, compared, exported, run, formatted and replayed in the memory
# that one of 1 megabyte takes. Prints the memory of each and their ratio. Run in the build folder.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM
export HOME="$place" LC_ALL=C
unset LANGUAGE XDG_CONFIG_HOME XDG_CACHE_HOME
megabytes=${SOAK_MB:-100}
most=120 # percent of what the short trace takes

# trace MEGABYTES: what a card answers to reading its CA certificate, which is the same each time
trace() {
	awk -v size="$1" '
		NR == FNR { text = text $0 "\n"; next }
		END { print "fuda-trace 1"; for (n = 0; n < size * 1000000; n += length(text)) printf "%s", text }
	' "$place/piece" /dev/null
}

./fuda-vcard make "$place/card" >/dev/null
FUDA_TRACE="$place/recorded" ./fuda apdu -r "trace:virtual:$place/card" 00A4040C0AD392F000260100000001 \
	00A4020C02000B 00B0000000 00B0010000 00B0020000 >/dev/null
sed -n '/^>/,$p' "$place/recorded" | sed '/^power/,$d' >"$place/piece"
trace 1 >"$place/short"
trace "$megabytes" >"$place/long"

# one NAME COMMAND...: with @ for the trace
bad=0
one() {
	name=$1
	shift
	for which in short long; do
		tests/soak/peak sh -c "$(echo "$*" | sed "s|@|$place/$which|g")" >/dev/null 2>"$place/$which.err" </dev/null || {
			echo "$name: fails"
			cat "$place/$which.err"
			bad=1
			return 0
		}
	done
	awk -v name="$name" -v most=$most '
		NR == FNR { short = $1; next }
		{ printf "%-8s %6d KB, of 1 MB %6d KB: %.2f  (%s s)\n", name, $1, short, $1 / short, $2
		  exit $1 * 100 > short * most }
	' "$place/short.err" "$place/long.err" || {
		echo "$name: takes more memory the longer the trace is"
		bad=1
	}
}

echo "a trace of $megabytes MB: $(wc -c <"$place/long") bytes, $(grep -c "^>" "$place/long") commands"
one show ./fuda trace show @
one brief ./fuda trace show --brief @
one diff ./fuda trace diff @ @
one json ./fuda trace export --format jsonl @
one pcapng ./fuda trace export --format pcapng -o /dev/null @
one format ./fuda trace format @
one replay "sed -n 's/^> //p' @ | ./fuda apdu -r replay:@ -"
one run ./fuda trace run -r "virtual:$place/card" @
exit $bad
