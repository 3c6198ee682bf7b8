#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda mdoc: request from a software wallet in process; issue, present and verify by files.
set -eu
. "${srcdir:-.}/tests/cli.sh"

# wallet NAME [OPTION...]: one under the authority of the first
wallet() {
	name=$1
	shift
	[ "$name" = phone ] || set -- "$@" --authority "$tmp/phone"
	"$build/fuda-vcard" make "$tmp/$name" --kind wallet --person "$top/tests/canaries/suite.person" "$@" >"$tmp/out" 2>"$tmp/err" ||
		fail "fuda-vcard make $*"
}
# refuses RULE ARGUMENT...: verification fails by this rule, and nobody learns what the document says
refuses() {
	rule=$1
	shift
	run 6 mdoc "$@" --json
	json .error EVERIFY
	json .rule "$rule"
	grep -q -x -E "\.(documents\[0\]\.)?findings\[[0-9]+\]\.rule=$rule" "$tmp/lines" || fail "no finding $rule"
	json_lacks '.documents[0].attributes.name'
	json_lacks '.documents[0].attributes.age_over_20'
	[ -s "$tmp/err" ] || fail "nothing is said to people"
}
unsure() {
	refuses "$@"
	json .result revocation_unknown
}

wallet phone
wallet other
"$build/fuda-vcard" crl "$tmp/phone" >"$tmp/good.crl"
"$build/fuda-vcard" crl "$tmp/phone" --days 1 >"$tmp/short.crl"
"$build/fuda-vcard" crl "$tmp/phone" "$tmp/other" >"$tmp/other.crl"

# ---- from a phone ----

printf 'anybody may read this' >"$tmp/photo.jp2"
chmod 644 "$tmp/photo.jp2"
run 0 mdoc request name birth_date age_over_20 portrait -r virtual:phone --trust phone/ca.pem --crl good.crl \
	--require-revocation --portrait photo.jp2 --save kept --json
says err 'only with --retain'
json .result ok
json '.documents[0].result' ok
json '.documents[0].doctype' org.iso.23220.1.jp.mnc
json '.documents[0].revocation' good
json '.documents[0].proof' signature
json '.documents[0].attributes.age_over_20' true
json '.documents[0].attributes.name'
json '.documents[0].attributes.birth_date'
json '.documents[0].device_key'
json '.documents[0].portrait' photo.jp2
json '.documents[0].portrait_bytes' "$(wc -c <"$tmp/photo.jp2")"
json_lacks '.documents[0].attributes.address'
json_lacks .world
[ -s "$tmp/photo.jp2" ] || fail "no portrait"
[ "$(stat -c %a "$tmp/photo.jp2")" = 600 ] || fail "others can see the portrait"
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem
grep -q '^      Name  ' "$tmp/out" || fail "people are not told the name"
grep -q '^Result  *ok$' "$tmp/out" || fail "no result"
silent err
# people are told in their words, programs always in the same ones
if [ -f "$build/po/ja/LC_MESSAGES/fudasashi.mo" ]; then
	export LC_ALL=C.UTF-8 LANGUAGE=ja
	run 0 mdoc request name sex age_over_20 -r virtual:phone --trust phone/ca.pem
	grep -q '^    スマートフォンの認証  *署名$' "$tmp/out" || fail "the proof is named in another language"
	grep -q -E '^      性別  *(男|女)$' "$tmp/out" || fail "the sex is named in another language"
	run 0 mdoc request sex -r virtual:phone --trust phone/ca.pem --json
	json '.documents[0].proof' signature
	grep -q -x -E '\.documents\[0\]\.attributes\.sex=(fe)?male' "$tmp/lines" || fail "no word for the sex"
	export LC_ALL=C
	unset LANGUAGE
fi

