#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make soak, the platform's service: killed SOAK_KILLS (200) times under load on each database; and 46 binds a second for
# ten minutes, with flat memory. A part that cannot be done is a failure here.
set -eu
export FUDA_TEST_KILLS="${SOAK_KILLS:-200}" FUDA_TEST_SECONDS=3600
bad=0
for test in tests/t-mykey-crash.sh tests/t-mykey-crash-postgres.sh; do
	echo "$test, $FUDA_TEST_KILLS kills:"
	sh "$srcdir/$test" || bad=1
done
MYKEY_PARTS='sqlite steady' MYKEY_SECONDS=600 sh "$srcdir/tests/bench/mykey.sh" || bad=1
exit $bad
