#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# trace format: prints, compares, writes in place, and leaves alone what it cannot read.
set -eu
. "${srcdir:-.}/tests/cli.sh"
cd "$tmp"
mkdir place
cat >good <<'EOF'
fuda-trace 1
# 山田 太郎

> 00 A4 04 0C 0A $jpki  # SELECT
< 9000 (1.500 ms)
EOF
printf 'fuda-trace 1\r\n#山田 太郎\n\n\n>00\n' | sed 's/>00/> 00a4040c0a  $jpki # SELECT\r\n<\t9000 (1500 us)\n/' >place/other
printf 'fuda-trace 1\ninsert\n> 00 A4 04\n' >place/bad
cp place/other place/first
cp place/bad place/copy

# to standard output
run 0 trace format place/other
cmp -s out good || fail "not what it should be"
silent err
run 0 trace format good
cmp -s out good || fail "formatted twice is something else"
input=place/other run 0 trace format -
cmp -s out good || fail "from standard input"
run 1 trace format place/bad
says err 'place/bad:3:1: Expected at least 4 bytes.'
run 1 trace format nowhere
says err 'nowhere: No such file'
run 1 trace format place
says err 'place: Is a directory'
[ ! -w /dev/full ] || {
	got=0
	"$fuda" trace format good >/dev/full 2>err || got=$?
	[ $got = 1 ] || fail "exit status $got where standard output is full"
	says err 'standard output: No space left'
}

# --check
run 0 trace format --check good
silent out
silent err
run 1 trace format --check good place/other good place/first
[ "$(cat out)" = 'place/other
place/first' ] || fail "not the names of those"
says err '2 files are not'
run 1 trace format --check place/other
says err '1 file is not'
cmp -s place/other place/first || fail "--check writes"
head -c 60 good >cut
run 1 trace format --check cut
{ cat good && echo; } >more
run 1 trace format --check more
run 1 trace format --check place/other place/bad good
says err 'place/bad:3:1'
run 1 trace format --check nowhere
run 1 trace format --check good place/first --json
json '.files[0].name' good
json '.files[0].canonical' true
json '.files[1].canonical' false
json .error EFAILED

# --in-place: whole, with its mode, through links, and only what is not canonical
chmod 640 place/other
ln -s other place/link
touch -d 2001-01-01 good
run 0 trace format -i place/link good
silent out
cmp -s place/other good || fail "not written"
[ -L place/link ] || fail "the link was replaced"
[ "$(stat -c %a place/other)" = 640 ] || fail "its mode is another"
[ "$(stat -c %Y good)" = "$(date -d 2001-01-01 +%s)" ] || fail "what was good was written"
run 0 trace format --check place/other
run 1 trace format -i place/bad place/first
cmp -s place/bad place/copy || fail "a bad one was written"
run 0 trace format -i place/first --json
json '.files[0].canonical' false
cmp -s place/first good || fail "not written"
run 1 trace format -i nowhere
[ ! -e nowhere ] || fail "made a file"
[ "$(ls place)" = 'bad
copy
first
link
other' ] || fail "left something behind: $(ls place)"
[ "$(id -u)" = 0 ] || {
	cp good place/locked
	echo >>place/locked
	chmod 500 place
	run 1 trace format -i place/locked
	chmod 700 place
}

# a trace that is longer than what is kept of it
awk 'BEGIN { print "fuda-trace 1"; for (i = 0; i < 30000; i++) print "> 00B0000000\n< 9000 00"; }' >long
run 0 trace format long
mv out want
run 0 trace format -i long
cmp -s long want || fail "a long one"
[ "$(wc -l <long)" = 60001 ] || fail "a long one is cut"

# what makes no sense
run 2 trace format
run 2 trace format good good
run 2 trace format --check -i good
run 2 trace format --json good
run 2 trace format --check
run 2 trace format --wide good
run 2 trace formats good
echo ok
