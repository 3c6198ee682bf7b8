#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Finding commands and options; mistakes in the command line.
set -eu
. "${srcdir:-.}/tests/cli.sh"

# help that was asked for is output
run 0 --help
says out 'Usage: fuda COMMAND'
silent err
run 0 -h
says out 'doctor'
run 0 help
says out 'doctor'
run 0 help auth
says out '--challenge HEX'
run 0 auth -h
says out '--challenge HEX'
silent err
run 0 --version
says out 'fuda (fudasashi) '
run 0 --list-commands
cp "$tmp/out" "$tmp/commands"
while read -r c; do
	run 0 $c --help
	says out "Usage: fuda $c"
	says out '--help'
	says_not out 'list-options'
	silent err
done <"$tmp/commands"

# mistakes are not
run 2
says err 'Usage: fuda COMMAND'
silent out
run 2 inof
says err "Did you mean 'info'?"
silent out
run 2 tarce
says err "Did you mean 'trace'?"
run 2 record
says err "Did you mean 'trace record'?"
run 2 trace replay
says err "Did you mean 'fuda-vcard replay'?"
run 2 help inof
says err "Did you mean 'info'?"
run 2 something-else
says err "'fuda --help' lists the commands."
run 2 ''
run 2 info --nonsense
says err "unknown option '--nonsense'"
says err "'fuda info --help' explains the command."
silent out
run 2 info -x
says err "unknown option '-x'"
run 2 info --read virtual:card
says err "unknown option '--read'; did you mean '--reader'?"
run 2 attributes --trust ca.pem # for records it is the other one
says err "unknown option '--trust'; did you mean '--cv-trust'?"
run 2 auth --cv-trust keys.pem
says err "unknown option '--cv-trust'; did you mean '--trust'?"
run 2 readers --trust ca.pem
says_not err 'cv-trust'
run 2 info --jsn
says err "did you mean '--json'?"
run 2 info --list-option # hidden
says_not err 'did you mean'
run 2 info --no=1234 # whatever it is, it may be a secret
says_not err 1234
for o in --pin --pin=1234 --password; do
	run 2 auth $o 1234
	says err 'PINs are never arguments'
	says_not err 1234
done
run 2 info --pin 1234 # asks for none
says err "unknown option '--pin'"
run 2 info --reader
says err '--reader needs a value'
run 2 info -r
says err '-r needs a value'
run 2 info --json=yes
says err '--json takes no value'
run 2 info --timeout 0
says err '--timeout takes a number from 1 to 86400'
run 2 info --timeout 5x
says err "not '5x'"
run 2 info --timeout=
run 2 info --timeout 99999999999999999999
run 2 info surplus
says err "unexpected argument 'surplus'"
run 2 cert
says err 'something is missing'
run 2 cert nonsense
says err "there is no certificate 'nonsense'"
run 2 cert auth --format yaml
says err '--format takes one of pem|der|text|json'
run 2 cert auth --format ''
run 2 cert auth --format 'pem|der'
run 2 pin chnage
says err "unknown action 'chnage'"
run 2 mynumber surplus
run 2 face -o # no value
run 2 info --pin-fd 3 # knows no secrets
run 2 auth --pin-fd -1
run 2 auth --trust
set -- auth
i=0
while [ $i -lt 33 ]; do
	set -- "$@" --trust x
	i=$((i + 1))
done
run 2 "$@"
says err '--trust is given more than 32 times'
run 2 auth --cv-trust x # knows no CV certificates
says err "unknown option '--cv-trust'"
run 2 attributes --cv-trust
says err '--cv-trust needs a value: FILE'

# as JSON too, wherever --json stands, and the first mistake counts
run 2 info --nonsense --more --json
json .error EINVAL
json .message "unknown option '--nonsense'"
json_lacks .result
says err "unknown option '--nonsense'"

# the ways to write an option
fresh card
run 0 pin status --reader virtual:card
run 0 pin --reader virtual:card
says out '3 tries left'
run 0 pin status --reader=virtual:card
run 0 pin status -r virtual:card
run 0 pin status -rvirtual:card
run 0 pin -rvirtual:card status
run 0 pin -vvr virtual:card -- status
says err 'fuda: '
run 2 pin -r virtual:card -- status --json
says err "unexpected argument '--json'"

# what is closed is not taken by what is opened later
got=0
(cd "$tmp" && "$fuda" pin status -r virtual:card <&- >&- 2>&-) || got=$?
[ $got = 1 ] || fail "closed descriptors: $got"
(cd "$tmp" && "$fuda" auth -r virtual:card -vv --challenge 00 --pin-file nowhere 2>&- >out) || got=$?
silent out

# a full disk is no success
if [ -w /dev/full ]; then
	got=0
	"$fuda" --help >/dev/full 2>"$tmp/err" || got=$?
	[ $got = 1 ] || fail "help on a full disk: $got"
	got=0
	"$fuda" pin status -r "virtual:$tmp/card" >/dev/full 2>"$tmp/err" || got=$?
	[ $got = 1 ] || fail "report on a full disk: $got"
fi
echo ok
