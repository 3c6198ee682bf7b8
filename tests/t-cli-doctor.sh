#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# doctor: each finding on a made-up system.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card

# a system: files of the USB as Linux shows them
sys=$tmp/system
usb() { # usb NAME VENDOR PRODUCT TEXT CLASS [DRIVER]
	d=$sys/sys/bus/usb/devices
	mkdir -p "$d/$1" "$d/$1:1.0" "$sys/drivers/${6:-none}"
	echo "$2" >"$d/$1/idVendor"
	echo "$3" >"$d/$1/idProduct"
	[ -z "$4" ] || echo "$4" >"$d/$1/product"
	echo "$5" >"$d/$1:1.0/bInterfaceClass"
	[ -z "${6:-}" ] || ln -sfn "$sys/drivers/$6" "$d/$1:1.0/driver"
}

# nothing at all
mkdir -p "$sys"
run 3 doctor --sysroot system
says out 'plug in a card reader'
says err 'no usable card was found'
! has_nfc || says out 'an NFC chip on a serial port is used only when it is named'
if has_pcsc; then
	says out 'apt install pcscd'
	says out 'pcscd --foreground' # no systemd
	says_not out 'systemctl'
	if [ "$(id -u)" = 0 ]; then says_not out sudo; else says out 'sudo apt install'; fi
	PCSCLITE_CSOCK_NAME='' run 3 doctor --sysroot system
	says out 'there is no /run/pcscd/pcscd.comm' # not as it is called from outside
	mkdir -p "$sys/run/systemd/system"
	run 3 doctor --sysroot system
	says out 'systemctl start pcscd.socket'
else # what it is built without is no problem, and no remedy
	says_not out 'PC/SC'
	says_not out pcscd
	says_not out libccid
fi
run 3 doctor --sysroot system --json
json '.findings[0].check' usb
json '.findings[0].finding' problem
json '.findings[0].message'
json '.findings[0].next'
! has_pcsc || json '.findings[1].check' pcscd
! has_pcsc || json '.findings[2].check' service
json .error ENOCARD
json_lacks .result

# devices that are no readers, malformed ones, interfaces of others
usb 1-1 046d c31c Keyboard 03 usbhid
mkdir -p "$sys/sys/bus/usb/devices/usb1" "$sys/sys/bus/usb/devices/1-10:1.0"
echo 0b >"$sys/sys/bus/usb/devices/1-10:1.0/bInterfaceClass"
: >"$sys/sys/bus/usb/devices/usb1/idVendor"
run 3 doctor --sysroot system
says out 'no card reader is on the USB'

# readers: of the CCID class, taken by the kernel, without a driver, known by number only
usb 1-2 04e6 5790 'uTrust 3700 F' 0b
usb 1-3 072f 2200 ACR122U 0b pn533_usb
usb 1-4 054c 06c1 RC-S380/S ff port100
usb 1-5 04e6 511a '' ff
run 3 doctor --sysroot system
says out 'uTrust 3700 F (04e6:5790) is plugged in'
says out 'ACR122U (072f:2200) is held by the kernel module pn533_usb'
says out 'modprobe -r pn533_usb'
says out 'tee -a '
says_not out 'modprobe -r port100' # our driver takes it back
says out 'RC-S380/S (054c:06c1) is plugged in'
if has_usb; then
	says out 'the kernel module port100 holds it'
	says_not out 'built without the driver'
else
	says_not out 'port100' # with no driver it matters to nobody
	says out 'this fuda was built without the driver for the RC-S380/S'
	says out '--disable-usb'
fi
says out 'NTT Com SCR3310-NTTCom (04e6:511a) is plugged in' # by our table: it gives no name
says_not out 'Keyboard'

