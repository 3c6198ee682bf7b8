#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pin change: each secret, each mistake, and what the report says of each copy.
set -eu
. "${srcdir:-.}/tests/cli.sh"

# two OLD NEW: the file "two" with both
two() {
	printf '%s\n%s\n' "$1" "$2" >"$tmp/two"
}
# change STATUS WHICH [ARGUMENT...]
change() {
	want=$1
	shift
	run "$want" pin change "$@" -r virtual:card --pin-file two --json
}

# each secret, and back; the new one works, the old one does not
fresh card
for which in auth sign text juki; do
	case $which in
	sign) old=$sign_password new=NEW4567 left=5 ;;
	*) old=1234 new=8273 left=3 ;;
	esac
	two $old $new
	change 0 $which
	json .result ok
	json .secret $which
	json '.copies[0].holds' new
	json '.copies[0].tries_before' $left
	json '.copies[0].tries_after' $left
	if [ $which = juki ]; then
		json '.copies[0].application' juki
		json '.copies[1].application' common
		json '.copies[1].holds' new
		json '.copies[1].tries_after' 3
	else
		json_lacks '.copies[1].holds'
	fi
	change 4 $which # no longer the old one
	json .error EPINWRONG
	json '.copies[0].holds' old
	json '.copies[0].tries_after' $((left - 1))
	json_lacks .result
	two $new $old
	change 0 $which
	tries card $which $left
done
echo 1234 >"$tmp/pin"
run 0 auth -r virtual:card --pin-file pin --trust card/ca.pem
run 0 attributes -r virtual:card --pin-file pin --cv-trust card/cv-authority.pem

# for people; small letters of the password are capitals
two "$(echo "$sign_password" | tr A-Z a-z)" new4567
run 0 pin change sign -r virtual:card --pin-file two
grep -q -x 'password for digital signatures *changed' "$tmp/out" || fail "does not say that it is changed"
grep -q -x '  JPKI application (jpki) *the new one, 5 tries left' "$tmp/out" || fail "does not say where"
says_not out 4567
silent err
two NEW4567 "$sign_password"
change 0 sign

# from a descriptor: both lines and nothing after them
printf '1234\n8273\nrest\n' >"$tmp/three"
rest=$(cd "$tmp" && { "$fuda" pin change text -r virtual:card --pin-fd 0 >out 2>err; cat; } <three)
[ "$rest" = rest ] || fail "took more than its lines: $rest"
two 8273 1234
change 0 text

# forms are checked before anything is sent, the new one too
for bad in 123 12345 abcd ''; do
	two 1234 "$bad"
	case $bad in
	'') change 2 auth ;;
	*)
		change 4 auth
		json .error EPINFORM
		json_lacks '.copies[0].holds'
		says err 'two: The new PIN for user authentication must have 4 digits'
		;;
	esac
	two "$bad" 1234
	case $bad in '') change 2 auth ;; *) change 4 auth ;; esac
	says_not err new
done
for bad in ABCDEF 123456 AB123 'ABC 123' ABCDEFGHIJKLMNOP1; do # letters and digits, 6 to 16
	two "$sign_password" "$bad"
	change 4 sign
	json .error EPINFORM
	says err ew\ password # "The new" or "A new"
	! grep -q -e "$bad" "$tmp/err" || fail "what was given is shown: $bad"
done
echo 1234 >"$tmp/two" # the new one is missing
change 2 auth
says err 'two: line 2 is missing; the new PIN for user authentication belongs there'
printf '1234\n\n' >"$tmp/two"
change 2 auth
says err 'two: line 2 is empty; the new PIN for user authentication belongs there'
: >"$tmp/two"
change 2 auth
says err 'two: line 1 is missing; the PIN for user authentication belongs there'
for which in auth text juki; do tries card $which 3; done
tries card sign 5

# mistakes in the command line
run 2 pin change
says err 'something is missing'
run 2 pin change auth sign -r virtual:card
for bad in a b birth common AUTH ''; do
	run 2 pin change "$bad" -r virtual:card
	says err 'say auth, sign, text or juki'
