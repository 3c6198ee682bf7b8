#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# scan.sh PATH...: fails if a test left there a secret of the suite's cards, or what these know about their holder. Left
# out are the files by which tests give secrets, by their names; the outputs of commands that are asked to show the holder
# are searched for secrets alone, and so are traces that are called raw, and credentials (*.cbor); the PIN 1234 counts only
# in a command.
# Left out too are the log of pcscd, which a test may ask to show commands, and that of test-trace-run, which has scripts
# with PINs refused and says which.
# FUDA_TEST_SCAN is the program that searches; nothing is done where it is not set.
set -eu
[ -n "${FUDA_TEST_SCAN-}" ] || exit 0
values=${0%/*}/canaries
for path; do
	shift
	[ ! -e "$path" ] || set -- "$@" "$path"
done
[ $# != 0 ] || exit 0
# of the cards themselves too: the names of scratch directories have no blanks
# shellcheck disable=SC2046
set -- $(find "$@" -name card.conf 2>/dev/null | sed 's|/card.conf$||; s/^/-v /') "$@"
found=$("$FUDA_TEST_SCAN" -c -v "$values/suite.secrets" -v "$values/suite.person" \
	-x 'pin*' -x '*pin' -x 'password*' -x 'two*' -x 'wrong*' -x 'secrets*' -x given -x person -x pcscd.log -x test-trace-run.log \
	-p out -p '*.out' -p lines -p kept -p '*.jp2' -p '*.png' -p '*.pub' -p '*.pem' -p '*.der' -p '*raw*' -p '*.cbor' "$@") || {
	echo "LEAKED: what no test may leave behind"
	echo "$found" | sed 's/^/  /'
	exit 1
}
