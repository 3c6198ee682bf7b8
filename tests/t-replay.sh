#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# replay: and fuda-vcard replay: what was recorded comes again, and whoever does something else is told where.
set -eu
. "${srcdir:-.}/tests/cli.sh"
export XDG_CONFIG_HOME="$tmp/config"
mkdir -p "$tmp/config/fuda"
echo 'trace.raw = yes' >"$tmp/config/fuda/config"
fresh card
secrets_of card
vcard=$build/fuda-vcard

# record FILE ARGUMENT...: a call of fuda, in $tmp/FILE; what it says in $tmp/said
record() {
	trace=$1
	shift
	rm -f "${tmp:?}/$trace"
	FUDA_TRACE=$tmp/$trace FUDA_TRACE_RAW=1 run 0 "$@" --reader trace:virtual:card
	without_reader out said
}

without_reader() {
	grep -a -v -e '^Reader ' -e '"reader":' "$tmp/$1" >"$tmp/$2" || :
}

# plays READER ARGUMENT...: another call says the same
plays() {
	reader=$1
	shift
	run 0 "$@" --reader "$reader" -v
	silent err
	without_reader out again
	cmp -s "$tmp/said" "$tmp/again" || fail "$reader: fuda $* says something else"
}

# ---- the same commands ----

while read -r call; do
	# shellcheck disable=SC2086
	record raw.apdu $call
	for how in replay:raw.apdu replay:loose:raw.apdu; do
		# shellcheck disable=SC2086
		plays $how $call
	done
done <<END
info
info --json
pin status
pin status --json
cert auth
cert sign-ca --format der
auth --trust card/ca.pem --pin-file pin --challenge 00112233
auth --trust card/ca.pem --pin-file pin --challenge 00112233 --json
END
! grep -q '31 32 33 34' "$tmp/raw.apdu" || fail "a PIN is in the trace"

# A wrong PIN is wrong again, and no card loses a try.
rm "$tmp/raw.apdu"
FUDA_TRACE=$tmp/raw.apdu FUDA_TRACE_RAW=1 run 4 auth --pin-file wrong -r trace:virtual:card
run 4 auth --pin-file wrong -r replay:raw.apdu
says err '2 tries are left'
tries card auth 2
fresh card

# What is personal is not in a trace by default, and so not in a replay of it.
FUDA_TRACE=$tmp/t.apdu run 0 mynumber --pin-file pin --cv-trust card/cv-authority.pem -r trace:virtual:card
run 1 mynumber --pin-file pin --cv-trust card/cv-authority.pem -r replay:t.apdu
says err 'is not shown in the trace'
says err '--raw'
silent out
# Where it is, a challenge that is made up each time is another one.
rm "$tmp/raw.apdu"
FUDA_TRACE=$tmp/raw.apdu FUDA_TRACE_RAW=1 run 0 mynumber --pin-file pin --cv-trust card/cv-authority.pem \
	-r trace:virtual:card
run 1 mynumber --pin-file pin --cv-trust card/cv-authority.pem -r replay:raw.apdu
says err 'sent another one, which differs from byte'
says err 'Write ..'

# ---- something else ----

auth='auth --trust card/ca.pem --pin-file pin --challenge 00112233'
# shellcheck disable=SC2086
record raw.apdu $auth
commands=$(grep -c '^>' "$tmp/raw.apdu")
[ "$commands" = 6 ] || fail "$commands commands in the trace"

# departs LINE WHAT: fuda auth does not what u.apdu says, and stops there
departs() {
	status=1
	# of a secret that may have been sent nobody knows what came of it
	[ "$number" != 5 ] || status=10
	# shellcheck disable=SC2086
	run $status $auth -r replay:u.apdu
	says err "u.apdu:$1: $2"
	silent out
	says_not err '31 32 33 34'
}

number=0
while [ $number -lt "$commands" ]; do
	number=$((number + 1))
	line=$(grep -n '^>' "$tmp/raw.apdu" | sed -n "${number}s/:.*//p")
	# the trace has one more there
	awk -v at="$line" 'NR == at { print "> 00 84 00 00 08\n< 9000 \"12345678\"" } { print }' \
		"$tmp/raw.apdu" >"$tmp/u.apdu"
	departs "$line" 'The trace has GET CHALLENGE (00 84 00 00 08) here; the program sent '
	# another one
	awk -v at="$line" 'NR == at { print "> 00 84 00 00 08"; gone = 1; next }
		gone && /^ / { next } { gone = 0; print }' "$tmp/raw.apdu" >"$tmp/u.apdu"
	departs "$line" 'The trace has GET CHALLENGE (00 84 00 00 08) here; the program sent '
	# ends there
	awk -v at="$line" 'NR == at { exit } { print }' "$tmp/raw.apdu" >"$tmp/u.apdu"
	before=$(grep -n '^[<k-z]' "$tmp/u.apdu" | tail -n 1 | sed 's/:.*//')
	departs "$before" 'The trace ends here; the program sent '
	# lacks it
	[ $number -eq "$commands" ] || {
		awk -v at="$line" '/^>/ { lacks = NR == at } !lacks { print }' "$tmp/raw.apdu" >"$tmp/u.apdu"
		departs "$line" 'The trace has '
	}
