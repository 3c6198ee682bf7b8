#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A test that no list of Makefile.am names is never run, and looks as if it passed.
set -eu
cd "${srcdir:-.}"
bad=0
for f in tests/check-*.sh tests/t-*.sh tests/test-*.c tests/stage-*.c tests/fuzz/fuzz-*.c; do
	grep -q -E "(^|[[:space:]])${f%.c}(\.c)?([[:space:]]|\$)" Makefile.am || {
		echo "$f: in no list of Makefile.am"
		bad=1
	}
done
for f in $(grep -o 'tests/t-[a-z0-9-]*\.sh' Makefile.am | sort | uniq -d); do
	echo "$f: listed twice"
	bad=1
done
exit $bad
