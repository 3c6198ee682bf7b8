# SPDX-License-Identifier: Apache-2.0
# For tests that need the platform's service: sourced behind tests/cli.sh. Services are made in its scratch folder, and
# stopped at the end of the test.
#
#   mykeyd_init NAME [OPTION...]    makes the service $tmp/NAME, on a port of its own; options as of "fuda-mykeyd init"
#   mykeyd_copy NAME COPY           a folder $tmp/COPY for one more process of the same service, with its database
#   mykeyd_start NAME               serves what is in that folder; sets $url and $ops; its standard error is $tmp/NAME.log,
#                                   its process $(cat "$tmp/NAME.pid")
#   mykeyd_stop NAME                stops that process, which must end with 0
#   mykeyd_kill NAME                ends it by SIGKILL
#   mykeyd_revokes COUNT NAME...    has the processes read their revocation list, which has so many entries now
#   daemon STATUS ARGUMENT...       calls fuda-mykeyd in $tmp; output in out and err
#   daemon_in NAME STATUS WORD...   the same with --folder NAME

mykeyd=$build/fuda-mykeyd
[ -x "$mykeyd" ] || {
	echo "SKIP: built without the platform's service"
	exit 77
}
trap 'mykeyd_end; end' EXIT

# Gives the status that the test ends with, for who comes next.
mykeyd_end() {
	mykeyd_status=$?
	for f in "$tmp"/*.pid; do
		[ ! -e "$f" ] || kill -KILL "$(cat "$f")" 2>/dev/null || :
	done
	return $mykeyd_status
}

daemon() {
	want=$1
	shift
	got=0
	(cd "$tmp" && setsid -w "$mykeyd" "$@" <"${input:-/dev/null}" >out 2>err) || got=$?
	[ "$got" = "$want" ] || fail "exit status $got, not $want: fuda-mykeyd $*"
}

daemon_in() {
	mykeyd_name=$1
	want_status=$2
	shift 2
	daemon "$want_status" "$@" --folder "$mykeyd_name"
}

# The origin has the port, which is known when one was given: so it is asked for by serving once.
mykeyd_init() {
	mykeyd_name=$1
	shift
	daemon 0 init --folder "$mykeyd_name" --environment test --origin https://localhost:1 --listen 127.0.0.1:0 \
		--operations 127.0.0.1:0 "$@"
	mykeyd_start "$mykeyd_name"
	mykeyd_stop "$mykeyd_name"
	mykeyd_port=${url##*:}
	sed -i "s/^origin = .*/origin = https:\\/\\/localhost:$mykeyd_port/; s/^listen = 127.*/listen = 127.0.0.1:$mykeyd_port/" \
		"$tmp/$mykeyd_name/mykeyd.conf"
}

# It has other ports and sockets, and the same origin: as behind one name.
mykeyd_copy() {
	cp -R "$tmp/$1" "$tmp/$2"
	rm -f "$tmp/$2"/mykeyd.db* "$tmp/$2"/*.sock "$tmp/$2"/*.lock
	sed -i "s/^listen = 127.*/listen = 127.0.0.1:0/; s|^#database = .*|database = sqlite:$tmp/$1/mykeyd.db|
		s|^#checkpoint_file = .*|checkpoint_file = $tmp/$1/checkpoints.jsonl|" "$tmp/$2/mykeyd.conf"
}

mykeyd_start() {
	mykeyd_name=$1
	: >"$tmp/$1.ready"
	(cd "$tmp" && exec setsid "$mykeyd" serve --folder "$1" --ready-fd 3 3>"$1.ready" 2>"$1.log" >"$1.stdout" </dev/null) &
	echo $! >"$tmp/$1.pid"
	mykeyd_wait "$1"
	url=https://localhost:$(sed -n 's/^listening on https:.*:\([0-9]*\)$/\1/p' "$tmp/$1.log" | head -n 1)
	ops=$(sed -n 's/^listening on \(http:.*\)/\1/p' "$tmp/$1.log")
}

