#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library of scripts, tests/traces: all of them hold on a fresh software card of each kind that they are for, are in
# the canonical form, and do not hold where one status word is another.
#
# What a script says to this test, in comments at its beginning:
#   # card: KEY=VALUE|OPTION...   how the card is made
#   # secrets: auth !sign ...     what it presents, in order; with ! one that is wrong
#   # options: OPTION...          for fuda trace run
# and in "token KIND" which kind it is for; without it, all of them.
set -eu
. "$srcdir/tests/cli.sh"
only=${FUDA_TRACES-}
export XDG_CONFIG_HOME="$tmp/config"

# said FILE WORD: what stands behind "# WORD:" in a script
said() {
	sed -n "s/^# $2: //p" "$1" | tr '\n' ' '
}

# card KIND WORD...: a fresh one
card() {
	kind=$1
	shift
	made='' set=''
	for word; do
		case $word in
		*=*) set="$set $word" ;;
		*) made="$made $word" ;;
		esac
	done
	# shellcheck disable=SC2086 # words
	fresh card --kind "$kind" $made
	for word in $set; do
		sed -i "s/^${word%%=*} *=.*/${word%%=*} = ${word#*=}/" "$tmp/card/card.conf"
		grep -q -x "${word%%=*} = ${word#*=}" "$tmp/card/card.conf" || fail "no key ${word%%=*}"
	done
}

# secrets NAME...: the file with them, as the card has them or as it has not
secrets() {
	: >"$tmp/secrets"
	for name; do
		case $name in
		!auth | !text | !juki) echo 0000 ;;
		!sign) echo WRONG99 ;;
		!a) echo 987654321093 ;;
		!b) echo 01010820300808 ;;
		!birth) echo 010108 ;;
		a | b) sed -n "s/^secret.face-$name *= *//p" "$tmp/card/card.conf" ;;
		*) sed -n "s/^secret.$name *= *//p" "$tmp/card/card.conf" ;;
		esac >>"$tmp/secrets"
	done
}

# script STATUS FILE KIND SCRIPT: runs FILE as SCRIPT says
script() {
	# shellcheck disable=SC2046 # words
	card "$3" $(said "$4" card)
	# shellcheck disable=SC2046
	secrets $(said "$4" secrets)
	# shellcheck disable=SC2046
	run "$1" trace run -r virtual:card --pin-file secrets $(said "$4" options) "$2"
}

find "$top/tests/traces" -name '*.apdu' | sort >"$tmp/all"
grep "$only" "$tmp/all" >"$tmp/scripts" || fail "no script is called $only"
# shellcheck disable=SC2046 # none has a blank in its name
run 0 trace format --check $(cat "$tmp/scripts")
silent out
runs=0
while read -r file; do
	sed -n 2p "$file" | grep -q '^# .' || fail "$file does not say what it shows"
	kinds=$(sed -n 's/^token //p' "$file")
	for kind in ${kinds:-card android iphone}; do
		script 0 "$file" "$kind" "$file"
		runs=$((runs + 1))
	done
	# the last status is another
	awk '{ line[NR] = $0 } /^< / { last = NR }
		END { for (i = 1; i <= NR; i++) {
			if (i == last) sub(/^< [^ ]+/, "< 6FFF", line[i])
			print line[i] } }' "$file" >"$tmp/broken.apdu"
	script 1 broken.apdu "$kind" "$file"
	says out '6FFF expected'
done <"$tmp/scripts"
[ "$(wc -l <"$tmp/scripts")" -ge 1 ] || fail "no scripts"
echo "ok: $runs runs of $(wc -l <"$tmp/scripts") scripts"
