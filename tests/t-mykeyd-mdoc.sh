#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A service whose roots of mobile credentials count for nothing: no card is asked for its PIN for a phone, and the
# operator is told; with another root that counts all goes on.
set -eu
srcdir=${srcdir:-.}
. "$srcdir/tests/cli.sh"
needs_mykey
. "$srcdir/tests/mykeyd.sh"
fresh card
secrets_of card
for name in phone good; do
	"$build/fuda-vcard" make "$tmp/$name" --kind wallet --person "$top/tests/canaries/suite.person" >"$tmp/out" 2>"$tmp/err" ||
		fail "fuda-vcard make --kind wallet $name"
done
"$build/fuda-vcard" crl "$tmp/card" >"$tmp/cards.crl"
# with the right key, but not all that a root has
cat >"$tmp/extensions" <<'EOF'
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
EOF
openssl x509 -in "$tmp/phone/ca.pem" -signkey "$tmp/phone/ca-key.pem" -clrext -extfile "$tmp/extensions" -sha384 \
	-days 30 -out "$tmp/root.pem" 2>"$tmp/err" || fail "openssl x509"
mykeyd_init s --set "trust=$tmp/card/ca.pem" --set "crl=$tmp/cards.crl" --set "mdoc_trust=$tmp/root.pem" \
	--set "mdoc_crl=$tmp/phone/crl.pem" --set "mdoc_crl=$tmp/good/crl.pem"
mykeyd_start s
mykeyd_terminal s t library

grep -q 'Phones are refused, because no root' "$tmp/s.log" || fail "serve does not say that phones are refused"
is_told() {
	grep -q '"event":"mdoc_trust","message":"No root' "$tmp/s.log"
}
becomes "word of roots that do not count" is_told
run 9 mykey bind --mdoc -r virtual:card --phone-reader virtual:phone --terminal t --pin-file pin --json -vv
says out mdoc_not_served
json_lacks .tries_before
says_not err '> 0020'
run 9 mykey show --mdoc -r virtual:phone --terminal t --json -vv
says out mdoc_not_served
says_not err A0000002480400
run 0 mykey bind -r virtual:card --terminal t --pin-file pin --json -vv
says err '> 0020'
get 200 "$ops/readyz"
says out '"ready":true,"refused":["mdoc_not_served"]'
get 200 "$ops/metrics"
says out 'mykey_mdoc_not_served 1'
says out 'mykey_mdoc_crl_stale 0'
daemon_in s 6 crl status --json
json '.phone_issuers[0].state' bad
json '.phone_issuers[0].reason'
json '.phone_issuers[0].not_after'
json '.phones[0].state' fresh
daemon_in s 6 crl status
says out 'no root is good (mdoc_trust): phones are refused'
kill -HUP "$(cat "$tmp/s.pid")"
sleep 1
[ "$(grep -c '"event":"mdoc_trust"' "$tmp/s.log")" = 1 ] || fail "it is told more than once"

# another one that counts
mykeyd_stop s
sed -i "s#^mdoc_trust = .*#&\nmdoc_trust = $tmp/good/ca.pem#" "$tmp/s/mykeyd.conf"
mykeyd_start s
run 0 mykey bind --mdoc -r virtual:card --phone-reader virtual:good --terminal t --pin-file pin --json
get 200 "$ops/readyz"
says out '{"ready":true}'
becomes "word of a root that does not count" grep -q '"event":"mdoc_trust","message":"The certificate of' "$tmp/s.log"
daemon_in s 6 crl status --json
json '.phone_issuers[0].state' bad
json '.phone_issuers[1].state' good
json_lacks '.phone_issuers[1].reason'
daemon_in s 6 crl status
says out 'counts for no phone'
says_not out 'phones are refused'
sed -i "\#^mdoc_trust = $tmp/root.pem#d; \#^mdoc_crl = $tmp/phone/crl.pem#d" "$tmp/s/mykeyd.conf"
daemon_in s 0 crl status
mykeyd_stop s
echo ok
