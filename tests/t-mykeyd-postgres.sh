#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda-mykeyd over PostgreSQL: made once, served by two processes, without its database for a while.
set -eu
srcdir=${srcdir:-.}
. "$srcdir/tests/cli.sh"
. "$srcdir/tests/mykeyd.sh"
grep -q '^PQ_LIBS = ..*' Makefile || {
	echo "SKIP: built without PostgreSQL"
	exit 77
}
command -v curl >/dev/null || {
	echo "SKIP: no curl"
	exit 77
}
. "$srcdir/tests/postgres-env.sh"
stopped=
go_on() {
	[ -z "$stopped" ] || kill -CONT $stopped 2>/dev/null || :
	stopped=
}
at_exit 'go_on; mykeyd_end; sh "$top/tests/scan.sh" "$tmp" || postgres_status=1; rm -rf "$tmp"'

# one that fails at the very end leaves the database to others
if [ "$(id -u)" = 0 ] && [ "$(cat /proc/self/loginuid 2>/dev/null || echo 4294967295)" = 4294967295 ]; then
	SUDO_UID=nobody
	export SUDO_UID
	daemon 9 init --folder late --environment test --origin https://localhost --database "$FUDA_TEST_POSTGRES"
	unset SUDO_UID
	says err 'no name'
	[ ! -e "$tmp/late" ] || fail "a failed init left something"
fi
fresh card
echo 1234 >"$tmp/pin"
mykeyd_init one --set crl_required=no --set "trust=$tmp/card/ca.pem" --database "$FUDA_TEST_POSTGRES"
[ ! -e "$tmp/one/mykeyd.db" ] || fail "there is an SQLite database"
daemon 6 init --folder second --environment test --origin https://localhost --database "$FUDA_TEST_POSTGRES"
says err 'another keystore'
[ ! -e "$tmp/second" ] || fail "a failed init left something"

mykeyd_start one
mykeyd_terminal one t library bus
run 0 mykey bind --terminal t -r virtual:card --pin-file pin --json
json .new true
id=$(json_lines "$tmp/out" | sed -n 's/^\.mykey_id=//p')
run 0 mykey resolve --sector library --terminal t -r virtual:card --pin-file pin --json
ppid=$(json_lines "$tmp/out" | sed -n 's/^\.ppid=//p')

# the other process knows what this one did, and what the database does not know nobody does
mykeyd_copy one two
mykeyd_start two
get 200 "$url/readyz"
get 200 "$ops/metrics"
grep -q '^mykey_db_size_bytes [1-9]' "$tmp/out" || fail "no size of the database"
mykeyd_kill one
sed -i "s/^listen = 127.*/listen = $(sed -n 's/^listen = //p' "$tmp/one/mykeyd.conf")/" "$tmp/two/mykeyd.conf"
mykeyd_stop two
mykeyd_start two
run 0 mykey bind --terminal t -r virtual:card --pin-file pin --json
json .new false
json .mykey_id "$id"
run 0 mykey resolve --sector library --terminal t -r virtual:card --pin-file pin --json
json .ppid "$ppid"

# without its database it is not ready, acknowledges nothing, and comes back by itself
ready() {
	[ "$(curl -s --max-time 5 -o "$tmp/out" -w '%{http_code}' "$ops/readyz")" = "$1" ]
}
sh "$FUDA_TEST_POSTGRES_CTL" stop immediate
becomes "word that the database is gone" ready 503
json '.reasons[0]' database
! (cd "$tmp" && "$fuda" mykey expire --yes --terminal t -r virtual:card --pin-file pin --timeout 5 --json </dev/null >out 2>err) ||
	fail "done without a database"
json .error EWAIT
json_lacks .tries_before # nobody was asked for a PIN
says err 'no database at present: nothing was done'
daemon_in two 1 org list
sh "$FUDA_TEST_POSTGRES_CTL" start
becomes "word that the database is back" ready 200
run 0 mykey show --terminal t -r virtual:card --pin-file pin --json
json .mykey_id "$id"
mykeyd_stop two
daemon_in two 0 org list

# told to stop while its database hangs, it does not wait for that
sed -i 's/^#*drain = .*/drain = 1/' "$tmp/two/mykeyd.conf"
mykeyd_start two
postmaster=$(head -n 1 "$FUDA_TEST_POSTGRES_DIR/data/postmaster.pid")
for pid in $(cat "/proc/$postmaster/task/$postmaster/children"); do
	kill -STOP "$pid"
	stopped="$stopped $pid"
done
(cd "$tmp" && exec curl -s --max-time 50 --cacert two/ca.pem --cert t/certificate.pem --key t/key.pem \
	"$url/v1/challenge?purpose=bind" >waiting.out 2>&1) &
waiting=$!
hangs() {
	curl -s --max-time 5 "$ops/metrics" | grep -q '^mykey_http_requests_open [1-9]'
}
becomes "a request that waits for the database" hangs
pid=$(cat "$tmp/two.pid")
begun=$(date +%s)
kill -TERM "$pid"
got=0
wait "$pid" || got=$?
rm -f "$tmp/two.pid"
[ $(($(date +%s) - begun)) -lt 30 ] || fail "stopping waited for the database"
[ $got = 8 ] || fail "it ended with $got"
says two.log 'the database does not answer'
go_on
wait $waiting || :
daemon_in two 0 audit verify
echo ok
