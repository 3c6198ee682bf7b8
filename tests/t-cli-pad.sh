#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PINs typed on the keys of an emulated reader: by our driver, by our IFD handler in a stock pcscd, and by a stock
# libccid in it. At most one VERIFY for each, the tries that the card has, and no PIN in any log.
set -eu
. "${srcdir:-.}/tests/usb-env.sh"
stock=/usr/lib/pcsc/drivers/ifd-ccid.bundle
if [ "${1-}" != inside ]; then
	needs tests/usb-stage ./fuda-vcard
	begin_cards
	sh "$srcdir/tests/stock.sh" "$cards/new" --secrets "$srcdir/tests/canaries/suite.secrets" 2>/dev/null
	export FUDA_TEST_KEYS="$cards/keys"
	for what in pad:direct pad-short:direct pad-tpdu:direct pad:ours pad:stock; do
		case $what in
		*:ours) need="ifd-fuda.bundle tests/listen-exec" ;;
		*:stock) need="$stock tests/listen-exec" ;;
		*) need= ;;
		esac
		for n in $need; do
			[ -e "$n" ] || {
				echo "$what: there is no $n"
				continue 2
			}
		done
		echo "$what"
		rm -rf "$cards/card"
		cp -R "$cards/new" "$cards/card"
		got=0
		tests/usb-stage "ccid-${what%:*}:$cards/card" -- sh "$0" inside "$cards" "${what#*:}" || got=$?
		[ $got = 0 ] || exit $got
	done
	exit 0
fi
cards=$2 door=$3
. "${srcdir:-.}/tests/cli.sh"
secret=0431323334 # as VERIFY has it, with its length
echo 1234 >"$tmp/pin"

# ---- the way to the reader ----

# start_service BUNDLE: with every log that there is: what is typed on the reader is in none of them
start_service() {
	export LIBCCID_ifdLogLevel=0x000F
	start_pcscd "$1" 1 '--debug --apdu'
	becomes 'card in the reader' pcscd_has_card
	reader=$("$fuda" readers --names | grep '^pcsc:' | head -n 1)
}

case $door in
direct)
	stage place 1
	reader=ccid:$(cat "$tmp/answer")
	;;
ours)
	own_bundle
	start_service "$bundle"
	;;
stock)
	cp -RL "$stock" "$tmp/ifd-ccid.bundle"
	start_service "$tmp/ifd-ccid.bundle"
	;;
esac

# ---- words ----

asked='Type the PIN for user authentication on the keys of the reader'
unsent='Nothing was sent to the card. Tries left, as before:'
verified=0

# auth STATUS KEYS VERIFIES TRIES [OPTION...]: these keys are pressed (E ends, C cancels, T: the reader's time is over);
# so many VERIFY more reach the card, and so many tries are left
auth() {
	status=$1 keys=$2 verified=$((verified + $3)) left=$4
	shift 4
	echo "$keys" >"$FUDA_TEST_KEYS"
	run "$status" auth -r "$reader" --trust "$cards/card/ca.pem" -vv "$@"
	cp "$tmp/out" "$tmp/auth-out"
	cp "$tmp/err" "$tmp/auth-err"
	counts
	run 0 pin status -r "$reader" --json
	json .auth "$left"
	json .pin_pad true
	cp "$tmp/auth-out" "$tmp/out"
	cp "$tmp/auth-err" "$tmp/err"
}

counts() {
	stage usage 1
	grep -q "verifies $verified\$" "$tmp/answer" || fail "not $verified VERIFY: $(cat "$tmp/answer")"
}

has_secret() {
	tr -d ' ' <"$1" | grep -i $secret >/dev/null
}

# begin KEYS: as auth, but it goes on by itself; `auth` is its process. With no keys it waits for them.
begin() {
	echo "$1" >"$FUDA_TEST_KEYS"
	: >"$tmp/err"
	(cd "$tmp" && exec "$fuda" auth -r "$reader" --timeout 6 </dev/null >out 2>err) &
	auth=$!
	n=0
	until grep -q "$asked" "$tmp/err"; do
		n=$((n + 1))
		[ $n -lt 100 ] || fail 'nobody is asked to type'
		sleep 0.1
	done
	sleep 0.5 # the reader asks a moment later; before that the end is the same
}

