#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A phone beside the card, and then alone, against the platform's own service: both are credentials of one subject. Of
# what the phone shows nothing is left anywhere.
set -eu
srcdir=${srcdir:-.}
. "$srcdir/tests/cli.sh"
needs_mykey
. "$srcdir/tests/mykeyd.sh"
fresh card
secrets_of card
fresh other --authority "$tmp/card"

# wallet NAME [OPTION...]: a phone $tmp/NAME
wallet() {
	name=$1
	shift
	"$build/fuda-vcard" make "$tmp/$name" --kind wallet --person "$top/tests/canaries/suite.person" "$@" \
		>"$tmp/out" 2>"$tmp/err" || fail "fuda-vcard make --kind wallet $*"
}
wallet phone
wallet second --authority "$tmp/phone" --set handover=static
wallet revoked --authority "$tmp/phone"
wallet expired --authority "$tmp/phone" --expired
wallet stranger
"$build/fuda-vcard" crl "$tmp/phone" "$tmp/revoked" >"$tmp/issuers.crl"
mykeyd_init s --set crl_required=no --set "trust=$tmp/card/ca.pem" --set "mdoc_trust=$tmp/phone/ca.pem" \
	--set "mdoc_crl=$tmp/issuers.crl"
mykeyd_start s
mykeyd_terminal s t library

# bind STATUS CARD PHONE [OPTION...] and show STATUS PHONE [OPTION...]: as JSON; all APDUs in err
bind() {
	want_status=$1
	card=$2
	phone=$3
	shift 3
	run "$want_status" mykey bind --mdoc -r "virtual:$card" --phone-reader "virtual:$phone" --terminal t \
		--pin-file pin --json -vv "$@"
	cat "$tmp/err" >>"$tmp/said.log"
}
show() {
	want_status=$1
	phone=$2
	shift 2
	run "$want_status" mykey show --mdoc -r "virtual:$phone" --terminal t --json -vv "$@"
	cat "$tmp/err" >>"$tmp/said.log"
}
unbind() {
	want_status=$1
	phone=$2
	run "$want_status" mykey unbind --mdoc -r "virtual:$phone" --terminal t --json -vv
	cat "$tmp/err" >>"$tmp/said.log"
}
# set PHONE KEY VALUE: in its settings
set_in() {
	sed -i "s/^$2 = .*/$2 = $3/" "$tmp/$1/card.conf"
}
value() {
	sed -n "s/^\.$1=//p" "$tmp/lines"
}

# ---- one subject ----

show 9 phone
json .result mdoc_not_bound
says err 'fuda mykey bind --mdoc'
bind 0 card phone
json .result ok
json .new true
json .mdoc true
json .reader virtual:card
json .phone_reader virtual:phone
json .mykey_id
id=$(value mykey_id)
both=$(value apdus.count)
show 0 phone
json .mykey_id "$id"
json .mdoc true
json .reader virtual:phone
json_lacks .new
json_lacks .tries_before
json_lacks .phone_reader
[ "$(value apdus.count)" -lt "$both" ] || fail "the APDUs are not those of card and phone"
# the card is what it was before, with the phone or without
run 0 mykey show -r virtual:card --terminal t --pin-file pin --json
json .mykey_id "$id"
json_lacks .mdoc
bind 0 card phone
json .new false
json .mykey_id "$id"
# as text; a second phone of the same holder, by a static handover
run 0 mykey bind --mdoc -r virtual:card --phone-reader virtual:second --terminal t --pin-file pin
says out "$id"
says out 'virtual:second'
run 0 mykey show --mdoc -r virtual:second --terminal t
says out "$id"

# ---- not another's ----

bind 9 other phone
json .result mdoc_taken
run 9 mykey show -r virtual:other --terminal t --pin-file pin --json # nothing was made for him
json .result not_bound
wallet others --authority "$tmp/phone"
bind 0 other others
json .mykey_id
[ "$(value mykey_id)" != "$id" ] || fail "two holders have one MyKey ID"
bind 9 card others
json .result mdoc_taken
says out 'fuda mykey unbind'
# it is taken off by itself, and then bound with the other card
unbind 0 others
json .result ok
json .mdoc false
json .reader virtual:others
json_lacks .mykey_id
show 9 others
json .result mdoc_not_bound
unbind 9 others
json .result mdoc_not_bound
bind 0 card others
json .mykey_id "$id"

# ---- what is not taken ----

# nothing is sent to a card whose holder mistyped, nor is a phone asked then
bind 4 card phone --pin-file wrong
json .tries_after 2
json_lacks .phone_reader
says_not err A0000002480400 # the phone's application
bind 0 card phone
says err A0000002480400
# refused_as STATUS CODE: the phone $phone is refused so, bound or not
refused_as() {
	show "$1" "$phone"
	json .result "$2"
	json_lacks .mykey_id
	json_lacks .mdoc
	[ "$phone" = phone ] || {
		bind "$1" card "$phone"
		json .result "$2"
		json_lacks .mykey_id
	}
}
for case in 'expired 6 mdoc_expired' 'revoked 6 mdoc_revoked' 'stranger 6 mdoc_invalid'; do
	# shellcheck disable=SC2086
	set -- $case
	phone=$1
	refused_as "$2" "$3"
