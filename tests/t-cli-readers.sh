#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# readers, info, pin status; no service, no reader, no card.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card

# nothing to work with: each its own message, status 3; a build without PC/SC has no service to miss
if has_pcsc; then none=ENOSERVICE; else none=ENOREADER; fi
run 3 info
! has_pcsc || says err 'fuda doctor'
silent out
run 3 info --json
json .error $none
json .message
json .step
json_lacks .result
json_lacks .reader
if has_pcsc; then
	run 3 readers
	# a watch says so, and waits until it is there
	run 0 readers --watch --timeout 1
	says err pcscd
	silent out
	run 0 readers --watch --timeout 1 --json
	says err pcscd
	silent out
else
	run 0 readers --json # that there is none is known
	json .readers '[]'
fi
run 3 info -r virtual:nowhere
says err 'fuda-vcard make'
run 3 info -r virtual:nowhere --json
json .error ENOREADER
run 3 info -r virtual:
says err 'the folder is missing'
says_not err 'No such file'
(cd "$tmp" && mkdir -p folder && touch folder/card.conf)
run 3 info -r folder # which has a software card
says err 'in the folder of that name is virtual:folder'
says_not err pcscd
says_not err 'fuda doctor'
rm -r "$tmp/folder"
run 3 info -r bogus
says err bogus
! has_pcsc || says err 'Start it'

# info
run 0 info -r virtual:card
says out 'My Number card'
says out '3 tries left'
says out '--trust FILE names test CAs'
says_not out 'invalid_certificate'
says out '5 tries left'
run 0 info -r virtual:card --json
json .result ok
json .reader virtual:card
json .token card
json .world unknown
json .apdus.count
json .apdus.sent
json .apdus.received
json '.applications[0]' jpki
json .available.auth true
json .available.sign true
json .certificates.auth.use auth
json .certificates.auth.validity invalid_certificate
json .certificates.auth.rule issuer_unknown
json .certificates.auth_ca.use ca
json .certificates.sign_ca.use ca
json_lacks .certificates.sign.serial
json .tries.auth 3
json .tries.sign 5
run 0 info -r virtual:card --trust card/ca.pem --json
json .world test
json .certificates.auth.validity ok
json_lacks .certificates.auth.rule
tries card auth 3 # nothing spent
run 0 info -r virtual:card --trust card/ca.pem
says out ': ok'
run 1 info -r virtual:card --trust nowhere.pem
echo garbage >"$tmp/garbage"
run 1 info -r virtual:card --trust garbage

# other kinds of token
for kind in android iphone; do
	fresh phone --kind $kind
	run 0 info -r virtual:phone --json
	json .token $kind
	json .result ok
	json_lacks .certificates.auth.serial
	run 0 info -r virtual:phone
done

# what is not there is absent; a file that makes no sense is named, and the others are told
fresh strange
rm "$tmp/strange/jpki-0008.bin"
run 0 info -r virtual:strange --json
json .result ok
json_lacks .available
head -c 1200 "$fuda" >"$tmp/strange/jpki-000B.bin"
run 0 info -r virtual:strange --json
json .certificates.auth_ca.error EFORMAT
json_lacks .certificates.auth_ca.serial
json .certificates.auth.use auth
json .certificates.sign_ca.use ca
json .tries.auth 3
run 0 info -r virtual:strange
says out 'of the authentication CA'
cp "$tmp/strange/jpki-000B.bin" "$tmp/strange/jpki-000A.bin"
run 0 info -r virtual:strange --json
json .certificates.auth.error EFORMAT
json_lacks .certificates.auth.validity
sed -i '/^secret\./d' "$tmp/strange/card.conf"
run 0 pin status -r virtual:strange --json
json_lacks .counters

# pin status
run 0 pin status -r virtual:card
says out '3 tries left'
run 0 pin status -r virtual:card --json
json .result ok
json .auth 3
json .sign 5
json '.counters[0].secret' auth
json '.counters[0].application' jpki
json '.counters[0].tries' 3

# languages: text is translated, JSON never
if [ -f "$build/po/ja/LC_MESSAGES/fudasashi.mo" ]; then
	# a locale of another encoding
	if locale -a | grep -q -x 'ja_JP\.eucjp'; then
		export LC_ALL=ja_JP.eucjp
		run 0 pin status -r virtual:card
		iconv -f EUC-JP -t UTF-8 "$tmp/out" >"$tmp/utf8" || fail "no EUC-JP"
		says utf8 '残り'
		says_not utf8 '?'
	fi
	export LC_ALL=C.UTF-8 LANGUAGE=ja
	run 0 pin status -r virtual:card
	says out '残り'
	run 0 --help
	says out '使い方'
	run 2 info --nonsense
	says err '不明なオプション'
	run 0 pin status -r virtual:card --json
	says_not out '残り'
	run 2 info --nonsense --json
	json .message "unknown option '--nonsense'"
fi
echo ok
