#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The card of canaries in a reader of the PC/SC service: recorded under other people's programs, and looked for in what a
# program leaves that dies, or is looked into, while it waits for the card's answer to a secret.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/canary.sh"
unset PCSCLITE_CSOCK_NAME
. "$top/tests/pcscd-env.sh"
pcscd_let_preload
at_exit 'sh "$top/tests/scan.sh" "$tmp" || pcscd_status=1; rm -rf "$tmp"'
new_card
# which of its files the card plays, and what it says, is its own: the log of the service is searched
"$build/fuda-vcard" run "$cards/card" --vpcd "127.0.0.1:$FUDA_TEST_PORT" >"$seen/card.log" 2>&1 &
at_exit "pcscd_stop $!"
tests/bare-pcsc card "00 00" 5000
reader='trace:pcsc:00 00'

# ---- every command ----

# changes of secrets are made on the card in process: this one stays as it is
use auth 0 "$seen" auth --trust "$cards/card/ca.pem" --pin-file "$given/auth"
use sign 0 "$shown" sign -k sign -f raw --trust "$cards/card/ca.pem" --pin-file "$given/sign" "$seen/letter" -o "$seen/sig"
use attributes 0 "$shown" attributes --cv-trust "$cards/card/cv-authority.pem" --pin-file "$given/text"
use number 0 "$shown" mynumber --cv-trust "$cards/card/cv-authority.pem" --pin-file "$given/text"
use face 6 "$shown" face -o "$shown/face" --with a --my-number --pin-file "$given/a"
use wrong 4 "$seen" auth --pin-file "$given/wrong"
use auth-again 0 "$seen" auth --trust "$cards/card/ca.pem" --pin-file "$given/auth"
look "commands over PC/SC"

# ---- other people's programs ----

# record NAME STATUS COMMAND...: records a program by what stands between it and PC/SC
record() {
	name=$1 want=$2
	shift 2
	got=0
	"$fuda" trace record -o "$seen/$name.apdu" -- timeout 60 "$@" >"$shown/$name.out" 2>"$seen/$name.err" </dev/null || got=$?
	[ "$got" = "$want" ] || fail "$name: exit status $got, not $want: $(cat "$seen/$name.err")"
	grep -q '^>' "$seen/$name.apdu" || fail "$name: nothing was recorded: $(cat "$seen/$name.err")"
}
recorded() { # NAME: with a secret in it
	grep -q '^> 00 20 .*<secret [0-9]*>$' "$seen/$1.apdu" || fail "no secret in $1: $(cat "$seen/$1.apdu")"
}
if command -v pkcs11-tool >/dev/null && command -v pkcs15-tool >/dev/null && command -v opensc-tool >/dev/null; then
	record opensc-tool 0 opensc-tool -c default -s 00A4040C0AD392F000260100000001 -s 00A4020C020018 \
		-s "0020008004$(tr -d '\n' <"$given/auth" | od -An -tx1 | tr -d ' ')" -s 00A4020C02000A -s 00B0000000
	recorded opensc-tool
	# what opensc-tool was told on its command line it repeats: not ours to hide
	rm "$shown/opensc-tool.out"
	record pkcs15-tool 0 pkcs15-tool --dump
	record certificate 0 pkcs15-tool --read-certificate 1
	record pkcs11-tool 0 pkcs11-tool --slot 0 --login --pin "$(cat "$given/auth")" --sign --id 01 \
		--mechanism SHA256-RSA-PKCS --input-file "$seen/letter" --output-file "$seen/pkcs11.sig"
	recorded pkcs11-tool
	record pkcs11-sign 0 pkcs11-tool --slot 1 --login --pin "$(cat "$given/sign")" --sign --id 02 \
		--mechanism SHA256-RSA-PKCS --input-file "$seen/letter" --output-file "$seen/pkcs11.sig"
	recorded pkcs11-sign
	record pkcs11-wrong 1 pkcs11-tool --slot 0 --login --pin "$(cat "$given/wrong")" --sign --id 01 \
		--mechanism RSA-PKCS --input-file "$seen/letter" --output-file "$seen/pkcs11.sig"
	recorded pkcs11-wrong
	record pkcs11-again 0 pkcs11-tool --slot 0 --login --pin "$(cat "$given/auth")" --sign --id 01 \
		--mechanism SHA256-RSA-PKCS --input-file "$seen/letter" --output-file "$seen/pkcs11.sig"
else
	echo "not tried: OpenSC's programs are not installed"
fi
record ours 0 "$fuda" auth -r 'pcsc:00 00' --pin-file "$given/auth" --trust "$cards/card/ca.pem"
recorded ours
look "programs that are recorded"

# ---- what a process leaves that dies with a secret in its hands ----

# waits_with NAME GIVEN COMMAND...: fuda has sent a secret, and the answer does not come; its process is $victim
waits_with() {
	name=$1 pin=$2
	shift 2
	n=$(awk '/^> /{n++} /^> 00 20 .*<secret/{print n; exit}' "$seen/$name.apdu")
	mkdir -p "$seen/cores/$name"
	(cd "$seen/cores/$name" && ulimit -c unlimited && exec "$fuda" "$@" -v -v -r "fault:late=60000@$n:pcsc:00 00" \
		--timeout 90 --pin-file "$given/$pin" >"$seen/cores/$name.out" 2>"$seen/cores/$name.log") &
	victim=$!
	at_exit "kill -KILL $victim 2>/dev/null || :"
	becomes "VERIFY in the log of $name" grep -q '> *00 *20 *00.*<' "$seen/cores/$name.log"
	sleep 0.2
}
# ... and dies
dies() {
	waits_with "$@"
	if command -v gcore >/dev/null && gcore -o "$seen/cores/$1/gcore" $victim >"$tmp/gcore" 2>&1; then
		cores=$((cores + 1))
	fi
	kill -ABRT $victim
	wait $victim 2>/dev/null || :
	for core in "$seen/cores/$1"/core*; do
		[ ! -f "$core" ] || cores=$((cores + 1))
	done
}
case $(ldd "$build/.libs/fuda" "$build/fuda" 2>/dev/null) in
*libasan*) sanitized=yes ;;
*) sanitized= ;;
esac
cores=0
if [ -z "$sanitized" ]; then
	dies auth auth auth --trust "$cards/card/ca.pem"
	dies sign sign sign -k sign -f raw "$seen/letter" -o "$seen/no.sig"
	dies attributes text attributes
	dies number text mynumber
	dies face a face -o "$seen/no-face" --with a --my-number
	look "cores"
	if [ $cores = 0 ]; then
		echo "not tried: this system makes no cores (core_pattern, or no gcore)"
	else
		echo "$cores cores"
		# a core is searchable: this program's own name for what it waits for is in it
		grep -q -r -F 'late=60000' "$seen/cores" || fail "the cores do not show what is in memory"
		rm -r "$seen/cores"
	fi
else
	echo "not tried: cores of a build with sanitizers, which keeps what was freed"
fi
cp "$FUDA_TEST_DIR/pcscd.log" "$seen/pcscd.log"
look "the log of the service"
