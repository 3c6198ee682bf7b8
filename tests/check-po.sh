#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Translations are whole and up to date with the sources: nothing missing, fuzzy, or mistaken in its formats.
set -eu
cd "${srcdir:-.}"
command -v msgfmt >/dev/null && command -v xgettext >/dev/null && command -v msgcmp >/dev/null || {
	echo "skipped: no gettext"
	exit 77
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
find src drivers tools include -name '*.[ch]' -o -name '*.def' | LC_ALL=C sort |
	xgettext --files-from=- --language=C --from-code=UTF-8 --keyword=_ --keyword=N_ \
		--keyword=dngettext:2,3 --keyword=ngettext:1,2 --flag=_:1:pass-c-format \
		--flag=N_:1:pass-c-format --output="$tmp/now.pot"
bad=0
for po in po/*.po; do
	msgfmt --check -o /dev/null "$po" || bad=1
	msgcmp "$po" "$tmp/now.pot" || bad=1
	obsolete=$(grep -c '^#~ msgid' "$po" || :)
	[ "$obsolete" = 0 ] || {
		echo "$po: $obsolete translations of texts that are gone"
		bad=1
	}
done
[ $bad = 0 ] || echo "run 'make update-po', then translate what is new"
exit $bad