done
# other order; any order, and the loose way takes it
{
	sed -n '/^>/q;p' "$tmp/raw.apdu"
	awk '/^>/ { n++ } n == 2' "$tmp/raw.apdu"
	awk '/^>/ { n++ } n == 1' "$tmp/raw.apdu"
	awk '/^>/ { n++ } n > 2' "$tmp/raw.apdu"
} >"$tmp/u.apdu"
number=1
departs "$(grep -n '^>' "$tmp/u.apdu" | sed -n '1s/:.*//p')" 'The trace has READ BINARY'
# shellcheck disable=SC2086
run 0 $auth -r replay:loose:u.apdu
without_reader out again
cmp -s "$tmp/said" "$tmp/again" || fail "any order: something else"
# one more that the program never sends
cp "$tmp/raw.apdu" "$tmp/u.apdu"
printf '> 00 84 00 00 08\n< 9000 "12345678"\n' >>"$tmp/u.apdu"
# shellcheck disable=SC2086
run 0 $auth -r replay:u.apdu -v
says err "u.apdu:$(($(wc -l <"$tmp/u.apdu") - 1)): The program ended; the trace goes on with GET CHALLENGE"

# What went wrong goes wrong: the card is pulled, another program resets it, the reader is gone.
for fault in removed=3 gone=3; do
	line=$(grep -n '^>' "$tmp/raw.apdu" | sed -n "${fault#*=}s/:.*//p")
	{
		sed -n "1,${line}p" "$tmp/raw.apdu"
		echo "! ${fault%=*}"
	} >"$tmp/u.apdu"
	# shellcheck disable=SC2086
	run 3 $auth -r replay:u.apdu
	says err "u.apdu:$((line + 1)): "
	silent out
done

# ---- names ----

run 1 info -r replay:nowhere.apdu
says err nowhere.apdu
run 3 info -r replay:
says err 'replay:loose:FILE'
echo 'not a trace' >"$tmp/u.apdu"
run 1 info -r replay:u.apdu
says err u.apdu:1

# ---- fuda-vcard replay: usage ----

# vcard STATUS ARGUMENT...: calls fuda-vcard in $tmp
vcard() {
	want=$1
	shift
	got=0
	(cd "$tmp" && timeout 20 "$vcard" "$@" </dev/null >out 2>err) || got=$?
	[ "$got" = "$want" ] || fail "exit status $got, not $want: fuda-vcard $*"
}

vcard 2 replay
vcard 2 replay raw.apdu raw.apdu
vcard 2 replay raw.apdu --usage
vcard 2 replay raw.apdu --vpcd here
vcard 2 replay raw.apdu --wait never
vcard 1 replay nowhere.apdu
says err nowhere.apdu
vcard 1 replay u.apdu --loose
says err u.apdu:1
vcard 3 replay raw.apdu --vpcd 127.0.0.1:1 --wait 0
says err 'no vpcd there'

# interrupted COMMAND...: ^C after five seconds. In the foreground, because timeout would send SIGCONT too, and a leak
# checker that is about to stop its program waits for good then.
interrupted() {
	timeout --foreground -s INT 5 "$@" >"$tmp/out2" 2>"$tmp/err2"
}

# what listens there is no vpcd: the card is in no reader
for hello in '' 'SSH-2.0-none'; do
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1) or die;
		open(my $port, ">", $ARGV[0]) or die; print $port $s->sockport . "\n"; close($port);
		my $c = $s->accept; $c->syswrite($ARGV[1]);
		sleep 20' "$tmp/port" "$hello" &
	server=$!
	becomes 'port' test -s "$tmp/port"
	got=0
	interrupted "$vcard" run "$tmp/card" --vpcd "127.0.0.1:$(cat "$tmp/port")" || got=$?
	kill $server
	rm "$tmp/port"
	says err2 'does not ask for a card'
	says_not err2 'in the reader;'
done

# ---- fuda-vcard replay: PC/SC; skips where there is none ----

has_pcsc || exit 0
. "$srcdir/tests/pcscd-env.sh"
at_exit 'sh "$top/tests/scan.sh" "$tmp" || pcscd_status=1; rm -rf "$tmp"'
where=127.0.0.1:$FUDA_TEST_PORT
player=
at_exit '[ -z "$player" ] || kill $player 2>/dev/null || :'

no_card() {
	! tests/bare-pcsc card ' 00 00' 100 2>/dev/null
}