# ids that are none, a driver whose name is long, a class of another case
usb 1-6 054C 06C3 Upper ff
usb 1-7 g54c 06c1 Letters 0b
usb 1-8 10054c 06c1 Long 0b
usb 1-9 054c '' Half 0b
usb 1-11 1234 5678 Other 0b "$(printf %060d 7)"
run 3 doctor --sysroot system
says out 'Upper (054c:06c3) is plugged in'
says out 'Other (1234:5678) is plugged in'
for n in Letters Long Half; do says_not out $n; done
says_not out 'only when named'
usb 1-12 04e6 5591 SCL3711 ff pn533_usb
run 3 doctor --sysroot system
says out 'SCL3711 (04e6:5591) is held by the kernel module pn533_usb'
if has_nfc; then
	says out 'an NFC chip such as SCL3711 is used only when named'
else
	says out 'this fuda was built without the driver for the SCL3711'
fi
! has_nfc || says out 'name it: --reader nfc:'
says_not out 'serial port'
if ! has_usb && ! has_pcsc; then
	says out 'this fuda was built without the driver for the uTrust 3700 F'
elif ! has_usb; then
	says_not out 'without the driver for the uTrust 3700 F' # the service serves it
fi
rm -r "$sys/sys/bus/usb/devices"

# node BUS DEV [MODE]: the device has this place, with a file there
node() {
	d=$sys/sys/bus/usb/devices/$reader
	echo "$1" >"$d/busnum"
	echo "$2" >"$d/devnum"
	echo "189:$2" >"$d/dev"
	place=$(printf '/dev/bus/usb/%03d/%03d' "$1" "$2")
	mkdir -p "$sys${place%/*}"
	: >"$sys$place"
	chmod "${3:-600}" "$sys$place"
}
rules() { # rules FILE: installs those of this build there
	mkdir -p "$sys/${1%/*}"
	awk -v mode=rules -v group=pcscd -f "$top/udev/generate.awk" "$top/udev/devices" >"$sys/$1"
}
applied() { # what udev remembers of the device
	mkdir -p "$sys/run/udev/data"
	printf 'I:1\nE:ID_VENDOR=Sony\nG:uaccess\nV:1\n' >"$sys/run/udev/data/c189:$1"
}

# the service and the RC-S380: without its bundle, with it, and nobody to tell
reader=2-1
usb $reader 054c 06c1 RC-S380/S ff
node 2 7
if has_pcsc; then
	run 3 doctor --sysroot system
	! has_usb || says out 'programs that use PC/SC do not see the RC-S380/S'
	! has_usb || says out 'ifd-fuda.bundle'
	mkdir -p "$sys/usr/lib/pcsc/drivers/ifd-fuda.bundle/Contents"
	run 3 doctor --sysroot system
	! has_usb || says out 'do not see' # half a bundle
	: >"$sys/usr/lib/pcsc/drivers/ifd-fuda.bundle/Contents/Info.plist"
	run 3 doctor --sysroot system
	says_not out 'do not see'
	says_not out 'permission to use'

	# a service that runs as a user of its own: the node's group, rules for it
	mkdir -p "$sys/etc" "$sys/usr/lib/systemd/system"
	printf 'other:x:%s:\npcscd:x:64990:\n' "$(id -g)" >"$sys/etc/group"
	unit=$sys/usr/lib/systemd/system/pcscd.service
	printf '[Service]\nUser=root\n' >"$unit"
	run 3 doctor --sysroot system
	says_not out 'runs as user'
	printf '[Service]\nExecStart=/usr/sbin/pcscd\nUser=pcscd\n' >"$unit"
	run 3 doctor --sysroot system
	says out 'the PC/SC service runs as user pcscd, who may not use the reader: /dev/bus/usb/002/007 is for group'
	says out "install 70-fudasashi.rules ('make install' does), then: "
	says out 'udevadm control --reload; '
	rules usr/lib/udev/rules.d/70-fudasashi.rules
	run 3 doctor --sysroot system
	says out 'unplug it and plug it in again, or: '
	applied 7
	run 3 doctor --sysroot system
	says out 'configure with --with-udev-group=pcscd'
	printf 'pcscd:x:%s:\n' "$(id -g)" >"$sys/etc/group"
	run 3 doctor --sysroot system
	says out 'runs as user' # its group, but not for the group
	node 2 7 660
	run 3 doctor --sysroot system
	says_not out 'runs as user'
	printf 'other:x:64990:\n' >"$sys/etc/group"
	node 2 7 666
	run 3 doctor --sysroot system
	says_not out 'runs as user'
	rm "$unit" "$sys/run/udev/data/c189:7" "$sys/usr/lib/udev/rules.d/70-fudasashi.rules"
