# SPDX-License-Identifier: Apache-2.0
# For tests with emulated readers on the USB: sourced, not run. One that makes its cards before the readers are plugged in
# starts itself anew inside of the stage, and sources this there too, behind cli.sh.

bus=${LD_PRELOAD-} # what puts a program on the emulated bus

# needs FILE...: the test is skipped where the build, or the machine, has not all of them
needs() {
	for need; do
		[ -e "$need" ] || {
			echo "skipped: there is no $need"
			exit 77
		}
	done
}

# Makes the folder $cards, which goes with this shell.
begin_cards() {
	cards=$(mktemp -d)
	trap 'rm -rf "$cards"' EXIT
	trap 'exit 1' HUP INT TERM
}

# stage WHAT...: has the stage do it; its answer is in the file answer
stage() {
	"$build/tests/usb-stage" ask "$@" >"$tmp/answer" || fail "usb-stage $*: $(cat "$tmp/answer")"
}

# verifies N COUNT: so many VERIFY commands the card in reader N has had since it was inserted
verifies() {
	stage usage "$1"
	[ "$(sed 's/.* //' "$tmp/answer")" = "$2" ] || fail "VERIFY: not $2 but $(cat "$tmp/answer")"
}

# start_pcscd BUNDLE READERS [OPTIONS]: a service that has the emulated bus, and from here on it alone; in a build with
# sanitizers theirs comes first
start_pcscd() {
	sanitizer=$(ldd "$1"/Contents/Linux/*.so | sed -n 's/.*=> \(.*lib[au][bs]*san[^ ]*\).*/\1/p' | tr '\n' ':')
	[ -z "$sanitizer" ] || export ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0"
	unset LD_PRELOAD
	export FUDA_TEST_PRELOAD="$sanitizer$bus" FUDA_TEST_BUNDLE="$1" FUDA_TEST_READERS="$2"
	export FUDA_TEST_PCSCD_OPTIONS="${3-}"
	. "$top/tests/pcscd-env.sh"
	at_exit 'sh "$top/tests/scan.sh" "$tmp" || pcscd_status=1; rm -rf "$tmp"'
}

# Whether some reader of the service, or its reader N (as 00), has a card.
pcscd_has_card() {
	"$fuda" readers 2>/dev/null | grep -q " ${1-00} 00  *card\$"
}

# own_bundle [SED...]: a copy of our handler that also takes the one reader that is plugged in, in $bundle: what
# --enable-ifd-ccid makes of it
own_bundle() {
	vendor=$(cat /sys/bus/usb/devices/*/idVendor | head -n 1)
	product=$(cat /sys/bus/usb/devices/*/idProduct | head -n 1)
	bundle=$tmp/ifd-fuda.bundle
	cp -RL "$build/ifd-fuda.bundle" "$bundle"
	sed -e "s/0x054C/0x$vendor/" -e "s/0x06C1/0x$product/" "$@" \
		"$build/ifd-fuda.bundle/Contents/Info.plist" >"$bundle/Contents/Info.plist"
}
