#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The service is killed again and again under load, at moments that nobody chooses. All that it answered is true
# afterwards, once: tests/mykey-crash asks for each answer again, and the tables and the audit trail agree with what it
# counted. FUDA_TEST_KILLS times (10); "make soak" does it 200 times. On SQLite, or the database FUDA_TEST_POSTGRES.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/mykeyd.sh"
kills=${FUDA_TEST_KILLS:-10}

# ask SQL: what the database says, fields with '|' between
ask() {
	case $where in
	sqlite:*) sqlite3 "$tmp/$name/mykeyd.db" "$1" ;;
	*) "$FUDA_TEST_POSTGRES_BIN/psql" -X -q -A -t -d "$where" -c "$1" ;;
	esac
}

# the line that the client ends with: what="resolve" gives the number behind "resolve="
counted() {
	sed -n "s/.*\<$1=\([0-9]*\).*/\1/p" "$tmp/$name.said"
}

same() {
	[ "$2" = "$3" ] || fail "$name: $1: $2, not $3"
}

# crash NAME WHERE
crash() {
	name=$1 where=$2
	mkdir "$tmp/$name-world"
	mkfifo "$tmp/$name.tell"
	"$build/tests/mykey-crash" "$tmp/$name-world" <"$tmp/$name.tell" >"$tmp/$name.said" 2>"$tmp/$name.wrong" &
	client=$!
	exec 9>"$tmp/$name.tell"
	n=0
	until grep -q made "$tmp/$name.said"; do
		n=$((n + 1))
		[ $n -lt 200 ] || fail "no cards"
		sleep 0.05
	done
	mykeyd_init "$name" --database "$where" --listen "unix:$tmp/$name.sock" \
		--set "trust=$tmp/$name-world/ca.pem" --set "crl=$tmp/$name-world/cards.crl"
	mykeyd_start "$name"
	mykeyd_terminal "$name" "$name-terminal" library
	echo "$tmp/$name.sock $tmp/$name-terminal/certificate.pem 16" >&9
	i=0
	while [ $i -lt "$kills" ]; do
		sleep "0.$(awk -v seed="$i$$" 'BEGIN { srand(seed); printf "%03d", 50 + rand() * 700 }')"
		mykeyd_kill "$name"
		mykeyd_start "$name"
		i=$((i + 1))
	done
	echo stop >&9
	exec 9>&-
	status=0
	wait "$client" || status=$?
	cat "$tmp/$name.wrong"
	tail -n 1 "$tmp/$name.said"
	[ $status = 0 ] || fail "$name: an answer was wrong, or is not what it was"
	check_tables
	mykeyd_stop "$name"
	daemon_in "$name" 0 audit verify
	rm -f "$tmp/$name.tell"
}

# Each acknowledged effect once, and none that was not acknowledged: the client does not stop before all is answered.
check_tables() {
	[ "$(counted answers)" -gt $((kills * 5)) ] || fail "$name: hardly any answer: the load was none"
	for action in bind resolve link change unlink expire; do
		same "audit rows of $action" "$(ask "SELECT count(*) FROM audit WHERE action = '$action'")" "$(counted $action)"
	done
	same "idempotency rows" "$(ask "SELECT count(*) FROM idem")" "$(counted answers)"
	same "MyKey IDs issued" "$(ask "SELECT count(*) FROM mykey")" $(($(counted bind) + $(counted change)))
	same "MyKey IDs expired" "$(ask "SELECT count(*) FROM mykey WHERE state = 'expired'")" \
		$(($(counted change) + $(counted expire)))
	same "holders with two" "$(ask "SELECT count(*) FROM (SELECT subject FROM mykey WHERE state = 'active'
		GROUP BY subject HAVING count(*) > 1) AS two")" 0
	same "pseudonyms" "$(ask "SELECT count(*) FROM link")" "$(counted resolve)"
	same "linked numbers" "$(ask "SELECT count(*) FROM link WHERE local_bidx IS NOT NULL")" \
		$(($(counted link) - $(counted unlink)))
	same "credentials without a holder" "$(ask "SELECT count(*) FROM credential WHERE subject NOT IN
		(SELECT id FROM subject)")" 0
	same "credentials" "$(ask "SELECT count(*) FROM credential")" "$(ask "SELECT count(*) FROM subject")"
}

command -v sqlite3 >/dev/null || { echo "SKIP: sqlite3 is not installed"; exit 77; }
crash service "${FUDA_TEST_POSTGRES:-sqlite:$tmp/service/mykeyd.db}"
