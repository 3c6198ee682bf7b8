#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda-vcard: what it makes, what it refuses, and that PC/SC programs see the card it plays.
set -eu
srcdir=${srcdir:-.}
vcard=$PWD/fuda-vcard
[ -x "$vcard" ] || {
	echo "SKIP: built without the software card"
	exit 77
}
LC_ALL=C
export LC_ALL
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "FAILED: $*"
	cat "$scratch/out" "$scratch/err"
	exit 1
}

# run STATUS ARGUMENT...: calls fuda-vcard; its output in out and err
run()
{
	want=$1
	shift
	got=0
	"$vcard" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || got=$?
	[ "$got" = "$want" ] || fail "fuda-vcard $*: status $got instead of $want"
	[ "$got" = 0 ] || [ -s "$scratch/err" ] || fail "fuda-vcard $*: silent failure"
}
# until_says STRING: waits up to 10 seconds for it
until_says()
{
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		! grep -q "$1" "$scratch/err" || return 0
		sleep 0.5
	done
	fail "no \"$1\" on standard error"
}
says()
{
	grep -q -- "$1" "$scratch/err" || fail "no \"$1\" on standard error"
}

# ---- usage ----

run 0 --help
grep -q '^usage: fuda-vcard make' "$scratch/out" || fail "no help"
for word in kind secrets set no-sign-certificate expired auth-certificate-size certificate-file-size \
	person photo photo-size record-file-step authority days vpcd wait usage qr output loose once; do
	grep -q "^  --$word .*  [a-z0-9]" "$scratch/out" || grep -q "^  --$word .*exact$" "$scratch/out" ||
		fail "no help on --$word"
	grep -q "^\.It Fl -$word" "$srcdir/tools/fuda-vcard.1" || fail "no --$word in the page"
done
for command in make run qr replay crl; do
	for option in -h --help; do
		run 0 $command $option
		grep -q '^usage: fuda-vcard make' "$scratch/out" || fail "no help by $command $option"
		[ ! -s "$scratch/err" ] || fail "help on standard error"
	done
	run 0 $command --version
	grep -q '^fuda-vcard (fudasashi) [0-9]' "$scratch/out" || fail "no version by $command"
done
if [ -w /dev/full ]; then
	for option in --help --version 'make --help'; do
		got=0
		# shellcheck disable=SC2086
		"$vcard" $option >/dev/full 2>"$scratch/err" || got=$?
		[ $got = 1 ] || fail "$option on a full disk: $got"
	done
fi
run 0 --version
grep -q '^fuda-vcard (fudasashi) [0-9]' "$scratch/out" || fail "no version"
run 2
says '^usage:'
run 2 mak "$scratch/card"
says "none of 'make', 'run', 'qr', 'replay' and 'crl': mak"
run 2 make
run 2 make "$scratch/a" "$scratch/b"
run 2 make "$scratch/a" --colour red
run 2 make "$scratch/a" --kind
for size in 0 -1 x 1x 65537 99999999999999999999; do
	run 2 make "$scratch/a" --auth-certificate-size=$size
	run 2 make "$scratch/a" --certificate-file-size=$size
	run 2 make "$scratch/a" --photo-size=$size
	run 2 make "$scratch/a" --record-file-step=$size
done
for option in person photo authority; do
	run 2 make "$scratch/a" --$option
	run 1 make "$scratch/a" --$option "$scratch/none"
	says "$scratch/none"
done
[ ! -e "$scratch/a" ] || fail "a card that cannot be made is made"
run 2 run
run 2 run --vpcd localhost:1
for where in localhost localhost: :1 localhost:0 localhost:65536 localhost:x '[]:1'; do
	run 2 run "$scratch/a" --vpcd "$where"
done
run 2 run "$scratch/a" --vpcd localhost:1 --wait x

# ---- make ----

run 0 make "$scratch/card"
[ ! -s "$scratch/out" ] || fail "make speaks on standard output"
grep -q ca.pem "$scratch/err" || fail "make does not say where the test CAs are"
[ "$(grep -c BEGIN "$scratch/card/ca.pem")" = 4 ] || fail "not four authorities"
[ "$(stat -c %a "$scratch/card/card.conf" "$scratch/card/jpki-0017.pem" | sort -u)" = 600 ] ||
	fail "others can read the secrets"
for branch in 000A 0001; do
	openssl x509 -inform DER -in "$scratch/card/jpki-$branch.bin" -out "$scratch/$branch.pem"
	openssl verify -x509_strict -CAfile "$scratch/card/ca.pem" "$scratch/$branch.pem" \
		>"$scratch/out" || fail "$branch does not verify"
