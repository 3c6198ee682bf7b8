#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mykey and terminal against the platform's own service: from a card to a MyKey ID and its pseudonyms, and what is
# said when it does not work.
set -eu
srcdir=${srcdir:-.}
. "$srcdir/tests/cli.sh"
needs_mykey
. "$srcdir/tests/mykeyd.sh"
fresh card
echo 1234 >"$tmp/pin"
echo 4321 >"$tmp/wrong"
mykeyd_init s --set crl_required=no --set "trust=$tmp/card/ca.pem"
mykeyd_start s

# mykey STATUS TERMINAL ARGUMENT...: as JSON, with the card and its PIN
mykey() {
	want_status=$1
	at=$2
	shift 2
	run "$want_status" mykey "$@" --terminal "$at" -r virtual:card --pin-file pin --json
}

# value KEY: of the report that json looked at last
value() {
	sed -n "s/^\.$1=//p" "$tmp/lines"
}

# ---- enrolment ----

run 1 terminal status --terminal t
says err 'no such folder'
says err 'fuda terminal enrol'
run 1 mykey bind --terminal t -r virtual:card --pin-file pin
says err 'fuda terminal enrol'
# what a terminal would obey is not shown: escapes, C1, line separators, marks of direction
run 1 terminal status --terminal "$(printf 'a\033b\302\233c\342\200\250d\342\200\256e\342\201\246f\330\234g\342\200\224h')"
says err "$(printf 'a?b?c?d?e?f?g\342\200\224h')"
run 2 terminal enrol --terminal t --server "$url"
says err '--ca is missing'
run 2 terminal enrol --terminal t --ca s/ca.pem
says err '--server is missing'
run 1 mykey show -r virtual:card --pin-file pin
says err "$HOME/.config/fuda/terminal: there is no such folder"
says err 'Without --terminal'
run 2 terminal enrol --terminal t --server "$url" --ca s/ca.pem
says err '--code-file'
echo WRONG-CODE >"$tmp/code"
run 2 terminal enrol --terminal t --server http://localhost --ca s/ca.pem --code-file code
run 1 terminal enrol --terminal t --server "$url" --ca nowhere.pem --code-file code
run 1 terminal enrol --terminal t --server "$url" --ca s/ca.pem --code-file nowhere
: >"$tmp/empty"
run 2 terminal enrol --terminal t --server "$url" --ca s/ca.pem --code-file empty
# by another name than its own the service cannot be used
run 6 terminal enrol --terminal t --server "https://127.0.0.1:${url##*:}" --ca s/ca.pem --code-file code --json
json .error EVERIFY
says err "--server $url;"
[ ! -e "$tmp/t" ] || fail "a mistake left a folder"
# nor does an address where nobody is; one that never took the request does not keep the folder from the right one
run 9 terminal enrol --terminal t --server https://localhost:1 --ca s/ca.pem --code-file code
[ ! -e "$tmp/t" ] || fail "an address where nobody is left a folder"
run 9 terminal enrol --terminal t --server "$url" --ca s/ca.pem --code-file code
cp "$tmp/t/key.pem" "$tmp/vain.pem"
sed -i 's/^server = .*/server = https:\/\/localhost:1/' "$tmp/t/terminal.conf"
run 9 terminal enrol --terminal t --server "$url" --ca s/ca.pem --code-file code
says err 'does not know this code'
! cmp -s "$tmp/t/key.pem" "$tmp/vain.pem" || fail "the key that went elsewhere is used again"
says_not err WRONG
# what was begun waits for a better code; it is the same request
run 9 terminal status --terminal t --json
json .state unknown
json .error EREFUSED
json .request
request=$(value request)
mykey 9 t bind
says out 'no certificate yet'
json_lacks .tries_before