ends() {
	got=0
	wait $auth || got=$?
	case " $1 " in *" $got "*) ;; *) fail "exit status $got, not one of $1" ;; esac
}

# ---- what may be typed ----

run 0 pin status -r "$reader"
says out 'Can be typed on the reader'
auth 0 1234E 1 3 --json
json .result ok
json .tries_before 3
says err "$asked, and confirm it there (4 digits, 3 tries left)."
says err '> (typed on the reader) 00200098 <5 bytes>'
auth 4 4321E 1 2
says err 'was wrong. 2 tries are left.'
auth 8 12C 0 2
says err "The entry was cancelled on the reader's keys. $unsent 2."
auth 8 T 0 2 --json
says err "Nothing was typed on the reader in time. $unsent 2."
json .tries_after 2
auth 4 123E 0 2
says err "$unsent 2."
auth 8 '' 0 2 --timeout 5
says err "$unsent 2."
auth 4 0000E 1 1
says err '1 try is left'

# the last one: nobody is asked, unless it is meant
auth 5 1234E 0 1
says_not err "$asked"
auth 0 1234E 1 3 --use-last-try --json
json .tries_before 1
json .tries_after 3

# other secrets of digits; not the password, which has letters
echo 1234E >"$FUDA_TEST_KEYS"
run 0 attributes -r "$reader" --cv-trust "$cards/card/cv-authority.pem" --json
json .name '山田　太郎'
verified=$((verified + 1))
sed -n 's/^secret.face-b *= *\(.*\)/\1E/p' "$cards/card/card.conf" >"$FUDA_TEST_KEYS"
run 0 face -r "$reader" -o "$tmp/face" --with b --cv-trust "$cards/card/cv-authority.pem"
says err 'It is the birth date by the Japanese era'
verified=$((verified + 1))
run 2 cert sign -r "$reader"
says err 'there is no terminal'
counts

# ---- nobody types ----

begin ''
kill -INT $auth
if [ "$door" = direct ]; then
	ends 8
	says err 'No try was lost'
else # the service cannot be told to stop it
	ends '8 10'
	says err 'cancel the entry there'
fi
run 0 pin status -r "$reader" --json
json .auth 3
counts
begin ''
stage remove 1
ends '3 10'
stage insert 1 "$cards/card"
verified=0 # counted since it was inserted
n=0
until "$fuda" pin status -r "$reader" >"$tmp/out" 2>"$tmp/err"; do
	n=$((n + 1))
	[ $n -lt 100 ] || fail 'the card does not come back'
	sleep 0.1
done
auth 0 1234E 1 3

# ---- no log has it ----

for log in "$tmp/err" "${FUDA_TEST_DIR-$tmp}"/pcscd.log; do
	[ ! -e "$log" ] || ! has_secret "$log" || fail "a PIN is in $log"
done

# ---- not on the reader: the computer has it ----

auth 2 9999E 0 3 --no-pin-pad
says err 'there is no terminal'
auth 0 9999E 1 3 --pin-file pin
says_not err "$asked"
auth 0 9999E 1 3 --pin-file pin --no-pin-pad
says err '00200098 <5 bytes>'
! has_secret "$tmp/err" || fail 'a PIN is in our log'
# A program of others that knows part 10 sees the pad. (OpenSC's own driver for the card does not use it.)
if [ "$door" != direct ] && command -v pkcs11-tool >/dev/null; then
	timeout 30 pkcs11-tool -L >"$tmp/out" 2>"$tmp/err" || fail 'pkcs11-tool -L'
	says out 'PIN pad present'
	timeout 30 pkcs11-tool --slot 0 --login --pin 1234 --sign --id 01 --mechanism SHA256-RSA-PKCS \
		--input-file "$tmp/pin" --output-file "$tmp/signature" >"$tmp/out" 2>"$tmp/err" || fail 'pkcs11-tool --sign'
	verified=$((verified + 1))
	counts
fi
# the logs of the service have that one, as docs/hardware.md says
[ "$door" = direct ] || has_secret "$FUDA_TEST_DIR/pcscd.log" || fail 'that was no search'
