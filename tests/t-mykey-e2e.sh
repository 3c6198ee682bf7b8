#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From card to MyKey ID over all that a town would have: two cards in the readers of a PC/SC service, two terminals, nginx
# with the configuration that is shipped, two processes of the service behind it, and PostgreSQL. One process is killed
# between challenge and bind: the bind succeeds on the other.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/mykeyd.sh"
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || { echo "SKIP: nginx is not installed"; exit 77; }
PATH=$PATH:/usr/sbin
for part in PQ_LIBS PCSC_LIBS; do
	grep -q "^$part = ..*" Makefile || { echo "SKIP: built without $part"; exit 77; }
done
unset PCSCLITE_CSOCK_NAME
. "$top/tests/pcscd-env.sh"
. "$top/tests/postgres-env.sh"
at_exit 'mykeyd_end; sh "$top/tests/scan.sh" "$tmp" || pcscd_status=1; rm -rf "$tmp"'

# ---- cards ----

echo 1234 >"$tmp/pin"
fresh hanako
"$build/fuda-vcard" make "$tmp/taro" --authority "$tmp/hanako" --secrets "$top/tests/canaries/suite.secrets" \
	--person "$top/tests/canaries/suite.person" 2>/dev/null
"$build/fuda-vcard" make "$tmp/renewed" --authority "$tmp/hanako" --secrets "$top/tests/canaries/suite.secrets" \
	--person "$top/tests/canaries/suite.person" 2>/dev/null
"$build/fuda-vcard" crl "$tmp/hanako" >"$tmp/cards.crl"

# insert CARD PLACE: into the reader " 00 00" or " 00 01"
insert() {
	"$build/fuda-vcard" run "$tmp/$1" --vpcd "127.0.0.1:$((FUDA_TEST_PORT + $2))" >"$tmp/$1.played" 2>&1 &
	eval "played_$2=$!"
	at_exit "pcscd_stop $!"
	"$build/tests/bare-pcsc" card " 00 0$2" 5000 >/dev/null || fail "no card in reader $2"
}
insert hanako 0
insert taro 1

# ---- the service: two processes behind nginx ----

: >"$tmp/renewals"
mykeyd_init one --database "$FUDA_TEST_POSTGRES" --set "trust=$tmp/hanako/ca.pem" --set "crl=$tmp/cards.crl" \
	--set "renewal=csv:$tmp/renewals"
port=$mykeyd_port
sed -i "s|^listen = .*|listen = unix:$tmp/one.sock|" "$tmp/one/mykeyd.conf"
mykeyd_copy one two
sed -i "s|^listen = .*|listen = unix:$tmp/two.sock|" "$tmp/two/mykeyd.conf"
{
	echo "daemon off; pid $tmp/nginx.pid-file; error_log $tmp/nginx.log; worker_processes 1;"
	[ "$(id -u)" != 0 ] || echo "user root;"
	echo "events { worker_connections 256; } http { access_log off;"
	for place in client_body proxy fastcgi uwsgi scgi; do
		echo "${place}_temp_path $tmp/nginx-$place;"
	done
	sed -e "s|/run/fuda-mykeyd/|$tmp/|; s|/etc/fuda-mykeyd/|$tmp/one/|; s|/var/lib/fuda-mykeyd/|$tmp/one/|" \
		-e "s|listen 443 ssl http2;|listen 127.0.0.1:$port ssl http2;|; s|mykey.example|localhost|" \
		"$top/docs/mykey-nginx.conf"
	echo "}"
} >"$tmp/nginx.conf"
mykeyd_start one
mykeyd_start two
nginx -c "$tmp/nginx.conf" -e "$tmp/nginx.log" >/dev/null 2>&1 &
at_exit "pcscd_stop $!"
nginx_pid=$!
n=0
until curl -s --cacert "$tmp/one/ca.pem" "https://localhost:$port/version" >"$tmp/out" 2>"$tmp/err"; do
	n=$((n + 1))
	[ $n -lt 100 ] && kill -0 $nginx_pid || fail "nginx does not serve: $(cat "$tmp/nginx.log")"
	sleep 0.1
done
url=https://localhost:$port
mykeyd_terminal one library-desk library
mykeyd_terminal one bus-desk bus library

# at TERMINAL READER WORD...: what the holder has done at a terminal; in out
at() {
	terminal=$1 reader=$2
	shift 2
	run 0 mykey "$@" --terminal "$terminal" --reader "pcsc: 00 0$reader" --pin-file pin --json
}
# value KEY: of the report
value() {
	sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" "$tmp/out"
}

# ---- binds, resolves, links ----