daemon_in s 0 org add 豊川市
daemon_in s 0 sector add library --org 豊川市
daemon_in s 0 sector add bus --org 豊川市
daemon_in s 0 terminal code --org 豊川市 --place 窓口 --sector library --sector bus --json
sed -n 's/.*"code":"\([^"]*\)".*/\1/p' "$tmp/out" >"$tmp/code"
run 0 terminal enrol --terminal t --server "$url" --ca s/ca.pem --code-file code
says out 'waits for an operator'
says err "$(echo "$request" | cut -c 1-4) $(echo "$request" | cut -c 5-8)"
says err 'Tell the operator'
[ "$(stat -c %a "$tmp/t/code")" = 600 ] || fail "others can read the code"
# a service that took the request keeps the folder
run 1 terminal enrol --terminal t --server https://localhost:1 --ca s/ca.pem --code-file code
says err 'applies to'
run 0 terminal status --terminal t --json
json .state applied
json_lacks .answer
json .request "$request"
json .retry_at
daemon_in s 0 terminal list --state applied --json
id=$(tr '{' '\n' <"$tmp/out" | sed -n "s/.*\"id\":\"\([^\"]*\)\".*\"csr_sha256\":\"$request\".*/\1/p")
[ -n "$id" ] || fail "the operator does not see the request that is shown at the terminal"
daemon_in s 0 terminal approve "$id" --csr-hash "$request" --comment 'seen at the counter'
run 0 terminal status --terminal t --json
json .state active
json .terminal "$id"
json .environment test
json .server "$url"
json .not_after
json .organisation 豊川市
json .place 窓口
json '.sectors[0]' bus
json '.sectors[1]' library
json .tap false
json_lacks .request
[ ! -e "$tmp/t/code" ] || fail "the code is still there"
run 1 terminal enrol --terminal t --server "$url" --ca s/ca.pem --code-file code
says err 'has its certificate'
says err '--terminal'
says_not err 'open the terminal'
mykeyd_terminal s u library
for mode in 770 702; do
	chmod $mode "$tmp/t"
	mykey 1 t show
	says err 'written to by others'
	json_lacks .tries_before
done
chmod 755 "$tmp/t"
run 0 terminal status --terminal t
chmod 700 "$tmp/t"

# waiting for the operator: it shows what he compares meanwhile, and ends when told to
daemon_in s 0 terminal code --org 豊川市 --place 窓口 --sector bus --json
sed -n 's/.*"code":"\([^"]*\)".*/\1/p' "$tmp/out" >"$tmp/code"
(cd "$tmp" && exec setsid "$fuda" terminal enrol --terminal w --server "$url" --ca s/ca.pem --code-file code --wait --json \
	>w.out 2>w.err </dev/null) &
waiting=$!
becomes 'application' grep -q 'Tell the operator' "$tmp/w.err"
kill -TERM $waiting
got=0
wait $waiting || got=$?
[ $got = 8 ] || fail "waiting ended with $got"
mv "$tmp/w.out" "$tmp/out"
json .state applied
json .error ECANCELLED
run 0 terminal status --terminal w --json
json .state applied

# ---- a MyKey ID ----

mykey 9 t show
json .result not_bound
mykey 0 t bind
json .result ok
json .new true
json .mykey_id
json .tries_before 3
json .tries_after 3
json .reader virtual:card
json_lacks .world # the service judged
mykey_id=$(value mykey_id)
echo "$mykey_id" | grep -q '^[A-Z0-9]\{8\}$' || fail "no MyKey ID: $mykey_id"
for at in t u; do
	mykey 0 $at bind
	json .mykey_id "$mykey_id"
	json .new false
	mykey 0 $at show
	json .mykey_id "$mykey_id"
	json .issued
done
run 0 mykey show --terminal t -r virtual:card --pin-file pin
says out "$mykey_id"
silent err

# ---- pseudonyms and numbers ----

# what sector it is about is known before a PIN is asked for
mykey 9 t resolve
says out '(sector_missing)'
json_lacks .tries_before
mykey 9 u resolve --sector bus
says out '(sector_not_allowed)'
json_lacks .tries_before
mykey 9 t link 1200345 --sector nosuch
says out '(sector_not_allowed)'
json_lacks .tries_before
mykey 0 t resolve --sector library
json .sector library
json_lacks .local_number
library=$(value ppid)
mykey 0 t resolve --sector bus
json .sector bus
[ "$library" != "$(value ppid)" ] || fail "two sectors see one pseudonym"
mykey 0 u resolve
json .ppid "$library"
run 2 mykey link --terminal t -r virtual:card --pin-file pin
for number in '' "$(printf '1\t2')" "$(printf '\377')"; do
	mykey 2 t link "$number" --sector library
	json_lacks .tries_before
done
says err '1 to 64 characters'
mykey 0 t link 1200345 --sector library
json .ppid "$library"
json .local_number 1200345
mykey 0 u resolve
json .local_number 1200345
mykey 9 t link 1200346 --sector library
json .result already_linked
mykey 0 t resolve --sector bus
json_lacks .local_number
mykey 0 u unlink
mykey 9 u unlink
json .result not_linked
mykey 0 u resolve
json .ppid "$library"
json_lacks .local_number

# ---- a person takes longer than a challenge lives ----

