#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# attributes and mynumber: what they show, what they believe, and what may happen to the secrets.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
secrets_of card
keys='--cv-trust card/cv-authority.pem'
number=$(cat "$tmp/a")

# attributes STATUS [ARGUMENT...], mynumber STATUS [ARGUMENT...]: of the card, by its PIN, as JSON
attributes() {
	want=$1
	shift
	# shellcheck disable=SC2086 # words
	run "$want" attributes -r virtual:card --pin-file pin $keys --json "$@"
}
mynumber() {
	want=$1
	shift
	# shellcheck disable=SC2086 # words
	run "$want" mynumber -r virtual:card --pin-file pin $keys --json "$@"
}

# good, for people and for programs
# shellcheck disable=SC2086 # words
run 0 attributes -r virtual:card --pin-file pin $keys
says out '山田　太郎'
says out '1990-05-15'
says_not out "$number"
silent err
attributes 0
json .result ok
json .world test
json .name '山田　太郎'
json .address
json .birth_date 1990-05-15
json .sex male
json .secret text
json .tries_before 3
json .tries_after 3
json .certificate.issuer 6000033/001
json .certificate.subject
json_lacks .rule
json_lacks .individual_number
[ "$(sed -n 's/^.apdus.count=//p' "$tmp/lines")" -le 9 ] || fail "too many commands"
mynumber 0
json .result ok
json .world test
json .individual_number "$number"
json_lacks .name
json_lacks .address

# what else opens them; a wrong choice is a mistake in the command line
attributes 0 --with b --pin-file b
json .secret b
json .name '山田　太郎'
printf '1990-05-15 %s %s\n' "$(cut -c 7-10 "$tmp/b")" "$(cut -c 11-14 "$tmp/b")" >"$tmp/parts"
attributes 0 --with b --pin-file parts
mynumber 0 --with a --pin-file a
json .secret a
json .individual_number "$number"
for bad in a birth text '' 'pin|b'; do attributes 2 --with "$bad"; done
for bad in b birth ''; do mynumber 2 --with "$bad"; done
attributes 2 surplus
mynumber 2 surplus

# secure messaging: the same, by the PIN only
attributes 0 --secure-messaging
json .name '山田　太郎'
json .result ok
mynumber 0 --secure-messaging
json .individual_number "$number"
attributes 2 --secure-messaging --with b --pin-file b
mynumber 2 --secure-messaging --with a --pin-file a
run 0 attributes -r virtual:card --pin-file pin --cv-trust card/cv-authority.pem --secure-messaging -vv
! tr -d ' ' <"$tmp/err" | grep -q -i e5b1b1e794b0 || fail "the name passes in clear"

# without the authority's key: all fits, but nobody knows who signed; never "genuine"
keys=
attributes 6
json .result invalid_certificate
json .rule authority_unknown
json .world unknown
json .error EVERIFY
json .name '山田　太郎'
run 6 attributes -r virtual:card --pin-file pin
says out '山田　太郎'
says out 'invalid_certificate (signatures fit, but who signed is not known)'
says_not out genuine
says err '--cv-trust'
mynumber 6
json .rule authority_unknown
json .individual_number "$number"
sh "$top/tests/stock.sh" "$tmp/other" >"$tmp/out" 2>"$tmp/err" || fail "a second hierarchy"
attributes 6 --cv-trust other/cv-authority.pem # the same key ids, other keys
json .rule authority_signature
json .world unknown
attributes 1 --cv-trust other/cv-authority.pem --cv-trust card/cv-authority.pem
says err 'card/cv-authority.pem'
attributes 0 --cv-trust card/cv-authority.pem --cv-trust card/cv-authority.pem
for bad in nowhere card/ca.pem pin card; do
	run 1 attributes -r virtual:card --pin-file pin --cv-trust $bad
	says err "$bad"
done
keys='--cv-trust card/cv-authority.pem'
tries card text 3

# one byte of each record; what is shown is named a mismatch
tampered() { # FILE OFFSET RULE COMMAND [BITS]
	fresh card
	flip "card/$1" "$2" "${5:-1}"
	$4 6
	json .result signature_mismatch
	json .rule "$3"
	run 6 "$4" -r virtual:card --pin-file pin --cv-trust card/cv-authority.pem
	says out signature_mismatch
}
tampered text-0002.bin $(($(where card/text-0002.bin 'df 22') + 5)) record_digest attributes
tampered text-0002.bin $(($(where card/text-0002.bin 'df 23') + 5)) record_digest attributes
tampered text-0002.bin $(($(where card/text-0002.bin 'df 24') + 6)) record_digest attributes
tampered text-0002.bin $(($(where card/text-0002.bin 'df 25') + 3)) record_digest attributes 3 # 1 becomes 2
tampered text-0003.bin $(($(where card/text-0003.bin 'df 32') + 9)) record_signature attributes
tampered text-0003.bin $(($(where card/text-0003.bin 'df 33') + 99)) record_signature attributes
tampered text-0003.bin $(($(where card/text-0003.bin 'df 31') + 9)) record_signature mynumber
tampered text-0007.bin $(($(where card/text-0007.bin 'df 52') + 99)) record_signature attributes
# a number with another check digit is not shown, whatever the signature says
fresh card
flip card/text-0001.bin 14
mynumber 1
json .error EFORMAT
json_lacks .individual_number
! grep -q "${number%?}" "$tmp/out" "$tmp/err" || fail "a number with a wrong check digit is shown"
# filler is part of the file that the digest is of: card.md 4
fresh card
flip card/text-0001.bin 16
mynumber 1
json_lacks .individual_number
# the certificate: its authority's signature
fresh card
flip card/text-0004.bin $(($(where card/text-0004.bin '5f 37') + 99))
attributes 6
json .result invalid_certificate
json .rule authority_signature

