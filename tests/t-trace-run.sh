#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda trace run: what it prints and returns, secrets, cards that come and go, the forms for other programs; and the
# library of scripts through a PC/SC service.
set -eu
. "$srcdir/tests/cli.sh"
fresh card
echo 1234 >"$tmp/pin"
echo 0000 >"$tmp/wrong"
: >"$tmp/none"
export XDG_CONFIG_HOME="$tmp/config"

# script NAME: $tmp/NAME.apdu, from standard input
script() {
	{
		echo 'fuda-trace 1'
		cat
	} >"$tmp/$1.apdu"
}
# trace STATUS ARGUMENT...: on the card
trace() {
	want=$1
	shift
	run "$want" trace run -r virtual:card "$@"
}

script good <<'EOF'
> 00 A4 04 0C 0A $jpki
< 9000
> 00 B0 88 00 00
< 9000 8F 8F 00
EOF
script bad <<'EOF'
> 00 A4 04 0C 0A $jpki
< 6A82
> 00 B0 88 00 00 # <a> & "b" 'c'
< 9000 8F 8F 01
> 00 84 00 00 08
< 9000 {challenge=..{8}}
EOF
script auth <<'EOF'
verify auth
> 80 2A 00 97 04 01 02 03 04 00
< 9000 ..{256}
EOF
script wrong <<'EOF'
verify auth
< 63Cx
EOF

# ---- people and exit status ----

trace 0 good.apdu
says out 'good.apdu: 2 steps passed'
silent err
trace 0 good.apdu good.apdu
[ "$(grep -c passed "$tmp/out")" = 2 ] || fail 'not two scripts'
trace 1 good.apdu bad.apdu good.apdu
says out 'bad.apdu:2: SELECT jpki: 6A82 expected, 9000'
says out '01 expected, 00 came'
says out 'bad.apdu: 2 of 3 steps failed'
says err '2 of 7 steps'
[ "$(grep -c passed "$tmp/out")" = 2 ] || fail 'what follows was not run'
trace 1 --stop bad.apdu good.apdu
says_not out '01 expected'
says_not out passed
trace 2
trace 2 --tap --json good.apdu
trace 2 --on-insert
trace 1 nothing.apdu
says err 'nothing.apdu'
run 3 trace run -r virtual:nowhere good.apdu
printf 'fuda-trace 1\n> 00 A4\n> 00 84 00 00 08\nnonsense\n' >"$tmp/mistake.apdu"
trace 1 mistake.apdu -v -v
says err 'mistake.apdu:'
says_not err '> 0084'
# ... in any of them, before there is a card
trace 1 good.apdu mistake.apdu
says err 'mistake.apdu:'
says_not out 'passed'
run 1 trace run -r virtual:nowhere good.apdu nothing.apdu
says err 'nothing.apdu'
run 3 trace run -r virtual:nowhere --tap good.apdu
says out 'Bail out! '
printf '> 00 84 00 00 08\n' >"$tmp/noline.apdu"
trace 1 noline.apdu
says err 'noline.apdu:1:'
LC_ALL=ja_JP.UTF-8 trace 1 bad.apdu
# a pipe is empty when it is to be run
mkfifo "$tmp/pipe"
trace 1 good.apdu pipe
says err 'pipe: a script is read more than once'
says_not out passed
# what can never be sent is known before anything is
for line in '> 00 {x} 00 98' '> 00 B0 ..{2}' '> 00 B0 88 00 00|< 9000 {x}'; do
	printf 'verify auth\n%s\n' "$line" | tr '|' '\n' | script open
	trace 1 open.apdu --pin-file pin
	says err 'open.apdu:3: '
	silent out
done
says err '{x} is not captured'
tries card auth 3

# ... and what was cut off is no test that passes
script cut <<'EOF'
name x = 00
key 01020304
EOF
trace 1 good.apdu cut.apdu
says err 'cut.apdu: There is nothing to run'
says_not out passed
script pause <<'EOF'
wait 1 ms
EOF
trace 0 pause.apdu
says out '1 step passed'

# ---- secrets ----

