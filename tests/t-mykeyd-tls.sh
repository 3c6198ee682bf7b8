#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The service's own certificate: it is renewed for the same key, and whoever does not is warned in time.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/mykeyd.sh"
. "$top/tests/operators.sh"
command -v curl >/dev/null || {
	echo "SKIP: no curl"
	exit 77
}

op 0 init --environment test --origin https://mykey.example:1 --listen 127.0.0.1:0 --operations 127.0.0.1:0 --set crl_required=no
day=86400
pem=$folder/tls.pem
key_of() {
	openssl x509 -in "$pem" -noout -pubkey
}
# one that ends so many days from now, for the key that is there, by the authority CA
short() { # DAYS CA
	printf '%s\n' 'subjectAltName = DNS:localhost, DNS:mykey.example, IP:127.0.0.1, email:a@mykey.example' \
		'extendedKeyUsage = serverAuth' >"$tmp/extensions"
	openssl req -new -key "$folder/tls.key" -subj /CN=localhost -out "$tmp/csr" 2>"$tmp/ssl" &&
		openssl x509 -req -in "$tmp/csr" -CA "$2/ca.pem" -CAkey "$2/ca.key" -days "$1" -extfile "$tmp/extensions" \
			-set_serial 77 -out "$pem" 2>"$tmp/ssl" || fail "$(cat "$tmp/ssl")"
}

op 2 tls
says err 'status'
op 2 tls frobnicate
op 2 tls status --names a
op 0 tls status --json
json .names 'mykey.example,localhost,127.0.0.1,::1'
json .issuer service
json .file service/tls.pem
key=$(key_of)

# for the same key and names, in one piece; and it is told
op 0 tls renew --json
json .names 'mykey.example,localhost,127.0.0.1,::1'
grep -q '"days_left":82[45],' "$tmp/out" || fail "not 825 days, less the moment since"
[ "$(key_of)" = "$key" ] || fail "another key"
[ "$(stat -c %a "$pem")" = 600 ] || fail "others than its owner can write to it"
op 0 tls renew --names localhost,other.example
grep -q '^Written ' "$tmp/out" || fail 'nothing says that it was renewed'
says err 'once they are restarted'
says out 'localhost,other.example'
cp "$pem" "$tmp/kept"
op 2 tls renew --names 'a b'
says err 'names'
op 2 tls renew --names ''
cmp "$pem" "$tmp/kept" || fail "a renewal that failed left another certificate"
op 0 audit query --action tls-renew
[ "$(wc -l <"$tmp/out")" = 2 ] || fail "not a row for each renewal"
if as_others; then
	op 0 operator add daemon --roles registrar,approver,auditor
	by daemon 9 tls renew
	says err 'the role admin'
	by daemon 0 tls status
	cmp "$pem" "$tmp/kept" || fail "renewed by who may not"
fi
mykeyd_start service
get 200 "$url/livez"
get 200 "$ops/metrics"
left=$(sed -n 's/^mykey_cert_expiry_seconds{what="tls"} //p' "$tmp/out")
[ "$left" -gt $((824 * day)) ] || fail "metrics: $left seconds left"
mykeyd_stop service
says_not service.log 'tls'
op 0 report daily --json
json .tls_until

# near its end: in the log, in the metrics and in the report
short 10 "$folder"
op 0 tls status --json
json .issuer service
json .names 'localhost,mykey.example,127.0.0.1'
mykeyd_start service
becomes "word of the end" grep -q '"event":"tls","message":"[^"]*tls renew --folder service' "$tmp/service.log"
get 200 "$ops/metrics"
left=$(sed -n 's/^mykey_cert_expiry_seconds{what="tls"} //p' "$tmp/out")
[ "$left" -lt $((11 * day)) ] || fail "metrics: $left seconds left"
op 0 report daily
says out 'Certificate for TLS until'
says err 'tls renew --folder service'
op 0 tls renew --json
json .names 'localhost,mykey.example,127.0.0.1'
mykeyd_stop service
mykeyd_start service
get 200 "$url/livez"
mykeyd_stop service
says_not service.log '"event":"tls"'
op 0 report daily
silent err

# behind its end
short -1 "$folder"
op 6 tls status
says err 'has ended'
grep -q -x 'Days left *0' "$tmp/out" || fail "days left"
op 0 tls renew
op 0 tls status

# what this authority did not issue, or not for a server, is not renewed by it
daemon 0 init --folder other --environment test --origin https://localhost:1 --listen 127.0.0.1:0 --set crl_required=no
short 10 "$tmp/other"
cp "$pem" "$tmp/kept"
op 0 tls status --json
json .issuer other
op 9 tls renew
says err 'another authority'
cp "$folder/ca.pem" "$pem"
op 9 tls renew
echo nonsense >"$pem"
op 1 tls status
says err 'tls.pem has no certificate'
op 1 tls renew
says err 'tls.pem has no certificate'
rm "$pem"
op 1 tls status
says err 'tls.pem'
op 0 report daily --json
json_lacks .tls_until
op 0 audit query --action tls-renew
[ "$(wc -l <"$tmp/out")" = 4 ] || fail "a renewal that was refused is told as one"
op 0 audit verify
echo ok
