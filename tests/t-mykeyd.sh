#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda-mykeyd: making a service and serving it; what it refuses, what it tells of itself, how it ends.
set -eu
srcdir=${srcdir:-.}
. "$srcdir/tests/cli.sh"
. "$srcdir/tests/mykeyd.sh"
command -v curl >/dev/null || {
	echo "SKIP: no curl"
	exit 77
}

# ---- init ----

daemon 2 init --folder s
says err 'which environment'
daemon 2 init --folder s --environment test
says err 'where will terminals'
daemon 2 init --folder s --environment test --origin https://localhost surplus
daemon 2 init --folder s --environment test --origin https://localhost --set nonsense
daemon 2 init --folder s --environment 'Test it' --origin https://localhost
says err '--environment: "environment" is a word'
daemon 2 init --folder s --environment test --origin http://localhost
says err '--origin: "origin" is https'
daemon 2 init --folder s --environment test --origin https://localhost:65536
says err '--origin: "origin" is https'
daemon 2 init --folder s --environment test --origin https://localhost --set naught=1
says err '--set naught: There is no key "naught"'
daemon 2 init --folder s --environment test --origin https://localhost --set origin=https://other
says err '--set origin: "origin" is said twice'
daemon 2 init --folder s --environment test --origin https://localhost --set drain=1000
says err '--set drain: "drain" is a number'
daemon 2 init --folder s --environment test --origin https://localhost --listen nowhere
says err '--listen: "listen" is ADDRESS:PORT'
daemon 2 init --folder s --environment test --origin https://localhost --operations 0.0.0.0:0
says err '--operations: "operations" is 127.0.0.1:PORT'
daemon 1 init --folder s --environment test --origin https://localhost --set trust=no-such.pem
says err "$tmp/no-such.pem"
daemon 2 init --folder s --environment test --origin https://localhost --names 'a b'
daemon 1 init --folder s --environment test --origin https://localhost --database sqlite:/nowhere/at/all
# elsewhere as well: first for what is found before the database is made, then for what is found when it is there
daemon 1 init --folder s --environment test --origin https://localhost --database "sqlite:$tmp/elsewhere.db" --set trust=no-such.pem
daemon 1 init --folder s --environment test --origin https://localhost --database "sqlite:$tmp/elsewhere.db" --set renewal=csv:no-such.csv
if [ "$(id -u)" = 0 ] && [ "$(cat /proc/self/loginuid 2>/dev/null || echo 4294967295)" = 4294967295 ]; then
	SUDO_UID=nobody
	export SUDO_UID
	daemon 9 init --folder s --environment test --origin https://localhost --database "sqlite:$tmp/elsewhere.db"
	unset SUDO_UID
fi
for f in "$tmp"/elsewhere*; do
	[ ! -e "$f" ] || fail "a failed init left a database"
done
daemon 1 init --folder no/such/place --environment test --origin https://localhost
[ ! -e "$tmp/s" ] || fail "a failed init left something: $(ls "$tmp/s")"
mkdir "$tmp/full"
echo mine >"$tmp/full/file"
daemon 1 init --folder full --environment test --origin https://localhost
says err 'no empty folder'
[ "$(ls "$tmp/full")" = file ] || fail "init touched a folder that was not its own"
mkdir -m 755 "$tmp/empty"
daemon 2 init --folder empty --environment test --origin https://localhost --names 'a b'
[ "$(stat -c %a "$tmp/empty") $(ls -A "$tmp/empty")" = '755 ' ] || fail "a failed init did not leave the folder as it was"

daemon 0 init --folder "$tmp/s" --environment test --origin https://localhost:8443 --names other.example,10.0.0.1 --json
json .folder "$tmp/s"
json .result ok
silent err
[ "$(stat -c %a "$tmp/s")" = 700 ] || fail "the folder is for others, too"
for f in kek keystore ca.key tls.key mykeyd.conf mykeyd.db; do
	[ "$(stat -c %a "$tmp/s/$f")" = 600 ] || fail "$f is for others, too"
done
daemon 1 init --folder s --environment test --origin https://localhost --json
json .error EEXISTS
daemon_in s 0 config --json
json .origin https://localhost:8443
json '.listen[0]' 127.0.0.1:8443
# for tests, revoked cards may be accepted; elsewhere that is not done without a word
for e in test production; do
	rm -rf "$tmp/p"
	daemon 0 init --folder p --environment $e --origin https://localhost --set crl_required=no
	[ $e = production ] || ! grep -q 'Revoked cards' "$tmp/err" || fail "a test was warned of revoked cards"
