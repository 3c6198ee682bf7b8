#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The rules over PostgreSQL: the cases of tests/test-rules*, two writers on one server among them.
set -eu
[ -x tests/test-rules ] || {
	echo "SKIP: built without the service or its tests"
	exit 77
}
grep -q '^PQ_LIBS = ..*' Makefile || {
	echo "SKIP: built without PostgreSQL"
	exit 77
}
. "${srcdir:-.}/tests/postgres-env.sh"
tests/test-rules
tests/test-rules-refused
tests/test-rules-races
tests/test-rules-mdoc
tests/test-rules-issuers
tests/test-renewal
tests/test-join
tests/test-tap