at library-desk 0 bind
hanako=$(value mykey_id)
[ "$(value new)" = true ] || fail "a first bind is not new"
at bus-desk 1 bind
taro=$(value mykey_id)
[ "$hanako" != "$taro" ] || fail "two holders have one MyKey ID"
at bus-desk 0 bind
[ "$(value mykey_id)" = "$hanako" ] && [ "$(value new)" = false ] || fail "a second bind gives another MyKey ID"
at library-desk 0 resolve
in_library=$(value ppid)
at bus-desk 0 resolve --sector library
[ "$(value ppid)" = "$in_library" ] || fail "one holder has two pseudonyms in one sector"
at bus-desk 0 resolve --sector bus
in_bus=$(value ppid)
[ "$in_bus" != "$in_library" ] || fail "two sectors know a holder by the same pseudonym"
at library-desk 1 resolve
[ "$(value ppid)" != "$in_library" ] || fail "two holders have one pseudonym"
at library-desk 0 link L-20261120
at library-desk 0 resolve
[ "$(value local_number)" = L-20261120 ] || fail "the number that was linked is not told"
at bus-desk 0 resolve --sector bus
! grep -q L-20261120 "$tmp/out" || fail "a number of the library is told to the bus"
run 9 mykey resolve --sector bus --terminal library-desk --reader "pcsc: 00 00" --pin-file pin
run 9 mykey link L-20261120 --terminal library-desk --reader "pcsc: 00 01" --pin-file pin
at library-desk 0 unlink
at library-desk 0 resolve
[ "$(value ppid)" = "$in_library" ] || fail "a pseudonym changed when a number was taken away"

# ---- one process is killed between challenge and bind ----

# The client has its challenge when it asks for the PIN, which comes by a pipe. Whoever gave it is killed.
killed_between() {
	wc -l "$tmp/one.log" "$tmp/two.log" >"$tmp/before"
	mkfifo "$tmp/late"
	(cd "$tmp" && exec setsid "$fuda" mykey bind --terminal library-desk --reader "pcsc: 00 01" --pin-fd 3 --json 3<late \
		>late.out 2>late.err </dev/null) &
	client=$!
	exec 8>"$tmp/late"
	gave=
	n=0
	while [ -z "$gave" ]; do
		for p in one two; do
			skip=$(awk -v f="$tmp/$p.log" '$2 == f { print $1 }' "$tmp/before")
			! tail -n "+$((skip + 1))" "$tmp/$p.log" | grep -q '"route":"challenge"' || gave=$p
		done
		n=$((n + 1))
		[ $n -lt 100 ] || fail "nobody was asked for a challenge"
		sleep 0.05
	done
	mykeyd_kill $gave
	echo 1234 >&8
	exec 8>&-
	status=0
	wait $client || status=$?
	cp "$tmp/late.out" "$tmp/out"
	cp "$tmp/late.err" "$tmp/err"
	rm "$tmp/late"
	[ $status = 0 ] || fail "the bind ended with $status, when $gave was killed after its challenge"
	[ "$(value mykey_id)" = "$taro" ] || fail "another MyKey ID when $gave was killed"
	echo "$gave was killed after its challenge: the other one bound"
	mykeyd_start $gave
}
for _ in 1 2 3; do
	killed_between
done

# ---- a renewed card, and a revoked one ----

# serial CARD: behind the key identifier of its CA, of which there are two
serial() {
	openssl x509 -inform DER -in "$tmp/$1/jpki-000A.bin" -noout -ext authorityKeyIdentifier |
		sed -n '2{s/ *keyid://; s/[: ]//g; s/$/:/; p;}' | tr -d '\n'
	openssl x509 -inform DER -in "$tmp/$1/jpki-000A.bin" -noout -serial | sed 's/serial=//'
}
pcscd_stop "$played_0"
"$build/tests/bare-pcsc" empty " 00 00" 5000 >/dev/null || fail "the card stays in reader 0"
insert renewed 0
echo "$(serial renewed),$(serial hanako)" >>"$tmp/renewals"
"$build/fuda-vcard" crl "$tmp/hanako" "$tmp/hanako" "$tmp/taro" >"$tmp/new.crl"
mv "$tmp/new.crl" "$tmp/cards.crl"
mykeyd_revokes 2 one two
at library-desk 0 bind
[ "$(value mykey_id)" = "$hanako" ] && [ "$(value new)" = false ] || fail "a renewed card lost its MyKey ID"
at library-desk 0 resolve
[ "$(value ppid)" = "$in_library" ] || fail "a renewed card lost its pseudonym"
run 6 mykey bind --terminal library-desk --reader "pcsc: 00 01" --pin-file pin --json
grep -q '"result":"certificate_revoked"' "$tmp/out" || fail "it is not said that a card is revoked"

# ---- a terminal that is not allowed any more ----

run 0 terminal status --terminal bus-desk --json
daemon_in one 0 terminal suspend "$(value terminal)" --comment lost
sleep 6 # another process sees it after five seconds at most
run 9 mykey bind --terminal bus-desk --reader "pcsc: 00 00" --pin-file pin --json

mykeyd_stop two
mykeyd_stop one
daemon_in one 0 audit verify