mykeyd_wait() {
	n=0
	until [ -s "$tmp/$1.ready" ]; do
		n=$((n + 1))
		kill -0 "$(cat "$tmp/$1.pid")" 2>/dev/null && [ $n -lt 200 ] || {
			sed 's/^/  log: /' "$tmp/$1.log" | head -n 20
			fail "the service $1 did not start"
		}
		sleep 0.05
	done
}

mykeyd_stop() {
	mykeyd_pid=$(cat "$tmp/$1.pid")
	kill -TERM "$mykeyd_pid"
	got=0
	wait "$mykeyd_pid" || got=$?
	rm -f "$tmp/$1.pid"
	[ $got = 0 ] || {
		sed 's/^/  log: /' "$tmp/$1.log" | tail -n 20
		fail "the service $1 ended with $got"
	}
}

mykeyd_revokes() {
	mykeyd_entries="mykey_crl_entries{list=\"0\"} $1"
	shift
	for mykeyd_name in "$@"; do
		kill -HUP "$(cat "$tmp/$mykeyd_name.pid")"
		mykeyd_ops=$(sed -n 's/^listening on \(http:.*\)/\1/p' "$tmp/$mykeyd_name.log")
		becomes "list in $mykeyd_name with $mykeyd_entries" mykeyd_has
	done
}
mykeyd_has() {
	curl -sS "$mykeyd_ops/metrics" | grep -q -F -x "$mykeyd_entries"
}

mykeyd_kill() {
	mykeyd_pid=$(cat "$tmp/$1.pid")
	kill -KILL "$mykeyd_pid"
	wait "$mykeyd_pid" 2>/dev/null || :
	rm -f "$tmp/$1.pid"
}

# get STATUS URL [OPTION...]: what curl gets, in out, its head in head; the service is called $name (or the last started)
get() {
	want=$1
	address=$2
	shift 2
	got=$(cd "$tmp" && curl -sS --max-time 10 --cacert "$mykeyd_name/ca.pem" -o out -D head -w '%{http_code}' "$@" "$address" \
		2>err) || fail "curl $*: $address"
	[ "$got" = "$want" ] || fail "HTTP status $got, not $want: $* $address"
}

# mykeyd_terminal SERVICE NAME SECTOR...: a terminal of the running service in the folder $tmp/NAME, approved and with its
# certificate; organisation and sectors are made if they are not there
mykeyd_terminal() {
	mykeyd_service=$1
	mykeyd_terminal=$2
	shift 2
	daemon_in "$mykeyd_service" 0 org list --json
	grep -q '"豊川市"' "$tmp/out" || daemon_in "$mykeyd_service" 0 org add 豊川市
	for sector in "$@"; do
		daemon_in "$mykeyd_service" 0 sector list --json
		grep -q "\"$sector\"" "$tmp/out" || daemon_in "$mykeyd_service" 0 sector add "$sector" --org 豊川市
		set -- "$@" --sector "$sector"
		shift
	done
	daemon_in "$mykeyd_service" 0 terminal code --org 豊川市 --place 窓口 "$@" --json
	sed -n 's/.*"code":"\([^"]*\)".*/\1/p' "$tmp/out" >"$tmp/code"
	run 0 terminal enrol --terminal "$mykeyd_terminal" --server "$url" --ca "$mykeyd_service/ca.pem" --code-file code --json
	mykeyd_hash=$(sed -n 's/.*"request":"\([^"]*\)".*/\1/p' "$tmp/out")
	daemon_in "$mykeyd_service" 0 terminal list --state applied --json
	mykeyd_id=$(tr '{' '\n' <"$tmp/out" | sed -n "s/.*\"id\":\"\([^\"]*\)\".*\"csr_sha256\":\"$mykeyd_hash\".*/\1/p")
	daemon_in "$mykeyd_service" 0 terminal approve "$mykeyd_id" --csr-hash "$mykeyd_hash" --comment 'seen at the counter'
	run 0 terminal status --terminal "$mykeyd_terminal" --json
	json .state active
}
