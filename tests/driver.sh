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
	# Devices on the USB are plugged in for libusb by umockdev, or else on a bus in the process. tests/usb-stage is
	# built where the stages know umockdev; then they have to use it.
	if command -v umockdev-wrapper >/dev/null && [ -x tests/usb-stage ]; then
		around=umockdev-wrapper
		FUDA_TEST_LIBUSB=1
		export FUDA_TEST_LIBUSB
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
		export ASAN_OPTIONS
	else
		echo "no umockdev: without libusb"
	fi
elif [ "$driver" = pcsc ]; then
	. "$srcdir/tests/pcscd-env.sh"
fi

skipped=0
# run PROGRAM [WHAT]
run() {
	echo "== $1 over $driver${2:+, $2}"
	status=0
	$around "$1" || status=$?
	case $status in
	0) ;;
	77) skipped=1 ;;
	*) exit $status ;;
	esac
}

for program; do
	run "$program"
done
# Readers of the other levels of CCID, where APDUs are carried by other code of ours: the first program of the suite.
if [ "$driver" = ccid ] && [ -z "${FUDA_TEST_CCID-}" ]; then
	for FUDA_TEST_CCID in short tpdu; do
		export FUDA_TEST_CCID
		run "$1" "$FUDA_TEST_CCID"
	done
fi
[ $skipped = 0 ] || exit 77
