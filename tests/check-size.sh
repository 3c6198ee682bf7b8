#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Functions under 100 lines, files under 1,000, lines of 100 columns. Prints those over 60 and 600.
set -eu
cd "${srcdir:-.}"
command -v ctags >/dev/null || {
	echo "skipped: no ctags (universal-ctags)"
	exit 77
}
# Exceptions, one per line: file:function, and why.
exceptions='
'
bad=0
files=$(find src drivers tools tests include -name '*.[ch]')
for f in $files; do
	n=$(wc -l <"$f")
	[ "$n" -le 600 ] || echo "$f: $n lines"
	[ "$n" -lt 1000 ] || bad=1
done
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
ctags -o - --c-kinds=f --fields=+ne $files | awk -F'\t' '{
	for (i = 4; i <= NF; i++) {
		if ($i ~ /^line:/) line = substr($i, 6)
		if ($i ~ /^end:/) end = substr($i, 5)
	}
	if (end - line + 1 > 60) print $2 ":" $1, end - line + 1
}' >"$tmp"
while read -r what n; do
	case $exceptions in *"$what"*) continue ;; esac
	echo "$what: $n lines"
	[ "$n" -lt 100 ] || bad=1
done <"$tmp"
# 100 columns, where a tab goes to the next multiple of 8; the tables of tests may be wider
for f in $files; do
	case $f in
	tests/*) most=120 ;;
	*) most=100 ;;
	esac
	columns=$(LC_ALL=C.UTF-8 wc -L <"$f")
	[ "$columns" -le $most ] || {
		echo "$f: $columns columns"
		bad=1
	}
done
exit $bad
