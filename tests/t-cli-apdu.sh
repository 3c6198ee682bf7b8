#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# apdu: responses, and what it refuses.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
jpki=00A4040C0AD392F000260100000001

run 0 apdu -r virtual:card $jpki
[ "$(cat "$tmp/out")" = 9000 ] || fail "SELECT"
silent err
run 0 apdu -r virtual:card $jpki '00 a4 02 0c 02 00:0b' 00B0000004 00A4040C03112233
[ "$(wc -l <"$tmp/out")" -eq 4 ] || fail "four lines"
sed -n 3p "$tmp/out" | grep -q '^3082....9000$' || fail "the certificate's first bytes"
says err '6A82'
run 0 apdu -r virtual:card --json $jpki 00B0000004
json .result ok
json '.responses[0].sw' 9000
json_lacks '.responses[0].data'
json '.responses[1].sw'
json .apdus.count 2
json .reader virtual:card

# lines from standard input
printf '# a comment\n\n%s\n  \n00A4020C02000B\r\n00B0000002' $jpki >"$tmp/script"
input=$tmp/script
run 0 apdu -r virtual:card -
[ "$(tail -n 1 "$tmp/out")" = 30829000 ] || fail "lines"
printf '%s\nnonsense\n' $jpki >"$tmp/script"
run 2 apdu -r virtual:card -
[ "$(cat "$tmp/out")" = 9000 ] || fail "what came before the mistake"
says err 'line 2 is not a command APDU'
unset input
run 0 apdu -r virtual:card -
silent out

# no PIN command in any dress
for c in 0020008004 002000800431323334 0024008008 0021008000 002C008000 1020008004 0C20008000 \
	8032000000 8054000000 00200080 8020008004; do
	run 5 apdu -r virtual:card $jpki $c
	[ "$(cat "$tmp/out")" = 9000 ] || fail "$c: more than the SELECT"
done
run 5 apdu -r virtual:card --json 002000800431323334
json .error EPINCOMMAND
json_lacks .result
tries card auth 3

# no APDU
for c in '' 00 00A404 00A4040 00A4xx00 '-x'; do
	run 2 apdu -r virtual:card -- "$c"
done
run 2 apdu -r virtual:card $jpki 00200080043132333X # may hold a secret
says err 'argument 2 is not a command APDU'
says_not err 3132
run 2 apdu -r virtual:card
run 2 apdu -r virtual:card - $jpki
run 3 apdu -r virtual:nowhere $jpki
echo ok