# begin OPTION...: u.apdu is in the reader
begin() {
	becomes 'empty reader' no_card
	"$vcard" replay "$tmp/u.apdu" --vpcd "$where" "$@" >"$tmp/out" 2>"$tmp/err" &
	player=$!
	tests/bare-pcsc card ' 00 00' 5000 || fail "no card in the reader"
}

# ends STATUS: and the player has ended, by itself
ends() {
	got=0
	wait "$player" || got=$?
	player=
	[ "$got" = "$1" ] || fail "the replay ended with $got, not $1"
	silent out
}

# asks ANSWERS APDU...: a program sends these
asks() {
	want=$1
	shift
	got=$(tests/bare-pcsc send ' 00 00' 1 "$@" | tr '\n' ' ')
	[ "$got" = "$want " ] || fail "answers $got instead of $want"
}

select=00A4040C0AD392F000260100000001
cat >"$tmp/u.apdu" <<'END'
fuda-trace 1
reader "one"
atr 3B 80 80 01 01
power on
> 00 A4 04 0C 0A $jpki
< 9000
power off
power on
> 00 20 00 98 04 <secret 4>
< 63C2
> 00 B0 00 00 04
< 9000 "JPKI"
reader "two"
> 00 84 00 00 08
< 6D00
END
# whoever asks, and however often they connect
begin --once
asks 9000 $select
asks '63C2 4A504B499000' 002000980431323334 00B0000004
ends 0
[ "$(wc -l <"$tmp/err")" = 1 ] || fail "it speaks of more than the card in the reader"
# something else: from there on 6F00, and one line
begin --once
asks '9000 6F00 6F00' $select 002000980531323334FF 002000980431323334
ends 1
says err 'u.apdu:9: The trace has VERIFY auth (00 20 00 98 and 5 bytes) here; the program sent VERIFY auth (00 20 00 98'
says_not err '31 32 33'
[ "$(wc -l <"$tmp/err")" = 2 ] || fail "it says more than where"
# one more, after the end but before it goes
begin --once
asks '9000 63C2 4A504B499000 6F00' $select 002000980431323334 00B0000004 00B0000004
ends 1
says err 'The trace ends here; the program sent READ BINARY'
says err 'replay:loose:FILE, --loose'
# one fewer
begin
asks '9000 63C2' $select 002000980431323334
kill "$player"
ends 1
says err 'u.apdu:11: The program ended; the trace goes on with READ BINARY'
# none at all: that is no departure; nor does the reader take another card meanwhile
begin
got=0
interrupted "$vcard" run "$tmp/card" --vpcd "$where" || got=$?
says err2 'Is another one in its reader'
says_not err2 'in the reader;'
kill "$player"
ends 1
says err 'no program sent a command'
says_not err 'The program ended'
# whoever goes on is told how to
begin
asks '9000 6F00' $select $select
kill "$player"
ends 1
says err 'it begins anew'
# any order; all of it, and then a signal
begin --loose
asks '4A504B499000 9000 63C2 9000' 00B0000004 $select 002000980431323334 $select
kill "$player"
ends 0
# a card that is taken out comes back
cat >"$tmp/u.apdu" <<'END'
fuda-trace 1
> 00 84 00 00 01
< 9000 AA
> 00 84 00 00 01
! removed
> 00 84 00 00 01
< 9000 BB
END
begin --once
asks AA9000 0084000001
asks '' 0084000001 # which is how vpcd tells it
becomes 'second connection' sh -c "[ \$(grep -c 'connected to' '$tmp/err') = 2 ]"
tests/bare-pcsc card ' 00 00' 5000 || fail "the card does not come back"
asks BB9000 0084000001
ends 0
# what no card can do
sed 's/^! removed/! reset/' "$tmp/u.apdu" >"$tmp/v.apdu"
mv "$tmp/v.apdu" "$tmp/u.apdu"
begin --once
asks 'AA9000 6F00 6F00' 0084000001 0084000001 0084000001
ends 1
says err 'u.apdu:5: the card was reset by another program'
[ "$(wc -l <"$tmp/err")" = 2 ] || fail "it says more than why"
# a command that was not answered in time is not answered; the program waits until there is no card
sed 's/^! reset/! timeout/' "$tmp/u.apdu" >"$tmp/v.apdu"
mv "$tmp/v.apdu" "$tmp/u.apdu"
begin
tests/bare-pcsc send ' 00 00' 1 0084000001 0084000001 >"$tmp/answers" 2>&1 &
waiting=$!
sleep 0.5
kill -0 $waiting || fail "a program does not wait"
kill "$player"
ends 1
says err 'u.apdu:6: The program ended'
wait $waiting || :
# the service goes away
begin
asks AA9000 0084000001
pcscd_stop "$FUDA_TEST_PCSCD_PID"
ends 1
says err 'u.apdu:4: The program ended'