done
run 2 pin chnage auth
says err "unknown action 'chnage'"
run 2 pin change auth 1234 -r virtual:card # no secrets in arguments
run 2 pin change auth -r virtual:card
says err '--pin-fd or --pin-file'
run 3 pin change auth -r virtual:nowhere --pin-file two

# the last try, and none
fresh card
two 4321 8273
change 4 auth
change 4 auth
change 5 auth
json .error ELASTTRY
json '.copies[0].holds' old
json '.copies[0].tries_after' 1
run 5 pin change auth -r virtual:card --pin-file two
says err '--use-last-try'
change 5 auth --use-last-try
json .error EPINBLOCKED
two 1234 8273
change 5 auth
says err 'municipal office'
tries card auth 0
# one of the two copies of juki is about to block: nothing is changed
fresh card
two 4321 8273
change 4 juki
change 4 juki
change 5 juki
json .error ELASTTRY
json '.copies[0].holds' old
two 1234 8273
change 0 juki --use-last-try
json '.copies[0].holds' new
json '.copies[1].holds' new

# copies that differ are made equal one by one
fresh card
two 1234 8273
change 0 juki --only common
json '.copies[0].application' common
json '.copies[0].holds' new
change 4 juki
json .error EPINWRONG
says err '--only common'
change 0 juki --only juki
json '.copies[0].application' juki
two 8273 1234
change 0 juki
json '.copies[1].holds' new
run 2 pin change auth --only common -r virtual:card --pin-file two
run 2 pin status --only common -r virtual:card
run 2 pin change juki --only text -r virtual:card --pin-file two

# the card is pulled after any of the commands, its answer lost: what each copy holds is said, as far as it can be known,
# and it is true
holds() { # APPLICATION WORD: whether a copy that holds the WORD takes the PIN
	case $2 in
	either) return 0 ;;
	old) want=1234 ;;
	new) want=8273 ;;
	esac
	octets=$(printf %s "$want" | od -An -tx1 | tr -d ' \n' | tr a-f A-F)
	now=$(sed -n "s/^changed.$1 = //p" "$tmp/card/state")
	[ "${now:-31323334}" = "$octets" ] || fail "$1 does not hold the $2 one"
}
faults= split=
! "$fuda" info -r "fault:mute@9999:virtual:$tmp/card" >/dev/null 2>&1 || faults=yes
n=1
while [ "$faults" ]; do
	fresh card
	two 1234 8273
	got=0
	(cd "$tmp" && "$fuda" pin change juki -r "fault:pulled@$n:virtual:card" --pin-file two --json >out 2>err) || got=$?
	[ $got != 0 ] || break
	json .error
	case $got in 1 | 3 | 10) ;; *) fail "pulled at $n: status $got" ;; esac
	for i in 0 1; do
		word=$(sed -n "s/^.copies\[$i\].holds=//p" "$tmp/lines")
		[ -z "$word" ] || holds "$(sed -n "s/^.copies\[$i\].application=//p" "$tmp/lines")" "$word"
	done
	! grep -q '^.copies.*=either$' "$tmp/lines" || split=yes
	n=$((n + 1))
	[ $n -lt 40 ] || fail "no end"
done
[ -z "$faults" ] || [ "$split" ] || fail "no answer of a change was lost"

# phones: their own two secrets and no others
fresh phone --kind iphone
two 1234 8273
run 0 pin change auth -r virtual:phone --pin-file two --json
json '.copies[0].application' jpki
for which in text juki; do
	run 1 pin change $which -r virtual:phone --pin-file two --json
	json .error ENOTFOUND
	says err "This is a smartphone, which does not have the application \"$which\"."
done
tries phone auth 3

# neither of both is in the log
fresh card
two 1234 8273
run 0 pin change auth -r virtual:card --pin-file two -vv
for what in 31323334 38323733; do
	! tr -d ' :' <"$tmp/err" | grep -q -F "$what" || fail "a secret is in the log"
done
echo ok