trace 0 auth.apdu --pin-file pin
# as many lines as are needed, before one is used
trace 2 wrong.apdu auth.apdu --pin-file wrong
says_not out 'passed'
says err 'wrong: lines with secrets: 1; secrets that are presented: 2'
printf '0000\n\n1234\n' >"$tmp/gap"
trace 2 wrong.apdu auth.apdu --pin-file gap
says err 'lines with secrets: 1;'
tries card auth 3
# which a pipe does not tell
(cd "$tmp" && echo 0000 | "$fuda" trace run -r virtual:card wrong.apdu auth.apdu --pin-fd 0 >out 2>err) || :
says out 'wrong.apdu: 1 step passed'
says err 'line 2'
trace 0 auth.apdu --pin-file pin # gives the try back
printf '0000\n0000' >"$tmp/wrong.twice"
printf '0000\n1234\n' >"$tmp/both"
trace 0 wrong.apdu auth.apdu --pin-file both
tries card auth 3
trace 2 auth.apdu --pin-file none
says err 'lines with secrets: 0;'
trace 2 auth.apdu
says err 'pin-fd'
echo 12 >"$tmp/short"
trace 4 auth.apdu --pin-file short
tries card auth 3
# one that is wrong where it is to be right ends all: 1 try, not 2
trace 4 auth.apdu auth.apdu --pin-file wrong.twice
tries card auth 2
says_not out passed
# the last try
trace 4 auth.apdu --pin-file wrong
trace 5 auth.apdu --pin-file pin
says err 'last-try'
tries card auth 1
trace 0 auth.apdu --pin-file pin --use-last-try
tries card auth 3
# written out: refused before anything is sent, and not shown
script pin <<'EOF'
> 00 A4 04 0C 0A $jpki
> 00 20 00 98 04 "1234"
EOF
trace 1 pin.apdu --pin-file pin -v -v
says err 'pin.apdu:3:'
says_not err '31323334'
says_not err '> 00A4'
script change <<'EOF'
verify auth
> 00 24 01 98 04 <secret 4>
EOF
trace 5 change.apdu --pin-file pin
tries card auth 3
# a recording runs as it is
script recorded <<'EOF'
> 00 A4 04 0C 0A $jpki
< 9000 (0.100 ms)
> 00 20 00 98
< 63C3
> 00 20 00 98 04 <secret 4>
< 9000 (10.000 ms)
> 80 2A 00 97 04 01 02 03 04 00
< 9000 <data 256 0011223344556677>
EOF
trace 1 recorded.apdu --pin-file pin
says out 'recorded.apdu:8: '
says_not out 'recorded.apdu:6'
says_not out 'recorded.apdu:4'
# more secrets than are asked for at once
script many <<'EOF'
repeat 65
verify auth
end
EOF
trace 1 many.apdu --pin-file pin
says err 'several scripts'
# one that hangs on a captured command
script captured <<'EOF'
> 00 A4 04 0C 0A $jpki
> 00 B0 88 00 01
< 9000 {x=..}
> 00 {x} 00 98
EOF
trace 0 captured.apdu # 8F is no instruction for secrets
# a secret of an application that is not selected goes to no other that has one of its kind
script elsewhere <<'EOF'
> 00 A4 04 0C 0A $face
verify a
EOF
echo 987654321093 >"$tmp/wrong.a"
if "$fuda" info -r "fault:mute@9999:virtual:$tmp/card" >/dev/null 2>&1; then
	run 1 trace run -r fault:sw=6A82@1:virtual:card elsewhere.apdu --pin-file wrong.a
	says out 'elsewhere.apdu:3: verify a: another secret'
	tries card a 10
fi
# afterwards nothing is verified
run 0 apdu -r virtual:card 00A4040C0AD392F000260100000001 802A0097040102030400
grep -q '^6982$' "$tmp/out" || fail 'left verified'

# asked on a terminal: before the first command, each in its turn, and not shown
if command -v expect >/dev/null; then
	cat >"$tmp/talk" <<EOF
set timeout 20
log_user 0
cd $tmp
spawn -noecho $fuda trace run -r virtual:card -v -v wrong.apdu auth.apdu
foreach {before secret} {"is not accepted" 9876 "Enter" 1234} {
	expect -ex \$before {} timeout { exit 1 }
	expect {
		-re {> 80} { exit 2 }
		-ex " left): " {}
		timeout { exit 3 }
	}
	send "\$secret\r"
	expect -ex \$secret { exit 4 } -ex "passed" {} timeout { exit 5 }
}
expect eof
exit [lindex [wait] 3]
EOF
	expect "$tmp/talk" || fail "the prompt: $?"
	tries card auth 3
