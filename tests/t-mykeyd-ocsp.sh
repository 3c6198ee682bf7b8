#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The platform's service and an OCSP responder, that of OpenSSL: cards that are good, revoked and unknown, and a responder
# that is away, hangs, or is not the CA's.
set -eu
srcdir=${srcdir:-.}
. "$srcdir/tests/cli.sh"
needs_mykey
. "$srcdir/tests/mykeyd.sh"
fresh card
fresh revoked --authority "$tmp/card"
fresh unknown --authority "$tmp/card" --record-file-step exact
echo 1234 >"$tmp/pin"

# ---- the responder: of those who issue, the second certificate and the first key are for authentication ----

(
	cd "$tmp"
	awk '/BEGIN/ { n++ } { print >("ca" n ".pem") }' card/ca.pem
	awk '/BEGIN/ { n++ } { print >("key" n ".pem") }' card/ca-keys.pem
)
# serial CARD
serial() {
	"$fuda" cert auth -r "virtual:$tmp/$1" | openssl x509 -noout -serial | sed 's/serial=//'
}
printf 'V\t491231235959Z\t\t%s\tunknown\t/CN=1\nR\t491231235959Z\t251101000000Z\t%s\tunknown\t/CN=2\n' "$(serial card)" \
	"$(serial revoked)" >"$tmp/index.txt"

# responder NAME CERTIFICATE KEY [OPTION...]: on a port of its own, $responder
responder() {
	name=$1
	certificate=$2
	key=$3
	shift 3
	: >"$tmp/$name.said"
	(cd "$tmp" && exec openssl ocsp -port 0 -index index.txt -CA ca2.pem -rsigner "$certificate" -rkey "$key" "$@" \
		>"$name.said" 2>"$name.err" </dev/null) &
	echo $! >"$tmp/$name.pid"
	becomes "responder $name" grep -q "^ACCEPT " "$tmp/$name.said"
	responder=http://127.0.0.1:$(sed -n 's/^ACCEPT .*:\([0-9]*\) .*/\1/p' "$tmp/$name.said")/
}

# delegate NAME EXTENSION...: a certificate that the CA issued, and its key
delegate() {
	name=$1
	shift
	printf '%s\n' 'keyUsage = critical, digitalSignature' "$@" >"$tmp/$name.ext"
	(
		cd "$tmp"
		openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$name.key" -out "$name.csr"
		openssl x509 -req -in "$name.csr" -CA ca2.pem -CAkey key1.pem -set_serial 7 -days 2 -sha256 -extfile "$name.ext" \
			-out "$name.crt"
	) >"$tmp/out" 2>"$tmp/err" || fail "certificate of $name"
}

# bind STATUS CARD
bind() {
	run "$1" mykey bind --terminal t -r "virtual:$2" --pin-file pin --json
}

# set_key KEY VALUE: of the service s
set_key() {
	sed -i "s|^#*$1 = .*|$1 = $2|" "$tmp/s/mykeyd.conf"
}

has_counted() {
	curl -sS "$ops/metrics" >"$tmp/metrics"
	cat "$tmp/metrics" >>"$tmp/said.metrics"
	grep -q -F -x "mykey_ocsp_$1" "$tmp/metrics"
}

counts() {
	has_counted "$1" || fail "metrics have no $1"
}

# what the service said is kept for the end
ends() {
	mykeyd_stop s
	cat "$tmp/s.log" >>"$tmp/said.log"
}

# ---- the responder has the last word ----

responder of-the-ca ca2.pem key1.pem
"$build/fuda-vcard" crl "$tmp/card" >"$tmp/cards.crl"
mykeyd_init s --set "trust=$tmp/card/ca.pem" --set "crl=$tmp/cards.crl" --set "ocsp=$responder"
daemon_in s 0 crl status --json
json .responder.url "$responder"
json .responder.state answers
mykeyd_start s
mykeyd_terminal s t library
bind 0 card
json .result ok
counts 'answers_total{result="good"} 1'
# on no list
bind 6 revoked
says out '(certificate_revoked)'
counts 'answers_total{result="revoked"} 1'
bind 6 unknown
says out '(revocation_unknown)'
counts 'answers_total{result="unknown"} 1'
counts 'answers_total{result="failed"} 0'
counts 'down 0'
counts 'wrong 0'
# on a list: nobody is asked any more
"$build/fuda-vcard" crl "$tmp/card" "$tmp/revoked" >"$tmp/fresh.crl"
mv "$tmp/fresh.crl" "$tmp/cards.crl"
mykeyd_revokes 1 s
bind 6 revoked
says out '(certificate_revoked)'
counts 'answers_total{result="revoked"} 1'
ends