done
says err 'Revoked cards are accepted'
# where it listens follows from the origin, whatever that is
port_of() { # ORIGIN LISTEN
	rm -rf "$tmp/p"
	daemon 0 init --folder p --environment test --origin "$1"
	says err "It will listen on $2, for this machine alone"
	daemon_in p 0 config --json
	json '.listen[0]' "$2"
}
port_of https://localhost 127.0.0.1:443
port_of https://mykey.example:8443 127.0.0.1:8443
port_of 'https://[::1]' 127.0.0.1:443
port_of 'https://[::1]:9443' 127.0.0.1:9443
rm -rf "$tmp/p"
daemon 0 init --folder p --environment test --origin https://localhost:1 --set listen=127.0.0.1:1
says_not err 'It will listen'
daemon_in p 0 config --json
json '.listen[0]' 127.0.0.1:1
json_lacks '.listen[1]'
rm -rf "$tmp/p"
# names of files are of where they are typed; who has a certificate gets none
echo none >"$tmp/own.pem"
daemon 0 init --folder p --environment test --origin https://localhost --listen unix:front.sock --database sqlite:data.db \
	--set tls_certificate=own.pem --set tls_key=own.key --set crl=a.crl --set crl=/b.crl
says_not err 'It will listen'
[ -f "$tmp/data.db" ] || fail "the database is somewhere else"
[ "$(cat "$tmp/own.pem")" = none ] && [ ! -e "$tmp/own.key" ] || fail "init made a certificate though there was one"
daemon_in p 0 config --json
json '.listen[0]' "unix:$tmp/front.sock"
json .tls_key "$tmp/own.key"
json '.crl[0]' "$tmp/a.crl"
json '.crl[1]' /b.crl
daemon_in p 0 org list
printf '%s\n' 'cv_trust = one.pem' 'cv_trust = two.pem' >>"$tmp/p/mykeyd.conf"
daemon_in p 0 config --json
json '.cv_trust[1]' p/two.pem
rm -rf "$tmp/p" "$tmp/data.db" "$tmp/own.pem"
daemon_in s 0 operator list --json
json '.operators[0].roles' admin,registrar,approver,auditor 2>/dev/null || says out admin

# ---- what serve refuses ----

echo 'nonsense = 1' >>"$tmp/s/mykeyd.conf"
daemon_in s 1 serve
says err 'no key "nonsense"'
daemon 1 serve --folder nowhere
says err 'nowhere/mykeyd.conf'
says_not err 'no --folder is given'
# who names no folder is told where it was looked for
if [ ! -e /var/lib/fuda-mykeyd ]; then
	for c in serve config 'org list' 'crl status'; do
		daemon 1 $c
		says err 'The service is looked for in /var/lib/fuda-mykeyd, since no --folder is given.'
	done
fi
daemon 2 serve surplus

mykeyd_init a --set crl_required=no
mykeyd_init b --set crl_required=no

# the database of one with the keys of another
cp "$tmp/a/mykeyd.db" "$tmp/keep.db"
cp "$tmp/b/mykeyd.db" "$tmp/a/mykeyd.db"
daemon_in a 6 serve
says err 'keys of another keystore'
daemon_in a 6 org list
cp "$tmp/keep.db" "$tmp/a/mykeyd.db"
# another environment
sed -i 's/^environment = .*/environment = production/' "$tmp/a/mykeyd.conf"
daemon_in a 6 serve
says err 'environment'
sed -i 's/^environment = .*/environment = test/' "$tmp/a/mykeyd.conf"
# no tables, and none at all
sed -i 's/^#database = .*/database = sqlite:other.db/' "$tmp/a/mykeyd.conf"
daemon_in a 1 serve
: >"$tmp/a/other.db"
daemon_in a 1 serve
says err "init"
sed -i 's/^database = .*/database = sqlite:mykeyd.db/' "$tmp/a/mykeyd.conf"
# keys
for f in kek keystore ca.key ca.pem tls.pem tls.key; do
	mv "$tmp/a/$f" "$tmp/kept"
	daemon_in a 1 serve
	says err "$f"
	mv "$tmp/kept" "$tmp/a/$f"
