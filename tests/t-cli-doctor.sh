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
says out 'apt install pcscd'
says out 'pcscd --foreground' # no systemd
says_not out 'systemctl'
if [ "$(id -u)" = 0 ]; then says_not out sudo; else says out 'sudo apt install'; fi
says err 'no usable card was found'
mkdir -p "$sys/run/systemd/system"
run 3 doctor --sysroot system
says out 'systemctl start pcscd.socket'
run 3 doctor --sysroot system --json
json '.findings[0].check' usb
json '.findings[0].finding' problem
json '.findings[0].message'
json '.findings[0].next'
json '.findings[1].check' pcscd
json '.findings[2].check' service
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
says out 'there is no PC/SC driver for this reader'
says out '(04e6:511a) is plugged in'
says_not out 'Keyboard'

# the service: there, dead, forbidden
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
