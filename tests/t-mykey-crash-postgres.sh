#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/t-mykey-crash.sh with PostgreSQL as the database.
set -eu
grep -q '^PQ_LIBS = ..*' Makefile || {
	echo "SKIP: built without PostgreSQL"
	exit 77
}
exec sh "${srcdir:-.}/tests/postgres-env.sh" sh "${srcdir:-.}/tests/t-mykey-crash.sh"