done
mv "$tmp/a/kek" "$tmp/kept"
cp "$tmp/b/kek" "$tmp/a/kek"
daemon_in a 6 serve
mv "$tmp/kept" "$tmp/a/kek"
chmod 644 "$tmp/a/keystore"
daemon_in a 3 serve
chmod 600 "$tmp/a/keystore"
# a database cannot get a second service; nor does init take a file that is there, by a link or not, nor make one by a link
cp "$tmp/b/mykeyd.db" "$tmp/b.db"
: >"$tmp/nothing.db"
ln -s nothing.db "$tmp/link.db"
ln -s not-there.db "$tmp/dangling.db"
for name in b nothing link dangling; do
	daemon 1 init --folder c --environment test --origin https://localhost --database "sqlite:$tmp/$name.db"
	says err "$name.db is there already"
	[ ! -e "$tmp/c" ] || fail "a failed init left something"
done
cmp "$tmp/b/mykeyd.db" "$tmp/b.db" && [ ! -s "$tmp/nothing.db" ] && [ ! -e "$tmp/not-there.db" ] ||
	fail "a failed init changed a database that was there"
# nor what SQLite would take for a part of a new one, and remove
for name in beside.db-wal beside.db-shm beside.db-journal; do
	echo mine >"$tmp/$name"
	daemon 1 init --folder c --environment test --origin https://localhost --database "sqlite:$tmp/beside.db"
	says err "/$name is there already"
	[ "$(cat "$tmp/$name") $(ls -d "$tmp/c" "$tmp"/beside* 2>/dev/null)" = "mine $tmp/$name" ] ||
		fail "a failed init removed what it did not make, or left something"
	rm "$tmp/$name"
done
daemon_in b 0 org list

# ---- what it tells ----

mykeyd_start a
get 200 "$url/livez"
json .live true
get 200 "$url/readyz"
json .ready true
get 200 "$url/version"
json .name fuda-mykeyd
get 404 "$url/metrics"
json .code not_found
get 404 "$url/"
get 404 "$url/v1"
get 404 "$url/v1/mykeys/"
get 404 "$url/livez/"
get 404 "$url/%6civez"
get 405 "$url/livez" -X POST -d x
grep -q -i "^allow: GET.\$" "$tmp/head" || fail "405 without what is allowed"
get 405 "$url/v1/mykeys"
grep -q -i "^allow: POST.\$" "$tmp/head" || fail "405 without what is allowed"
get 405 "$url/crl/terminals.crl" -X DELETE
grep -q -i "^allow: GET.\$" "$tmp/head" || fail "405 without what is allowed"
get 200 "$url/livez"
! grep -q -i "^allow:" "$tmp/head" || fail "what is allowed is told though nobody asked"
get 405 "$url/v1/challenge" -X POST -d x
get 401 "$url/v1/challenge?purpose=bind"
json .code terminal_certificate_missing
grep -qi '^content-type: application/problem+json' "$tmp/head" || fail "a problem without its type"
paths=$(sed -n 's/.*{ "[a-z]*", "\(\/v1\/[a-z:]*\)" }.*/\1/p' "$srcdir/src/service/rules.c")
[ -n "$paths" ] || fail "the sources have another table than this test reads"
for path in $paths; do
	get 401 "$url$path" -H 'Content-Type: application/json' -d '{}'
	json .code terminal_certificate_missing
done
get 200 "$ops/readyz"
get 200 "$ops/version"
get 404 "$ops/v1/challenge?purpose=bind"
get 404 "$ops/crl/terminals.crl"
get 404 "$ops/.well-known/est/cacerts"
get 200 "$url/crl/terminals.crl"
get 200 "$url/.well-known/est/cacerts"