done
phone=phone
set_in phone answer-with mac
refused_as 9 mdoc_mac_refused
set_in phone answer-with signature
for case in 'session 6 mdoc_mismatch' 'digest 6 mdoc_mismatch' 'unrequested 9 mdoc_unasked'; do
	# shellcheck disable=SC2086
	set -- $case
	set_in phone fault "$1"
	refused_as "$2" "$3"
done
set_in phone fault none
# the age may be kept back
set_in phone consent none
show 0 phone
json .mykey_id "$id"
set_in phone consent all

# ---- what becomes of it ----

# what the card changes the phone tells; without a MyKey ID both are still one holder's
run 0 mykey change -r virtual:card --terminal t --pin-file pin --wish HANAKO12 --json
show 0 phone
json .mykey_id HANAKO12
run 0 mykey expire --yes -r virtual:card --terminal t --pin-file pin --json
show 9 phone
json .result not_bound # it is the holder who has none
bind 9 other phone
json .result mdoc_taken
run 0 mykey bind -r virtual:card --terminal t --pin-file pin --json
json .new true
id=$(value mykey_id)
show 0 phone
json .mykey_id "$id"
show 0 second
json .mykey_id "$id"

# ---- what lies there ----

run 2 mykey bind --phone-reader virtual:phone -r virtual:card --terminal t --pin-file pin
says err '--phone-reader goes with --mdoc'
for option in '--profile nosuch' '--profile-file nosuch'; do
	for what in bind show; do
		# shellcheck disable=SC2086
		run 2 mykey $what $option -r virtual:card --terminal t --pin-file pin
		says err '--profile and --profile-file go with --mdoc'
	done
done
run 2 mykey show --mdoc -r virtual:phone --terminal t --pin-file pin
says err 'a phone is asked without PIN'
run 2 mykey show --mdoc -r virtual:phone --terminal t --pin-fd 3
run 2 mykey unbind -r virtual:phone --terminal t
says err 'say --mdoc'
run 2 mykey show --mdoc -r virtual:phone --terminal t --profile nosuch
says err nosuch
run 2 mykey bind --mdoc -r virtual:card --terminal t --pin-file pin --profile nosuch --json
json_lacks .tries_before
# a reader for the phone that is not there costs no try of the PIN, nor does a name that fits none
verify='00 20 00 98'
run 0 mykey bind --mdoc -r trace:virtual:card --phone-reader virtual:phone --terminal t --pin-file pin
says err "$verify"
for reader in virtual:nosuch nosuch:phone trace:virtual:nosuch; do
	run 3 mykey bind --mdoc -r trace:virtual:card --phone-reader "$reader" --terminal t --pin-file pin --json
	json .error ENOREADER
	json_lacks .tries_before
	says_not err "$verify"
done
# nor does a profile of which the service takes no credential
cat >"$tmp/library.profile" <<EOF
fuda-mdoc-profile 1
profile library
doctype jp.example.library.card
namespace jp.example.library
element age_over_NN bool age_over_NN ages=20
EOF
for which in 'bind --mdoc -r trace:virtual:card --phone-reader virtual:phone --pin-file pin' 'show --mdoc -r trace:virtual:phone' \
	'unbind --mdoc -r trace:virtual:phone'; do
	# shellcheck disable=SC2086
	run 2 mykey $which --terminal t --profile-file library.profile --profile library --json
	says out 'takes credentials of the doctype org.iso.23220.1.jp.mnc, and the profile has jp.example.library.card'
	json_lacks .tries_before
	says_not err '00 20 00'
	says_not err '00 A4'
done
sed -i 's/^doctype .*/doctype org.iso.23220.1.jp.mnc/; s/^element age_over_NN/element aged_NN/' "$tmp/library.profile"
run 2 mykey bind --mdoc -r trace:virtual:card --phone-reader virtual:phone --pin-file pin --terminal t \
	--profile-file library.profile --profile library
