#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A private PC/SC service with two virtual readers (vpcd), away from the system's own and from real readers.
#
#   . "$srcdir/tests/pcscd-env.sh"       in a shell test; `at_exit COMMAND` adds to what is done at its end
#   tests/pcscd-env.sh PROGRAM [ARG...]  runs PROGRAM with it
#
# Sets PCSCLITE_CSOCK_NAME; FUDA_TEST_DIR, a directory that is removed at the end; FUDA_TEST_PORT, where
# the card of the reader whose name ends in " 00 00" connects (" 00 01": the next port); FUDA_TEST_PCSCD_PID, and
# FUDA_TEST_PCSCD, a script that becomes such a service again after it was killed. Run with the build
# directory as working directory; ends with 77 and the reason where something is missing.
#
# What may be set before: FUDA_TEST_BUNDLE, a driver for USB readers, whose readers are there instead of the
# virtual ones; FUDA_TEST_READERS, how many these are; FUDA_TEST_PRELOAD, LD_PRELOAD for the service alone;
# FUDA_TEST_PCSCD_OPTIONS, more options for it.

pcscd_skip()
{
	echo "SKIP: $*"
	exit 77
}

at_exit()
{
	pcscd_at_exit="$1; $pcscd_at_exit"
}

pcscd_end()
{
	pcscd_status=$?
	trap - EXIT HUP INT TERM
	set +e
	sh "$pcscd_scan" "$FUDA_TEST_DIR" || pcscd_status=1
	eval "$pcscd_at_exit"
	exit $pcscd_status
}

# pcscd_stop PID: ends a child of ours, by force if it must be.
pcscd_stop()
{
	kill -CONT "$1" 2>/dev/null || return 0
	kill -TERM "$1" 2>/dev/null || :
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

# Where namespaces may be made, the service sees no system service's files and no driver of a real reader.
pcscd_write_start()
{
	pcscd_options="--foreground --config $FUDA_TEST_DIR/conf ${FUDA_TEST_PCSCD_OPTIONS-}"
	if "$pcscd" --help 2>&1 | grep -q disable-polkit; then
		pcscd_options="$pcscd_options --disable-polkit"
	fi
	cat >"$FUDA_TEST_DIR/inside" <<END
set -e
if [ "\$1" = apart ]; then
	if [ ! -d /run/pcscd ]; then
		mount -t tmpfs none /run
		mkdir /run/pcscd
	else
		mount -t tmpfs none /run/pcscd
	fi
	mount -t tmpfs none /usr/lib/pcsc/drivers
	if [ -n "$pcscd_bundle" ]; then
		mkdir "/usr/lib/pcsc/drivers/${pcscd_bundle##*/}"
		mount --bind "$pcscd_bundle" "/usr/lib/pcsc/drivers/${pcscd_bundle##*/}"
	fi
fi
[ -z "${FUDA_TEST_PRELOAD-}" ] || export LD_PRELOAD="${FUDA_TEST_PRELOAD-}"
exec "$pcscd" $pcscd_options
END
	if unshare -rm true 2>/dev/null; then
		pcscd_how="unshare -rm sh $FUDA_TEST_DIR/inside apart"
	elif [ -n "$pcscd_bundle" ]; then
		pcscd_skip "a private pcscd with a driver of ours needs user namespaces (unshare -rm)"
	elif [ -d /run/pcscd ] && [ "$(id -u)" != 0 ]; then
		pcscd_how="sh $FUDA_TEST_DIR/inside"
	else
		pcscd_skip "a private pcscd needs user namespaces (unshare -rm), or /run/pcscd and an ordinary user"
	fi
	cat >"$FUDA_TEST_PCSCD" <<END
#!/bin/sh
exec "$PWD/tests/listen-exec" "$PCSCLITE_CSOCK_NAME" $pcscd_how >>"$FUDA_TEST_DIR/pcscd.log" 2>&1
END
	chmod +x "$FUDA_TEST_PCSCD"
}

pcscd_configure()
{
	[ -z "$pcscd_bundle" ] || return 0
	FUDA_TEST_PORT=$(tests/listen-exec --ports)
	cat >"$FUDA_TEST_DIR/conf/vpcd" <<END
FRIENDLYNAME "Fuda Test [Card] (20261120)"
DEVICENAME /dev/null:$FUDA_TEST_PORT
LIBPATH $FUDA_TEST_DIR/libifdvpcd.so
CHANNELID $FUDA_TEST_PORT
END
}

# For tests that put a library of ours into programs of others: one built with a sanitizer wants the sanitizer's own in front
# of it. Not for the service, which runs already.
pcscd_let_preload()
{
	unset FUDA_TRACE FUDA_TRACE_RAW FUDA_FAULT LD_PRELOAD
	grep -q '^SANITIZE_CFLAGS = ..*' Makefile || return 0
	LD_PRELOAD=$(${CC:-cc} -print-file-name=libasan.so)
	ASAN_OPTIONS=detect_leaks=0
	export LD_PRELOAD ASAN_OPTIONS
}

# Another process may take the ports between our look and vpcd's: try again.
pcscd_start()
{
	for _ in 1 2 3; do
		pcscd_configure
		"$FUDA_TEST_PCSCD" &
		FUDA_TEST_PCSCD_PID=$!
		if tests/bare-pcsc wait "${FUDA_TEST_READERS-2}" 5000; then
			at_exit "pcscd_stop $FUDA_TEST_PCSCD_PID"
			return 0
		fi
		pcscd_stop $FUDA_TEST_PCSCD_PID
	done
	cat "$FUDA_TEST_DIR/pcscd.log"
	echo "the private pcscd did not start"
	exit 1
}

[ -x tests/listen-exec ] || pcscd_skip "built without PC/SC"
[ -x fuda-vcard ] || pcscd_skip "built without the software card"
pcscd=$(PATH=$PATH:/usr/sbin:/sbin command -v pcscd) || pcscd_skip "pcscd is not installed"
vpcd=/usr/lib/pcsc/drivers/serial/libifdvpcd.so
pcscd_bundle=${FUDA_TEST_BUNDLE-}
[ -n "$pcscd_bundle" ] || [ -e "$vpcd" ] || pcscd_skip "vpcd (package vsmartcard-vpcd) is not installed"

pcscd_at_exit=:
pcscd_scan=$(cd "${srcdir:-.}" && pwd)/tests/scan.sh
trap pcscd_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
FUDA_TEST_DIR=$(mktemp -d /tmp/fuda-test.XXXXXX)
at_exit 'rm -rf "$FUDA_TEST_DIR"'
mkdir "$FUDA_TEST_DIR/conf"
[ -n "$pcscd_bundle" ] || cp "$vpcd" "$FUDA_TEST_DIR/libifdvpcd.so"
PCSCLITE_CSOCK_NAME=$FUDA_TEST_DIR/pcscd.comm
FUDA_TEST_PCSCD=$FUDA_TEST_DIR/start-pcscd
export PCSCLITE_CSOCK_NAME FUDA_TEST_DIR FUDA_TEST_PCSCD FUDA_TEST_PORT FUDA_TEST_PCSCD_PID
pcscd_write_start
pcscd_start

if [ "${0##*/}" = pcscd-env.sh ]; then
	"$@" &
	pcscd_child=$!
	at_exit "pcscd_stop $pcscd_child"
	wait $pcscd_child
fi
