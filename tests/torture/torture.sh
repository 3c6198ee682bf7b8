#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make torture: every command of fuda that talks to a card, with every fault at every command to the card, each
# time on a software card as new. Prints what came of it, which is docs/torture.md, and fails where that says
# something else or where something happened that must not: a crash, a hang, a second VERIFY, an exit status that
# hides that an outcome is not known. Run in the build folder; arguments: names of commands, instead of all.
set -eu
. "${srcdir:-.}/tests/cli.sh"
place=$tmp
kinds=removed,pulled,gone,reset,lostreset,mute,unreached,truncated,truncated=4,garbled=1,garbled=2
kinds=$kinds,oversized=16,duplicated,sw=6F00,sw=6982,answer=9000,late=50
# most of the time goes by with waiting for cards that are mute
jobs=$(($(nproc) * 4))

# nothing is remembered from one fault to the next, of what a reader can do
export XDG_CACHE_HOME=/dev/null/none TMPDIR="$place"
unset XDG_CONFIG_HOME
# that a sanitizer ends a program is a crash
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}:abort_on_error=1" UBSAN_OPTIONS=abort_on_error=1
mkdir "$place/given"
canaries=$top/tests/canaries
sh "$top/tests/stock.sh" "$place/phone" --kind wallet >/dev/null
sh "$top/tests/stock.sh" "$place/stock" --secrets "$canaries/suite.secrets" --person "$canaries/suite.person" >/dev/null
password=$(sed -n 's/^secret.sign *= *//p' "$canaries/suite.secrets")
cp "$top/tests/torture/sign.apdu" "$place/"
echo 'to be signed' >"$place/text"
echo 1234 >"$place/given/auth"
echo 4321 >"$place/given/wrong"
echo "$password" >"$place/given/sign"
printf '1234\n8273\n' >"$place/given/auth-new"
printf '%s\nXYZ827364\n' "$password" >"$place/given/sign-new"
for s in a b; do
	sed -n "s/^secret.face-$s *= *//p" "$place/stock/card.conf" >"$place/given/$s"
done
sed -n 's/^secret.birth *= *//p' "$place/stock/card.conf" >"$place/given/birth"

# What the mykey commands talk to: a service, a terminal of it that may tap, and the holder of the card, who has his MyKey
# ID already. A tap that a fault ends counts against the card until one is whole or the card is registered anew.
cp_all='cp -R stock "$FUDA_TORTURE_DIR/card"; cp -R terminal "$FUDA_TORTURE_DIR/terminal"'
platform() {
	[ ! -e "$place/terminal" ] || return 0
	. "$top/tests/mykeyd.sh"
	"$build/fuda-vcard" crl "$place/stock" >"$place/cards.crl"
	mykeyd_init service --set trust=stock/ca.pem --set crl=cards.crl --set cv_trust=stock/cv-authority.pem
	mykeyd_start service
	mykeyd_terminal service terminal library
	daemon_in service 0 terminal tap-on "$mykeyd_id" --comment torture
	cat "$place/given/auth" "$place/given/birth" >"$place/given/both"
	cp -R "$place/stock" "$place/own"
	set -- --terminal terminal -r virtual:own
	run 0 mykey bind "$@" --pin-file given/auth
	run 0 mykey resolve --sector library "$@" --pin-file given/auth
	becomes 'a terminal that may tap' sh -c 'cd "$0" && "$@" >/dev/null 2>&1' "$place" "$fuda" mykey tap --register "$@" \
		--pin-file given/both
}
has_platform() {
	[ -x "$build/fuda-mykeyd" ] && "$fuda" --list-commands | grep -q '^mykey tap$'
}

# one NAME SECRETS OPTIONS ARGUMENTS: the rows of one command
one() {
	name=$1 secrets=$2 before='cp -R stock "$FUDA_TORTURE_DIR/card"' timeout=2
	case $name in mykey*) timeout=6 ;; esac # the service takes its time, too
	case $name in
	'mykey tap') before=$cp_all'; cp -R stock "$FUDA_TORTURE_DIR/spare"
		exec "$fuda" mykey tap --register --pin-file given/both --terminal "$FUDA_TORTURE_DIR/terminal" \
			-r "virtual:$FUDA_TORTURE_DIR/spare" >/dev/null' ;;
	mykey*) before=$cp_all ;;
	mdoc*) before='cp -R phone "$FUDA_TORTURE_DIR/card"' ;;
	esac
	# shellcheck disable=SC2086 # words
	(cd "$place" && "$fuda" trace torture --reader 'virtual:{dir}/card' \
		--before "$before" ${secrets:+--stdin "given/$secrets"} --fuda --kinds "$kinds" \
		--jobs "$jobs" --limit 30 --ignore '^(APDUs|Judged for)| ms\)$' --markdown "$name" $3 \
		-- "$fuda" $4 --reader '{reader}' --timeout $timeout ${secrets:+--pin-fd 0}) || {
		echo "$name: must not be" >&2
		bad=1
	}
}

# asked NAME [ARGUMENT...]: whether it is among the arguments, or there are none
asked() {
	name=$1
	shift
	[ $# -gt 0 ] || return 0
	for a; do
		[ "$a" != "$name" ] || return 0
	done
	return 1
}

bad=0
start=$(date +%s)
export fuda
while IFS='|' read -r name secrets options arguments; do
	case $name in
	'#'* | '') continue ;;
	esac
	asked "$name" "$@" || continue
	case $name in
	mykey*)
		has_platform || continue
		platform </dev/null >&2
		;;
	esac
	one "$name" "${secrets# }" "$options" "$arguments" </dev/null
done <"$top/tests/torture/commands" >"$place/rows"
sed '/^| command |/,$d' "$top/docs/torture.md" >"$place/torture.md"
{
	echo '| command | fault | exit status, by number of the command |'
	echo '|---|---|---|'
	cat "$place/rows"
} >>"$place/torture.md"
sed -n '/^| command |/,$p' "$place/torture.md"
echo "$(($(date +%s) - start)) s" >&2
FUDA_TEST_SCAN=$build/tests/find-secret sh "$top/tests/scan.sh" "$place" >&2 || bad=1
[ $# -eq 0 ] || exit $bad
mv "$place/torture.md" torture.md
if has_platform; then cat "$top/docs/torture.md"; else sed '/^| mykey /d' "$top/docs/torture.md"; fi | diff - torture.md >&2 || {
	echo "docs/torture.md says something else. If torture.md, here, is right, copy it there." >&2
	bad=1
}
exit $bad
