#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make full: the suite with sanitizers and without any optional part; with clang everything is built; without each
# single part what is installed is built and a few tests are run; so from the tarball, in which nothing may be missing.
# Run in the build folder.
set -eu
top=$(cd "${srcdir:-..}" && pwd)
jobs=$(($(nproc) + 1)) # tests wait more than they count

# variant NAME ARGUMENTS-OF-MAKE CONFIGURE-ARGUMENT...
variant() {
	name=$1 arguments=$2
	shift 2
	start=$(date +%s)
	echo "== $name"
	rm -rf "full/$name"
	mkdir -p "full/$name"
	(
		cd "full/$name"
		"$top/configure" -q --enable-werror "$@" &&
			sh "$top/tests/check.sh" "$jobs" "$arguments"
	) >"full/$name.log" 2>&1 || {
		tail -n 100 "full/$name.log"
		cat "full/$name/test-suite.log" 2>/dev/null || :
		echo "== $name failed"
		exit 1
	}
	sed -n '/^== .*alone/p' "full/$name.log"
	! [ -d "full/$name/tests/times" ] || (cd "full/$name" && "$top/tests/summary")
	echo "== $name: $(($(date +%s) - start)) s"
}

# The cards of the suite are made once for all: tests/stock.sh.
if [ -d tests/stock ]; then
	export FUDA_TEST_STOCK="$PWD/tests/stock"
fi

# What a part that is missing can break is seen when everything is built and linked, and in the tests of what there is:
# usage and installation. The whole suite without one part would take five minutes each time to say no more. The checks of
# the sources say the same whatever is built: here they are run once, from the tarball. Warnings are those of the
# compiler's front end; what it finds when it optimises was found in the build before.
checks=$(cd "$top" && echo tests/check-*.sh)
quick="check_PROGRAMS= check_LTLIBRARIES= TESTS='tests/t-cli-usage.sh tests/t-install.sh'"
parts='pcsc usb ifd nfc vcard fault photo mykey service postgres token nls'

rm -rf full
started=$(date +%s)
variant sanitizers "checks=" --enable-sanitizers "CFLAGS=-O1 -g"
variant clang "TESTS=" CC=clang CFLAGS=-O0
without_all=--disable-qr # what the software wallet alone has needs no build of its own
for part in $parts; do
	variant "without-$part" "$quick" "--disable-$part" CFLAGS=-O0
	without_all="$without_all --disable-$part"
done
variant bare "checks=" $without_all CFLAGS=-O1
start=$(date +%s)
echo "== distcheck"
make -s -j "$jobs" distcheck check_PROGRAMS= check_LTLIBRARIES= \
	TESTS="$checks tests/t-cli-usage.sh tests/t-install.sh tests/t-pages.sh" >full/distcheck.log 2>&1 || {
	tail -n 100 full/distcheck.log
	exit 1
}
# What the suite runs on is in the tarball: each file that git knows, but for those that are no part of a release.
if [ -d "$top/.git" ]; then
	tar tf fudasashi-*.tar.xz | sed 's|^[^/]*/||' | LC_ALL=C sort >full/in-tarball
	git -C "$top" ls-files | grep -v -E '^(\.ci/|\.gitignore$)' | LC_ALL=C sort >full/in-git
	LC_ALL=C comm -13 full/in-tarball full/in-git >full/missing
	[ ! -s full/missing ] || {
		echo "not in the tarball:"
		cat full/missing
		exit 1
	}
fi
echo "== distcheck: $(($(date +%s) - start)) s"
echo "== all: $(($(date +%s) - started)) s"
