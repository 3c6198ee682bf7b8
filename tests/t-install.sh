#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make install and uninstall with DESTDIR: what is there, that programs build against it and run, that nothing stays.
set -eu
tmp=$(mktemp -d /tmp/fuda-test.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
	echo "FAILED: $*"
	exit 1
}

# value NAME: of a variable of the Makefile
value() {
	sed -n "s|^$1 = ||p" Makefile
}

# our_make TARGET: as somebody types it, whatever the make above us was told
our_make() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s "$1" DESTDIR="$tmp/dest" >"$tmp/log" 2>&1 || {
		cat "$tmp/log"
		fail "make $1"
	}
}

our_make install
root=$tmp/dest$(value prefix)
for f in bin/fuda lib/libfuda.so lib/pkgconfig/fuda.pc include/fuda/card.h include/fuda/err.def \
	share/man/man1/fuda.1 share/man/man1/fuda-auth.1 share/bash-completion/completions/fuda; do
	[ -e "$root/$f" ] || fail "$f is not installed"
done
if [ -e fuda-vcard ]; then
	[ -x "$root/bin/fuda-vcard" ] || fail "fuda-vcard is not installed"
fi
if [ -e fuda-photo ]; then
	photo=$tmp/dest$(value prefix)/libexec/fudasashi/fuda-photo
	[ -x "$photo" ] || fail "fuda-photo is not installed"
	"$photo" --version >/dev/null || fail "installed fuda-photo does not run"
	! ldd "$photo" | grep -q -E 'libfuda|libcrypto|libpcsc' || fail "fuda-photo has more than it needs in reach"
fi
# there PATTERN: the one file of this kind, wherever the build was told to put it
there() {
	found=$(find "$tmp/dest" -path "*/$1" ! -type d)
	[ -n "$found" ] && [ "$(echo "$found" | wc -l)" = 1 ] || fail "$1 is not installed once: $found"
}
there share/man/man7/fuda-devices.7
there share/man/man5/fuda-mdoc-profile.5
for profile in "${srcdir:-.}"/data/mdoc/*.profile; do
	there "fudasashi/mdoc/${profile##*/}"
	cmp "$found" "$profile" || fail "another profile is installed"
done
if [ -n "$(value nodist_udevrules_DATA)" ]; then
	there udev/rules.d/70-fudasashi.rules
	cmp "$found" 70-fudasashi.rules || fail "other rules are installed than were built"
	[ "$(stat -c %a "$found")" = 644 ] || fail "who may read the rules: $(stat -c %a "$found")"
else
	[ -z "$(find "$tmp/dest" -name '*.rules')" ] || fail "rules without a driver"
fi
if [ -n "$(value nodist_ifd_DATA)" ]; then
	there ifd-fuda.bundle/Contents/Info.plist
	plist=$found
	module=$(sed -n '/<key>CFBundleExecutable/{n;s|.*<string>\(.*\)</string>.*|\1|p;}' "$plist")
	there "ifd-fuda.bundle/Contents/Linux/$module"
	[ "${found%/Linux/*}" = "${plist%/*}" ] || fail "the parts of the bundle are apart"
	[ -s "$found" ] && nm -D --defined-only "$found" | grep -q ' IFDHTransmitToICC$' || fail "$module is no handler"
	! ldd "$found" | grep -q -E 'libcrypto|libpcsclite|json|not found' || fail "$module has more than it needs in reach"
else
	[ -z "$(find "$tmp/dest" -path '*ifd-fuda*')" ] || fail "half a bundle"
fi
if [ -e fuda-mykeyd ]; then
	there systemd/system/fuda-mykeyd.service
	grep -q -x "ExecStart=$(value prefix)/bin/fuda-mykeyd serve .*" "$found" || fail "the unit starts something else"
	there sysusers.d/fuda-mykeyd.conf
else
	[ -z "$(find "$tmp/dest" -name 'fuda-mykeyd*')" ] || fail "a unit without a service"
fi
# nothing is installed that keeps modules of the kernel away: that is for the owner to decide
[ -z "$(find "$tmp/dest" -path '*modprobe*')" ] || fail "something for modprobe"
if [ -d po/ja ]; then
	[ -e "$root/share/locale/ja/LC_MESSAGES/fudasashi.mo" ] || fail "no Japanese messages"
fi

# nothing but the public names leaves the library
nm -D --defined-only "$root/lib/libfuda.so" | awk '$2 != "A" { print $3 }' | grep -v '^fuda_' |
	grep -v -E '^(_init|_fini|__.*)$' >"$tmp/names" || :
