#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make fuzz [FUZZ_SECONDS=60]: every target under libFuzzer with the sanitizers. Run in the build folder.
set -eu
top=$(cd "${srcdir:-..}" && pwd)
# for the targets that take seeds from there
export srcdir="$top"
command -v clang >/dev/null || {
	echo "skipped: no clang"
	exit 77
}
rm -rf fuzz
mkdir fuzz
cd fuzz
"$top/configure" -q CC=clang --enable-sanitizers \
	CFLAGS="-O1 -g -DFUZZ_ENGINE -fsanitize=fuzzer-no-link" LDFLAGS=-fsanitize=fuzzer-no-link
make -s definitions
for target in "$@"; do
	name=$(basename "$target")
	make -s -j "$(nproc)" "$target" LIBS="-fsanitize=fuzzer"
	mkdir -p "corpus/$name"
	echo "== $name"
	"./$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=20 -max_len=8192 "corpus/$name" >"$name.log" 2>&1 || {
		tail -n 40 "$name.log"
		exit 1
	}
	tail -n 1 "$name.log"
done