done
# a list of what a CA revoked, also of cards that share it
list() {
	openssl crl -in "$scratch/out" -noout -text -CAfile "$scratch/card/ca.pem" -verify >"$scratch/list" 2>&1 ||
		fail "the list does not verify"
}
run 0 crl "$scratch/card" --days 7
list
grep -q 'No Revoked Certificates' "$scratch/list" || fail "an empty list is not empty"
run 0 make "$scratch/second" --authority "$scratch/card"
cmp -s "$scratch/card/ca.pem" "$scratch/second/ca.pem" || fail "no CA in common"
[ "$(stat -c %a "$scratch/card/ca-keys.pem")" = 600 ] || fail "others can read the keys of the CAs"
run 0 crl "$scratch/card" "$scratch/second"
list
serial=$(openssl x509 -inform DER -in "$scratch/second/jpki-000A.bin" -noout -serial)
grep -q "Serial Number: ${serial#serial=}" "$scratch/list" || fail "who is revoked is not on the list"
run 0 make "$scratch/stranger"
run 2 crl "$scratch/card" "$scratch/stranger"
says 'of another CA'
run 1 crl "$scratch/card" "$scratch/none"
says "$scratch/none: no software card"
run 1 crl "$scratch/none"
says "$scratch/none: cannot read ca.pem"
cp "$scratch/stranger/ca-keys.pem" "$scratch/second/ca-keys.pem"
run 1 crl "$scratch/second"
says 'do not belong together'
run 2 crl
run 2 crl "$scratch/card" --days 0
run 2 make "$scratch/card"
says 'not an empty directory'
# where nothing can be made, not even by root, it is said why
run 1 make /sys/fuda-card
! grep -q 'No such file' "$scratch/err" || [ ! -d /sys ] || fail "a wrong reason: $(cat "$scratch/err")"
run 2 make "$scratch/b" --kind desk
says 'card, android, iphone or wallet, not desk'
run 2 make "$scratch/b" --set colour=red
says 'colour: no such key'
run 2 make "$scratch/b" --set past-end=red
says 'past-end: this value is not allowed, but 6B00 or 6282 or 9000'
run 2 make "$scratch/b" --set secret.auth=1111
run 2 make "$scratch/b" --auth-certificate-size 900
says 'no certificate of 900 bytes'
printf 'secret.auth = 4321\nkind = iphone\n' >"$scratch/secrets"
run 1 make "$scratch/b" --secrets "$scratch/secrets"
says 'line 2'
[ ! -e "$scratch/b" ] || fail "something is left of a card that was not made"
run 1 make "$scratch/none/b"
printf 'secret.auth = 4321\n' >"$scratch/secrets"
run 0 make "$scratch/b" --secrets "$scratch/secrets" --kind iphone --set past-end=9000 --expired \
	--auth-certificate-size 1587 --certificate-file-size 2000
for line in 'kind = iphone' 'secret.auth = 4321' 'secret.sign = ABC123' 'past-end = 9000'; do
	grep -qx "$line" "$scratch/b/card.conf" || fail "card.conf lacks $line"
done
openssl x509 -inform DER -in "$scratch/b/jpki-000A.bin" -outform DER -out "$scratch/der"
[ "$(stat -c %s "$scratch/der" "$scratch/b/jpki-000A.bin" | tr '\n' ' ')" = "1587 2000 " ] ||
	fail "other sizes"
! openssl x509 -inform DER -in "$scratch/der" -noout -checkend 0 >"$scratch/out" ||
	fail "not expired"

# ---- persons ----

printf 'name = 番号　花子\nbirth_date = 1989-01-08\nmy_number = 987654321094\n' >"$scratch/person"
run 1 make "$scratch/c" --person "$scratch/person"
says 'line 3: this value is not allowed'
! grep -q 98765 "$scratch/err" || fail "a My Number is shown"
printf 'name = 番号　花子\nbirth_date = 1989-01-08\nmy_number = 987654321093\n' >"$scratch/person"
run 2 make "$scratch/c" --photo-size 500
says '600 to 28000'
run 2 make "$scratch/c" --photo "$scratch/person"
says 'JP2'
run 0 make "$scratch/c" --person "$scratch/person" --authority "$scratch/card" --photo-size 4000 \
	--record-file-step exact
cmp -s "$scratch/card/cv-authority.pem" "$scratch/c/cv-authority.pem" || fail "other authorities"
[ "$(stat -c %a "$scratch/c/cv-keys.pem" "$scratch/c/face-001A.pem" | sort -u)" = 600 ] ||
	fail "others can read the keys of records"
for line in 'secret.face-a = 987654321093' 'secret.text-b = 01010820351470' 'secret.birth = 010108'; do
	grep -qx "$line" "$scratch/c/card.conf" || fail "card.conf lacks $line"
done
openssl x509 -inform DER -in "$scratch/c/jpki-0001.bin" -outform DER | grep -q '番号　花子' ||
	fail "the certificate for signing is somebody else's"

# ---- run, without vpcd ----