says err "the service takes elements named age_over_NN alone, and the profile 'library' has 'aged_20'"
says_not err '00 20 00'
get 200 "$url/v1/challenge?purpose=unbind-mdoc" --cert "$tmp/t/certificate.pem" --key "$tmp/t/key.pem"
says out '"doctype":"org.iso.23220.1.jp.mnc"'
get 200 "$url/v1/challenge?purpose=bind" --cert "$tmp/t/certificate.pem" --key "$tmp/t/key.pem"
says_not out doctype
# a phone is no card
run 3 mykey show -r virtual:phone --terminal t --pin-file pin
says err 'fuda mykey show --mdoc'
says_not err 'fuda mdoc request'
run 3 mykey bind -r virtual:phone --terminal t --pin-file pin --json
says out '--phone-reader'
json_lacks .tries_before
run 3 mykey bind --mdoc -r virtual:phone --phone-reader virtual:card --terminal t --pin-file pin
says err 'If it is the phone that lies on virtual:phone, the two are swapped'
says_not err 'fuda mykey bind --mdoc'
says_not err 'fuda mdoc request'
# a card presents nothing; behind its signature it is told to make place, until the time is over
show 1 card
json .error ENOTFOUND
run 8 mykey bind --mdoc -r virtual:card --terminal t --pin-file pin --timeout 2 --json
says err "Take the card away and hold the holder's own phone to the reader"
json .error ETIMEOUT
json .tries_before 3
# it has a reader of its own: there the other card lies, or a phone that goes too early
bind 8 card other --timeout 2
says err "What lies on virtual:other shows no mobile credential: hold the holder's own phone there"
says_not err 'Take the card away'
says err 'No phone came'
run 8 mykey bind --mdoc -r virtual:card --phone-reader fault:sw=6D00@1+:virtual:other --terminal t --pin-file pin --timeout 2
says err 'No phone came' # nor is there one where a card does not even know the question
run 8 mykey bind --mdoc -r virtual:card --phone-reader fault:pulled@3:virtual:phone --terminal t --pin-file pin --timeout 2
says err "Hold the holder's own phone to fault:pulled@3:virtual:phone"
says err 'The phone was taken away before it had answered'

# ---- the lists of who issues them ----

daemon_in s 0 crl status --json
json '.phones[0].state' fresh
json '.phones[0].entries' 1
json '.phones[0].file' "$tmp/issuers.crl"
json '.phones[0].next_update'
json_lacks '.phones[0].reason'
cp "$tmp/issuers.crl" "$tmp/kept.crl"
echo 'no list' >"$tmp/issuers.crl"
daemon_in s 6 crl status --json
json '.phones[0].state' missing
json '.phones[0].reason'
daemon_in s 6 crl status
says out 'cannot be used; phones are accepted (crl_required = no)'
kill -HUP "$(cat "$tmp/s.pid")"
becomes "word of a list that is none" grep -q '"event":"mdoc_revocation","message":"[^"]*issuers.crl: ' "$tmp/s.log"
mv "$tmp/kept.crl" "$tmp/issuers.crl"

# ---- without the service's will ----

# no list is in force that there must be: cards are served, and nobody is asked for a PIN for a phone in vain
mykeyd_stop s
"$build/fuda-vcard" crl "$tmp/card" >"$tmp/cards.crl"
cp "$tmp/issuers.crl" "$tmp/issuers.kept"
: >"$tmp/issuers.crl"
cp "$tmp/s/mykeyd.conf" "$tmp/mykeyd.kept"
sed -i "s#^crl_required = .*#crl_required = yes\ncrl = $tmp/cards.crl#" "$tmp/s/mykeyd.conf"
mykeyd_start s
grep -q 'Phones are refused' "$tmp/s.log" || fail "serve does not say that phones are refused"
bind 9 card phone
says out mdoc_revocation_stale
json_lacks .tries_before
says_not err A0000002480400
show 9 phone
says out mdoc_revocation_stale
says_not err A0000002480400
get 200 "$ops/readyz"
says out '"ready":true,"refused":["mdoc_revocation_stale"]'
get 200 "$ops/metrics"
says out 'mykey_mdoc_crl_stale 1'
run 0 mykey show -r virtual:card --terminal t --pin-file pin --json
# until the list comes; then it stays in force without its file
cp "$tmp/issuers.kept" "$tmp/issuers.new"
mv "$tmp/issuers.new" "$tmp/issuers.crl"
kill -HUP "$(cat "$tmp/s.pid")"
is_ready() {
	curl -sS "$ops/readyz" | grep -q -x '{"ready":true}'
}
becomes "a list that came" is_ready
show 0 phone
rm "$tmp/issuers.crl"
kill -HUP "$(cat "$tmp/s.pid")"
becomes "word of a list that went" grep -q '"event":"mdoc_revocation","message":"Cannot read [^"]*issuers.crl' "$tmp/s.log"
show 0 phone
mykeyd_stop s
mv "$tmp/issuers.kept" "$tmp/issuers.crl"
mv "$tmp/mykeyd.kept" "$tmp/s/mykeyd.conf"
sed -i 's/^mdoc_trust = .*//' "$tmp/s/mykeyd.conf"
mykeyd_start s
show 9 phone
says out mdoc_not_served
bind 9 card phone
says out mdoc_not_served
json_lacks .tries_before
run 0 mykey show -r virtual:card --terminal t --pin-file pin --json

# ---- what is written ----

daemon_in s 0 audit query --action bind-mdoc --json
[ "$(grep -c '"data":{"new":true}' "$tmp/out")" = 2 ] || fail "the audit trail has other holders than two"
daemon_in s 0 audit query --action unbind-mdoc --json
[ "$(wc -l <"$tmp/out")" = 1 ] || fail "the audit trail has other phones taken off than one"
daemon_in s 0 audit verify
mykeyd_stop s
for f in "$tmp"/*.log "$tmp"/s/mykeyd.db* "$tmp/out" "$tmp/err"; do
	[ ! -e "$f" ] || ! grep -a -q -e age_over -e jp.mnc "$f" || fail "${f##*/} has what it must not have"
done
echo ok
