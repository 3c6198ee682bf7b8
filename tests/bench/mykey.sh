#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make bench, the platform's service: durable binds a second with a revocation list of MYKEY_ENTRIES (1,000,000) entries,
# at 64 connections, against what one core verifies in the same run; on PostgreSQL against SQLite; and what a steady 46
# a second take. The service is on one core, the load on the other. Loopback only, and it ends by itself.
#
# MYKEY_BINDS (8000) for each figure; MYKEY_SECONDS (60) of steady load, 600 in "make soak".
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/mykeyd.sh"
entries=${MYKEY_ENTRIES:-1000000} binds=${MYKEY_BINDS:-8000} seconds=${MYKEY_SECONDS:-60}
parts=${MYKEY_PARTS:-sqlite steady postgres}
[ "$(nproc)" -ge 2 ] || {
	echo "SKIP: two cores are needed, one for the service and one for the load"
	exit 77
}
bad=0

# limit WHAT VALUE least|most LIMIT
limit() {
	if awk -v v="$2" -v how="$3" -v l="$4" 'BEGIN { exit !(how == "least" ? v >= l : v <= l) }'; then
		verdict=ok
	else
		verdict=MISSED bad=1
	fi
	printf '%-66s %9s  (%s %s) %s\n' "$1" "$2" "$3" "$4" "$verdict"
}

# tell COMMAND...: what the load generator answers, in $said
tell() {
	before=$(wc -l <"$tmp/load.said")
	echo "$*" >&9
	until [ "$(wc -l <"$tmp/load.said")" -gt "$before" ]; do
		kill -0 "$load" 2>/dev/null || {
			cat "$tmp/load.wrong"
			fail "the load generator ended"
		}
		sleep 0.2
	done
	said=$(tail -n 1 "$tmp/load.said")
	# shellcheck disable=SC2086
	set -- $said
	shift
	said=$*
}

# word N: of what was said
word() {
	echo "$said" | cut -d ' ' -f "$1"
}

# service NAME WHERE: made, served on the first core, and with a terminal
service() {
	mykeyd_init "$1" --database "$2" --listen "unix:$tmp/$1.sock" --set "trust=$tmp/world/ca.pem" \
		--set "crl=$tmp/world/cards.crl"
	mykeyd_start "$1"
	taskset -a -c -p 0 "$(cat "$tmp/$1.pid")" >/dev/null
	mykeyd_terminal "$1" "$1-terminal" library
}

# figures NAME: in $rate, $p99; the best of three, as others may be at work on the machine
figures() {
	rate=0 p99=0
	for _ in 1 2 3; do
		tell bind "$tmp/$1.sock" "$tmp/$1-terminal/certificate.pem" "$binds" 64
		[ "$(word 4)" = 0 ] || {
			cat "$tmp/load.wrong"
			fail "$(word 4) binds failed"
		}
		[ "$(word 1)" -le "$rate" ] || {
			rate=$(word 1)
			p99=$(word 3)
		}
	done
}

# fill NAME: what the database keeps in memory (16 MB) is all there before memory is looked at
fill() {
	filled=$((3 * binds))
	while [ "$filled" -lt 24000 ]; do
		tell bind "$tmp/$1.sock" "$tmp/$1-terminal/certificate.pem" 8000 64
		filled=$((filled + 8000))
	done
}

mkdir "$tmp/world"
mkfifo "$tmp/load.tell"
taskset -c 1 "$build/tests/bench/mykey-load" "$tmp/world" "$entries" <"$tmp/load.tell" >"$tmp/load.said" \
	2>"$tmp/load.wrong" &
load=$!
exec 9>"$tmp/load.tell"
until grep -q made "$tmp/load.said"; do
	kill -0 $load
	sleep 0.2
done
echo "A MyKey service; revocation list of $entries entries:"
tell verify 3
verified=$(word 1)
echo "  verifications a second of one core (certificate, two RSA signatures, serial number): $verified"
case $parts in *sqlite*)
	service on-sqlite "sqlite:$tmp/on-sqlite/mykeyd.db"
	figures on-sqlite
	sqlite=$rate
	echo "  SQLite: $sqlite durable binds a second at 64 connections"
	limit "  of what one core verifies" "$(awk -v a="$sqlite" -v b="$verified" 'BEGIN { printf "%.3f", a / b }')" \
		least 0.333
	limit "  p99 in ms" "$p99" most 50
	;;
esac
case $parts in *steady*)
	fill on-sqlite
	tell steady "$tmp/on-sqlite.sock" "$tmp/on-sqlite-terminal/certificate.pem" 46 "$seconds" \
		"$(cat "$tmp/on-sqlite.pid")"
	limit "  46 binds a second for $seconds s: failures" "$(word 3)" most 0
	limit "  ... percent of a core" "$(word 1)" most 5
	limit "  ... p99 in ms" "$(word 2)" most 50
	limit "  ... memory at the end, of that at the beginning" \
		"$(awk -v a="$(word 5)" -v b="$(word 4)" 'BEGIN { printf "%.3f", a / b }')" most 1.05
	;;
esac
case $parts in *postgres*)
	if grep -q '^PQ_LIBS = ..*' Makefile; then
		mykeyd_stop on-sqlite
		. "$top/tests/postgres-env.sh"
		at_exit 'mykeyd_end; sh "$top/tests/scan.sh" "$tmp" || postgres_status=1; rm -rf "$tmp"'
		service on-postgres "$FUDA_TEST_POSTGRES"
		figures on-postgres
		echo "  PostgreSQL: $rate durable binds a second"
		limit "  of SQLite's" "$(awk -v a="$rate" -v b="$sqlite" 'BEGIN { printf "%.3f", a / b }')" least 0.5
		limit "  p99 in ms" "$p99" most 50
		mykeyd_stop on-postgres
	else
		echo "  PostgreSQL: not measured: built without it"
	fi
	;;
esac
exec 9>&-
exit $bad