fi

if has_usb; then
	# no device node at all; a place that is none
	rm "$sys/dev/bus/usb/002/007"
	run 3 doctor --sysroot system
	says out 'there is no /dev/bus/usb/002/007'
	says out '--device=/dev/bus/usb'
	for n in '' 0 x -1; do
		echo "$n" >"$sys/sys/bus/usb/devices/$reader/devnum"
		run 3 doctor --sysroot system
		says_not out 'there is no /dev/bus/usb/002/000'
	done
	node 2 7

	# who has it: somebody, the service, some other program
	ln -sfn "$sys/drivers/usbfs" "$sys/sys/bus/usb/devices/$reader:1.0/driver"
	run 3 doctor --sysroot system
	says out 'a program uses the RC-S380/S, as a rule the PC/SC service'
	mkdir -p "$sys/proc/4711/fd" "$sys/proc/12/fd" "$sys/proc/self/fd"
	ln -s /dev/bus/usb/002/070 "$sys/proc/12/fd/3"
	ln -s /dev/bus/usb/002/007 "$sys/proc/self/fd/3"
	ln -s /dev/bus/usb/002/007 "$sys/proc/4711/fd/9"
	echo scdaemon >"$sys/proc/4711/comm"
	run 3 doctor --sysroot system
	says out 'the RC-S380/S is in use by another program: scdaemon (process 4711)'
	says out 'close that program'
	echo pcscd >"$sys/proc/4711/comm"
	run 3 doctor --sysroot system
	says out 'the PC/SC service uses the RC-S380/S'
	run 3 doctor --sysroot system --json
	json '.findings[1].check' usb
	json '.findings[1].finding' ok
	rm -r "$sys/proc" "$sys/sys/bus/usb/devices/$reader:1.0/driver"
fi

# this user may not: each reason has its line. (root may anything, so somebody else has to look.)
run 0 help doctor
as() {
	if [ "$(id -u)" != 0 ]; then
		"$@"
	else
		chmod 755 "$tmp"
		setpriv --reuid=64991 --regid=64991 --clear-groups "$@"
	fi
}
look() {
	got=0
	as env HOME="$tmp" "$fuda" doctor --sysroot "$sys" "$@" </dev/null >"$tmp/out" 2>"$tmp/err" || got=$?
	[ "$got" = 3 ] || fail "exit status $got of doctor as another user"
}
# joins: the node of the RC-S380 is for a group, which root is not
joins() {
	chmod 060 "$sys/dev/bus/usb/002/007"
	[ "$(id -u)" != 0 ] || chgrp 64992 "$sys/dev/bus/usb/002/007"
	printf 'readers:x:%s:\n' "$(stat -c %g "$sys/dev/bus/usb/002/007")" >"$sys/etc/group"
}
node 2 7 000
if ! has_usb; then
	run 3 doctor --sysroot system
	says_not out 'no permission' # that would help nobody
