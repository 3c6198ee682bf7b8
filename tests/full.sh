#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make full: the suite with sanitizers and without any optional part; with clang, and without each single part,
# everything is built and a few tests are run; distcheck with the tests that need files of the tarball. Run in the
# build folder.
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
			eval make -s -j "$jobs" "$target"
	) >"full/$name.log" 2>&1 || {
		tail -n 100 "full/$name.log"
		cat "full/$name/test-suite.log" 2>/dev/null || :
		echo "== $name failed"
		exit 1
	}
	! [ -d "full/$name/tests/times" ] || (cd "full/$name" && "$top/tests/summary")
	echo "== $name: $(($(date +%s) - start)) s"
}

# What a part that is missing can break is seen when everything is built and linked, and in the tests of what there is:
# usage and installation. The whole suite without one part would take five minutes each time to say no more.
checks=$(cd "$top" && echo tests/check-*.sh)
quick="check TESTS='$checks tests/t-cli-usage.sh tests/t-install.sh'"
parts='pcsc usb ifd nfc vcard fault photo mykey service postgres nls'

rm -rf full
variant sanitizers check --enable-sanitizers "CFLAGS=-O1 -g"
variant clang "check TESTS=" CC=clang "CFLAGS=-O2"
without_all=
for part in $parts; do
	variant "without-$part" "$quick" "--disable-$part" CFLAGS=-O1
	without_all="$without_all --disable-$part"
done
variant bare check $without_all CFLAGS=-O1
start=$(date +%s)
echo "== distcheck"
make -s -j "$jobs" distcheck TESTS="$checks $(cd "$top" && echo tests/t-*.sh)" >full/distcheck.log 2>&1 || {
	tail -n 100 full/distcheck.log
	exit 1
}
echo "== distcheck: $(($(date +%s) - start)) s"