[ ! -s "$tmp/names" ] || fail "exported: $(cat "$tmp/names")"
# every function of the public headers is there, and nothing else
sed -n 's/^[a-z].*[ *]\(fuda_[a-z0-9_]*\)(.*/\1/p' "$root"/include/fuda/*.h | sort -u >"$tmp/declared"
nm -D --defined-only "$root/lib/libfuda.so" | awk '$3 ~ /^fuda_/ { print $3 }' | sort -u >"$tmp/defined"
diff "$tmp/declared" "$tmp/defined" || fail "headers and library differ"

# the examples of the README, with all headers to see that they stand alone
example() { # example NUMBER
	(cd "$root/include" && for h in fuda/*.h; do echo "#include <$h>"; done)
	awk -v n="$1" '/^```c$/ { n--; within = 1; next } /^```$/ { within = 0 } within && !n' "$srcdir/README.md"
}
example 1 >"$tmp/user.c"
example 2 >"$tmp/counter.c" # a function, here with what calls it
cat >>"$tmp/counter.c" <<END
#include <stdio.h>
int main(int argc, char **argv)
{
	struct fuda_verdict verdict;
	struct fuda_context *ctx = NULL;
	struct fuda_deadline *dl = NULL;
	struct fuda_trust *trust = NULL;
	struct fuda_card *card = NULL;
	int r = argc < 2 || fuda_context_new(&ctx) || fuda_deadline_new(10000, &dl) || fuda_trust_new(ctx, &trust) ||
		(argc > 2 && fuda_trust_add_file(trust, argv[2])) || fuda_card_open(ctx, argv[1], dl, &card) ||
		authenticate(ctx, card, trust, dl, &verdict);

	puts(r ? fuda_context_message(ctx) : fuda_result_name(verdict.result));
	fuda_card_free(&card);
	fuda_trust_free(&trust);
	fuda_deadline_free(&dl);
	fuda_context_free(&ctx);
	return r;
}
END
export PKG_CONFIG_PATH="$root/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$tmp/dest"
flags=$(pkg-config --cflags --libs fuda)
$(value CC) $(value SANITIZE_CFLAGS) -std=c11 -Wall -Wextra -Wpedantic -Werror "$tmp/user.c" $flags -o "$tmp/user"
$(value CC) $(value SANITIZE_CFLAGS) -std=c11 -Wall -Wextra -Wpedantic -Werror "$tmp/counter.c" $flags -o "$tmp/counter"
status=0
LD_LIBRARY_PATH=$root/lib "$tmp/user" virtual:/nonexistent >"$tmp/der" 2>"$tmp/err" || status=$?
[ $status != 0 ] && [ -s "$tmp/err" ] || fail "the example program on nothing: $status"
if [ -e fuda-vcard ]; then
	sh "$srcdir/tests/stock.sh" "$tmp/card" 2>/dev/null
	LD_LIBRARY_PATH=$root/lib "$tmp/user" "virtual:$tmp/card" >"$tmp/der" || fail "the example program"
	openssl x509 -inform DER -in "$tmp/der" -noout || fail "the certificate of the example program"
	# counter PIN SAYS [TRUST]
	counter() {
		said=$(echo "$1" | LD_LIBRARY_PATH=$root/lib "$tmp/counter" "virtual:$tmp/card" ${3-}) || :
		case $said in *"$2"*) ;; *) fail "the counter's example says $said, not $2" ;; esac
	}
	counter 1234 ok "$tmp/card/ca.pem"
	counter 1234 invalid_certificate
	counter 12 'no try was spent'
	counter 4321 '2 tries' "$tmp/card/ca.pem"
	counter 1234 ok "$tmp/card/ca.pem"
fi
# a program that only sets its locale gets texts in its language; one that binds them elsewhere keeps that
cat >"$tmp/bound.c" <<END
#include <libintl.h>
#include <stdio.h>
#include <fuda/error.h>
int main(int argc, char **argv)
{
	if (argc > 1)
		bindtextdomain("fudasashi", argv[1]);
	return puts(bindtextdomain("fudasashi", NULL)) < 0 || !fuda_error_text(0);
}
END
$(value CC) $(value SANITIZE_CFLAGS) -Werror "$tmp/bound.c" $flags -o "$tmp/bound"
bound=$(LD_LIBRARY_PATH=$root/lib "$tmp/bound")
[ "$bound" = "$(value prefix)/share/locale" ] || fail "messages are looked for in $bound"
bound=$(LD_LIBRARY_PATH=$root/lib "$tmp/bound" /elsewhere)
[ "$bound" = /elsewhere ] || fail "messages that the program has elsewhere are looked for in $bound"
LD_LIBRARY_PATH=$root/lib "$root/bin/fuda" --version >"$tmp/version"
grep -q "$(value PACKAGE_VERSION)" "$tmp/version" || fail "installed fuda --version: $(cat "$tmp/version")"

our_make uninstall
left=$(find "$tmp/dest" ! -type d)
[ -z "$left" ] || fail "uninstall leaves $left"