elif as "$fuda" --version >"$tmp/out" 2>&1; then
	look
	says out 'no permission to use the RC-S380/S: /dev/bus/usb/002/007 is for group'
	says out 'install 70-fudasashi.rules'
	says out 'sudo udevadm control --reload; sudo udevadm trigger --subsystem-match=usb'
	rules etc/udev/rules.d/90-fudasashi.rules
	look
	says out 'sudo mv /etc/udev/rules.d/90-fudasashi.rules /etc/udev/rules.d/70-fudasashi.rules; '
	rules usr/lib/udev/rules.d/70-fudasashi.rules
	look
	says out 'sudo mv ' # /etc counts
	rm "$sys/etc/udev/rules.d/90-fudasashi.rules"
	look
	says out 'unplug it and plug it in again, or: sudo udevadm control --reload'
	applied 70
	look
	says out 'unplug it and' # another device
	applied 7
	look
	says out 'log in at the machine itself'
	printf 'readers:x:%s:\n' "$(stat -c %g "$sys/dev/bus/usb/002/007")" >"$sys/etc/group"
	look
	says out 'is for group readers'
	says_not out usermod # the group may not use it either
	joins # a group of the users may
	look
	says out 'is for group readers'
	says out 'sudo usermod -aG readers '
	if [ "$(id -u)" = 0 ]; then # nobody is told to join root, with a name or without
		chgrp 0 "$sys/dev/bus/usb/002/007"
		for name in readers root; do
			printf '%s:x:0:\n' $name >"$sys/etc/group"
			look
			says_not out usermod
			says out '--with-udev-group=GROUP'
		done
		rm "$sys/etc/group"
		look
		says_not out usermod
	fi
	# rules that do not have it, or only in a remark
	sed -i 's/^\(ATTR.*06c1\)/#\1/' "$sys/usr/lib/udev/rules.d/70-fudasashi.rules"
	look
	says out 'ATTR{idVendor}=="054c", ATTR{idProduct}=="06c1", TAG+="uaccess"'
	says out 'sudo tee /etc/udev/rules.d/70-my-reader.rules'
	: >"$sys/usr/lib/udev/rules.d/70-fudasashi.rules"
	look
	says out 'tee /etc/udev/rules.d/70-my-reader.rules'
	# the port of a chip: not there, forbidden, of a group, of root's
	mkdir -p "$sys/dev"
	port() { # port [NAME]: what is said of this port
		look -r "nfc:pn532_uart:/dev/${1:-ttyUSB0:115200}"
	}
	port
	says out 'there is no /dev/ttyUSB0'
	says out "'ls /dev/tty*'"
	says_not out 'fuda readers'
	: >"$sys/dev/ttyUSB0"
	chmod 0 "$sys/dev/ttyUSB0"
	port
	says out 'no permission to use /dev/ttyUSB0'
	says out 'rule for udev'
	says_not out usermod
	chmod 060 "$sys/dev/ttyUSB0"
	if [ "$(id -u)" = 0 ]; then
		port # of root's
		says_not out usermod
		chgrp 64992 "$sys/dev/ttyUSB0"
	fi
	printf 'dialout:x:%s:\n' "$(stat -c %g "$sys/dev/ttyUSB0")" >"$sys/etc/group"
	port
	says out 'no permission to use /dev/ttyUSB0: it is for group dialout'
	says out 'sudo usermod -aG dialout '
	says_not out 'card '
	port ttyUSB1
	says out 'there is no /dev/ttyUSB1'
	rm "$sys/dev/ttyUSB0"
else
	echo "not looked at: permissions (the build is out of reach for others than root)"
fi
rm -r "$sys/sys/bus/usb/devices"

# where a service answers, it has to have a driver, and people need no permission (this one answers and then
# says nothing more, so that the time ends)
if has_pcsc && [ -x "$build/tests/listen-exec" ]; then
	"$build/tests/listen-exec" "$tmp/no-service" sleep 60 &
	silent_service=$!
	trap 'kill $silent_service; rm -rf "$tmp"' EXIT
	while [ ! -S "$tmp/no-service" ]; do sleep 0.05; done
	chmod 666 "$tmp/no-service"
	reader=2-2
	usb $reader 04e6 5790 'uTrust 3700 F' 0b
	node 2 8 000
	run 3 doctor --sysroot system --timeout 1
	says out 'the PC/SC service answers at'
	says out 'the PC/SC service has no driver for readers of the CCID class'
	says out 'apt install libccid'
	mkdir -p "$sys/usr/lib64/pcsc/drivers/ifd-ccid.bundle/Contents"
	: >"$sys/usr/lib64/pcsc/drivers/ifd-ccid.bundle/Contents/Info.plist"
	as env HOME="$tmp" "$fuda" doctor --sysroot "$sys" --timeout 1 >"$tmp/out" 2>&1 </dev/null || :
	says_not out 'libccid'
	says_not out 'no permission to use the'
	rm -r "$sys/sys/bus/usb/devices"
	kill $silent_service
	{ wait $silent_service || :; } 2>/dev/null
	trap 'rm -rf "$tmp"' EXIT
	rm -f "$tmp/no-service"