# every line of the metrics is one that Prometheus takes, and each name has its type once
get 200 "$ops/metrics"
grep -qi '^content-type: text/plain; version=0.0.4' "$tmp/head" || fail "the type of the metrics"
awk '
	/^# HELP mykey_[a-z_]+ [^"\\]+$/ { next }
	/^# TYPE mykey_[a-z_]+ (counter|gauge|histogram|summary)$/ { if (type[$3]++) print "typed twice: " $0; last = $3; next }
	/^mykey_[a-z_]+(\{[a-z_]+="[A-Za-z0-9_.+]+"(,[a-z_]+="[A-Za-z0-9_.+]+")*\})? -?[0-9]+(\.[0-9]+)?$/ {
		name = $1; sub(/\{.*/, "", name); base = name; sub(/_(sum|count|bucket)$/, "", base)
		if (!(name in type) && !(base in type)) print "no type: " $0
		if (index(name, last) != 1) print "not behind its type: " $0
		if (seen[$1]++) print "twice: " $0
		next
	}
	{ print "no metric: " $0 }
' "$tmp/out" >"$tmp/bad"
[ ! -s "$tmp/bad" ] || fail "$(head -n 5 "$tmp/bad")"
for name in http_requests_total http_request_seconds_bucket queue_depth batch_size_count commit_seconds_sum binds_total \
	mykeys_active terminals cert_expiry_seconds audit_checkpoint_age_seconds db_size_bytes; do
	grep -q "^mykey_$name" "$tmp/out" || fail "no metric mykey_$name"
done
grep -q -x 'mykey_http_requests_total{route="other",code="404"} [0-9]*' "$tmp/out" || fail "paths that are nobody's are not counted"
grep -q -x 'mykey_ready 1' "$tmp/out" || fail "not ready"

# the log has these members and no others
grep '^{' "$tmp/a.log" >"$tmp/lines"
[ "$(grep -c '"route":"livez"' "$tmp/lines")" = 3 ] || fail "not a line for each request"
sed 's/"[^"]*":\("[^"]*"\|[0-9]*\)/&\n/g' "$tmp/lines" | sed -n 's/^[{,]*"\([^"]*\)":.*/\1/p' | sort -u >"$tmp/names"
printf '%s\n' code route status time trace us | cmp -s - "$tmp/names" || fail "members of the log: $(tr '\n' ' ' <"$tmp/names")"

# ---- signals ----

kill -HUP "$(cat "$tmp/a.pid")"
get 200 "$url/livez"
mykeyd_stop a
! grep -q event "$tmp/a.log" || fail "$(grep event "$tmp/a.log")"
! (cd "$tmp" && curl -sS --max-time 2 --cacert a/ca.pem "$url/livez" >out 2>err) || fail "it serves on"
mykeyd_start a
daemon_in a 3 serve --quiet
says err 'in use already'
mykeyd_stop a

# --quiet
(cd "$tmp" && exec setsid "$mykeyd" serve --folder a --quiet --ready-fd 3 3>q.ready 2>q.log </dev/null) &
echo $! >"$tmp/q.pid"
mykeyd_wait q
get 200 "$url/livez"
! grep -q '^{' "$tmp/q.log" || fail "--quiet logs what is well"
get 404 "$url/nowhere"
becomes 'a line of what went wrong' grep -q '"status":404' "$tmp/q.log"
mykeyd_stop q

# a descriptor that is none would be the database's
(cd "$tmp" && "$mykeyd" serve --folder a --ready-fd 3 3>&-) >"$tmp/out" 2>"$tmp/err" </dev/null && fail "served" || got=$?
[ "$got" = 2 ] || fail "status $got"
says err 'file descriptor 3 of --ready-fd is not open'
daemon_in a 0 report daily

# ---- what keeps it from being ready ----

sed -i 's/^crl_required = .*/crl_required = yes/' "$tmp/a/mykeyd.conf"
mykeyd_start a
says a.log "No CA of cards is named, so every card is refused"
says a.log "No revocation list is named, so every card is refused"
get 503 "$url/readyz"
json .ready false
json '.reasons[0]' revocation_info_stale
get 200 "$url/livez"
mykeyd_stop a
sed -i 's/^crl_required = .*/crl_required = no/; s/^#crl = .*/crl = none.crl/' "$tmp/a/mykeyd.conf"
mykeyd_start a
becomes "word of a revocation list that cannot be read" grep -q '"event":"revocation","message":"[^"]*none.crl' "$tmp/a.log"
mykeyd_stop a
says_not a.log 'No revocation list is named'

# of who issues mobile credentials, half of what it takes
fresh phone --kind wallet
half() {
	daemon 0 init --folder "$1" --environment test --origin https://localhost:1 --listen 127.0.0.1:0 "$2" "$3"
}
half lists --set "mdoc_crl=$tmp/phone/crl.pem"
says err "'mdoc_trust = FILE'"
half issuers --set "mdoc_trust=$tmp/phone/ca.pem"
says err "'mdoc_crl = FILE'"
daemon 0 init --folder both --environment test --origin https://localhost:1 --listen 127.0.0.1:0 \
	--set "mdoc_trust=$tmp/phone/ca.pem" --set "mdoc_crl=$tmp/phone/crl.pem"
says_not err mobile

# lists of the cards' CA as they grow old: told with their dates, and by the service that runs before it refuses cards
fresh card
(
	cd "$tmp"
	awk '/BEGIN/ { n++ } { print >("ca" n ".pem") }' card/ca.pem
	awk '/BEGIN/ { n++ } { print >("key" n ".pem") }' card/ca-keys.pem
	: >index.txt
	echo 01 >number
	printf '%s\n' '[ca]' 'default_ca = d' '[d]' 'database = index.txt' 'crlnumber = number' 'default_md = sha256' \
		'crl_extensions = x' '[x]' 'authorityKeyIdentifier = keyid:always' >ca.conf
)
now=$(date +%s)
aged() { # SECONDS from now of its beginning and its end
	(cd "$tmp" && openssl ca -gencrl -config ca.conf -cert ca2.pem -keyfile key1.pem -out aged.crl \
		-crl_lastupdate "$(date -u -d "@$((now + $1))" +%Y%m%d%H%M%SZ)" \
		-crl_nextupdate "$(date -u -d "@$((now + $2))" +%Y%m%d%H%M%SZ)" 2>ssl) || fail "$(cat "$tmp/ssl")"
}
when() {
	date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ
}
daemon 0 init --folder l --environment test --origin https://localhost:1 --listen 127.0.0.1:0 --operations 127.0.0.1:0 \
	--set trust=card/ca.pem --set crl=aged.crl
says_not err 'every card is refused'
day=86400
aged -$day $((2 * day))
daemon_in l 0 crl status --json
json '.cards[0].state' fresh
json '.cards[0].this_update' "$(when $((now - day)))"
json '.cards[0].next_update' "$(when $((now + 2 * day)))"
json '.cards[0].stale_from' "$(when $((now + 2 * day + 3600)))"
mykeyd_start l
get 200 "$ops/readyz"
mykeyd_stop l
says_not l.log revocation
aged $((-3 * day)) $((2 * day))
daemon_in l 0 crl status
says out 'past half of its life: fetch a newer one'
grep -q -x " *Next one due *$(when $((now + 2 * day)))" "$tmp/out" || fail "no date of the next list"
grep -q -x " *Cards are refused from *$(when $((now + 2 * day + 3600)))" "$tmp/out" || fail "no date of the end"
mykeyd_start l
becomes "word of a list past half of its life" grep -q '"event":"revocation","message":"[^"]*aged.crl is past half' "$tmp/l.log"
get 200 "$ops/readyz"
mykeyd_stop l
says_not l.log 'Cards are refused'
aged $((-3 * day)) -3700
daemon_in l 6 crl status
says out 'too old: cards are refused'
mykeyd_start l
says l.log "'fuda-mykeyd crl status --folder l' says which"
becomes "word of a list that is too old" grep -q '"event":"revocation","message":"[^"]*aged.crl is too old' "$tmp/l.log"
get 503 "$ops/readyz"
json '.reasons[0]' revocation_info_stale
mykeyd_stop l
# one that cannot be read keeps it from nothing but cards; nor is that hushed up because a responder is asked
rm "$tmp/aged.crl"
mykeyd_start l
becomes "word of a list that is not there" grep -q '"event":"revocation","message":"[^"]*aged.crl: It cannot be read' "$tmp/l.log"
get 503 "$ops/readyz"
json '.reasons[0]' revocation_info_stale
aged -$day $((2 * day))
kill -HUP "$(cat "$tmp/l.pid")"
becomes "a list that came" curl -sS -f -o "$tmp/out" "$ops/readyz"
mykeyd_stop l
rm "$tmp/aged.crl"
sed -i 's|^#ocsp = .*|ocsp = http://127.0.0.1:1/|' "$tmp/l/mykeyd.conf"
mykeyd_start l
becomes "word of a list beside a responder" grep -q '"event":"revocation","message":"[^"]*aged.crl: It cannot be read' "$tmp/l.log"
mykeyd_stop l
sed -i 's|^ocsp = .*|#ocsp =|' "$tmp/l/mykeyd.conf"
aged $((-3 * day)) -3700
sed -i 's/^#crl_required = .*/crl_required = no/' "$tmp/l/mykeyd.conf"
daemon_in l 6 crl status
says out 'too old; cards are accepted (crl_required = no)'
rm "$tmp/aged.crl"
daemon_in l 6 crl status
says out 'cannot be used; cards are accepted (crl_required = no)'

# a database of yesterday: the heads that were signed since are not in it
daemon 0 init --folder d --environment test --origin https://localhost:1 --listen 127.0.0.1:0 --operations 127.0.0.1:0 \
	--set crl_required=no
cp "$tmp/d/mykeyd.db" "$tmp/yesterday.db"
mykeyd_start d
becomes "signed heads" test -s "$tmp/d/checkpoints.jsonl"
mykeyd_stop d
mykeyd_start d
get 200 "$ops/readyz"
mykeyd_stop d
cp "$tmp/yesterday.db" "$tmp/d/mykeyd.db"
rm -f "$tmp/d/mykeyd.db-wal" "$tmp/d/mykeyd.db-shm"
mykeyd_start d
get 503 "$ops/readyz"
json '.reasons[0]' audit_broken
get 200 "$ops/metrics"
grep -q -x 'mykey_audit_broken 1' "$tmp/out" || fail "no alarm"
becomes "word of the next step" grep -q '"event":"checkpoint","message":"[^"]*accept-loss' "$tmp/d.log"
# nothing is signed on over it; the operator says that it is lost, and then it serves
cp "$tmp/d/checkpoints.jsonl" "$tmp/outside"
daemon 6 audit checkpoint --folder d
says err 'audit verify'
daemon 6 audit verify --folder d
says err 'accept-loss'
daemon 2 audit accept-loss --folder d
daemon 0 audit accept-loss --folder d --comment 'the disk "died"' --json
json .lost 3 # that of the first start, and one of each end
json_lacks .last_checkpoint # none was signed before
cmp "$tmp/outside" "$tmp"/d/checkpoints.lost-*.jsonl || fail "the lost checkpoints were not kept"
[ "$(wc -l <"$tmp/d/checkpoints.jsonl")" = 1 ] || fail "not the one checkpoint that is signed behind the loss"
daemon 0 audit query --folder d --action audit-accept-loss
says out 'the disk'
daemon 1 audit accept-loss --folder d --comment again
says err 'nothing is lost'
mykeyd_stop d
mykeyd_start d
get 200 "$ops/readyz"
mykeyd_stop d
daemon 0 audit verify --folder d
# nor does it help to take the file away: it is to be put back, or said to be lost
mv "$tmp/d/checkpoints.jsonl" "$tmp/outside"
mykeyd_start d
get 503 "$ops/readyz"
json '.reasons[0]' audit_broken
becomes "word of the file" grep -q '"event":"checkpoint","message":"There is no checkpoint in [^"]*accept-loss' "$tmp/d.log"
daemon 6 audit checkpoint --folder d
says err 'put that file back'
mykeyd_stop d
[ ! -e "$tmp/d/checkpoints.jsonl" ] || fail "signed on without the checkpoints outside"
cp "$tmp/outside" "$tmp/d/checkpoints.jsonl"
mykeyd_start d
get 200 "$ops/readyz"
mykeyd_stop d
rm "$tmp/d/checkpoints.jsonl"
daemon 0 audit accept-loss --folder d --comment 'that disk, too' --json
json .lost 0
mykeyd_start d
get 200 "$ops/readyz"
mykeyd_stop d
daemon 0 audit verify --folder d

# ---- page and program ----

"$mykeyd" --list-commands >"$tmp/commands"
page=$top/tools/fuda-mykeyd.1
while read -r c; do
	word=${c%% *}
	grep -q -x "\.Ss $c" "$page" || grep -q -x "\.Ss $word" "$page" || fail "the page has no section $c"
	"$mykeyd" $c --help | sed -n -E 's/^  (-(.),|   ) --([a-z-]+)( ([^ ]+))?  .*/\2 \3 \5/p' |
		grep -v -E '^ ?(folder DIR|v? ?(json|verbose|help) |h help )' | grep -v -E ' (folder|json|verbose|help) ' | sort >"$tmp/help"
	awk -v a=".Ss $c" -v b=".Ss $word" '/^\.S[sh] / { on = $0 == a || $0 == b } on' "$page" |
		sed -n -E 's/^\.It (Fl (.)( Ar ([^ ]+))? , )?Fl -([a-z-]+)( Ar (.*))?$/\2 \5 \7/p' | sort >"$tmp/page"
	diff "$tmp/help" "$tmp/page" || fail "options of $c: help (<) and page (>) differ"
done <"$tmp/commands"
# completion: what bash would offer
if command -v bash >/dev/null; then
	cat >"$tmp/complete" <<'END'
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_fuda_mykeyd
printf '%s\n' "${COMPREPLY[@]}"
END
	offers() {
		want=$1
		shift
		bash "$tmp/complete" "$top/tools/completion/fuda-mykeyd" "$mykeyd" "$@" >"$tmp/out" 2>"$tmp/err" || fail "completion of $*"
		grep -q -x -e "$want" "$tmp/out" || fail "completion of '$*' does not offer $want"
		silent err
	}
	offers serve s
	offers sector help s
	offers --origin init --or
	offers approve terminal a
	offers add org ''
	offers approved terminal --state a
	offers renew tls ''
	offers status tls s
	offers accept-loss audit a
	offers join mykey ''
	offers --names tls renew --n
	offers registrar operator add someone --roles r
	offers registrar,approver operator add someone --roles registrar,ap
	offers registrar,approver operator add someone --roles = registrar,ap
	! bash "$tmp/complete" "$top/tools/completion/fuda-mykeyd" "$mykeyd" operator add a --roles admin, | grep -q 'admin,admin' ||
		fail "completion offers a role twice"
	# names are of the service; who cannot read its folder is not asked about
	daemon_in b 0 org add 'Town A'
	daemon_in b 0 org add 'Town "B"'
	daemon_in b 0 org add Village
	daemon_in b 0 sector add library --org 'Town A'
	offers 'Town A' sector add x --folder "$tmp/b" --org ''
	offers Village sector add x --folder = "$tmp/b" --org V
	! grep -q 'Town' "$tmp/out" || fail "completion offers what begins otherwise"
	offers library terminal code --folder "$tmp/b" --sector l
	bash "$tmp/complete" "$top/tools/completion/fuda-mykeyd" "$mykeyd" sector add x --folder "$tmp/nowhere" --org '' \
		>"$tmp/out" 2>"$tmp/err"
	silent err
	[ -z "$(tr -d '\n' <"$tmp/out")" ] || fail "completion of a service that is not there"
	(cd "$tmp" && bash complete "$top/tools/completion/fuda-mykeyd" "$mykeyd" serve --folder a) >"$tmp/out" 2>"$tmp/err"
	grep -q -x a "$tmp/out" && ! grep -q -x yesterday.db "$tmp/out" || fail "completion of --folder does not offer folders"
fi

# no core of what it has in memory, and files for all connections, whatever it was started with
ulimit -Sn 200
if [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 1500 ]; then
	mykeyd_start b
	awk '/^Max open files/ && $4 >= 1024 + 200 { n++ } /^Max core file size/ && $5 == 0 { n++ } END { exit n != 2 }' \
		"/proc/$(cat "$tmp/b.pid")/limits" || fail "its limits: $(grep -e open -e core "/proc/$(cat "$tmp/b.pid")/limits")"
	! grep -q LimitNOFILE "$tmp/b.log" || fail "a warning of a limit that was raised"
	mykeyd_stop b
fi
(
	ulimit -Hn 200
	mykeyd_start b
	grep -q LimitNOFILE "$tmp/b.log" || fail "no warning of a limit that cannot be raised"
	mykeyd_stop b
) || exit 1

daemon_in b 0 config
says out 'ok (the form of it'
grep -v '^Result ' "$tmp/out" | sed 's/ .*//' | grep -v '^$' | sort -u | while read -r key; do
	grep -E '^\.It Cm' "$page" | grep -q -w -e "$key" || fail "the page has no key $key"
done
echo ok