fi

# ---- other programs ----

trace 1 --tap good.apdu bad.apdu
[ "$(head -n 1 "$tmp/out")" = 'TAP version 13' ] || fail 'no TAP'
[ "$(tail -n 1 "$tmp/out")" = 1..5 ] || fail 'no plan'
[ "$(grep -c '^ok ' "$tmp/out")" = 3 ] && [ "$(grep -c '^not ok ' "$tmp/out")" = 2 ] || fail 'not 3 and 2'
says out 'not ok 3 - bad.apdu:2 SELECT jpki'
trace 4 --tap auth.apdu good.apdu --pin-file wrong
says out 'Bail out! '
says_not out '1..'
printf '0000\n' >"$tmp/pin.again"
trace 0 --tap auth.apdu --pin-file pin
cp "$tmp/good.apdu" "$tmp/a#b\\c's <&>\"d.apdu"
trace 0 --tap "a#b\\c's <&>\"d.apdu"
says out 'a\#b\\c'
if command -v prove >/dev/null; then
	(cd "$tmp" && prove -e "$fuda trace run --tap -r virtual:card" good.apdu "a#b\\c's <&>\"d.apdu" >out 2>&1) ||
		fail 'prove does not take it'
	! (cd "$tmp" && prove -e "$fuda trace run --tap -r virtual:card" good.apdu bad.apdu >out 2>&1) ||
		fail 'prove does not see what fails'
	says out 'Failed 2/3'
fi
trace 1 --junit junit.xml good.apdu bad.apdu "a#b\\c's <&>\"d.apdu"
says junit.xml '<testsuite name="bad.apdu" tests="3" failures="2" errors="0"'
says junit.xml 'name="a#b\c'"'"'s &lt;&amp;&gt;&quot;d.apdu"'
trace 4 --junit error.xml auth.apdu good.apdu --pin-file wrong
says error.xml 'errors="1"'
if command -v xmllint >/dev/null; then
	xmllint --noout "$tmp/junit.xml" "$tmp/error.xml" || fail 'not XML'
fi
trace 0 auth.apdu --pin-file pin # gives the try back
trace 1 --junit nowhere/junit.xml good.apdu
says err 'nowhere/junit.xml'
says_not out passed
if [ -e /dev/full ]; then
	trace 1 --junit /dev/full good.apdu
	says err '/dev/full: No space left'
	# what it cost is not hidden by that
	trace 4 --junit /dev/full auth.apdu --pin-file wrong
	says err '2 tries'
	trace 0 auth.apdu --pin-file pin
	status=0
	(cd "$tmp" && "$fuda" trace run --tap -r virtual:card auth.apdu --pin-file wrong >/dev/full 2>err) || status=$?
	[ "$status" = 4 ] || fail "exit status $status, not 4"
	says err '2 tries'
	trace 0 auth.apdu --pin-file pin
fi
trace 1 --json bad.apdu good.apdu
json '.scripts[0].failures[0].line' 2
json '.scripts[0].failed' 2
json '.scripts[1].steps' 2
json_lacks '.scripts[1].failures'
json .error EDEPARTED
trace 0 --json good.apdu
json .result ok

# ---- cards that come and go ----