fi

if has_pcsc; then
	# the service: there, dead, forbidden
	usb 1-2 04e6 5790 'uTrust 3700 F' 0b
	mkdir -p "$sys/usr/sbin"
	printf '#!/bin/sh\n' >"$sys/usr/sbin/pcscd"
	run 3 doctor --sysroot system
	says out 'not installed'
	chmod +x "$sys/usr/sbin/pcscd"
	run 3 doctor --sysroot system
	says out 'the PC/SC service is installed'
	: >"$tmp/no-service"
	run 3 doctor --sysroot system
	says out 'does not answer'
	rm "$tmp/no-service"
	if [ "$(id -u)" != 0 ]; then
		mkdir "$tmp/closed"
		chmod 0 "$tmp/closed"
		PCSCLITE_CSOCK_NAME="$tmp/closed/pcscd.comm" run 3 doctor --sysroot system
		says out 'no permission'
		chmod 700 "$tmp/closed"
	fi
fi

# an emulated reader on an emulated bus, as libusb and this command see it
if [ -x "$build/tests/usb-stage" ]; then
	got=0
	"$build/tests/usb-stage" "rcs380:$tmp/card" rcs380 -- "$fuda" doctor >"$tmp/out" 2>"$tmp/err" || got=$?
	if [ $got = 77 ]; then
		echo "not looked at: an emulated RC-S380 ($(cat "$tmp/out" "$tmp/err"))"
	else
		[ $got = 0 ] || fail "exit status $got of doctor with an emulated RC-S380"
		[ "$(grep -c '^ok .*(054c:06c[13]) is plugged in' "$tmp/out")" = 2 ] || fail "not both readers are seen"
		says out 'a My Number card answers'
		says out "'fuda auth' should work"
		! has_pcsc || grep -q '^note  *the PC/SC service is not started' "$tmp/out" || fail 'a problem to who has a reader without the service'
		says_not out PROBLEM
	fi
fi

# a card
run 0 doctor -r virtual:card
says out 'a My Number card answers'
silent err
run 0 doctor -r virtual:card --json
json .result ok
json '.findings[0].check' card
json '.findings[0].finding' ok
run 0 doctor -r virtual:card
says out "'fuda auth --reader virtual:card' should work"
run 3 doctor -r virtual:nowhere
says out 'PROBLEM'
says out '  do '
says_not out 'should work'
run 3 doctor -r foo --sysroot system
! has_pcsc || says out 'systemctl start pcscd.socket'

# the port of a chip that may be used; names without one
: >"$sys/dev/ttyS9"
run 3 doctor -r nfc:pn532_uart:/dev/ttyS9 --sysroot system --timeout 5
says out '/dev/ttyS9 is there, and this user may use it'
! has_nfc || says out 'LIBNFC_DEFAULT_DEVICE=CONNSTRING nfc-list'
! has_nfc || says_not out 'lists the readers'
for name in nfc:pn532_uart: virtual:/dev/ttyS9; do
	run 3 doctor -r $name --sysroot system --timeout 5
	says_not out 'this user may use it'
done

# secrets with one try or none
echo 4321 >"$tmp/wrong"
for _ in 1 2; do run 4 auth -r virtual:card --pin-file wrong; done
run 0 doctor -r virtual:card
says out 'only one try of the PIN for user authentication is left'
says out '--use-last-try'
says_not out 'should work'
run 5 auth -r virtual:card --pin-file wrong --use-last-try
run 0 doctor -r virtual:card
says out 'the PIN for user authentication is blocked'
says out 'municipal office'
says_not out 'should work'
run 0 doctor -r virtual:card --json
json '.findings[1].check' pin
json '.findings[1].finding' problem
json '.findings[1].next'
tries card sign 5
run 2 doctor surplus
echo ok
