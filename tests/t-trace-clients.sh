#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Programs of others are recorded with a My Number card and played back to without one: they say the same and end the same.
# What is recorded is shown, and exported so that Wireshark understands it.
set -eu
for program in opensc-tool pkcs15-tool pkcs11-tool timeout; do
	command -v $program >/dev/null || {
		echo "SKIP: no $program"
		exit 77
	}
done
. "${srcdir:-.}/tests/pcscd-env.sh"
build=$PWD
dir=$FUDA_TEST_DIR
HOME=$dir XDG_CONFIG_HOME=$dir/config LC_ALL=C
export HOME XDG_CONFIG_HOME LC_ALL
pcscd_let_preload

fail()
{
	echo "FAILED: $*"
	for f in out err replay.log departed; do
		[ ! -s "$dir/$f" ] || sed "s/^/  $f: /" "$dir/$f" | tail -n 20
	done
	exit 1
}

mkdir -p "$dir/config/fuda"
echo 'trace.raw = yes' >"$dir/config/fuda/config"
canaries=${srcdir:-.}/tests/canaries
sh "${srcdir:-.}/tests/stock.sh" "$dir/card" --secrets "$canaries/suite.secrets" --person "$canaries/suite.person" >/dev/null
password=$(sed -n 's/^secret.sign *= *//p' "$canaries/suite.secrets")
password_hex=$(printf %s "$password" | od -An -v -tx1 | tr a-f A-F | sed 's/^ //; s/ / ?/g')
head -c 32 /dev/zero >"$dir/digest"
printf '00 A4 04 0C 0A D3 92 F0 00 26 01 00 00 00 01\n00 A4 02 0C 02 00 0B\n00 B0 00 00 20\n' >"$dir/scriptor.in"

# What is asked of the card, a name and a command a line; the last ones need more than SELECT and its status words.
mkdir "$dir/given"
cat >"$dir/given/jobs" <<END
name opensc-tool --name
atr opensc-tool --atr
apdu opensc-tool -c default -s 00A4040C0AD392F000260100000001 -s 00200098
list pkcs15-tool --list-certificates
dump pkcs15-tool --dump
pins pkcs15-tool --list-pins
public pkcs15-tool --read-certificate 03
private pkcs15-tool --read-certificate 02 --verify-pin --auth-id 02 --pin $password
slots pkcs11-tool --list-slots
sign pkcs11-tool --slot 0 --login --pin 1234 --sign --id 01 --mechanism RSA-PKCS --input-file digest --output-file signature
wrong pkcs11-tool --slot 0 --login --pin 4321 --sign --id 01 --mechanism RSA-PKCS --input-file digest --output-file none
END
# a Perl program, and one that looks at readers alone
if command -v scriptor >/dev/null; then
	echo 'scriptor scriptor -r READER -p T=1 scriptor.in' >>"$dir/given/jobs"
else
	echo "(no scriptor: one program less)"
fi
reader='Fuda Test [Card] (20261120) 00 00'

# job STATUS-FILE COMMAND...: in $dir; its output is in out, where the names of readers' ports do not count
job()
{
	status=$1
	shift
	got=0
	(cd "$dir" && timeout 60 "$@" >out 2>err </dev/null) || got=$?
	echo $got >"$status"
}

# with_words NAME...: makes the command of that job, with READER filled in, into "$@" of what follows
run_job()
{
	how=$1 name=$2
	shift 2
	set -f
	# shellcheck disable=SC2046 # words
	set -- $(sed -n "s/^$name //p" "$dir/given/jobs")
	set +f
	n=$#
	while [ $n -gt 0 ]; do
		word=$1
		shift
		[ "$word" != READER ] || word=$reader
		set -- "$@" "$word"
		n=$((n - 1))
	done
	case $how in
	raw) job "$dir/$name.status" "$build/fuda" trace record --raw -o "$name.raw.apdu" -- "$@" ;;
	redacted) job "$dir/$name.status.2" "$build/fuda" trace record -o "$name.apdu" -- "$@" ;;
	*) job "$dir/$name.status.2" "$@" ;;
	esac
}

