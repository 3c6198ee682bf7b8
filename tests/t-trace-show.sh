#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# trace show and trace diff: what they say of recorded jobs, and what they refuse.
set -eu
. "${srcdir:-.}/tests/cli.sh"
unset XDG_CONFIG_HOME FUDA_TRACE FUDA_TRACE_RAW
fresh card
secrets_of card

traced auth.apdu auth -r trace:virtual:card --trust card/ca.pem --pin-file pin
run 0 trace show auth.apdu
silent err
says out '    1 SELECT jpki (公的個人認証) '
says out 'READ BINARY auth-certificate 0..255 (jpki: authentication certificate) '
says out 'VERIFY auth (tries left) (jpki: authentication PIN) '
says out '< 63C3  tries left: 3'
says out '      > 00 20 00 98 04 <secret 4>'
says out 'reader "virtual:card"'
grep -q -x '6 commands, 97 bytes sent, [0-9]* received, [0-9.]* ms' "$tmp/out" || fail "totals"
says_not out 31323334
says_not out '31 32 33 34'
LC_ALL=C.UTF-8 awk 'length($0) > 100 { exit 1 }' "$tmp/out" || fail "over 100 columns"
run 0 trace show --brief auth.apdu
[ "$(grep -c '^ *[1-6] [A-Z]' "$tmp/out")" -eq 6 ] || fail "a line a command"
says_not out '      >'

# a certificate is shown as the command for it does
run 0 cert auth-ca -r virtual:card --format text
cp "$tmp/out" "$tmp/ca"
traced ca.apdu cert auth-ca -r trace:virtual:card
run 0 trace show ca.apdu
grep -E '^(Serial number|Valid until|SHA-256)' "$tmp/ca" | while read -r line; do
	says out "        $line"
done

# JSON: an object a command, then the report
run 0 trace show --json auth.apdu
mv "$tmp/out" "$tmp/lines.json"
[ "$(wc -l <"$tmp/lines.json")" -eq 7 ] || fail "six objects and a report"
sed -n 5p "$tmp/lines.json" >"$tmp/out"
json .about.name VERIFY
json .about.secret auth
json .command '0020009804????????'
json '.hidden[0].kind' secret
json .sw 9000
json .reader virtual:card
json .time_us
json_lacks .response
sed -n 7p "$tmp/lines.json" >"$tmp/out"
json .result ok

# the same and not the same
traced a.apdu cert auth -r trace:virtual:card
traced b.apdu cert auth -r trace:virtual:card
run 0 trace diff a.apdu b.apdu
silent out
silent err
cp "$tmp/a.apdu" "$tmp/first.apdu"
run 0 trace diff --json a.apdu first.apdu
json .result ok
json .differences 0
sh "$top/tests/stock.sh" "$tmp/stranger" >"$tmp/out" 2>"$tmp/err" || fail "another card"
traced d.apdu cert auth -r trace:virtual:stranger
run 1 trace diff a.apdu d.apdu
says out '--- a.apdu'
says out '+++ d.apdu'
says out ' @@ READ BINARY auth-certificate 0..255'
says err 'the traces differ'
run 1 trace diff --json a.apdu d.apdu
json .error EDEPARTED
json .differences
run 1 trace diff a.apdu auth.apdu
run 1 trace diff auth.apdu ca.apdu
grep -v '^key' "$tmp/a.apdu" >"$tmp/e.apdu"
run 0 trace diff a.apdu e.apdu
says out 'compared by '
run 0 trace diff --json a.apdu e.apdu
json .differences 0
json .not_compared

# a raw one with one that is not: what is hidden is known by its hash
mkdir -p "$tmp/home/.config/fuda"
echo 'trace.raw = yes' >"$tmp/home/.config/fuda/config"
FUDA_TRACE_RAW=1 && export FUDA_TRACE_RAW
traced raw.apdu cert auth -r trace:virtual:card
traced stranger-raw.apdu cert auth -r trace:virtual:stranger
unset FUDA_TRACE_RAW
run 0 trace diff --json a.apdu raw.apdu
json .not_compared 0
run 1 trace diff raw.apdu d.apdu
says_not out 'compared by '
run 1 trace diff a.apdu stranger-raw.apdu
says err 'the traces differ in '
says out '< 9000 <data'
says out ' bytes)'
mv "$tmp/home/.config/fuda/trace.key" "$tmp/key"
run 0 trace diff --json a.apdu raw.apdu
json .not_compared
[ ! -e "$tmp/home/.config/fuda/trace.key" ] || fail "comparing makes a key"
mv "$tmp/key" "$tmp/home/.config/fuda/trace.key"