# ... also where there are no lists
sed -i 's/^crl = .*/#&/' "$tmp/s/mykeyd.conf"
daemon_in s 0 crl status
says out 'the OCSP responder alone is believed'
mykeyd_start s
says_not s.log 'every card is refused'
get 200 "$ops/readyz"
bind 0 card
bind 6 revoked
says out '(certificate_revoked)'
ends

# ---- it is away: a list is enough ----

sed -i 's/^#crl = \(.*cards.crl\)/crl = \1/' "$tmp/s/mykeyd.conf"
kill "$(cat "$tmp/of-the-ca.pid")"
wait "$(cat "$tmp/of-the-ca.pid")" 2>"$tmp/err" || :
rm "$tmp/of-the-ca.pid"
daemon_in s 6 crl status
says out 'no answer that counts: the lists alone are believed'
says out 'does not answer'
mykeyd_start s
becomes "responder that is left alone" has_counted 'down 1'
bind 0 card
counts 'answers_total{result="good"} 0'
becomes "word of the responder" grep -q '"event":"responder","message":"[^"]*does not answer[^"]*the lists alone' "$tmp/s.log"
get 200 "$ops/readyz"
bind 6 revoked
says out '(certificate_revoked)'
ends

# ---- ... or not, if it is required, though lists need not be ----

set_key ocsp_required yes
set_key crl_required no
daemon_in s 6 crl status --json
json .responder.state failed
mykeyd_start s
becomes "responder that is left alone" has_counted 'down 1'
# nobody is asked for a PIN for nothing
bind 9 card
says out '(revocation_info_stale)'
json_lacks .tries_before
get 503 "$ops/readyz"
json '.reasons[0]' revocation_info_stale
ends

# ---- it hangs ----

delegate good 'extendedKeyUsage = OCSPSigning' 'noCheck = ignored'
responder of-its-own good.crt good.key -nmin 10
set_key ocsp "$responder"
mykeyd_start s
becomes "first look at the responder" has_counted 'down 0'
bind 0 card
kill -STOP "$(cat "$tmp/of-its-own.pid")"
bind 9 card
says out '(revocation_info_stale)'
# told by the service's own log, whatever else the machine does
us=$(sed -n 's/.*"route":"bind","status":503,"us":\([0-9]*\).*/\1/p' "$tmp/s.log" | tail -n 1)
[ "${us:-0}" -ge 1900000 ] && [ "$us" -lt 10000000 ] || fail "a responder that hangs took ${us:-no time}"
counts 'down 0'
bind 9 card
bind 9 card
json .tries_before 3
counts 'down 1'
bind 9 card
json_lacks .tries_before
# back, without anybody's card
kill -CONT "$(cat "$tmp/of-its-own.pid")"
becomes "responder that is back" has_counted 'down 0'
bind 0 card
ends

# ---- it is not the CA's: of that it is told, and nobody is asked for a PIN for nothing ----

delegate careless 'extendedKeyUsage = OCSPSigning'
delegate client 'extendedKeyUsage = clientAuth' 'noCheck = ignored'
for name in careless client; do
	responder "$name" "$name.crt" "$name.key"
	set_key ocsp "$responder"
	daemon_in s 6 crl status
	says out "The OCSP responder's answer is not signed by the CA"
	mykeyd_start s
	becomes "responder whose answers do not count" has_counted 'wrong 1'
	bind 9 card
	says out '(revocation_info_stale)'
	json_lacks .tries_before
	counts 'down 0'
	counts 'answers_total{result="good"} 0'
	becomes "word of it" grep -q '"event":"responder","message":"[^"]*is not signed by the CA[^"]*Cards are refused' "$tmp/s.log"
	ends
done

# ... nor is it silent where it is not required
set_key ocsp_required no
set_key crl_required yes
mykeyd_start s
becomes "word of the responder" grep -q '"event":"responder","message":"[^"]*is not signed by the CA[^"]*the lists alone' "$tmp/s.log"
bind 0 card
counts 'wrong 1'
counts 'answers_total{result="failed"} 1'
ends

# ---- what cannot be ----

set_key ocsp_required yes
set_key ocsp ''
daemon_in s 1 crl status
says err '"ocsp_required" is yes'

# nothing of whom was asked about stands in what was written
grep -q '"code":"certificate_revoked"' "$tmp/said.log" && grep -q '"code":"revocation_unknown"' "$tmp/said.log" ||
	fail "the log does not say who was refused"
for f in "$tmp/said.log" "$tmp/said.metrics"; do
	for name in card revoked unknown; do
		! grep -q -i "$(serial $name)" "$f" || fail "${f##*/} has the number of $name"
	done
done
echo ok
