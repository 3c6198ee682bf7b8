#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make full: the suite with sanitizers, with clang, without the optional parts, and distcheck. Run in the build folder.
set -eu
top=$(cd "${srcdir:-..}" && pwd)
jobs=$(nproc)

# variant NAME TARGET CONFIGURE-ARGUMENT...
variant() {
	name=$1 target=$2
	shift 2
	start=$(date +%s)
	echo "== $name"
	rm -rf "full/$name"
	mkdir -p "full/$name"
	(
		cd "full/$name"
		"$top/configure" -q --enable-werror "$@" &&
			make -s -j "$jobs" $target
	) >"full/$name.log" 2>&1 || {
		tail -n 100 "full/$name.log"
		cat "full/$name/test-suite.log" 2>/dev/null || :
		echo "== $name failed"
		exit 1
	}
	[ "$target" != check ] || (cd "full/$name" && "$top/tests/summary")
	echo "== $name: $(($(date +%s) - start)) s"
}

rm -rf full
variant sanitizers check --enable-sanitizers "CFLAGS=-O1 -g"
variant clang 'check TESTS=' CC=clang "CFLAGS=-O2"
for part in pcsc vcard fault photo nls; do
	variant "without-$part" check "--disable-$part" CFLAGS=-O1
done
variant bare check --disable-pcsc --disable-vcard --disable-fault --disable-photo --disable-nls CFLAGS=-O1
start=$(date +%s)
echo "== distcheck"
make -s -j "$jobs" distcheck >full/distcheck.log 2>&1 || {
	tail -n 100 full/distcheck.log
	exit 1
}
echo "== distcheck: $(($(date +%s) - start)) s"
