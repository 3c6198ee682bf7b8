#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# driver.sh DRIVER [PROGRAM...]: the card suite (of FUDA_TEST_SUITE, or these of it) over a reader of one driver, in the
# environment that its stage needs. The readers are emulated; where one cannot be set up here, that is a SKIP with the
# reason, and no stage at all a failure. Run in the build folder.
set -eu
driver=$1
shift
[ $# -gt 0 ] || set -- $FUDA_TEST_SUITE
FUDA_TEST_DRIVER=$driver
export FUDA_TEST_DRIVER

around=
if grep -q "^ENTRY($driver)\$" device-drivers.def; then
	# Devices on the USB are plugged in for libusb by umockdev, or else on a bus in the process.
	if command -v umockdev-wrapper >/dev/null; then
		around=umockdev-wrapper
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
		LSAN_OPTIONS="suppressions=$srcdir/tests/umockdev.supp:print_suppressions=0"
		export ASAN_OPTIONS LSAN_OPTIONS
	else
		echo "no umockdev-wrapper: without libusb"
	fi
elif [ "$driver" = pcsc ]; then
	. "$srcdir/tests/pcscd-env.sh"
fi

skipped=0
for program; do
	echo "== $program over $driver"
	status=0
	$around "$program" || status=$?
	case $status in
	0) ;;
	77) skipped=1 ;;
	*) exit $status ;;
	esac
done
[ $skipped = 0 ] || exit 77
