#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/mykey-nginx.conf: nginx in front of two processes of the service, one of which dies.
set -eu
srcdir=${srcdir:-.}
. "$srcdir/tests/cli.sh"
. "$srcdir/tests/mykeyd.sh"
PATH=$PATH:/usr/sbin
for program in curl nginx; do
	command -v $program >/dev/null || {
		echo "SKIP: no $program"
		exit 77
	}
done

mykeyd_init one --set crl_required=no --listen unix:one/front.sock
mykeyd_copy one two
sed -i "s|/one/front.sock|/two/front.sock|" "$tmp/two/mykeyd.conf"
mykeyd_start one
mykeyd_terminal one t library
mykeyd_start two

# the file as it is, with other places; a socket, because nginx does not tell which port it got
{
	echo "daemon off; master_process off; pid $tmp/nginx.pid; error_log $tmp/nginx.log; events { worker_connections 64; }"
	echo "http {"
	for what in client_body proxy fastcgi uwsgi scgi; do
		echo "${what}_temp_path $tmp/nginx-$what;"
	done
	sed -e "s|listen 443 ssl http2;|listen unix:$tmp/nginx.sock ssl http2;|" \
		-e "s|/run/fuda-mykeyd/\([a-z]*\)\.sock|$tmp/\1/front.sock|" \
		-e "s|/etc/fuda-mykeyd/tls|$tmp/one/tls|; s|/var/lib/fuda-mykeyd|$tmp/one|" "$top/docs/mykey-nginx.conf"
	echo "}"
} >"$tmp/nginx.conf"
[ "$(grep -c "$tmp" "$tmp/nginx.conf")" -ge 8 ] || fail "the file has other places than this test knows"
nginx -p "$tmp" -c "$tmp/nginx.conf" </dev/null >"$tmp/out" 2>"$tmp/err" &
echo $! >"$tmp/nginx.pid"
becomes "nginx" test -S "$tmp/nginx.sock"
cat "$tmp/nginx.log" >>"$tmp/err"
ask() {
	want=$1
	path=$2
	shift 2
	get "$want" "https://localhost$path" --unix-socket nginx.sock "$@"
}
mykeyd_name=one

ask 200 /livez
ask 200 /readyz
ask 404 /metrics
# that it is asked for by nginx is no reason to tell nginx's clients what operations are told
ask 404 '//metrics'
ask 404 '/metrics?x'
ask 401 '/v1/challenge?purpose=bind'
json .code terminal_certificate_missing
set -- --cert t/certificate.pem --key t/key.pem
ask 200 '/v1/challenge?purpose=bind' "$@"
says out '"purpose":"bind"'
# what a client says of certificates is not believed
for name in Client-Cert Client-Cert-Pem client-cert; do
	ask 401 '/v1/challenge?purpose=bind' -H "$name: :$(grep -v -e - "$tmp/t/certificate.pem" | tr -d '\n'):"
	json .code terminal_certificate_missing
done
ask 200 '/v1/challenge?purpose=bind' "$@" -H 'Client-Cert: :AAAA:'
# a certificate of somebody else is judged by the service
ask 401 '/v1/challenge?purpose=bind' --cert one/tls.pem --key one/tls.key
json_lines "$tmp/out" | grep -q '^.code=terminal_' || fail "a foreign certificate has another code"
ask 401 /v1/mykeys --cert one/tls.pem --key one/tls.key -H 'Content-Type: application/json' -H 'Idempotency-Key: k' -d '{}'
json_lines "$tmp/out" | grep -q '^.code=terminal_' || fail "a foreign certificate has another code"
head -c 40000 /dev/zero | tr '\0' x >"$tmp/big"
ask 413 /v1/mykeys "$@" -H 'Content-Type: application/json' --data-binary @big

# one dies: nobody sees it
for i in 1 2 3 4; do
	ask 200 '/v1/challenge?purpose=bind' "$@"
done
mykeyd_kill one
for i in 1 2 3 4 5 6; do
	ask 200 '/v1/challenge?purpose=bind' "$@"
	ask 400 /v1/mykeys "$@" -H 'Content-Type: application/json' -H 'Idempotency-Key: k' -d '{}'
done
kill "$(cat "$tmp/nginx.pid")"
mykeyd_stop two
echo ok