script gone <<'EOF'
> 00 84 00 00 08
remove
> 00 84 00 00 08
! removed
insert
> 00 84 00 00 08
< 9000 ..{8}
EOF
trace 7 gone.apdu
says err 'on-remove'
trace 7 gone.apdu --on-remove true
says err 'on-insert'
trace 0 gone.apdu --on-remove 'echo out >>log; mv card away' --on-insert 'echo in >>log; mv away card'
[ "$(cat "$tmp/log")" = "out
in" ] || fail 'the commands were not run'
trace 1 gone.apdu --on-remove false --on-insert true
says err 'on-remove failed'
trace 3 gone.apdu good.apdu --on-remove 'mv card away' --on-insert true
mv "$tmp/away" "$tmp/card"
script left <<'EOF'
remove
EOF
trace 0 --json left.apdu --on-remove 'echo talk'
says_not out talk
says err talk
trace 0 left.apdu good.apdu --on-remove true # the next one has it again
# what --pin-fd reads from is not the command's
trace 0 left.apdu --pin-fd 7 --on-remove '! cat <&7' 7<"$tmp/pin"
says_not err 1234
input=$tmp/pin
trace 0 left.apdu --pin-fd 0 --on-remove 'cat'
unset input
says_not err 1234
# its time is that of a step; what it started ends with it, also what does not want to
trace 8 left.apdu --timeout 1 --on-remove "sleep 1005.$$ & sleep 1005.$$"
says err '--timeout'
! pgrep -f "^sleep 1005.$$\$" >/dev/null || fail "what --on-remove started is left"
# what is not expected
script unexpected <<'EOF'
remove
> 00 84 00 00 08
< 9000 ..{8}
EOF
trace 3 unexpected.apdu good.apdu --on-remove true
says_not out 'good.apdu'
script stays <<'EOF'
> 00 84 00 00 08
! removed
EOF
trace 1 stays.apdu

# ^C ends a wait, a command and a script; the card is free again
script slow <<'EOF'
verify auth
wait 1000 s
EOF
script shell <<'EOF'
remove
EOF
script endless <<'EOF'
repeat 1000000
include "comments.apdu"
end
EOF
awk 'BEGIN { print "fuda-trace 1"; for (i = 0; i < 1000; i++) print "# nothing" }' >"$tmp/comments.apdu"
for args in "slow.apdu --pin-file pin" "shell.apdu --on-remove 'sleep 1000'" \
	"shell.apdu --on-remove 'trap \"\" INT TERM; while :; do sleep 0.1; done'" endless.apdu; do
	eval "interrupted trace run --tap -r virtual:card $args"
	[ $got != 0 ] || fail 'it ended by itself'
	says out 'Bail out! '
	says err 'cancelled'
	trace 0 good.apdu
done

# ---- memory does not grow with the script, nor with what is printed ----

if ! grep -q '^[A-Z_]*CFLAGS = .*fsanitize' "$build/Makefile"; then
	script large <<'EOF'
repeat 20000
> 00 84 00 00 08
< 9000 {x=..{8}}
> 00 B0 00 00 00
< 6986
end
EOF
	awk 'BEGIN { print "fuda-trace 1"; for (i = 0; i < 40000; i++) print "> 00 84 00 00 08\n< 9000 {x=..{8}} # " i }' \
		>"$tmp/long.apdu"
	for args in large.apdu '--tap large.apdu' '--junit large.xml --json large.apdu' long.apdu; do
		# shellcheck disable=SC2086 # words
		(ulimit -d 40000 && trace 0 $args)
	done
fi

# ---- through a PC/SC service ----

has_pcsc || {
	echo 'ok (without PC/SC)'
	exit 0
}
. "$top/tests/pcscd-env.sh"
at_exit 'rm -rf "$tmp"'
card_is_there() {
	"$fuda" readers --json 2>/dev/null | grep -q '"card":true'
}
"$build/fuda-vcard" run "$tmp/card" --vpcd "localhost:$FUDA_TEST_PORT" 2>/dev/null &
player=$!
at_exit "kill $player 2>/dev/null || :"
becomes 'card in the reader' card_is_there
set --
for s in jpki/select jpki/availability jpki/ca-certificates jpki/files-card jpki/challenge text/opens-nothing \
	common/serial common/internal-authenticate juki/key-reference isd/data face/basic; do
	set -- "$@" "$top/tests/traces/$s.apdu"
done
run 0 trace run "$@"
printf '1234\n' >"$tmp/pins"
sed -n 's/^secret.sign *= *//p' "$tmp/card/card.conf" >>"$tmp/pins"
run 0 trace run --pin-file pins "$top/tests/traces/jpki/sign-schemes.apdu"
run 1 trace run bad.apdu
# the power of the card, as far as pcscd lets it be
printf '1234\n1234\n1234\n1234\n' >"$tmp/pins"
run 0 trace run --pin-file pins "$top/tests/traces/jpki/what-closes.apdu"
# a card that really goes and comes
cat >"$tmp/out-and-in" <<EOF
kill $player; wait 2>/dev/null || :
EOF
run 0 trace run gone.apdu --on-remove "sh out-and-in" \
	--on-insert "setsid -f '$build/fuda-vcard' run '$tmp/card' --vpcd localhost:$FUDA_TEST_PORT >/dev/null 2>&1"
echo ok
