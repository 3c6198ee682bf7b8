#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Includes go down, and third-party headers stay in the files named here.
set -eu
cd "${srcdir:-.}"
bad=0

# complain TEXT: reads offending lines from standard input
complain() {
	while read -r line; do
		echo "$line: $1"
		bad=1
	done
	return 0
}

# includes FILES...: "file header" for every include
includes() {
	[ $# -eq 0 ] || grep -H -E '^#[[:space:]]*include' "$@" |
		sed -E 's/^([^:]*):#[[:space:]]*include[[:space:]]*[<"]([^>"]*)[>"].*/\1 \2/'
}

floor() {
	case $1 in
	base) echo 1 ;;
	codec) echo 2 ;;
	reader) echo 3 ;;
	drivers) echo 4 ;;
	card) echo 5 ;;
	app) echo 6 ;;
	*) echo 0 ;;
	esac
}

tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT

# 1. floors of the card's side; the stacked drivers stand above what they stack
for folder in base codec reader card app; do
	includes $(find src/$folder -name '*.[ch]') | while read -r file header; do
		case $header in
		*/*) target=${header%%/*} ;;
		*) continue ;;
		esac
		[ "$target" = fuda ] && continue
		# bytes that a phone on a reader is engaged with
		[ "$folder $header" = "app mdoc/handover.h" ] && continue
		up=$(floor "$target")
		case $target in
		pki | record | vcard | mdoc | trace | pkcs11 | ifd | preload | authority | service | tools) up=9 ;;
		esac
		[ "$up" -le "$(floor $folder)" ] || echo "$file includes $header"
	done
done >"$tmp"
complain "includes go down" <"$tmp"

# 2. what stands beside them, on base and codec alone
for folder in pki trace; do
	includes $(find src/$folder -name '*.[ch]') | grep -v -E " (fuda|base|codec|$folder)/" |
		grep -E ' (reader|card|app|pki|mdoc|record|trace|vcard|drivers)/' || :
done >"$tmp"
complain "stands on base and codec alone" <"$tmp"
# ... the software card too, but what its wallet says is CBOR and COSE, of which there is one; the tag's side and the
# elements it writes by itself
includes $(find src/vcard -name '*.[ch]') |
	grep -v -E " ((fuda|base|codec|vcard)/|pki/(key|private)\.h|mdoc/(cbor|cose|engagement|issue|request|response|session|transcript)\.h)" |
	grep -E ' (reader|card|app|pki|mdoc|record|trace|drivers)/' >"$tmp" || :
complain "stands on base, codec, pki's keys and mdoc's messages alone" <"$tmp"
# ... and on pki what the card's records say
includes $(find src/record -name '*.[ch]') | grep -v -E " (fuda|base|codec|pki|record)/" |
	grep -E ' [^ ]+/' >"$tmp" || :
complain "stands on base, codec and pki alone" <"$tmp"
# ... and on the readers the handler for pcscd
[ ! -d src/ifd ] || includes $(find src/ifd -name '*.[ch]') | grep -v -E " (fuda|base|codec|reader|ifd|PCSC)/" |
	grep -E ' [^ ]+/' >"$tmp" || :
complain "stands on base, codec and reader alone" <"$tmp"

# ... what stands before libpcsclite on the readers and the traces
includes $(find src/preload -name '*.[ch]') | grep -v -E " (fuda|base|codec|reader|trace|preload)/" |
	grep -E ' [^ ]+/' >"$tmp" || :
complain "stands on base, codec, reader and trace alone" <"$tmp"

# ... the platform's client on base, codec and pki; its service also on what both must make alike
includes $(find src/mykey -name '*.[ch]') | grep -v -E " (fuda|base|codec|pki|mykey)/" |
	grep -E ' (reader|card|app|record|trace|vcard|drivers|service)/' >"$tmp" || :
complain "stands on base, codec and pki alone" <"$tmp"
includes $(find src/service -name '*.[ch]') | grep -v -E " ((fuda|base|codec|pki|service)/|mykey/transcript\.h|record/face\.h)" |
	grep -E ' (reader|card|app|record|trace|vcard|drivers|mykey)/' >"$tmp" || :
complain "stands on base, codec, pki, mykey/transcript.h and record/face.h alone" <"$tmp"

# 3. between applications, nothing; between drivers, nothing
for f in src/app/*.[ch]; do
	includes "$f" | grep -E ' app/' | grep -v ' app/app.h' || :
done >"$tmp"
complain "applications do not know each other" <"$tmp"

# 4. tools see the public headers only; a program of an internal library may see that library's header
# ... and fuda-photo and fuda-nfc, which are linked with nothing of ours, what needs no linking
includes tools/*.[ch] | grep -E ' (base|codec|reader|card|app|pki|drivers)/' |
	grep -v -E '^tools/(photo-[a-z]*\.c base/cursor|fuda-nfc\.c drivers/nfc-protocol)\.h$' >"$tmp" || :
complain "tools include <fuda/...> only" <"$tmp"
includes tools/*.[ch] | grep -E ' (vcard|trace)/' |
	grep -v -E '^tools/((fuda-vcard|vcard-(qr|replay))\.c vcard/vcard|vcard-replay\.c trace/replay)\.h$' >"$tmp" || :
complain "only fuda-vcard knows the software card, and traces from inside" <"$tmp"
includes tools/*.[ch] | grep -E ' (service|mykey)/' | grep -v -E '^tools/(fuda-)?mykeyd[a-z-]*\.[ch] service/' >"$tmp" || :
complain "only fuda-mykeyd knows the service from inside" <"$tmp"

# 5. public headers include no third-party header
includes include/fuda/* | grep -v -E ' (fuda/.*|std(bool|def|int)\.h|time\.h)$' >"$tmp" || :
complain "public headers stand alone" <"$tmp"

# 6. third-party headers: pattern, files that may
while read -r pattern files; do
	includes $(find src drivers tools -name '*.[ch]') | grep -E " $pattern" |
		grep -v -E "^($files) " || :
done >"$tmp" <<EOF
(winscard|pcsclite|wintypes|reader\.h) drivers/pcsc(-pad\.c|\.h)|src/preload/(real\.h|control\.c)
(PCSC/|ifdhandler|debuglog) src/ifd/[a-z0-9-]*\.[ch]
libusb src/reader/usb-libusb(-transfer)?\.[ch]
nfc/ tools/fuda-nfc\.c
openssl/ src/base/(crypto(-keys)?|pem)\.c|src/pki/[a-z0-9-]*\.[ch]|src/vcard/[a-z0-9-]*\.[ch]|src/service/(ca(-[a-z0-9]*)?|backup)\.[ch]|src/mykey/(request|http)\.c
p11-kit/ src/pki/token\.c
curl/ src/(mykey/http|service/responder)\.c
(microhttpd|gnutls/) src/service/http(-[a-z0-9]*)?\.[ch]
sqlite3 src/service/store-sqlite(-log)?\.c
(libpq|pg_) src/service/store-postgres(-[a-z]*)?\.[ch]
(json|json-c/) tools/json\.c
qrencode\.h src/vcard/qr\.c
(openjpeg|png\.h) tools/photo-picture\.c|src/vcard/pictures\.c
seccomp tools/photo-sandbox\.c
EOF
complain "third-party headers stay in their files" <"$tmp"

# 7. a library does not speak
grep -n -E '\b(printf|puts|putchar|perror|exit|abort|vprintf)[[:space:]]*\(' $(find src drivers -name '*.c') >"$tmp" || :
complain "a library does not speak" <"$tmp"
# ... and nobody uses what cannot be used safely
grep -n -E '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|atoi|atol)[[:space:]]*\(' \
	$(find src drivers tools -name '*.c') >"$tmp" || :
complain "banned call" <"$tmp"
exit $bad
