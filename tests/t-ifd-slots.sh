#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The IFD handler in a stock pcscd, with an emulated CCID reader of two slots: one reader of the service for each.
set -eu
if [ "${1-}" != inside ]; then
	for need in ifd-fuda.bundle/Contents/Linux/libifd-fuda.so tests/usb-stage tests/listen-exec ./fuda-vcard; do
		[ -e "$need" ] || {
			echo "SKIP: built without $need"
			exit 77
		}
	done
	cards=$(mktemp -d)
	trap 'rm -rf "$cards"' EXIT
	trap 'exit 1' HUP INT TERM
	./fuda-vcard make "$cards/card" 2>/dev/null
	got=0
	tests/usb-stage ccid-slots:"$cards/card" -- sh "$0" inside "$cards" || got=$?
	exit $got
fi
cards=$2
bus=${LD_PRELOAD-}
. "${srcdir:-.}/tests/cli.sh"
echo 1234 >"$tmp/pin"

# What --enable-ifd-ccid makes of a reader: here of the one that is emulated.
vendor=$(cat /sys/bus/usb/devices/*/idVendor | head -n 1)
product=$(cat /sys/bus/usb/devices/*/idProduct | head -n 1)
cp -RL "$build/ifd-fuda.bundle" "$tmp/ifd-fuda.bundle"
sed -e "s/0x054C/0x$vendor/" -e "s/0x06C1/0x$product/" -e 's/Sony RC-S380.S/Slotted/' \
	"$build/ifd-fuda.bundle/Contents/Info.plist" >"$tmp/ifd-fuda.bundle/Contents/Info.plist"

# Only the service lives on the emulated bus; in a build with sanitizers theirs comes first.
sanitizer=$(ldd ifd-fuda.bundle/Contents/Linux/libifd-fuda.so |
	sed -n 's/.*=> \(.*lib[au][bs]*san[^ ]*\).*/\1/p' | tr '\n' ':')
[ -z "$sanitizer" ] || export ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0"
unset LD_PRELOAD
export FUDA_TEST_PRELOAD="$sanitizer$bus" FUDA_TEST_BUNDLE="$tmp/ifd-fuda.bundle" FUDA_TEST_READERS=2
export FUDA_TEST_PCSCD_OPTIONS=--debug
. "$top/tests/pcscd-env.sh"
at_exit 'rm -rf "$tmp"'

stage() {
	LD_PRELOAD=$bus "$build/tests/usb-stage" ask "$@" >"$tmp/answer" || fail "usb-stage $*: $(cat "$tmp/answer")"
}

# shows SLOT WHAT: waits until the reader of that slot is listed so
shows() {
	n=0
	until "$fuda" readers 2>/dev/null | grep -q "Slotted.* 00 $1  *$2\$"; do
		n=$((n + 1))
		[ $n -lt 150 ] || fail "in fifteen seconds: no '$2' in slot $1: $("$fuda" readers)"
		sleep 0.1
	done
}

count_readers() {
	n=0
	until [ "$("$fuda" readers --names 2>/dev/null | grep -c Slotted)" = "$1" ]; do
		n=$((n + 1))
		[ $n -lt 150 ] || fail "in fifteen seconds: not $1 readers"
		sleep 0.1
	done
}

count_readers 2
shows 00 card
shows 01 'no card'
run 0 auth -r '00 00' --trust "$cards/card/ca.pem" --pin-file pin
run 3 auth -r '00 01' --pin-file pin
stage remove 1
shows 00 'no card'
stage insert 1 "$cards/card"
shows 00 card
run 0 auth -r '00 00' --trust "$cards/card/ca.pem" --pin-file pin
stage usage 1
grep -q 'verifies 1$' "$tmp/answer" || fail "not 1 VERIFY: $(cat "$tmp/answer")"

# both go and come
stage unplug 1
count_readers 0
stage plug 1
count_readers 2
shows 00 card
shows 01 'no card'
run 0 auth --trust "$cards/card/ca.pem" --pin-file pin
kill -0 "$FUDA_TEST_PCSCD_PID" || fail 'the service has ended'
! grep -E 'ERROR: .*Sanitizer|runtime error' "$FUDA_TEST_DIR/pcscd.log" || fail 'the sanitizers complain'
