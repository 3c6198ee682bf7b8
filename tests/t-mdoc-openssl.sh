#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A test authority that OpenSSL alone made, as docs/mdoc.md tells it: what it issues is good, and with one thing changed it is
# refused for that.
set -eu
. "${srcdir:-.}/tests/cli.sh"
PATH=$build:$PATH
openssl version | grep -q '^OpenSSL 3' || {
	echo "SKIP: needs the command of OpenSSL 3"
	exit 77
}

# blocks FILE: its scripts, the first one in 1.sh and so on
blocks() {
	awk -v dir="$2" '/^```sh$/ { n++; on = 1; next } /^```$/ { on = 0 } on { print >sprintf("%s/%d.sh", dir, n) }' "$1"
}
mkdir "$tmp/steps" "$tmp/ja"
blocks "$top/docs/mdoc.md" "$tmp/steps"
blocks "$top/docs/mdoc.ja.md" "$tmp/ja"
sed -i '/^# /d' "$tmp/steps"/*.sh "$tmp/ja"/*.sh
diff -r "$tmp/steps" "$tmp/ja" >"$tmp/out" || fail "the guides differ"
[ "$(ls "$tmp/steps")" = "$(printf '%d.sh\n' 1 2 3 4 5 6)" ] || fail "other scripts in the guide than the six below"

# follow NUMBER TEXT: the guide's script does what it is to, and says this at its end
cd "$tmp"
grep '^session=' steps/2.sh >session.sh
. ./session.sh
follow() {
	sh -eu -c '. ./session.sh && . "./steps/$1.sh"' follow "$1" >out 2>err </dev/null || fail "script $1 of the guide"
	[ "$(tail -n 1 out)" = "$2" ] || fail "script $1 of the guide does not say: $2"
}
good='Result      ok'
follow 1 ''

# ---- signers with the same key that are not as they must be, by the rule that they break ----

openssl ecparam -name secp384r1 -genkey -noout -out other-root.key
openssl x509 -new -key other-root.key -subj '/C=JP/CN=Example IACA' -sha384 -days 1825 \
	-extfile authority.cnf -extensions root -out other-root.pem
openssl x509 -new -key root.key -subj '/C=JP/CN=Example IACA 2' -sha384 -days 1825 \
	-extfile authority.cnf -extensions root -out renamed-root.pem

# signer RULE SUBJECT DAYS CHANGE [ROOT [KEY]]: its certificate RULE.pem; CHANGE is what sed does in the section [signer]
signer() {
	sed "/^\[signer\]/,/^\$/{
		$4
		}" authority.cnf >"$1.cnf"
	openssl x509 -new -force_pubkey signer.pub -subj "$2" -sha384 -days "$3" -CA "${5:-root}.pem" -CAkey "${6:-root}.key" \
		-extfile "$1.cnf" -extensions signer -out "$1.pem" 2>err || fail "OpenSSL makes no signer: $1"
	signers="$signers $1"
}
signers=
ds='/C=JP/CN=Example DS 1'
signer certificate_purpose "$ds" 90 's/1.0.18013.5.1.2/serverAuth/'
signer certificate_no_purpose "$ds" 90 '/^extendedKeyUsage/d'
signer certificate_not_critical "$ds" 90 's/critical, 1.0/1.0/'
signer certificate_key_usage "$ds" 90 's/digitalSignature/digitalSignature, nonRepudiation/'
signer certificate_constraints "$ds" 90 's/^\[signer\]/&\nbasicConstraints = critical, CA:TRUE/'
signer certificate_forbidden "$ds" 90 's/^\[signer\]/&\nnameConstraints = permitted;DNS:example/'
signer certificate_critical "$ds" 90 's/^\[signer\]/&\n1.2.3.4 = critical, ASN1:NULL/'
signer certificate_subject_key_id "$ds" 90 's/hash/01020304/'
signer certificate_issuer_alt_name "$ds" 90 '/^issuerAltName/d'
signer certificate_authority_key_id "$ds" 90 '/^authority/s/keyid:always/none/'
signer certificate_crl_point "$ds" 90 '/^crlDistributionPoints/d'
signer certificate_validity_long "$ds" 458 ''
signer certificate_common_name '/C=JP/O=Example DS 1' 90 ''
signer certificate_country '/CN=Example DS 1' 90 ''
signer country_differs '/C=US/CN=Example DS 1' 90 ''
signer state_differs '/C=JP/ST=Tokyo/CN=Example DS 1' 90 ''
signer issuer_key_unknown "$ds" 90 '' other-root other-root
signer issuer_name "$ds" 90 '' renamed-root
short=$signers
signer certificate_expired "$ds" 1 ''
signers=$short

# ---- the credential that is good ----

# the picture that the guide has from a phone
"$build/fuda-vcard" make "$tmp/phone" --kind wallet >"$tmp/out" 2>"$tmp/err" || fail "no wallet"
run 0 mdoc request portrait -r virtual:phone --trust phone/ca.pem --portrait photo.jp2
follow 2 "$good"
says out '番号　花子'
grep -q '^ *Revocation  *not revoked$' "$tmp/out" || fail "its revocation list is not used"

# ---- ... and with another certificate of its signer, which nothing of it signs ----

# shellcheck disable=SC2086,SC2154 # words, which the guide has set
run 0 mdoc present --credential credential.cbor --device-key device.key --request request.cbor $session -o response.hex --form hex
# x5chain PEM: how it stands in CBOR, in hexadecimal digits
x5chain() {
	openssl x509 -in "$1" -outform DER | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F >der
	printf '59%04X' $(($(wc -c <der) / 2)) | cat - der
}
# swapped PEM: response.hex with this one
swapped() {
	sed "s/$(x5chain signer.pem)/$(x5chain "$1")/" response.hex >swapped
	! cmp -s response.hex swapped || fail "no certificate in the response"
}
# refused RULE [OPTION...]: for this alone
refused() {
	rule=$1
	shift
	# shellcheck disable=SC2086
	run 6 mdoc verify swapped --request request.cbor $session --trust root.pem "$@" --json
	json .rule "$rule"
	json '.documents[0].findings[0].rule' "$rule"
	json_lacks '.documents[0].findings[1]'
	json_lacks '.documents[0].attributes.name'
}
for rule in $signers; do
	swapped $rule.pem
	refused $rule
done
swapped certificate_purpose.pem
# shellcheck disable=SC2086
run 0 mdoc verify swapped --request request.cbor $session --trust root.pem --purpose 1.3.6.1.5.5.7.3.1
swapped certificate_expired.pem
refused certificate_expired --at "$(date -u -d '+2 days' +%FT%TZ)"
cp response.hex swapped
refused expired --at "$(date -u -d '+31 days' +%FT%TZ)"
# the last digit of the issuer's signature is another one
x5chain signer.pem >good
case $(cat good) in
*0) sed 's/0$/1/' good >bad ;;
*) sed 's/.$/0/' good >bad ;;
esac
sed "s/$(cat good)/$(cat bad)/" response.hex >swapped
refused issuer_signature

# with such a certificate we do not issue either
for rule in certificate_purpose certificate_no_purpose certificate_constraints certificate_validity_long \
	certificate_issuer_alt_name certificate_authority_key_id certificate_crl_point; do
	run 6 mdoc issue hanako.txt -k device.pub --signer-key signer.key --signer-certificate $rule.pem -o refused
done
[ ! -e refused ] || fail "something was issued"

# ---- the rest of the guide ----

cp response.hex swapped
follow 3 ''
refused certificate_revoked --crl revoked.crl
follow 4 "$good"
cp response-2.cbor swapped
refused issuer_key_unknown
# shellcheck disable=SC2086
run 0 mdoc verify swapped --request request.cbor $session --trust root-2.pem
follow 5 "$good"
says out 00017320
library='--profile-file library.profile --profile library-card'
# shellcheck disable=SC2086
{
	run 0 mdoc verify member-response.cbor --request member-request.cbor $session $library --trust root.pem --json
	json '.documents[0].attributes.age_over_18' true
	run 2 mdoc request address $library -o refused
	says err 'name, card_number, member_from, age_over_NN'
}
if grep -q '^P11_LIBS *= *$' "$build/Makefile"; then
	echo "not tried with a token: built without (--disable-token)"
elif [ -e /usr/lib/softhsm/libsofthsm2.so ] && command -v softhsm2-util >/dev/null && command -v pkcs11-tool >/dev/null; then
	follow 6 'Credentials  1'
	# shellcheck disable=SC2086
	run 0 mdoc present --credential credential-3.cbor --device-key device.key --request request.cbor $session -o response-3.cbor
	# shellcheck disable=SC2086
	run 0 mdoc verify response-3.cbor --request request.cbor $session --trust root.pem --json
	json '.documents[0].signer' 'C=JP, CN=Example DS 3'
	# no PIN is spent for what cannot be issued
	export SOFTHSM2_CONF="$tmp/softhsm2.conf"
	(umask 077 && echo 00000000 >wrong-pin)
	wrong="--signer-certificate signer-3.pem --module /usr/lib/softhsm/libsofthsm2.so"
	wrong="$wrong --signer-key pkcs11:token=authority;object=ds-3?pin-source=file:$tmp/wrong-pin"
	grep -v birth_date hanako.txt >ageless
	# shellcheck disable=SC2086
	{
		run 1 mdoc issue nobody $wrong -k device.pub -o refused
		run 2 mdoc issue ageless $wrong -k device.pub -o refused
		run 1 mdoc issue hanako.txt $wrong -k nothing -o refused
		run 1 mdoc issue hanako.txt $wrong -k hanako.txt -o refused
		run 2 mdoc issue hanako.txt $wrong -k device.pub -o refused --profile unheard-of
		run 2 mdoc issue hanako.txt $wrong -k device.pub -o refused --at "$(date -u -d '+91 days' +%F)"
		run 1 mdoc issue --batch nowhere $wrong
		run 4 mdoc issue hanako.txt $wrong -k device.pub -o refused
	}
	says err 'PIN is wrong'
	[ ! -e refused ] || fail "something was issued with a wrong PIN"
else
	echo "not tried with a token: no SoftHSM (softhsm2) or no pkcs11-tool (opensc)"
fi
echo ok
