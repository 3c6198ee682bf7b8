#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda mdoc request through the PC/SC service: a software wallet in a virtual reader is engaged by NFC and by a QR code, shows
# what was asked for, and is believed; with signature and MAC, to readers that say who they are and to others.
set -eu
. "${srcdir:-.}/tests/cli.sh"
has_pcsc || { echo "SKIP: built without PC/SC"; exit 77; }
unset PCSCLITE_CSOCK_NAME
. "$top/tests/pcscd-env.sh"
at_exit 'sh "$top/tests/scan.sh" "$tmp" || pcscd_status=1; rm -rf "$tmp"'

# wallet NAME [OPTION...]: one under the authority of the first
wallet() {
	name=$1
	shift
	[ "$name" = phone ] || set -- "$@" --authority "$tmp/phone"
	"$build/fuda-vcard" make "$tmp/$name" --kind wallet --person "$top/tests/canaries/suite.person" "$@" >"$tmp/out" 2>"$tmp/err" ||
		fail "fuda-vcard make $*"
}
# hold NAME [OPTION...]: the wallet is held to the reader, in the place of the one before
hold() {
	name=$1
	shift
	[ -z "${player-}" ] || away
	"$build/fuda-vcard" run "$tmp/$name" "$@" --vpcd "127.0.0.1:$FUDA_TEST_PORT" >"$tmp/$name.played" 2>&1 &
	player=$!
	at_exit "pcscd_stop $player"
	"$build/tests/bare-pcsc" card " 00 00" 5000 >/dev/null || fail "no wallet on the reader"
}
empty() {
	"$fuda" readers --json >"$tmp/readers" 2>/dev/null && ! grep -q '"card":true' "$tmp/readers"
}
away() {
	pcscd_stop "$player"
	player=
	becomes 'an empty reader' empty
}
# ask STATUS ARGUMENT...: no reader is named
ask() {
	want_status=$1
	shift
	run "$want_status" mdoc request "$@" --trust phone/ca.pem --json
}
# shown PROOF: the name was, to the reader of the service
shown() {
	json .result ok
	json '.documents[0].proof' "$1"
	json '.documents[0].attributes.name' '山田　太郎'
	json '.documents[0].attributes.age_over_20' true
	json .reader
	grep -q '^.reader=pcsc:Fuda Test' "$tmp/lines" || fail "not through the PC/SC service"
	json_lacks '.documents[0].attributes.address'
	json_lacks '.documents[0].findings'
}

# bound NAME: what --save kept is bound to a handover by NFC that the phone chose alone (static), to one that the reader asked
# for too (negotiated), or to a QR code
bound() {
	run 0 mdoc show kept/transcript.cbor
	case $1 in
	static) last="^    null$" before="^    h'" ;;
	negotiated) last="^    h'" before="^    h'" ;;
	qr) last="^  null$" before="^  })*>>)*,$" ;;
	esac
	grep -v '^ *\]$' "$tmp/out" | tail -n 2 >"$tmp/handover"
	tail -n 1 "$tmp/handover" | grep -q "$last" && head -n 1 "$tmp/handover" | grep -q "$before" ||
		fail "the session is not bound to what is $1"
}

# ---- handover, and how the phone proves itself ----

wallet phone
(cd "$tmp" && exec "$fuda" mdoc request name age_over_20 --trust phone/ca.pem --timeout 60 --json >early 2>early.err </dev/null) &
early=$!
at_exit "kill $early 2>/dev/null || :"
for how in negotiated-signature negotiated-mac static-signature static-mac; do
	wallet $how --set "handover=${how%-*}" --set "answer-with=${how#*-}"
	hold $how
	if [ -n "$early" ]; then # who asked before it was there has waited for it
		wait "$early" || fail "the phone that came later was not asked: $(cat "$tmp/early.err")"
		early=
		mv "$tmp/early" "$tmp/out"
		shown signature
	fi
	ask 0 name age_over_20 --save kept
	shown "${how#*-}"
	bound "${how%-*}"
	ask 0 name age_over_20 --crl phone/crl.pem --require-revocation # once more, without moving it: a new engagement
	shown "${how#*-}"
	json '.documents[0].revocation' good
done

# ---- who asks, and who answers ----

wallet shy --set reader=known
hold shy
ask 0 name age_over_20
json '.documents[0].withheld[0]' name
json_lacks '.documents[0].attributes.name'
identity="--identity-key phone/reader-key.pem --identity-certificate phone/reader.pem"
# shellcheck disable=SC2086 # words
ask 0 name age_over_20 $identity
shown signature
"$build/fuda-vcard" make "$tmp/stranger" --kind wallet >"$tmp/out" 2>"$tmp/err"
ask 0 name age_over_20 --identity-key stranger/reader-key.pem --identity-certificate stranger/reader.pem
json '.documents[0].withheld[1]' age_over_20
# one certificate with the other's key
ask 2 name --identity-key stranger/reader-key.pem --identity-certificate phone/reader.pem
run 6 mdoc request name --trust stranger/ca.pem --json
json .rule issuer_key_unknown
json_lacks '.documents[0].attributes.name'

# ---- phones that take little at once, say what is not so, and need time ----

wallet slow --set nfc-command=255 --set nfc-response=256 --set wrong-61=yes --set empty-reads=3
hold slow
ask 0 name age_over_20 portrait --portrait photo.jp2 --save kept
shown signature
[ -s "$tmp/photo.jp2" ] || fail "no portrait"
bound negotiated

# ---- by a QR code, from the screen into a picture and out of it ----

hold phone
"$build/fuda-vcard" qr "$tmp/phone" >"$tmp/code"
ask 0 name age_over_20 --engagement code --save kept
shown signature
bound qr
ask 1 name age_over_20 --engagement code # which was taken up
says err 'show a new one'
"$build/fuda-vcard" qr "$tmp/stranger" >"$tmp/code"
ask 1 name age_over_20 --engagement code
says err 'show a new one'
"$build/fuda-vcard" qr "$tmp/phone" >"$tmp/code"
"$build/fuda-vcard" qr "$tmp/phone" >"$tmp/newer" # which counts from now on
ask 1 name age_over_20 --engagement code
says err 'show a new one'
if ! "$build/fuda-vcard" qr "$tmp/phone" -o "$tmp/code.png" 2>"$tmp/err"; then
	says err --disable-qr
	echo "no pictures of QR codes: built without libqrencode"
elif ! command -v zbarimg >/dev/null; then
	echo "the picture was not read: no zbarimg (zbar-tools)"
else
	for how in static-signature negotiated-mac; do
		hold $how --qr "$tmp/code.png"
		zbarimg -q --raw "$tmp/code.png" >"$tmp/code" 2>"$tmp/err" || fail "the code cannot be read"
		ask 0 name age_over_20 --engagement "$(cat "$tmp/code")" --save kept
		shown "${how#*-}"
		bound qr
		[ "$(openssl dgst -sha256 <"$tmp/kept/transcript.cbor")" != "${before-}" ] || fail "the same session twice"
		before=$(openssl dgst -sha256 <"$tmp/kept/transcript.cbor")
	done
fi

# ---- nobody there ----

away
ask 8 name --timeout 1
json .error ETIMEOUT
echo ok
