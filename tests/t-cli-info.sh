#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# info: everything that the card gives to everyone, nothing about its holder, no try; whatever is malformed.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
secrets_of card

# info STATUS [ARGUMENT...]
info() {
	want=$1
	shift
	run "$want" info -r virtual:card --trust card/ca.pem --cv-trust card/cv-authority.pem --json "$@"
}

info 0
json .result ok
json .world test
json .token card
json '.applications[0]' jpki
json '.applications[4]'
json .available.auth true
json .available.sign true
json .certificates.auth.validity ok
json .cv_chain.validity ok
json .cv_chain.world test
json '.cv_chain.certificates[0].issuer' 6000020/001
json '.cv_chain.certificates[1].issuer'
json_lacks '.cv_chain.certificates[2].issuer'
serial=$(head -c 17 "$tmp/card/common-0001.bin" | tail -c 15)
json .common.serial "$serial"
json .common.municipality
json .common.expiry
json .card.number
json .card.municipality
json .card.expiry
json .juki.key_reference
json .text.identification
json .text.key
json .face.municipality
for which in auth sign text juki a b birth; do json ".tries.$which"; done
json .tries.auth 3
! grep -q -e error "$tmp/lines" || fail "trouble on a good card"
# nothing about the holder
for what in '山田' '1990-05-15' "$(cat "$tmp/a")" "$(cat "$tmp/b")"; do
	! grep -q -F "$what" "$tmp/out" || fail "info shows $what"
done
# for people
run 0 info -r virtual:card --trust card/ca.pem --cv-trust card/cv-authority.pem
says out "Serial number"
says out "$serial"
says out 'jpki, '
silent err
for which in auth text juki; do tries card $which 3; done

# no authority key: no reason to suspect the card, and no success either
run 0 info -r virtual:card --json
json .cv_chain.validity invalid_certificate
json .cv_chain.rule authority_unknown
json .cv_chain.world unknown
json .result ok
run 0 info -r virtual:card
says out 'authority key not known'
says_not out genuine
run 1 info -r virtual:card --cv-trust nowhere

# a chain that does not fit
for f in 00F8 7F21; do
	fresh card
	flip card/isd-$f.bin $(($(where card/isd-$f.bin '5f 37') + 99))
	info 0
	json .cv_chain.validity invalid_certificate
	json .cv_chain.rule authority_signature
done
fresh card
rm "$tmp/card/isd-7F21.bin" # some cards lack it: card.md 2.2
info 0
json .cv_chain.validity ok
json_lacks '.cv_chain.certificates[1].issuer'
rm "$tmp/card/isd-00F8.bin"
info 0
json_lacks .cv_chain.validity

# one malformed part at a time: named, and all else is there
broken() { # FILE PATH
	fresh card
	case $1 in
	common-*) printf '\001\003abc' ;; # a record, but of what?
	*) printf '\377\001\002' ;;
	esac >"$tmp/card/$1"
	info 0
	json "$2" EFORMAT
	json .result ok
	json .reader
	json .tries.auth 3
	case $1 in common-*) ;; *) json .common.serial "$serial" ;; esac
	case $1 in jpki-000A*) ;; *) json .certificates.auth.validity ;; esac
	case $1 in isd-*) ;; *) json .cv_chain.validity ok ;; esac
	run 0 info -r virtual:card --trust card/ca.pem --cv-trust card/cv-authority.pem
	says out alformed
}
broken jpki-0006.bin .token_information.error
broken jpki-000A.bin .certificates.auth.error
broken jpki-000B.bin .certificates.auth_ca.error
broken common-0001.bin .common.error
broken text-0005.bin .text.error
broken face-0003.bin .face.error
broken isd-00F8.bin .cv_chain.error
broken isd-7F21.bin .cv_chain.error

# files that are not there
for f in jpki-0006 jpki-0008 jpki-000A jpki-000B jpki-0002 common-0001 juki-0002 text-0005 face-0003 isd-0045 isd-00F2; do
	fresh card
	rm "$tmp/card/$f.bin"
	info 0
	json .result ok
	json .tries.auth 3
done

# smartphones: their own application and nothing else, and nothing that looks like trouble
for kind in android iphone; do
	fresh phone --kind $kind
	run 0 info -r virtual:phone --trust phone/ca.pem --json
	json .token $kind
	json '.applications[0]' jpki
	json_lacks '.applications[1]'
	for key in card common juki text face cv_chain certificates.auth; do
		! grep -q -E "^\.$key(=|\.|\[)" "$tmp/lines" || fail "a phone has $key"
	done
	json .certificates.auth_ca.serial
	json .tries.auth 3
	tries phone auth 3
done
echo ok