mkfifo "$tmp/typed"
before=$(grep -c '"route":"challenge","status":200' "$tmp/s.log")
challenges() {
	[ "$(grep -c '"route":"challenge","status":200' "$tmp/s.log")" -ge $((before + $1)) ]
}
(cd "$tmp" && exec "$fuda" mykey show --terminal t -r virtual:card --pin-fd 4 --json 4<>typed >slow.out 2>err) &
slow=$!
becomes 'challenge' challenges 1
sleep 3 # the time that counts here
cat "$tmp/pin" >"$tmp/typed"
wait $slow || fail "show ended with $?"
challenges 2 || fail "a challenge that had waited was signed"

# ---- change and expire ----

mykey 2 t change --wish short
says err '8 letters and digits'
json_lacks .tries_before # nobody was asked for a PIN
mykey 9 t change --wish "$mykey_id"
json .result wish_unchanged
mykey 0 t change --wish KAWA2345
json .mykey_id KAWA2345
json .generated false
mykey 9 t change --wish "$mykey_id" # never again, to nobody
json .result wish_taken
json .tries_left
says err 'wish'
mykey 0 t change
json .generated true
run 2 mykey expire --terminal t -r virtual:card --pin-file pin
says err '--yes'
mykey 0 t show
mykey 0 t expire --yes
json .expired
mykey 9 t expire --yes
mykey 0 t bind
json .new true

# ---- what surroundings say of TLS ----

export SSLKEYLOGFILE="$tmp/tls-keys" https_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1
mykey 0 t show
unset SSLKEYLOGFILE https_proxy ALL_PROXY
[ ! -e "$tmp/tls-keys" ] || fail "the keys of a connection were written to a file"

# ---- what costs a try, and what does not ----

run 4 mykey bind --terminal t -r virtual:card --pin-file wrong --json
json .tries_after 2
json_lacks .result
mykey 0 t show
json .tries_after 3
run 3 mykey bind --terminal t -r virtual:nowhere --pin-file pin
# a card that no service could take, by its time or its kind: known before a PIN is asked for
# unasked CARD RESULT WORD...: told as the service tells it; the card was not even asked for its counter
unasked() {
	held=$1
	result=$2
	shift 2
	run 6 mykey "$@" --terminal t -r "virtual:$held" --pin-file wrong --json -vv
	json .result "$result"
	json .error EVERIFY
	json_lacks .world
	json_lacks .tries_before
	says err "($result)"
	says err 'The PIN was not asked for.'
	says_not err '> 0020'
}
fresh old --expired
for word in bind show 'resolve --sector library' 'link 1200345 --sector library' change 'expire --yes' 'tap --unregister'; do
	# shellcheck disable=SC2086 # words
	unasked old certificate_expired $word
done
says err "If this machine's clock is wrong"
run 6 mykey show --terminal t -r virtual:old # nor is there anybody to ask
says err 'The PIN was not asked for.'
fresh other
year=$(where other/jpki-000A.bin '17 0d')
flip other/jpki-000A.bin $((year + 2)) 6 # 2 becomes 4
unasked other invalid_certificate bind
says err 'not valid yet'
cp "$tmp/other/jpki-0001.bin" "$tmp/other/jpki-000A.bin"
unasked other invalid_certificate bind
says err 'another purpose'
: >"$tmp/other/jpki-000A.bin"
run 1 mykey bind --terminal t -r virtual:other --pin-file wrong --json -vv
says_not err '> 0020'
fresh other
flip other/jpki-000A.bin 4
unasked other invalid_certificate bind
# a phone shows it for the PIN only: then it is the service that refuses
fresh phone --kind iphone --expired
run 6 mykey bind --terminal t -r virtual:phone --pin-file pin --json
json .result invalid_certificate
json .tries_after 3
# a card of a CA that nobody trusts there
fresh stranger --kind card
run 6 mykey bind --terminal t -r virtual:stranger --pin-file pin --json
json .result invalid_certificate
json .error EVERIFY
says err 'does not trust'
grep -q '"route":"bind","status":403.*"code":"invalid_certificate","rule":"issuer_unknown"' "$tmp/s.log" ||
	fail "the log does not say which rule refused the card"