# what is none, is not there, or is too much
echo nonsense >"$tmp/bad.apdu"
printf 'fuda-trace 1\n> 00 84 00 00 02\n< 9000 0102\n< 9000\n' >"$tmp/late.apdu"
run 1 trace show bad.apdu
silent out
says err 'bad.apdu:1:1:'
run 1 trace show nowhere.apdu
says err nowhere.apdu
run 1 trace show late.apdu
says err 'late.apdu:4:1:'
run 1 trace show --json bad.apdu
json .error EFORMAT
run 2 trace show
run 2 trace show a.apdu b.apdu
run 2 trace show --nonsense a.apdu
for f in bad.apdu nowhere.apdu late.apdu; do
	run 2 trace diff a.apdu $f
	says err $f
	run 2 trace diff $f a.apdu
done
run 2 trace diff --json a.apdu nowhere.apdu
json .message
run 2 trace diff a.apdu
run 2 trace diff a.apdu b.apdu c.apdu
run 2 trace
run 2 trace nonsense
# nothing that a terminal obeys
printf 'fuda-trace 1\n> 00 A4 04 0C 0A $text\n< 9000\n> 00 B0 82 00 0C\n< 9000 FF2009 DF2206 1B5B324AC29B FF FF\n' \
	>"$tmp/escape.apdu"
run 0 trace show escape.apdu
says out '1B 5B 32 4A C2 9B'
! LC_ALL=C grep -q "$(printf '\033')" "$tmp/out" || fail "an escape"
# what a line has no room for is not cut off in silence
printf 'fuda-trace 1\n> 00 B0 00 00 00\n< 6F00\n' >"$tmp/cut.apdu"
run 0 trace show -b cut.apdu
says out 'without sayi…'
# from a pipe
run 0 trace show -b a.apdu
cp "$tmp/out" "$tmp/shown"
(cd "$tmp" && "$fuda" trace show -b - <a.apdu | cmp - shown && cat a.apdu | "$fuda" trace diff - a.apdu) ||
	fail "not from standard input"
# a full disk
[ ! -c /dev/full ] || {
	got=0
	(cd "$tmp" && "$fuda" trace show a.apdu >/dev/full 2>err) || got=$?
	[ $got -eq 1 ] || fail "a full disk: $got"
	says err 'standard output: No space left'
	run 1 trace export -f jsonl -o /dev/full a.apdu
	says err '/dev/full: No space left'
}
# nobody reads on: that ends it like any filter, without a word
{
	echo 'fuda-trace 1'
	yes "$(printf '> 00 84 00 00 02\n< 9000 0102')" | head -n 40000
} >"$tmp/long.apdu"
sed 's/0102/0103/' "$tmp/long.apdu" >"$tmp/other.apdu"
for what in 'show long.apdu' 'diff long.apdu other.apdu' 'export -f jsonl long.apdu' 'format long.apdu'; do
	# shellcheck disable=SC2086 # words
	(cd "$tmp" && {
		env --default-signal=PIPE "$fuda" trace $what 2>err || echo $? >status
	} | head -n 1) >"$tmp/out"
	silent err
	[ "$(cat "$tmp/status")" -eq 141 ] || fail "$what: nobody reads on: $(cat "$tmp/status")"
done
# a few lines that go on for hours, with nothing to show meanwhile
{
	echo 'fuda-trace 1'
	yes '# nothing' | head -n 2000
} >"$tmp/leaf.apdu"
printf 'fuda-trace 1\nrepeat 1000000\ninclude "leaf.apdu"\nend\n' >"$tmp/endless.apdu"
for what in 'trace show endless.apdu' 'trace export --format jsonl endless.apdu' 'trace diff endless.apdu endless.apdu' \
	'info -r replay:endless.apdu' 'info -r replay:loose:endless.apdu'; do
	# shellcheck disable=SC2086 # words
	interrupted $what
	[ $got != 0 ] || fail "$what: it ended by itself"
	says err cancelled
done
run 8 info -r replay:endless.apdu --timeout 1
echo ok
