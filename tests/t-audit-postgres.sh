#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The audit trail over PostgreSQL: the cases of tests/test-audit-store.
set -eu
[ -x tests/test-audit-store ] || {
	echo "SKIP: built without the service or its tests"
	exit 77
}
grep -q '^PQ_LIBS = ..*' Makefile || {
	echo "SKIP: built without PostgreSQL"
	exit 77
}
. "${srcdir:-.}/tests/postgres-env.sh"
tests/test-audit-store