# a terminal that may not: known before a PIN is asked for
daemon_in s 0 terminal suspend "$mykeyd_id" --comment 'a test'
suspended() {
	(cd "$tmp" && "$fuda" mykey show --terminal u -r virtual:card --pin-file "$1" --json >out 2>err) && return 1
	grep -q suspended "$tmp/out"
}
becomes 'suspension' suspended pin # until the service knows of it, the PIN is sent
suspended wrong || fail 'a terminal that is suspended'
says err 'suspended this terminal'
json_lacks .tries_before
run 9 terminal status --terminal u --json
json .state suspended
json .answer refuses
json .error EREFUSED
json .not_after
run 9 terminal status --terminal u
says out 'suspended by an operator'
daemon_in s 0 terminal resume "$mykeyd_id" --comment 'a test'
resumed() {
	(cd "$tmp" && "$fuda" terminal status --terminal u --json >out 2>err)
}
becomes 'the end of a suspension' resumed
json .state active
json .answer accepts
daemon_in s 0 terminal revoke "$mykeyd_id" --reason cessation --comment 'a test'
revoked() {
	resumed && return 1
	grep -q '"state":"revoked"' "$tmp/out"
}
becomes 'revocation' revoked
json .error EREFUSED
says err 'remove its folder'
says err '--terminal'
tries card auth 3

# ---- renewal ----

cp "$tmp/t/key.pem" "$tmp/key.before"
run 0 terminal renew --terminal t --if-due --json
json .renewed false
cmp -s "$tmp/t/key.pem" "$tmp/key.before" || fail "renewed what was not due"
run 9 terminal renew --terminal t --json
says err 'too_early'
cmp -s "$tmp/t/key.pem" "$tmp/key.before" || fail "a renewal that was refused took the key"
mykey 0 t show
# with time gone by, as the service sees it
if command -v sqlite3 >/dev/null; then
	cp "$tmp/t/certificate.pem" "$tmp/certificate.before"
	sqlite3 -cmd '.timeout 5000' "$tmp/s/mykeyd.db" \
		'UPDATE certificate SET not_before = not_before - 5184000, not_after = not_after - 5184000'
	run 0 terminal renew --terminal t --json
	json .renewed true
	json .state active
	json .terminal "$id"
	! cmp -s "$tmp/t/key.pem" "$tmp/key.before" || fail "a renewal kept the key"
	! cmp -s "$tmp/t/certificate.pem" "$tmp/certificate.before" || fail "a renewal brought no certificate"
	[ "$(ls -A "$tmp/t" | tr '\n' ' ')" = "ca.pem certificate.pem key.pem request.pem terminal.conf " ] ||
		fail "a renewal left something: $(ls -A "$tmp/t")"
	[ "$(stat -c %a "$tmp/t/key.pem")" = 600 ] || fail "others can read the new key"
	mykey 0 t show
	daemon_in s 0 terminal show "$id" --json
	json '.certificates[0].state' valid
	json '.certificates[1].state'
	daemon_in s 0 audit query --action terminal-renew
	says out "$id"
	run 9 terminal renew --terminal t
	says err too_early
fi

# ---- without the service ----

mykeyd_stop s
run 9 mykey bind --terminal t -r virtual:card --pin-file pin --json
json .error EUNREACHABLE
json_lacks .tries_before
says err 'cannot be reached'
# what is known here is shown, and that no more is
run 9 terminal status --terminal t --json
json .state active
json .answer none
json .error EUNREACHABLE
run 9 terminal status --terminal t
says out 'the certificate is in force; the service gave no answer'
says_not out ready
says err 'cannot be reached'

# ---- a service that would refuse every card ----

sed -i 's/^crl_required = .*/crl_required = yes/' "$tmp/s/mykeyd.conf"
mykeyd_start s
mykey 9 t bind
says out '(revocation_info_stale)'
json_lacks .tries_before
mykeyd_stop s
sed -i 's/^crl_required = .*/crl_required = no/' "$tmp/s/mykeyd.conf"

# ---- languages: each side has its own, and what passes between them is English ----

if [ -f "$build/po/ja/LC_MESSAGES/fudasashi.mo" ]; then
	export LC_ALL=C.UTF-8 LANGUAGE=ja
	mykeyd_start s
	url=https://localhost:$mykeyd_port
	echo WRONG-CODE >"$tmp/code"
	run 9 terminal enrol --terminal j --server "$url" --ca s/ca.pem --code-file code
	says err 'コード'
	says_not err 'does not know'
	mykeyd_name=s
	get 400 "$url/v1/challenge?purpose=nonsense" --cert t/certificate.pem --key t/key.pem
	json .title 'There is no challenge for this purpose.'
	LC_ALL=C.UTF-8 LANGUAGE=
	mykey 9 t resolve
	says err 'name one by --sector'
	LANGUAGE=ja
	mykeyd_stop s
	export LC_ALL=C
	unset LANGUAGE
fi

# nothing of what was secret stands in what was written
for f in "$tmp"/*.log; do
	! grep -q -e 1200345 -e "$mykey_id" "$f" || fail "${f##*/} has what it must not have"
done
echo ok