# records of another card of the same authority: its attributes, its integrity record, all of them without its key
fresh card
cat >"$tmp/hanako" <<'END'
name = 番号　花子
address =
birth_date = 2019-05-01
sex = female
END
rm -r "$tmp/other"
"$build/fuda-vcard" make "$tmp/other" --person "$tmp/hanako" --authority "$tmp/card" >"$tmp/out" 2>"$tmp/err" ||
	fail "another person"
run 0 attributes -r virtual:other --pin-file pin --cv-trust card/cv-authority.pem --json
json .name '番号　花子'
json .birth_date 2019-05-01
json .sex female
json_lacks .address # this card has none
for f in 0002 0003; do
	cp "$tmp/card/text-$f.bin" "$tmp/kept"
	cp "$tmp/other/text-$f.bin" "$tmp/card/text-$f.bin"
	attributes 6
	json .result signature_mismatch
	cp "$tmp/kept" "$tmp/card/text-$f.bin"
done
attributes 0
for f in 0001 0002 0003 0004 0007; do cp "$tmp/other/text-$f.bin" "$tmp/card/text-$f.bin"; done
attributes 6
json .rule challenge_signature

# malformed: the object is named, nothing is shown
malformed() { # FILE OFFSET BITS COMMAND NAME
	fresh card
	flip "card/$1" "$2" "$3"
	$4 1
	json .error EFORMAT
	json_lacks .name
	json_lacks .individual_number
	json_lacks .result
	says err "$5"
}
malformed text-0002.bin $(($(where card/text-0002.bin 'df 21') + 4)) 1 attributes DF21
malformed text-0002.bin $(($(where card/text-0002.bin 'df 22') + 3)) 64 attributes DF22
malformed text-0002.bin $(($(where card/text-0002.bin 'df 24') + 3)) 64 attributes DF24
malformed text-0002.bin $(($(where card/text-0002.bin 'df 25') + 3)) 64 attributes DF25
malformed text-0002.bin 0 1 attributes FF20
malformed text-0001.bin 0 1 mynumber FF10
malformed text-0001.bin 5 64 mynumber FF10
malformed text-0003.bin 1 1 attributes FF30
malformed text-0004.bin 5 1 attributes 5F4E
malformed text-0007.bin 1 1 attributes FF50

# secrets: what cannot be right is not sent
fresh card
for bad in 123 12345 abcd 'ABC123'; do
	echo "$bad" >"$tmp/bad"
	attributes 4 --pin-file bad
	json .error EPINFORM
	mynumber 4 --pin-file bad
done
for bad in 12345678901 1234567890123 "$(cat "$tmp/pin")"; do
	echo "$bad" >"$tmp/bad"
	mynumber 4 --with a --pin-file bad
done
for bad in 1234567890123 '1990-05-15' '1990-02-31 2035 1234' '1990-05-15 35 1234' '1990-05-15 2035 123' '990515 2035 1234x'; do
	echo "$bad" >"$tmp/bad"
	attributes 4 --with b --pin-file bad
	says err 'sent'
	! grep -q -F "$bad" "$tmp/err" || fail "what was typed is shown: $bad"
done
run 2 attributes -r virtual:card
says err '--pin-fd or --pin-file'
run 3 attributes -r virtual:nowhere --pin-file pin
for which in text a b; do
	case $which in text) left=3 ;; *) left=10 ;; esac
	tries card $which $left
done
# wrong once; the last try; blocked
attributes 4 --pin-file wrong
json .error EPINWRONG
json .tries_before 3
json .tries_after 2
json_lacks .name
run 4 mynumber -r virtual:card --pin-file wrong
says err '1 try is left'
silent out
attributes 5 --pin-file wrong
json .error ELASTTRY
json .tries_after 1
run 5 attributes -r virtual:card --pin-file wrong
says err '--use-last-try'
mynumber 5 --pin-file wrong --use-last-try
json .error EPINBLOCKED
attributes 5
says err 'municipal office'
attributes 0 --with b --pin-file b # the others still open it
tries card auth 3

# smartphones have no such application, and no try is spent
for kind in android iphone; do
	fresh phone --kind $kind
	for command in attributes mynumber; do
		run 1 $command -r virtual:phone --pin-file pin --json
		json .error ENOTFOUND
		says err 'smartphone'
	done
	tries phone auth 3
done

# nothing of it is in the log
fresh card
run 0 mynumber -r virtual:card --pin-file pin --cv-trust card/cv-authority.pem -vv
for what in 31323334 "$(printf '%s' "$number" | od -An -tx1 | tr -d ' \n')" "$number"; do
	! tr -d ' :' <"$tmp/err" | grep -q -i -F "$what" || fail "in the log: $what"
done
run 0 attributes -r virtual:card --pin-file pin --cv-trust card/cv-authority.pem -vv
! tr -d ' :' <"$tmp/err" | grep -q -i -F e5b1b1e794b0 || fail "the name is in the log"
echo ok