# what was kept is judged again elsewhere, whatever form it came in; a MAC with the reader's key alone
run 0 mdoc verify kept/response.cbor --transcript kept/transcript.cbor --trust phone/ca.pem --json
json '.documents[0].portrait_bytes' "$(wc -c <"$tmp/photo.jp2")"
json_lacks '.documents[0].portrait'
judge='mdoc verify kept/response.cbor --transcript kept/transcript.cbor --request kept/request.cbor'
# shellcheck disable=SC2086 # words
{
	run 0 $judge --trust phone/ca.pem --json
	json '.documents[0].revocation' not_checked
	run 2 $judge
	says err '--trust is missing'
	refuses issuer_unknown ${judge#mdoc } --trust phone/reader-ca.pem
	unsure crl_missing ${judge#mdoc } --trust phone/ca.pem --require-revocation
	refuses expired ${judge#mdoc } --trust phone/ca.pem --at "$(date -u -d '+31 days' +%FT%TZ)"
	refuses not_yet_valid ${judge#mdoc } --trust phone/ca.pem --at "$(date -u -d '-1 day' +%FT%TZ)"
	says err 'the time that --at names'
	says_not out 'Check the clock'
	later=$(date -u -d '+5 days' +%FT%TZ)
	unsure crl_expired ${judge#mdoc } --trust phone/ca.pem --crl short.crl --require-revocation --at "$later"
	unsure crl_expired ${judge#mdoc } --trust phone/ca.pem --crl short.crl --require-revocation --crl-grace 1 --at "$later"
	run 0 $judge --trust phone/ca.pem --crl short.crl --require-revocation --crl-grace 9 --at "$later" --json
	json '.documents[0].revocation' good
	run 0 $judge --trust phone/ca.pem --crl short.crl --at "$later" --json
	json '.documents[0].revocation' unknown
	json '.documents[0].findings[0].rule' revocation_not_known
	run 0 $judge --trust phone/ca.pem --crl short.crl --crl-grace 9 --at "$later" --json
	json '.documents[0].revocation' good
	refuses clock ${judge#mdoc } --trust phone/ca.pem --require-clock --at 2020-01-01
	json '.documents[0].result' invalid_certificate
	json_lacks '.documents[0].attributes.name'
	run 1 $judge --trust nothing
	run 1 $judge --trust phone/ca.pem --crl phone/ca.pem
	says err 'phone/ca.pem: '
	run 1 $judge --trust phone/reader-ca.pem --crl good.crl
	says err 'good.crl: Nobody'
	run 1 $judge --trust good.crl
	says err 'PEM or DER'
	run 2 $judge --trust phone/ca.pem --at yesterday
	run 2 $judge --trust phone/ca.pem --skew 61
}
refuses device_unbound verify kept/response.cbor --trust phone/ca.pem
wallet mac --set answer-with=mac
run 0 mdoc request name -r virtual:mac --trust phone/ca.pem --save mac-kept --json
json '.documents[0].proof' mac
set -- verify mac-kept/response.cbor --transcript mac-kept/transcript.cbor --trust phone/ca.pem
refuses device_mac_key "$@"
refuses device_mac "$@" --reader-key kept/reader-key.pem
run 0 mdoc "$@" --reader-key mac-kept/reader-key.pem

# who must be refused
refuses issuer_unknown request name -r virtual:phone --trust phone/reader-ca.pem
run 2 mdoc request name -r virtual:phone --json
says err '--trust is missing'
json_lacks .apdus.count
refuses certificate_revoked request name -r virtual:other --trust phone/ca.pem --crl other.crl
json .result certificate_revoked
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem --crl other.crl --require-revocation
wallet old --expired
refuses expired request name -r virtual:old --trust phone/ca.pem
json .result certificate_expired
for fault in session:device_signature digest:digest_mismatch status:response_status; do
	wallet "${fault%:*}" --set "fault=${fault%:*}"
	refuses "${fault#*:}" request name -r "virtual:${fault%:*}" --trust phone/ca.pem
done
wallet cipher --set fault=cipher
run 6 mdoc request name -r virtual:cipher --trust phone/ca.pem --json
json .error EVERIFY
json_lacks .documents
wallet ended --set fault=termination
run 8 mdoc request name -r virtual:ended --trust phone/ca.pem
# one that is gone when it is told of the end takes no time, and ^C there no answer
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem --json
json .apdus.count
gone=fault:late=60000@$(sed -n 's/^\.apdus\.count=//p' "$tmp/lines"):virtual:phone
before=$(date +%s)
run 0 mdoc request name -r "$gone" --trust phone/ca.pem --timeout 60 --json -vv
json '.documents[0].attributes.name'
[ $(($(date +%s) - before)) -lt 30 ] || fail "the end of the session was waited for"
commands=$(grep -c '^fuda: > ' "$tmp/err")
ending() {
	[ "$(grep -c '^fuda: > ' "$tmp/err")" = "$commands" ]
}
: >"$tmp/err"
(cd "$tmp" && exec env --default-signal=INT "$fuda" mdoc request name -r "$gone" --trust phone/ca.pem --json -vv </dev/null >out 2>err) &
becomes 'end of the session' ending
kill -INT $! 2>/dev/null || : # a busy machine has come to the end of it
wait $! || fail "interrupted at the end, it has no answer"
json '.documents[0].attributes.name'
wallet any --set fault=any-doctype
refuses doctype_differs request jp.example.library.card/jp.example.library/holder -r virtual:any --trust phone/ca.pem
# names are told whole, whatever is in them
odd=$(printf 'x\ny\\z')
refuses doctype_differs request "jp.$odd/jp.example.library/holder" -r virtual:any --trust phone/ca.pem
grep -q -F '"doctype":"jp.x\\0Ay\\5Cz"' "$tmp/out" || fail "the name is not told whole"

# what nobody asked for is dropped; what was not shown is named
wallet more --set fault=unrequested
run 0 mdoc request name -r virtual:more --trust phone/ca.pem --json
json '.documents[0].findings[0].rule' element_not_requested
json_lacks '.documents[0].attributes.individual_number'
wallet none --set consent=none
run 0 mdoc request name age_over_20 -r virtual:none --trust phone/ca.pem --json
json '.documents[0].withheld[0]' name
json '.documents[0].withheld[1]' age_over_20
json_lacks '.documents[0].attributes.name'
says err 'Nothing was shown'
json .remark
run 0 mdoc request name -r virtual:none --trust phone/ca.pem
says out 'Not shown           Name'
says err 'Nothing was shown'

# the My Number is not asked for by accident, in whatever way it is named
run 2 mdoc request individual_number -r virtual:phone --trust phone/ca.pem
says err --my-number
run 2 mdoc request org.iso.23220.1.jp.mnc/org.iso.23220.1.jp/individual_number_unicode -o asked
printf '%s\n' 'fuda-mdoc-profile 1' 'profile tax' 'doctype jp.example.tax' 'namespace jp.example.tax' \
	'element tax_id tstr individual_number' >"$tmp/tax.profile"
run 2 mdoc request individual_number --profile-file tax.profile --profile tax -r virtual:phone --trust phone/ca.pem
says err --my-number
run 2 mdoc request jp.example.tax/jp.example.tax/tax_id --profile-file tax.profile -o asked
says err --my-number
[ ! -e "$tmp/asked" ] || fail "a request for it was written"
run 0 mdoc request individual_number --my-number -r virtual:phone --trust phone/ca.pem --json
json '.documents[0].attributes.individual_number'

# a wallet that shows nothing to strangers
wallet shy --set reader=known
run 0 mdoc request name -r virtual:shy --trust phone/ca.pem --json
json '.documents[0].withheld[0]' name
run 0 mdoc request name age_over_20 -r virtual:shy --trust phone/ca.pem
says out 'Not shown           Name'
says out 'Not shown           20 or older'
run 0 mdoc request name -r virtual:shy --trust phone/ca.pem --identity-key phone/reader-key.pem \
	--identity-certificate phone/reader.pem --json
json '.documents[0].attributes.name'

# a QR code, and mistakes that are found before anybody is asked
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem --engagement "$("$build/fuda-vcard" qr "$tmp/phone")" --json
"$build/fuda-vcard" qr "$tmp/phone" >"$tmp/code"
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem --engagement code
run 1 mdoc request name -r virtual:phone --trust phone/ca.pem --engagement mdoc:AA
says err DeviceEngagement
run 1 mdoc request name -r virtual:phone --trust phone/ca.pem --engagement https://pay.example/7 --json
says err 'begins with mdoc:'
json_lacks .apdus.count
printf '\211PNG\r\n\032\n' >"$tmp/code.png"
run 1 mdoc request name -r virtual:phone --trust phone/ca.pem --engagement code.png
says err zbarimg
run 2 mdoc request
run 2 mdoc request nme -r virtual:phone --trust phone/ca.pem
run 2 mdoc request a/b -r virtual:phone --trust phone/ca.pem
run 2 mdoc request name --profile nothing -o asked
run 2 mdoc request a/b/c --profile nothing -o asked
says err "no profile 'nothing'"
says_not err 'something is missing'
run 2 mdoc request
says err 'fuda-mdoc-profile(5)'
run 0 mdoc request --help
says out 'fuda-mdoc-profile(5)'
run 2 mdoc request name name -r virtual:phone --trust phone/ca.pem --json
json_lacks .apdus.count
run 2 mdoc request name -r virtual:phone -o asked --save elsewhere
# ... with -o nobody is asked, so that nothing is judged
for said in '--save elsewhere' '--engagement code' '--trust phone/ca.pem' '--crl good.crl' '--crl-grace 1' --require-revocation \
	'--at 2026-11-20' '--skew 1' '--max-days 2' --allow-float --allow-times --require-clock '--purpose 1.2' \
	'--portrait photo.jp2' '-r virtual:phone' '--timeout 5'; do
	# shellcheck disable=SC2086
	run 2 mdoc request name -o asked $said
	case ${said%% *} in -r) said=--reader ;; esac
	says err "${said%% *} does not go with it"
done
[ ! -e "$tmp/asked" ] || fail "a request was written"
# ... what is known to be refused is not asked for
refused_unasked() {
	refuses "$@"
	json_lacks .apdus.count
}
refused_unasked clock request name -r virtual:phone --trust phone/ca.pem --require-clock --at 2020-01-01
json .result invalid_certificate
run 2 mdoc request name -r virtual:phone --trust phone/ca.pem --require-revocation --json
says err '--crl is missing'
json_lacks .apdus.count
later=$(date -u -d '+5 days' +%FT%TZ)
refused_unasked crl_expired request name -r virtual:phone --trust phone/ca.pem --crl short.crl --require-revocation --at "$later"
json .result revocation_unknown
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem --crl short.crl --crl-grace 9 --require-revocation --at "$later"
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem --crl short.crl --crl good.crl --require-revocation --at "$later"
# ... there are limits
some() {
	seq "$1" | sed "s,.*,$2,"
}
# shellcheck disable=SC2046
{
	run 0 mdoc request $(some 64 'jp.a/jp.b/c&') -o limit
	run 2 mdoc request $(some 65 'jp.a/jp.b/c&') -o asked
	run 0 mdoc request $(some 8 'jp.a&/jp.b/c') -o limit
	run 2 mdoc request $(some 9 'jp.a&/jp.b/c') -o asked
	says err '8 kinds of document'
}
for i in 1 2 3 4 5; do
	cat "$tmp/phone/reader.pem" >>"$tmp/chain$i.pem"
	[ $i = 5 ] || cat "$tmp/chain$i.pem" >"$tmp/chain$((i + 1)).pem"
done
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem --identity-key phone/reader-key.pem --identity-certificate chain4.pem
run 1 mdoc request name -r virtual:phone --trust phone/ca.pem --identity-key phone/reader-key.pem --identity-certificate chain5.pem --json
says out 'more than 4 certificates'
json_lacks .apdus.count
run 2 mdoc request name -r virtual:phone --trust phone/ca.pem --form hex
run 2 mdoc request name -r virtual:phone --trust phone/ca.pem --nonce one
run 1 mdoc request name -r virtual:phone --trust nothing --json
json_lacks .apdus.count
run 2 mdoc request name -r virtual:phone --trust phone/ca.pem --at nothing --json
json_lacks .apdus.count
for oid in junk 1 1. .1 1..2 1.02 1.2.x ''; do
	run 2 mdoc request name -r virtual:phone --trust phone/ca.pem --purpose "$oid" --json
	says err '--purpose'
	json_lacks .apdus.count
	run 2 mdoc verify kept/response.cbor --trust phone/ca.pem --purpose "$oid"
done
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem --purpose 2.16.840.0.1 --purpose 1.0.18013.5.1.2
run 2 mdoc request portrait -r virtual:phone --trust phone/ca.pem --portrait - --json
says out '"error":"EINVAL"'
json_lacks .apdus.count
run 2 mdoc verify kept/response.cbor --trust phone/ca.pem --portrait -
for place in nowhere/photo.jp2 phone; do
	run 1 mdoc request portrait -r virtual:phone --trust phone/ca.pem --portrait "$place" --json
	says out "$place"
	json_lacks .apdus.count
done
run 2 mdoc request name -r virtual:phone --trust phone/ca.pem --identity-key phone/reader-ca-key.pem \
	--identity-certificate phone/reader.pem --json
json_lacks .apdus.count
: >"$tmp/hanako"
run 0 mdoc request name -r virtual:phone --trust phone/ca.pem --save kept --retain
run 2 mdoc request name portrait -r virtual:phone --trust phone/ca.pem --save kept --portrait kept/response.cbor --retain --json
says err 'kept/response.cbor is read here'
json_lacks .apdus.count
mkdir "$tmp/anew"
run 2 mdoc request name portrait -r virtual:phone --trust phone/ca.pem --save anew --portrait anew/response.cbor --retain
run 0 mdoc show anew/response.cbor
silent err
run 1 mdoc request name -r virtual:phone --trust phone/ca.pem --save hanako --json
json_lacks .apdus.count
run 3 mdoc request name -r virtual:nothing --trust phone/ca.pem
fresh card
run 1 mdoc request name -r virtual:card --trust phone/ca.pem --timeout 5
says err 'lies on virtual:card'
run 1 mdoc request name -r virtual:card --trust phone/ca.pem --engagement code
says err 'lies on virtual:card'
says err --reader
run 0 doctor -r virtual:phone
says out 'a phone that offers mobile documents'
says_not out PROBLEM

# ---- by files ----

cat >"$tmp/hanako" <<END
name = 番号　花子
birth_date = 1989-01-08
address = 東京都千代田区霞が関２丁目１番２号
sex = female
local_gov_code = 13101
individual_number = 987654321093
portrait = photo.jp2
END
openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/device.pem" 2>"$tmp/err"
openssl ec -in "$tmp/device.pem" -pubout -out "$tmp/device.pub" 2>"$tmp/err"
signer='--signer-key phone/ds-key.pem --signer-certificate phone/ds.pem'
# shellcheck disable=SC2086
{
	run 0 mdoc issue hanako -k device.pub $signer -o credential.cbor --json
	json .issued 1
	run 2 mdoc issue hanako $signer -o refused
	run 2 mdoc issue hanako -k device.pub --signer-key phone/ds-key.pem -o refused
	run 1 mdoc issue hanako -k hanako $signer -o refused
	run 2 mdoc issue hanako -k device.pub $signer -o refused --days 31
	run 6 mdoc issue hanako -k device.pub --signer-key phone/ds-key.pem --signer-certificate phone/ca.pem -o refused
	sed /portrait/d "$tmp/hanako" >"$tmp/faceless"
	run 2 mdoc issue faceless -k device.pub $signer -o refused
	says err portrait
	sed '/portrait/s/^/nmae = x\n/' "$tmp/hanako" >"$tmp/misspelled"
	run 2 mdoc issue misspelled -k device.pub $signer -o refused
	says err 'misspelled:7: The profile deployed-2025 makes nothing of the attribute "nmae"'
	[ ! -e "$tmp/refused" ] || fail "something was issued"
	printf '\357\273\277' | cat - "$tmp/hanako" >"$tmp/marked"
	run 1 mdoc issue marked -k device.pub $signer -o refused
	says err BOM
	run 2 mdoc issue hanako -k device.pub $signer -o refused --profile nothing
	for oid in junk 1 1.02; do
		run 2 mdoc issue hanako -k device.pub $signer -o refused --purpose $oid
		says err "--purpose $oid"
	done
	run 6 mdoc issue hanako -k device.pub --signer-key phone/ds-key.pem --signer-certificate phone/ca.pem -o refused
	says err 'certificate of a CA'
	[ ! -e "$tmp/refused" ] || fail "something was issued"
	# the report says until when; that the signer ends earlier is told
	until=$(date -u -d '+2 days 12:00' +%FT%TZ)
	run 0 mdoc issue hanako -k device.pub $signer -o kept.cbor --days 2 --at "$(date -u -d '12:00' +%FT%TZ)" --json
	json .valid_until "$until"
	silent err
	end=$(openssl x509 -in "$tmp/phone/ds.pem" -noout -enddate | sed 's/.*=//')
	run 0 mdoc issue hanako -k device.pub $signer -o kept.cbor --at "$(date -u -d "$end -2 days" +%FT%TZ)" --json
	json .valid_until "$(date -u -d "$end" +%FT%TZ)"
	says err 'ends earlier'
	json .remark
	# what is read is never written over, whatever it is called
	mkdir "$tmp/own"
	cp "$tmp/hanako" "$tmp/device.pub" "$tmp/photo.jp2" "$tmp/phone/ds-key.pem" "$tmp/phone/ds.pem" "$tmp/own"
	ln -s ds-key.pem "$tmp/own/link"
	printf '%s\n' 'fuda-mdoc-profile 1' 'profile one' 'doctype one' 'namespace one' 'element a tstr name' >"$tmp/own/one.profile"
	(cd "$tmp/own" && sha256sum -- *) >"$tmp/before"
	whole() {
		(cd "$tmp/own" && sha256sum -- *) | cmp -s "$tmp/before" - || fail "an input was replaced: $*"
	}
	own='--signer-key own/ds-key.pem --signer-certificate own/ds.pem --profile-file own/one.profile'
	for to in hanako device.pub photo.jp2 ds-key.pem link ds.pem one.profile; do
		run 2 mdoc issue own/hanako -k own/device.pub $own -o own/$to
		says err "own/$to is read here"
		for line in "own/hanako own/device.pub own/$to" "own/hanako own/device.pub new.cbor:hanako device.pub own/$to" \
			"hanako device.pub own/$to:own/hanako own/device.pub new.cbor"; do
			echo "$line" | tr ' :' '\t\n' >"$tmp/own.tsv"
			run 1 mdoc issue --batch own.tsv $own
			says err "own/$to is read here"
		done
		whole "$to"
	done
	printf 'hanako\tdevice.pub\town.tsv\n' >"$tmp/own.tsv"
	run 1 mdoc issue --batch own.tsv $own
	says err 'own.tsv is read here'
	run 2 mdoc issue --batch own.tsv $own -k own/device.pub
	says err '--device-key does not go with it'
	run 2 mdoc issue --batch own.tsv $own -o new.cbor
	run 2 mdoc issue hanako -k device.pub $own -o new.cbor --module nothing
	says err 'key in a token'
	printf '# nobody\n\n' >"$tmp/own.tsv"
	run 1 mdoc issue --batch own.tsv $own
	says err 'own.tsv: there is no line in it'
	printf 'hanako\tdevice.pub\tone.cbor\nhanako\tdevice.pem\ttwo.cbor\n' >"$tmp/lines.tsv"
	run 0 mdoc issue --batch lines.tsv $signer --json
	json .issued 2
	printf 'hanako\tdevice.pub\tone.cbor\n# a comment\nfaceless\tdevice.pem\tthree.cbor\n' >"$tmp/bad.tsv"
	run 2 mdoc issue --batch bad.tsv $signer --json
	json .line 3
	json .issued 1
	says out 'This was line 3 of bad.tsv; issued before it, and whole: 1'
	# a line ends with LF or CR LF; what cannot be read, or would be written twice, is no success
	rm "$tmp/one.cbor" "$tmp/two.cbor"
	printf '# a comment\r\n\r\nhanako\tdevice.pub\tone.cbor\r\nhanako\tdevice.pem\ttwo.cbor' >"$tmp/crlf.tsv"
	run 0 mdoc issue --batch crlf.tsv $signer --json
	json .issued 2
	run 1 mdoc issue --batch phone $signer
	says err 'phone: Is a directory'
	says err 'line 1 of phone; issued before it, and whole: 0'
	printf 'hanako\tdevice.pub\tsame.cbor\nhanako\tdevice.pem\t./same.cbor\n' >"$tmp/same.tsv"
	run 1 mdoc issue --batch same.tsv $signer --json
	json .line 2
	json .issued 1
	says out './same.cbor is the output of an earlier line too'
	printf 'hanako\tdevice.pub\t-\nhanako\tdevice.pem\t-\n' >"$tmp/same.tsv"
	run 0 mdoc issue --batch same.tsv $signer --form hex
	[ "$(wc -l <"$tmp/out")" = 2 ] || fail "not two credentials on standard output"
	printf 'hanako\tdevice.pub\tnul.cbor\0\n' >"$tmp/nul.tsv"
	run 1 mdoc issue --batch nul.tsv $signer
	[ ! -e "$tmp/nul.cbor" ] || fail "a line that is no text was taken"
	[ -s "$tmp/one.cbor" ] && [ -s "$tmp/two.cbor" ] || fail "the batch did not issue"
}

network='--client-id x509_san_dns:counter.example --nonce n-0S6_WzA2Mj --response-uri https://counter.example/response'
hold='-c credential.cbor -k device.pem'
# shellcheck disable=SC2086
{
	run 0 mdoc request name age_over_20 -o request
	for form in cbor hex base64url; do
		run 0 mdoc request name age_over_20 -o "request-$form" --form $form
		run 0 mdoc present $hold --request "request-$form" $network -o "response-$form.cbor" --form $form
		run 0 mdoc verify "response-$form.cbor" --request "request-$form" $network --trust phone/ca.pem --json
		json '.documents[0].attributes.name' '番号　花子'
		run 0 mdoc show "response-$form.cbor" --json
		json .kind DeviceResponse
	done
	grep -q -x '[0-9A-F]*' "$tmp/response-hex.cbor" || fail "no hexadecimal digits"
	grep -q -x '[A-Za-z0-9_-]*' "$tmp/response-base64url.cbor" || fail "no base64url"
	input=$tmp/response-hex.cbor
	run 0 mdoc verify - --request request $network --trust phone/ca.pem
	run 2 mdoc verify - --request request $network --trust phone/ca.pem --portrait response-hex.cbor
	says err 'response-hex.cbor is read here'
	unset input
	run 0 mdoc present $hold --request request $network
	mv "$tmp/out" "$tmp/response.cbor"
	run 0 mdoc verify response.cbor --request request $network --trust phone/ca.pem

	# what a credential says stands nowhere for what was found out, whatever its profile calls it
	printf '%s\n' 'fuda-mdoc-profile 1' 'profile claims' 'doctype jp.example.claims' 'namespace jp.example.claims' \
		'element a tstr result' 'element b tstr revocation' 'element c tstr issuer' >"$tmp/claims.profile"
	printf '%s\n' 'result = revoked' 'revocation = good' 'issuer = C=JP, CN=Japan' >"$tmp/claims"
	run 0 mdoc issue claims -k device.pub $signer --profile-file claims.profile --profile claims -o claims.cbor
	run 0 mdoc request result revocation issuer --profile-file claims.profile --profile claims -o claims.request
	run 0 mdoc present -c claims.cbor -k device.pem --request claims.request $network -o claims.response
	run 0 mdoc verify claims.response --request claims.request $network --trust phone/ca.pem \
		--profile-file claims.profile --json
	json '.documents[0].result' ok
	json '.documents[0].attributes.result' revoked
	json '.documents[0].revocation' not_checked
	json '.documents[0].attributes.revocation' good
	json '.documents[0].issuer' 'C=JP, CN=fudasashi TEST IACA'

	# each part of what it is bound to counts
	refuses device_signature verify response.cbor --request request $network --nonce another --trust phone/ca.pem
	refuses device_signature verify response.cbor --request request $network --client-id another --trust phone/ca.pem
	refuses device_signature verify response.cbor --request request $network --response-uri https://other.example --trust phone/ca.pem
	refuses device_signature verify response.cbor --request request --origin https://counter.example --nonce n-0S6_WzA2Mj --trust phone/ca.pem
	refuses device_signature verify response.cbor --request request $network --trust phone/ca.pem --thumbprint \
		"$(printf '%064d' 0)"
	refuses device_signature verify response.cbor --request request --transcript kept/transcript.cbor --trust phone/ca.pem
	run 2 mdoc verify response.cbor --request request $network --transcript kept/transcript.cbor --trust phone/ca.pem
	run 2 mdoc verify response.cbor --client-id one --nonce two --trust phone/ca.pem
	run 2 mdoc verify response.cbor $network --thumbprint 00 --trust phone/ca.pem
	run 2 mdoc present $hold --request request
	for said in '--nonce n' '--response-uri https://counter.example' '--transcript kept/transcript.cbor --nonce n'; do
		run 2 mdoc verify response.cbor $said --trust phone/ca.pem
		says err --transcript
	done
	refuses device_signature verify response.cbor --request request $network --nonce another --trust phone/ca.pem
	says err --nonce
	refuses device_unbound verify response.cbor --request request --trust phone/ca.pem
	says err --client-id
	# what is read is not written over here either
	cp "$tmp/credential.cbor" "$tmp/device.pem" "$tmp/request" "$tmp/response.cbor" "$tmp/phone/ca.pem" "$tmp/good.crl" \
		"$tmp/phone/reader-key.pem" "$tmp/phone/reader.pem" "$tmp/kept/transcript.cbor" "$tmp/phone/reader-ca.pem" "$tmp/own"
	(cd "$tmp/own" && sha256sum -- *) >"$tmp/before"
	for to in credential.cbor device.pem request transcript.cbor; do
		run 2 mdoc present -c own/credential.cbor -k own/device.pem --request own/request --transcript own/transcript.cbor -o own/$to
		says err "own/$to is read here"
	done
	for to in reader-key.pem reader.pem transcript.cbor one.profile; do
		run 2 mdoc request name -o own/$to --identity-key own/reader-key.pem --identity-certificate own/reader.pem \
			--transcript own/transcript.cbor --profile-file own/one.profile
		says err "own/$to is read here"
	done
	for to in response.cbor request ca.pem good.crl; do
		run 2 mdoc verify own/response.cbor --request own/request $network --trust own/ca.pem --crl own/good.crl --portrait own/$to
		says err "own/$to is read here"
	done
	run 2 mdoc request name -r virtual:phone --trust own/ca.pem --portrait own/ca.pem --json
	json_lacks .apdus.count
	whole
	run 2 mdoc present $hold --request request $network --mac -o refused
	run 2 mdoc present -c credential.cbor -k phone/ds-key.pem --request request $network -o refused
	run 1 mdoc verify phone/ca.pem $network --trust phone/ca.pem
	run 1 mdoc verify request $network --trust phone/ca.pem
	says err 'request: this is to be DeviceResponse, and it is DeviceRequest.'
	run 1 mdoc verify credential.cbor $network --trust phone/ca.pem
	says err IssuerSigned
	run 1 mdoc present $hold --request response.cbor $network
	says err DeviceRequest
	printf '\240' >"$tmp/empty"
	refuses response_malformed verify empty $network --trust phone/ca.pem
	says_not err 'Hold the phone'

	# the holder's choice; a name that is none denies nothing, and is not let pass
	run 0 mdoc present $hold --request request $network --deny full_name_unicode -o less.cbor
	run 0 mdoc verify less.cbor --request request $network --trust phone/ca.pem --json
	json '.documents[0].withheld[0]' name
	run 2 mdoc present $hold --request request $network --deny name -o refused
	run 0 mdoc present $hold --request request $network -o less.cbor
	silent err
	run 0 mdoc request org.iso.18013.5.1.mDL/org.iso.18013.5.1/portrait -o licence
	run 0 mdoc present $hold --request licence $network -o less.cbor
	says err 'Nothing that is asked for is held'
	run 0 mdoc request org.iso.23220.1.jp.mnc/org.iso.23220.1.jp/not_there -o absent
	run 0 mdoc present $hold --request absent $network -o less.cbor
	says err 'Nothing that is asked for is held'
	run 2 mdoc present $hold --request absent $network --deny not_there -o refused
	[ ! -e "$tmp/refused" ] || fail "something was shown"

	# two faces do not go into one file, and none that is there is taken for another's
	printf '%s\n' 'fuda-mdoc-profile 1' 'profile member' 'doctype jp.example.member' 'namespace jp.example.member' \
		'element holder tstr name' 'element face bstr-jpeg2000 portrait max=131072' >"$tmp/member.profile"
	printf '%s\n' 'fuda-mdoc-profile 1' 'profile pair' 'doctype jp.example.pair' 'namespace one' \
		'element face bstr-jpeg2000 portrait' 'namespace two' 'element face bstr-jpeg2000 portrait' >"$tmp/pair.profile"
	head -c 131060 /dev/zero | cat "$tmp/photo.jp2" - | head -c 131072 >"$tmp/large.jp2"
	printf 'name = 札　差\nportrait = large.jp2\n' >"$tmp/member"
	run 0 mdoc issue member -k device.pub $signer -o member.cbor --profile-file member.profile --profile member
	both='--request both'
	run 0 mdoc request portrait jp.example.member/jp.example.member/holder jp.example.member/jp.example.member/face -o both
	run 0 mdoc present $hold -c member.cbor $both $network -o both.cbor
	echo old >"$tmp/face.jp2"
	run 0 mdoc verify both.cbor $both $network --trust phone/ca.pem --profile-file member.profile --portrait face.jp2 --json
	json '.documents[0].portrait_bytes'
	json '.documents[1].portrait_bytes' 131072
	json_lacks '.documents[0].portrait'
	json_lacks '.documents[1].portrait'
	json .remark
	says err 'Several documents show a portrait'
	[ "$(cat "$tmp/face.jp2")" = old ] || fail "one of two portraits was written"
	run 0 mdoc verify both.cbor $both $network --trust phone/ca.pem --profile-file member.profile --portrait face.jp2
	says out 'not written: another document'
	# one that is not written is not told as written
	if [ -w /dev/full ]; then
		run 1 mdoc verify both.cbor $both $network --trust phone/ca.pem --portrait /dev/full --json
		json_lacks '.documents[0].portrait'
	fi
	# one that no profile knows is none, and too long to be shown
	run 0 mdoc verify both.cbor $both $network --trust phone/ca.pem --portrait face.jp2 --json
	json '.documents[0].portrait' face.jp2
	cmp -s "$tmp/face.jp2" "$tmp/photo.jp2" || fail "another portrait"
	grep -q -x '\.documents\[1\]\.elements\[[01]\]\.value=/ 1310[0-9]* bytes /' "$tmp/lines" || fail "its length is not told"
	json_lacks .remark
	# of one document the first is written, the other is an element
	echo 'portrait = photo.jp2' >"$tmp/pair"
	run 0 mdoc issue pair -k device.pub $signer -o pair.cbor --profile-file pair.profile --profile pair
	run 0 mdoc request jp.example.pair/one/face jp.example.pair/two/face -o two
	run 0 mdoc present -c pair.cbor -k device.pem --request two $network -o two.cbor
	rm "$tmp/face.jp2"
	run 0 mdoc verify two.cbor --request two $network --trust phone/ca.pem --profile-file pair.profile --portrait face.jp2 --json
	json '.documents[0].portrait' face.jp2
	json '.documents[0].elements[0].namespace' two
	json_lacks '.documents[0].elements[1].namespace'
	cmp -s "$tmp/face.jp2" "$tmp/photo.jp2" || fail "another portrait"

	# a reader that says who it is
	run 0 mdoc request name -o signed --identity-key phone/reader-key.pem --identity-certificate phone/reader.pem $network
	run 0 mdoc show signed
	says out readerAuth
	# answered are only readers of a CA that is named, for this session
	run 0 mdoc present $hold --request signed $network --reader-ca phone/reader-ca.pem -o answer.cbor
	unanswered() {
		rule=$1
		shift
		rm -f "$tmp/answer.cbor"
		run 6 mdoc present $hold "$@" -o answer.cbor
		says err "Who asks is not accepted ($rule)"
		[ ! -e "$tmp/answer.cbor" ] || fail "answered who is not known"
	}
	unanswered issuer_unknown --request signed $network --reader-ca phone/ca.pem
	unanswered reader_unknown --request request $network --reader-ca phone/reader-ca.pem
	unanswered reader_signature --request signed --client-id x509_san_dns:counter.example --nonce other \
		--response-uri https://counter.example/response --reader-ca phone/reader-ca.pem
	run 2 mdoc present $hold --request signed $network --crl phone/crl.pem -o refused
	run 2 mdoc request name -o refused --identity-key phone/reader-key.pem --identity-certificate phone/reader.pem
	run 2 mdoc request name -o refused --identity-key phone/reader-key.pem
	run 2 mdoc request name -o refused --identity-key phone/reader-ca-key.pem --identity-certificate phone/reader.pem $network
	[ ! -e "$tmp/refused" ] || fail "a request was signed by another key"
}

# what is shown of a credential is all of it, the issuer's signed part opened
run 0 mdoc show credential.cbor
says out '/ IssuerSigned'
says out '"validityInfo"'
run 1 mdoc show phone/ca.pem
echo ok
