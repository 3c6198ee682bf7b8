#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A secret is found nowhere after use: not in logs at the highest level, not in the output of fuda, not in the memory of the
# process that used it through PC/SC, and not as a verified state of the card.
set -eu
. "$srcdir/tests/pcscd-env.sh"
dir=$FUDA_TEST_DIR
printf 'secret.auth = 8273\nsecret.sign = CANARY73QXZ95KW1\n' >"$dir/secrets"
./fuda-vcard make "$dir/card" --secrets "$dir/secrets"
./fuda-vcard run "$dir/card" --vpcd "127.0.0.1:$FUDA_TEST_PORT" 2>"$dir/run.log" &
at_exit "pcscd_stop $!"
tests/bare-pcsc card "00 00" 5000

fail() {
	echo "FAILED: $*"
	exit 1
}

reader='pcsc:00 00'
printf 'CANARY73QXZ95KW1\n' | tests/secret-traces "$reader" sign 3 >"$dir/sign.log" || fail "sign"
printf '8273\n' | tests/secret-traces "$reader" auth 3 >"$dir/auth.log" || fail "auth"
# and what records it keeps none
printf 'CANARY73QXZ95KW1\n' | FUDA_TRACE="$dir/sign.apdu" tests/secret-traces "trace:$reader" sign 3 >"$dir/sign-trace.log" ||
	fail "sign, recorded"
printf '8273\n' | FUDA_TRACE="$dir/auth.apdu" tests/secret-traces "trace:$reader" auth 3 >"$dir/auth-trace.log" ||
	fail "auth, recorded"
[ "$(cat "$dir/sign.apdu" "$dir/auth.apdu" | grep -c '<secret ')" = 6 ] || fail "the traces are not there"
printf 'CANARY73QXZ95KW1\n' >"$dir/sign.pin"
printf '8273\n' >"$dir/auth.pin"
echo letter >"$dir/letter"
./fuda sign -v -v --reader "$reader" --key sign --format raw --pin-file "$dir/sign.pin" --trust "$dir/card/ca.pem" \
	"$dir/letter" -o "$dir/letter.sig" >"$dir/fuda-sign.log" 2>&1 || fail "fuda sign: $(cat "$dir/fuda-sign.log")"
./fuda auth --json -v -v --reader "$reader" --pin-file "$dir/auth.pin" --trust "$dir/card/ca.pem" \
	>"$dir/fuda-auth.log" 2>&1 || fail "fuda auth: $(cat "$dir/fuda-auth.log")"

# the other secrets: what opens the records, and a change. --json, because the report of a job is no place for secrets
# either; the My Number is shown by the one command that asks for it.
a=$(sed -n 's/^secret.face-a *= *//p' "$dir/card/card.conf")
b=$(sed -n 's/^secret.face-b *= *//p' "$dir/card/card.conf")
printf '%s\n' "$a" >"$dir/a.pin"
printf '%s\n' "$b" >"$dir/b.pin"
printf '%s\n' "1990-05-15 $(printf %s "$b" | cut -c 7-10) $(printf %s "$b" | cut -c 11-14)" >"$dir/parts.pin"
printf '1990-05-15\n' >"$dir/birth.pin"
printf '1234\n5938\n' >"$dir/change.pin"
quiet() { # NAME ARGUMENT...
	name=$1
	shift
	./fuda "$@" --json -v -v --reader "$reader" >"$dir/$name.log" 2>&1 || fail "fuda $*: $(cat "$dir/$name.log")"
}
quiet face-a face -o "$dir/face" --with a --my-number --pin-file "$dir/a.pin" --cv-trust "$dir/card/cv-authority.pem"
quiet face-b face -o "$dir/face" --pin-file "$dir/parts.pin" --cv-trust "$dir/card/cv-authority.pem"
quiet attributes-b attributes --with b --pin-file "$dir/b.pin" --cv-trust "$dir/card/cv-authority.pem"
quiet birth face --with birth --pin-file "$dir/birth.pin" --cv-trust "$dir/card/cv-authority.pem"
quiet change pin change juki --pin-file "$dir/change.pin"
quiet info info
for log in face-a face-b attributes-b birth change info; do
	for what in "$a" "$b" 5938 "$(printf %s "$b" | cut -c 1-6)"; do
		hex=$(printf %s "$what" | od -An -tx1 | tr -d ' \n')
		! grep -i -a -q -e "$hex" "$dir/$log.log" || fail "$log.log shows $what in hexadecimal"
		# few digits may come about in a number of the card; not in a command or a message
		! grep -a -E '^fuda: ' "$dir/$log.log" | grep -q -e "$what" || fail "$log.log shows $what"
	done
	! grep -q -e "$a" -e "$b" "$dir/$log.log" || fail "$log.log shows a verification number"
done
! grep -q -r -e "$a" -e "$b" "$dir/face" || fail "the files of the face show a verification number"

# nobody finds the PIN verified after a job: without selecting anything, the key does not sign...
signature=802A009708777777777777777700
signs() {
	tests/bare-pcsc send "00 00" 1 "$signature" | grep -q '9000$'
}
! signs || fail "the card is left with its PIN verified"
# ... as it would if somebody had left it so
tests/bare-pcsc send "00 00" 1 00A4040C0AD392F000260100000001 002000980438323733 >/dev/null
signs || fail "this test would not notice a PIN left verified"
tests/bare-pcsc send "00 00" 1 00A4040C0AD392F000260100000001 >/dev/null

cd "$dir"
# the logs are there and show the VERIFY commands without their data
for log in sign.log auth.log sign-trace.log auth-trace.log fuda-sign.log fuda-auth.log; do
	grep -q -E '^(.* )?> ?0020009[8B] <[0-9]+ bytes>$' $log || fail "$log does not show VERIFY: $(grep 0020 $log)"
done
# as text, as hexadecimal, and the PIN as a framed command
for what in CANARY73QXZ95KW1 canary73qxz95kw1 43414E415259373351585A39354B5731 8273 38323733; do
	! grep -i -a -l -e "$what" sign.log auth.log sign-trace.log auth-trace.log ./*.apdu fuda-sign.log fuda-auth.log \
		run.log || case $what in
	# four digits may come about in a signature; beside VERIFY they must not
	8273 | 38323733)
		! grep -i -a -E "(0020009[8B]|PIN|secret).{0,8}$what" ./*.log || fail "a log shows the PIN"
		;;
	*) fail "a log shows the secret" ;;
	esac
done
