#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make bench: mobile credentials judged and issued, against OpenSSL's own speed in the same run; and what they take in
# instructions, which does not depend on what else the machine does. Missing a target is a failure. Run in the build
# folder.
set -eu
bench=tests/bench/mdoc
bad=0

echo "Mobile credentials, one core; the ceiling is what OpenSSL takes for their signatures, with the import of keys:"
$bench 2000 || bad=1

command -v valgrind >/dev/null || {
	echo "SKIP: no valgrind, so no instruction counts"
	exit $bad
}
profile=$(mktemp)
trap 'rm -f "$profile"' EXIT

# collected WHAT N: instructions of N of them
collected() {
	valgrind --tool=callgrind --callgrind-out-file="$profile" --toggle-collect="measured_$1" $bench "$1" "$2" 2>&1 |
		awk '/Collected/ { print $NF }'
}
# instructions WHAT: of one, when OpenSSL has found what it needs
instructions() {
	echo $((($(collected "$1" 60) - $(collected "$1" 20)) / 40))
}
# ratio WHAT CEILING TARGET INSTRUCTIONS
ratio() {
	awk -v what="$1" -v ceiling="$2" -v target="$3" -v ours="$4" 'BEGIN {
		if (ours <= 0 || ceiling <= 0) { print what ": not counted"; exit 1 }
		got = ceiling / ours
		printf "%-58s %8d of %8d: %.2f  (target %s) %s\n", what, ours, ceiling, got, target, got < target ? "MISSED" : "ok"
		exit got < target
	}' || bad=1
}

echo "The same in instructions (callgrind):"
import=$(instructions import)
verify=$(instructions verify)
cached=$(instructions cached)
uncached=$(instructions uncached)
ratio "verifying a response, chain of the signer known" $((2 * verify)) 0.80 "$cached"
ratio "verifying a response, chain judged too" $((3 * verify)) 0.80 "$uncached"
awk -v i="$import" -v v="$verify" -v c="$cached" -v u="$uncached" 'BEGIN {
	printf "  without the import that is not needed: %.2f, %.2f\n", (2 * v - i) / c, (3 * v - i) / u }'
ratio "issuing a credential of six elements" "$(instructions sign)" 0.50 "$(instructions issues)"
exit $bad
