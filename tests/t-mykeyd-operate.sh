#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Operators of the service: who may do what, organisations, sectors, and a terminal's whole life.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/mykeyd.sh"
. "$top/tests/operators.sh"

# the page has the options of each command
options_of_help() {
	sed -n -E 's/^  (-(.),|   ) --([a-z-]+)( ([^ ]+))?  .*/\2 \3 \5/p' "$tmp/out" | grep -v -E ' (folder|json|verbose|help) ' | sort
}
options_of_page() {
	awk -v c="$1" '$0 == ".Ss " c { on = 1; next } /^\.S[sh]/ { on = 0 } on' "$top/tools/fuda-mykeyd.1" |
		sed -n -E 's/^\.It (Fl (.)( Ar ([^ ]+))? , )?Fl -([a-z-]+)( Ar (.*))?$/\2 \5 \7/p' | sort
}
for c in org sector operator terminal mykey audit crl report backup restore; do
	daemon 0 $c --help
	options_of_help >"$tmp/help"
	options_of_page $c >"$tmp/page"
	diff "$tmp/help" "$tmp/page" || fail "options of $c: help (<) and page (>) differ"
done

mykeyd_init service --set crl_required=no ${FUDA_TEST_POSTGRES:+--database "$FUDA_TEST_POSTGRES"}
me=$(id -un)
op 0 operator list --json
json ".operators[0].name" "$me"
json ".operators[0].roles" admin,registrar,approver,auditor

# an origin of an address has no port where its last colon is
daemon 0 init --folder six --environment test --origin 'https://[::1]'
rm -rf "$tmp/six"

# words behind the commands, and options that go with them
op 2 terminal
says err "'terminal' takes one of these words: code, list, show, approve"
op 2 terminal frobnicate
says err "unknown action 'frobnicate'"
op 2 terminal list --place x
says err "--place does not go with 'terminal list'"
op 2 terminal show
says err 'takes an argument'
op 2 org list all
says err "takes no 'all'"
op 2 terminal show 12
says err "'12' is no id"
op 2 terminal list --state dead

# organisations and sectors
for c in org sector terminal; do
	op 0 $c list
	silent out
	says err 'There are no'
	op 0 $c list --json
	silent err
done
op 0 terminal list --state active
says err 'in this state'
op 0 org add 'Town A' --json
org=$(found .id)
json .name 'Town A'
op 1 org add 'Town A'
says err 'there is an organisation of that name'
op 2 org add ''
op 2 org add "$(printf 'a\tb')"
op 0 org add 'Bus Company' --kind transit
# blanks and quotes are part of a name, and nothing more than that
odd="Town  \"B\" of O'Hara; DROP TABLE org; -- %s \\ \$(id)"
op 1 sector add odd --org "$odd"
op 0 org add "$odd"
op 1 org add "$odd"
op 0 sector add odd --org "$odd"
op 2 sector add 'o d d' --org "$odd"
op 2 sector add "o'd" --org "$odd"
op 0 terminal code --org "$odd" --place '3rd floor, "left" of the clerk'"'"'s desk = x' --sector odd --json
op 0 org list
says out "$odd"
op 0 org list --json
says out "Town  \\\"B\\\" of O'Hara; DROP TABLE org; -- %s \\\\ \$(id)"
op 0 sector list
says out "$odd"
op 2 sector add library
says err '--org'
op 1 sector add library --org 'Town B'
says err "no organisation 'Town B'"
op 2 sector add 'Library' --org 'Town A'
op 0 sector add library --org 'Town A' --kind library
grep -q -x 'Sector *library' "$tmp/out" && grep -q -x 'Id *[0-9a-f-]*' "$tmp/out" || fail "what was added"
op 0 sector add bus --org 'Bus Company'
op 1 sector add bus --org 'Town A'
op 0 sector list
says out 'library'
says out 'Town A'
op 0 org list --json
json_lines "$tmp/out" >"$tmp/lines"
n=$(sed -n 's/^\.organisations\[\([0-9]*\)\]\.name=Town A$/\1/p' "$tmp/lines")
json ".organisations[$n].id" "$org"
json ".organisations[$n].kind" municipality

# codes
op 2 terminal code --org 'Town A' --place 'Counter 1'
op 1 terminal code --org 'Town A' --place 'Counter 1' --sector theatre
op 2 terminal code --org 'Town A' --place 'Counter 1' --sector bus
says err "another organisation's"
op 2 terminal code --org 'Town A' --place 'Counter 1' --sector library --approvals 9
op 0 terminal code --org 'Town A' --place 'Counter 1' --sector library --json
code=$(found .code)
echo "$code" | grep -q -x -E '[A-HJ-NP-Z2-9]{4}(-[A-HJ-NP-Z2-9]{4}){2}' || fail "code $code"
json .hours 72
! grep -r -q -F -e "$code" "$folder" || fail "the code is kept"

# holders who are one; tests/test-join has what becomes of them
op 2 mykey
op 2 mykey join HANAKO12
op 2 mykey join HANAKO12 HANAKO
says err 'a MyKey ID is 8 letters and digits'
op 2 mykey join HANAKO12 HANAKO13 --keep both
op 1 mykey join HANAKO12 HANAKO13 --keep older --comment 'the same person'
says err 'there is no MyKey ID HANAKO12'

