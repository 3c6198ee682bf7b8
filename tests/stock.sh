#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# stock.sh DIR [OPTION...]: a software card, as `fuda-vcard make DIR OPTION...` makes it. Its dozen RSA keys take seconds, and
# the suite needs a hundred cards: the first one with the same options (and the same files named by these) is put into
# FUDA_TEST_STOCK, where there is such a directory (tests/timed), and the others are copies of it, keys and all. Two cards that
# must not have the same keys differ in their options, or are made by fuda-vcard itself. Run in the build folder.
set -eu
[ -d "${FUDA_TEST_STOCK-}" ] || exec ./fuda-vcard make "$@"
dir=$1
shift
key=$(for word; do
	if [ -d "$word" ]; then
		cat "$word/ca.pem"
	elif [ -f "$word" ]; then
		cat "$word"
	else
		echo "$word"
	fi
done | sha256sum)
stocked=$FUDA_TEST_STOCK/${key%% *}
if [ ! -d "$stocked" ]; then
	./fuda-vcard make "$stocked.$$" "$@"
	# where another test was faster, its card is the one
	mv -T "$stocked.$$" "$stocked" 2>/dev/null || rm -rf "$stocked.$$"
fi
cp -R "$stocked/." "$dir"
