#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda-photo as a program: its usage, and that its sandbox holds a decoder that was taken over.
set -eu
[ -x fuda-photo ] || {
	echo "skipped: built without fuda-photo"
	exit 77
}
photo=$PWD/fuda-photo
make_jp2=$PWD/tests/make-jp2
top=$(cd "${srcdir:-.}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
	echo "FAILED: $*"
	sed 's/^/  err: /' "$tmp/err" | head -n 20
	exit 1
}

# run STATUS ARGUMENT...: from $tmp/in
run() {
	want=$1
	shift
	got=0
	"$photo" "$@" <"$tmp/in" >"$tmp/out" 2>"$tmp/err" || got=$?
	[ "$got" = "$want" ] || fail "exit status $got, not $want: fuda-photo $*"
}

# ---- usage ----

: >"$tmp/in"
run 0 --help
grep -q '^usage: fuda-photo' "$tmp/out" || fail "--help"
[ ! -s "$tmp/err" ] || fail "--help talks"
run 0 -h
run 0 --version
grep -q '^fuda-photo (fudasashi) [0-9]' "$tmp/out" || fail "--version"
for wrong in --sandbox=no -x photo.jp2 ''; do
	run 2 "$wrong"
	[ ! -s "$tmp/out" ] || fail "usage on standard output"
	grep -q -- '--help' "$tmp/err" || fail "usage error without advice"
done
run 2 --help more

# ---- its three files ----

"$make_jp2" 24 18 1 >"$tmp/in"
run 0
cp "$tmp/out" "$tmp/right"
got=0
"$photo" <&- >"$tmp/out" 2>"$tmp/err" || got=$?
[ $got = 1 ] && [ ! -s "$tmp/out" ] || fail "without standard input: $got"
got=0
"$photo" <"$tmp/in" 2>"$tmp/err" >&- || got=$?
[ $got = 1 ] || fail "without standard output: $got"
"$photo" <"$tmp/in" >"$tmp/out" 2>&- || fail "without standard error"
cmp -s "$tmp/out" "$tmp/right" || fail "without standard error, another picture"
got=0
"$photo" <"$tmp/in" >/dev/full 2>"$tmp/err" || got=$?
[ $got = 1 ] && grep -q 'cannot be written' "$tmp/err" || fail "a full disk: $got"
got=0
"$photo" <"$tmp" >"$tmp/out" 2>"$tmp/err" || got=$?
[ $got = 1 ] && grep -q 'cannot be read' "$tmp/err" || fail "a directory: $got"
{
	head -c 100 "$tmp/in"
	sleep 0.2
	tail -c +101 "$tmp/in"
} | "$photo" 2>"$tmp/err" | cmp -s - "$tmp/right" || fail "in two pieces through pipes"
# threads are for other programs
OPJ_NUM_THREADS=4 "$photo" <"$tmp/in" 2>"$tmp/err" | cmp -s - "$tmp/right" || fail "OPJ_NUM_THREADS"
(
	ulimit -t 2 -v 200000 2>/dev/null || ulimit -t 2
	"$photo" <"$tmp/in" 2>"$tmp/err"
) | cmp -s - "$tmp/right" || fail "where less is allowed already"

# ---- the sandbox ----

# value NAME: of a variable of the Makefile
value() {
	sed -n "s|^$1 = ||p" Makefile
}
case $(value SANITIZE_CFLAGS) in
?*)
	echo "the sandbox is not tried with sanitizers, which need a wider one"
	exit 0
	;;
esac
$(value CC) -std=gnu11 -Wall -Wextra -Werror -O1 -fPIC -shared $(value PICTURES_CFLAGS) $(value SECCOMP_CFLAGS) \
	"$top/tests/photo-preload.c" -o "$tmp/preload.so" -ldl
: >"$tmp/victim"

# try STATUS WHAT: the decoder tries WHAT
try() {
	got=0
	# the shell says how it ended
	(cd "$tmp" && LD_PRELOAD=$tmp/preload.so PHOTO_TRY=$2 timeout 60 "$photo" <in >out 2>err) 2>/dev/null || got=$?
	[ "$got" = "$1" ] || fail "exit status $got, not $1, when the decoder tries $2"
}

try 0 none
cmp -s "$tmp/out" "$tmp/right" || fail "the preloaded library changes the picture"
try 0 nothing
grep -q succeeded "$tmp/err" || fail "the preloaded library is not called"
for what in open read write connect fork exec thread kill trace make-code become-code map-file more-limits unlink \
	header-open header-fork; do
	try 159 $what # SIGSYS
	[ ! -s "$tmp/out" ] || fail "a picture after $what"
	[ ! -s "$tmp/err" ] || fail "$what succeeded"
done
[ -e "$tmp/victim" ] || fail "the file is gone"
try 42 memory
try 1 time
grep -q 'takes too long' "$tmp/err" || fail "time without a word"
[ ! -s "$tmp/out" ] || fail "a picture after too long a time"

# no sandbox, no picture
try 3 no-seccomp
[ ! -s "$tmp/out" ] || fail "a picture without a sandbox"
grep -q 'no sandbox' "$tmp/err" || fail "no word about the sandbox"