# other users, whom it does not know or who may not
if as_others; then
	by daemon 9 terminal list
	says err "operator add daemon"
	by daemon 9 org add 'Town C'
	op 2 operator add daemon
	op 2 operator add daemon --roles king
	op 1 operator add nosuchuser --roles approver
	says err "no user 'nosuchuser'"
	op 0 operator add daemon --roles approver
	op 1 operator add daemon --roles approver
	by daemon 0 terminal list
	by daemon 9 audit verify
	says err 'the role auditor'
	by daemon 9 operator add bin --roles admin
	op 0 operator drop daemon
	by daemon 9 terminal list
	op 0 audit query --action refused
	[ "$(wc -l <"$tmp/out")" = 5 ] || fail "$(wc -l <"$tmp/out") refusals"
	says out '"act":"org-add"'
	op 0 report daily --date "$(TZ=UTC-9 date +%Y-%m-%d)" --json
	json .refusals 5
fi
op 9 operator drop "$me"
says err 'last operator with the role admin'
op 1 operator drop nobody-of-that-name

# a terminal applies, is approved of, and gets its certificate
[ -x "$build/fuda" ] && "$build/fuda" --list-commands | grep -q -x 'terminal enrol' || {
	echo "the rest needs the client: built without it"
	exit 0
}
mykeyd_start service
echo "$code" >"$tmp/code"
enrol() {
	want=$1
	shift
	run "$want" terminal enrol --server "$url" --ca "$folder/ca.pem" --code-file "$tmp/code" --terminal "$tmp/t1" "$@"
}
echo 'ABCD-EFGH-JKLM' >"$tmp/code"
enrol 9
rm -rf "$tmp/t1"
echo "$code" >"$tmp/code"
enrol 0 --json
json .state applied
run 0 terminal status --terminal "$tmp/t1" --json
shown=$(found .request)
op 0 terminal list --state applied --json
id=$(found '.terminals\[0\].id')
json '.terminals[0].csr_sha256' "$shown"
json '.terminals[0].organisation' 'Town A'
op 2 terminal approve "$id" --csr-hash "$(echo "$shown" | cut -c 1-8)"
says err 'both --csr-hash'
says err 'and --comment'
op 2 terminal approve "$id" --comment 'seen'
says err 'both --csr-hash'
op 2 terminal approve "$id" --csr-hash 12 --comment 'seen'
op 9 terminal approve "$id" --csr-hash 00000000 --comment 'seen'
says err 'begins differently'
op 1 terminal approve 01a20088-7698-77a4-ae6c-ecb9d05fa159 --csr-hash 00000000 --comment 'seen'
op 9 terminal suspend "$id" --comment 'too early'
says err "this terminal waits for approval, so 'suspend' is not possible"
op 0 terminal hold "$id" --comment 'who is this?'
op 0 terminal approve "$id" --csr-hash "$(echo "$shown" | cut -c 1-12)" --comment 'seen on its screen' --json
json .state approved
json .approvals 1
enrol 0 --json
json .state active
op 0 terminal show "$id" --json
json .state active
json '.decisions[1].decision' approve
json '.decisions[1].comment' 'seen on its screen'
json '.sectors[0]' library
json '.certificates[0].state' valid
json_lacks .serial
run 9 terminal renew --terminal "$tmp/t1" --json
says err too_early
op 0 terminal suspend "$id" --comment 'lost?'
says err 'next request on'
run 9 terminal renew --terminal "$tmp/t1" --json
says err suspended
op 0 terminal resume "$id" --comment 'found'
op 0 terminal show "$id"
grep -q 'suspend  *20[0-9-]*T[0-9:]*Z, .*, lost?$' "$tmp/out" || fail "no time of a decision"
for given in '--comment stolen' '--reason key_compromise' ''; do
	# shellcheck disable=SC2086 # words
	op 2 terminal revoke "$id" $given
	says err '--reason'
	says err '--comment'
done
op 0 terminal tap-on "$id" --comment 'a counter with people at it' --json
json .state active
json .tap true
op 0 terminal tap-off "$id" --comment 'nobody is there'
says out 'May tap  no'
for word in hold suspend resume tap-on tap-off; do
	op 2 terminal $word "$id"
	says err '--comment'
done
op 0 terminal show "$id" --json
json .state active
op 0 crl status --json
list=$(found .terminals.number)
op 0 terminal revoke "$id" --reason key_compromise --comment 'stolen'
op 9 terminal resume "$id" --comment 'found'
op 0 terminal show "$id" --json
json .state revoked
json '.certificates[0].state' revoked
op 0 crl status --json
json .terminals.number $((list + 1))
mykeyd_stop service
op 2 report daily --date 2026-11-21T00:00:00Z
op 2 report daily --date tomorrow
op 2 report daily --date "$(TZ=UTC-9 date -d tomorrow +%Y-%m-%d)"
says err 'has not come yet'
op 0 report daily --date "$(TZ=UTC-9 date +%Y-%m-%d)" --json
json .terminals.revoked 1
op 0 audit verify
for action in init org-add sector-add code-make terminal-apply terminal-hold terminal-approve terminal-issue \
	terminal-suspend terminal-resume terminal-revoke refused; do
	op 0 audit query --action $action
	grep -q "\"action\":\"$action\"" "$tmp/out" || fail "no row of $action"
done
op 0 audit query
says_not out 'Town A'
says_not out 'Counter'
says_not out 'stolen'
! grep -r -q -F -e "$code" "$folder" "$tmp/service.log" || fail "the code is kept"