run 3 run "$scratch/none" --vpcd localhost:1
says 'No such file'
run 3 run "$scratch/card" --vpcd 127.0.0.1:1 --wait 0
says 'no vpcd there'
says '127.0.0.1:1'
says 'vsmartcard-vpcd'
run 3 run "$scratch/card" --vpcd 127.0.0.1:1 --wait 1
says 'waiting for it, up to 1 s'
"$vcard" run "$scratch/card" --vpcd 127.0.0.1:1 --wait 60 2>"$scratch/err" &
first=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ ! -e "$scratch/card/lock" ] || break
	sleep 0.1
done
sleep 0.2
run 3 run "$scratch/card" --vpcd 127.0.0.1:1 --wait 0
says 'another reader'
kill -TERM $first
wait $first || fail "SIGTERM is not a clean end"
# one who listens and does not answer
perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1) or die; listen($s, 0);
	my @full = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $s->sockport, Blocking => 0) } 1 .. 4;
	$| = 1; print $s->sockport . "\n";
	sleep 60' >"$scratch/port" &
deaf=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ ! -s "$scratch/port" ] || break
	sleep 0.1
done
where=127.0.0.1:$(cat "$scratch/port")
got=0
timeout 20 "$vcard" run "$scratch/card" --vpcd "$where" --wait 2 2>"$scratch/err" || got=$?
[ $got = 3 ] || fail "status $got where nobody answers"
says 'does not ask for a card'
! grep -q 'no vpcd there' "$scratch/err" || fail "somebody listens there"
"$vcard" run "$scratch/card" --vpcd "$where" --wait 60 2>"$scratch/err" &
first=$!
sleep 0.5
kill -TERM $first
wait $first || fail "SIGTERM while it connects is not a clean end"
kill $deaf
echo 'past-end = never' >>"$scratch/card/card.conf"
run 1 run "$scratch/card" --vpcd 127.0.0.1:1 --wait 0
says 'card.conf, line'
sed -i '$d' "$scratch/card/card.conf"

# ---- run, with a private pcscd; skips where there is none ----

mine=$scratch
. "$srcdir/tests/pcscd-env.sh"
at_exit 'rm -rf "$mine"'

"$vcard" run "$scratch/card" --vpcd "127.0.0.1:$FUDA_TEST_PORT" --usage \
	>"$scratch/usage" 2>"$scratch/err" &
player=$!
at_exit 'kill $player 2>/dev/null || :'
until_says 'connected to'
tests/bare-pcsc card ' 00 00' 5000 || fail "no card in the reader"
tests/bare-pcsc send ' 00 00' 1 00A4040C0AD392F000260100000001 0020009804393939 \
	002000980431323334 802A0097015500 00B08A00000000 >"$scratch/out"
[ "$(grep -c '9000$' "$scratch/out")" = 4 ] || fail "other answers"
grep -qx 6700 "$scratch/out" || fail "a malformed command was taken"
# more than 44 ms each without TCP_QUICKACK: readers.md B1
start=$(date +%s%N)
tests/bare-pcsc send ' 00 00' 200 0084000008 >"$scratch/out"
took=$((($(date +%s%N) - start) / 1000000))
[ $took -lt 4000 ] || fail "200 commands took $took ms"
# the reader is taken: the second that comes is let in by nobody, the third is not even answered
cp -R "$scratch/card" "$scratch/other"
for wait in 0 5; do
	got=0
	timeout 30 "$vcard" run "$scratch/other" --vpcd "127.0.0.1:$FUDA_TEST_PORT" --wait $wait 2>"$scratch/taken" || got=$?
	[ $got = 3 ] || fail "status $got where another card is in the reader: $(cat "$scratch/taken")"
	grep -q -e "another one is in this reader.*--vpcd 127.0.0.1:$((FUDA_TEST_PORT + 1))\$" "$scratch/taken" ||
		fail "it does not say that a card is in the reader: $(cat "$scratch/taken")"
	! grep -q 'no vpcd there' "$scratch/taken" || fail "it says that there is no vpcd: $(cat "$scratch/taken")"
done
kill -TERM $player
wait $player || fail "SIGTERM is not a clean end"
for what in apdus sent received verifies link-ms; do
	grep -q "^$what [0-9]" "$scratch/usage" || fail "no $what in the usage"
done
[ "$(sed -n 's/^apdus //p' "$scratch/usage")" -ge 205 ] || fail "wrong count"
[ "$(sed -n 's/^verifies //p' "$scratch/usage")" = 1 ] || fail "wrong count of VERIFY"
rm "$scratch/err" # until_says must not read what the last one said
"$vcard" run "$scratch/card" --vpcd "127.0.0.1:$FUDA_TEST_PORT" 2>"$scratch/err" &
player=$!
until_says 'connected to'
pcscd_stop "$FUDA_TEST_PCSCD_PID" || :
got=0
wait $player || got=$?
[ $got = 3 ] || fail "status $got when vpcd hangs up"
says 'hung up'