card=
start_card()
{
	"$@" >"$dir/replay.log" 2>&1 &
	card=$!
	tests/bare-pcsc card " 00 00" 5000 || fail "no card: $*"
}
stop_card()
{
	pcscd_stop "$card"
	card=
	while tests/bare-pcsc card " 00 00" 50 2>/dev/null; do
		sleep 0.05
	done
}
at_exit '[ -z "$card" ] || pcscd_stop "$card"'

names=$(sed 's/ .*//' "$dir/given/jobs")
start_card ./fuda-vcard run "$dir/card" --vpcd "127.0.0.1:$FUDA_TEST_PORT"
for name in $names; do
	run_job raw $name
	mv "$dir/out" "$dir/$name.out"
	case $name in
	wrong) [ "$(cat "$dir/$name.status")" != 0 ] || fail "a wrong PIN was right" ;;
	*) [ "$(cat "$dir/$name.status")" = 0 ] || fail "$name" ;;
	esac
	[ ! -e "$dir/signature" ] || mv "$dir/signature" "$dir/$name.signature"
	# the same again, redacted: the program does not notice
	run_job redacted $name
	cmp "$dir/$name.status" "$dir/$name.status.2" || fail "$name, redacted"
	case $name in
	# the serial number of a session, and tries that the job before it took
	wrong) ;;
	*) cmp "$dir/$name.out" "$dir/out" || fail "$name, redacted: $(diff "$dir/$name.out" "$dir/out")" ;;
	esac
	for trace in "$name.apdu" "$name.raw.apdu"; do
		[ $name = atr ] || grep -q '^> ' "$dir/$trace" || fail "$trace has no command"
		! grep -q -E "31 ?32 ?33 ?34|34 ?33 ?32 ?31|$password_hex|\"1234\"|$password" "$dir/$trace" ||
			fail "$trace shows a PIN"
		./fuda trace show "$dir/$trace" >"$dir/shown.raw" 2>"$dir/err" || fail "show $trace"
		./fuda trace export --format pcapng "$dir/$trace" >"$dir/$trace.pcapng" 2>"$dir/err" ||
			fail "export $trace"
		command -v tshark >/dev/null || continue
		tshark -r "$dir/$trace.pcapng" >"$dir/packets" 2>"$dir/err" || fail "tshark: $trace"
		[ $name = atr ] || [ -s "$dir/packets" ] || fail "$trace: no packets"
		! grep -i -q malformed "$dir/packets" || fail "$trace: $(grep -i malformed "$dir/packets" | head -n 3)"
	done
	echo "$name: recorded $(grep -c '^> ' "$dir/$name.raw.apdu" || :) commands"
done
for name in sign private wrong; do
	grep -q '^> 00 20 00 .* <secret [0-9]*>' "$dir/$name.raw.apdu" || fail "$name: no PIN was sent"
done
command -v tshark >/dev/null || echo "(no tshark: packets were not looked at)"
stop_card

# Without the card: from what was recorded.
for name in $names; do
	start_card ./fuda-vcard replay "$dir/$name.raw.apdu" --vpcd "127.0.0.1:$FUDA_TEST_PORT"
	run_job plain $name
	cmp "$dir/$name.status" "$dir/$name.status.2" || fail "$name, replayed: exit status $(cat "$dir/$name.status.2")"
	cmp "$dir/$name.out" "$dir/out" || fail "$name, replayed: $(diff "$dir/$name.out" "$dir/out")"
	[ ! -e "$dir/$name.signature" ] || cmp "$dir/signature" "$dir/$name.signature" ||
		fail "$name, replayed: another signature"
	stop_card
	echo "$name: replayed"
done

# A program that does something else is told so.
start_card ./fuda-vcard replay "$dir/name.raw.apdu" --vpcd "127.0.0.1:$FUDA_TEST_PORT"
run_job plain list
[ "$(cat "$dir/list.status.2")" != 0 ] || fail "another program was played to as if it were the same"
mv "$dir/replay.log" "$dir/departed"
grep -q 'name.raw.apdu:[0-9]*:' "$dir/departed" || fail "it is not said where the program departed"
stop_card
