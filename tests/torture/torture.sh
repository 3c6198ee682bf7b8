#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make torture: every command of fuda that talks to a card, with every fault at every command to the card, each
# time on a software card as new. Prints what came of it, which is docs/torture.md, and fails where that says
# something else or where something happened that must not: a crash, a hang, a second VERIFY, an exit status that
# hides that an outcome is not known. Run in the build folder; arguments: names of commands, instead of all.
set -eu
top=$(cd "${srcdir:-.}" && pwd)
build=$PWD
fuda=$build/fuda
kinds=removed,pulled,gone,reset,lostreset,mute,unreached,truncated,truncated=4,garbled=1,garbled=2
kinds=$kinds,oversized=16,duplicated,sw=6F00,sw=6982,answer=9000,late=50
# most of the time goes by with waiting for cards that are mute
jobs=$(($(nproc) * 4))

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM
# nothing is remembered from one fault to the next, of what a reader can do
export HOME="$place/home" XDG_CACHE_HOME=/dev/null/none LC_ALL=C TMPDIR="$place"
unset LANGUAGE XDG_CONFIG_HOME
# that a sanitizer ends a program is a crash
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}:abort_on_error=1" UBSAN_OPTIONS=abort_on_error=1
mkdir "$HOME" "$place/given"
canaries=$top/tests/canaries
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

# one NAME SECRETS OPTIONS ARGUMENTS: the rows of one command
one() {
	name=$1 secrets=$2
	# shellcheck disable=SC2086 # words
	(cd "$place" && "$fuda" trace torture --reader 'virtual:{dir}/card' \
		--before 'cp -R stock "$FUDA_TORTURE_DIR/card"' ${secrets:+--stdin "given/$secrets"} --fuda --kinds "$kinds" \
		--jobs "$jobs" --limit 30 --ignore '^APDUs| ms\)$' --markdown "$name" $3 \
		-- "$fuda" $4 --reader '{reader}' --timeout 2 ${secrets:+--pin-fd 0}) || {
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
while IFS='|' read -r name secrets options arguments; do
	case $name in
	'#'* | '') continue ;;
	esac
	asked "$name" "$@" || continue
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
diff "$top/docs/torture.md" torture.md >&2 || {
	echo "docs/torture.md says something else. If torture.md, here, is right, copy it there." >&2
	bad=1
}
exit $bad
