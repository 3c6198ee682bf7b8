# SPDX-License-Identifier: Apache-2.0
# For the tests of the command line: sourced, not run. Makes a scratch directory with a software card, and
# gives words for calling fuda and looking at what it did.

build=$PWD
top=$(cd "${srcdir:-.}" && pwd)
fuda=$build/fuda
[ -x "$build/fuda-vcard" ] || {
	echo "skipped: built without the software card"
	exit 77
}
tmp=$(mktemp -d)
trap end EXIT
trap 'exit 1' HUP INT TERM
export HOME="$tmp/home" XDG_CACHE_HOME="$tmp/cache" LC_ALL=C PCSCLITE_CSOCK_NAME="$tmp/no-service"
unset LANGUAGE
mkdir "$HOME"

# What the test wrote must not show what stands nowhere else.
end() {
	status=$?
	trap - EXIT
	sh "$top/tests/scan.sh" "$tmp" || status=1
	rm -rf "$tmp"
	exit $status
}

fail() {
	echo "FAILED: $*"
	for f in out err; do
		[ ! -s "$tmp/$f" ] || sed "s/^/  $f: /" "$tmp/$f" | head -n 20
	done
	exit 1
}

# The password for signing of the cards below.
sign_password=$(sed -n 's/^secret.sign *= *//p' "$top/tests/canaries/suite.secrets")

# fresh NAME [OPTION...]: a new software card $tmp/NAME; the first one of its kind is made, the others copied
fresh() {
	name=$1
	shift
	case " $* " in *" --secrets "*) ;; *) set -- "$@" --secrets "$top/tests/canaries/suite.secrets" ;; esac
	case " $* " in *" --person "*) ;; *) set -- "$@" --person "$top/tests/canaries/suite.person" ;; esac
	key=$(echo "stock$*" | tr -c 'a-z0-9\n' _)
	[ -d "$tmp/$key" ] || sh "$top/tests/stock.sh" "$tmp/$key" "$@" >"$tmp/out" 2>"$tmp/err" ||
		fail "fuda-vcard make $*"
	rm -rf "${tmp:?}/$name"
	cp -R "$tmp/$key" "$tmp/$name"
}

# run STATUS ARGUMENT...: calls fuda without a terminal, in $tmp; output in out and err
run() {
	want=$1
	shift
	got=0
	(cd "$tmp" && setsid -w "$fuda" "$@" <"${input:-/dev/null}" >out 2>err) || got=$?
	[ "$got" = "$want" ] || fail "exit status $got, not $want: fuda $*"
}

# traced FILE ARGUMENT...: what fuda does over a reader trace:..., as a trace in $tmp
traced() {
	FUDA_TRACE=$tmp/$1
	export FUDA_TRACE
	shift
	run 0 "$@"
	unset FUDA_TRACE
}

# Skips the test in a build without the platform's client.
needs_mykey() {
	"$fuda" --list-commands | grep -q '^mykey bind$' || {
		echo "SKIP: built without the platform's client"
		exit 77
	}
}

# Whether the build has the driver for PC/SC.
has_pcsc() {
	! grep -q '^PCSC_LIBS *= *$' "$build/Makefile"
}

# Whether the build has the drivers for devices on the USB.
has_usb() {
	! grep -q '^USB_LIBS *= *$' "$build/Makefile"
}

# Whether it has the one for libnfc.
has_nfc() {
	! grep -q '^NFC_LIBS *= *$' "$build/Makefile"
}

# becomes WHAT COMMAND...: waits until the command succeeds, for some seconds
becomes() {
	what=$1
	shift
	n=0
	until "$@"; do
		n=$((n + 1))
		[ $n -lt 150 ] || fail "in fifteen seconds: no $what"
		sleep 0.1
	done
}

# handles SIGNAL PID: it is fuda, no script before it, and INT, TERM or HUP does not simply end it any more
handles() {
	case $(readlink "/proc/$2/exe") in
	*fuda) ;;
	*) return 1 ;;
	esac
	case $1 in
	HUP) bit=0 ;;
	INT) bit=1 ;;
	TERM) bit=14 ;;
	esac
	caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$2/status")
	[ $((0x${caught:-0} >> bit & 1)) = 1 ]
}

# interrupted ARGUMENT...: calls fuda as run does and interrupts it, a moment after it came to handle that; its exit status
# in got. What it is to be interrupted in may not have begun on a busy machine: the end is the same.
interrupted() {
	(cd "$tmp" && exec env --default-signal=INT "$fuda" "$@" </dev/null >out 2>err) &
	becomes "handler of SIGINT: fuda $*" handles INT $!
	sleep 0.3
	kill -INT $!
	got=0
	wait $! || got=$?
}

# says FILE TEXT: the file (out, err, ...) has the text
says() {
	grep -q -F -e "$2" "$tmp/$1" || fail "$1 does not say: $2"
}

says_not() {
	! grep -q -F -e "$2" "$tmp/$1" || fail "$1 says: $2"
}

silent() {
	[ ! -s "$tmp/$1" ] || fail "$1 is not empty"
}

# Rewrites a JSON text as lines ".path=value" (".path[0]=value" in lists); fails if it is not JSON.
json_lines() {
	awk '
	function die(why) { print why > "/dev/stderr"; bad = 1; exit 1 }
	function blank() { while (substr(s, p, 1) ~ /[ \t\n\r]/) p++ }
	function expect(c) { blank(); if (substr(s, p, 1) != c) die("no " c " at " p); p++ }
	function string(   start, c) {
		expect("\""); start = p
		while ((c = substr(s, p, 1)) != "\"") {
			if (c == "" || c < " ") die("bad string at " p)
			p += c == "\\" ? 2 : 1
		}
		return substr(s, start, p++ - start)
	}
	function value(path,   c, n, key) {
		blank(); c = substr(s, p, 1)
		if (c == "{" || c == "[") {
			p++; blank()
			if (substr(s, p, 1) == (c == "{" ? "}" : "]")) {
				print path "=" (c == "{" ? "{}" : "[]"); p++; return
			}
			for (n = 0; ; n++) {
				if (c == "{") { key = string(); expect(":"); value(path "." key) }
				else value(path "[" n "]")
				blank()
				if (substr(s, p, 1) != ",") break
				p++
			}
			expect(c == "{" ? "}" : "]")
		} else if (c == "\"") print path "=" string()
		else if (match(substr(s, p), /^(-?[0-9]+|true|false|null)/)) {
			print path "=" substr(s, p, RLENGTH); p += RLENGTH
		} else die("no value at " p)
	}
	{ s = s $0 "\n" }
	END { if (bad) exit 1; p = 1; value(""); blank(); if (p <= length(s)) die("more at " p) }
	' "$1"
}

# json PATH VALUE: standard output is one JSON text that has this; json PATH: that has it at all
json() {
	json_lines "$tmp/out" >"$tmp/lines" || fail "no JSON"
	if [ $# -eq 1 ]; then
		grep -q -F -e "$1=" "$tmp/lines" || fail "JSON lacks $1"
	else
		grep -q -x -F -e "$1=$2" "$tmp/lines" ||
			fail "JSON lacks $1=$2 ($(grep -F -e "$1=" "$tmp/lines" || :))"
	fi
	! grep -E '=($|null$|\{\}$|\[\]$)' "$tmp/lines" | grep -v '^.readers=\[\]$' || fail "JSON with something empty"
}

json_lacks() {
	json_lines "$tmp/out" >"$tmp/lines" || fail "no JSON"
	! grep -q -F -e "$1=" "$tmp/lines" || fail "JSON has $1"
}

# tries CARD WHICH COUNT: so many tries are left
tries() {
	run 0 pin status -r "virtual:$1" --json
	json ".$2" "$3"
}

# secrets_of CARD: files pin, wrong, a, b and birth with its secrets, a line each
secrets_of() {
	echo 1234 >"$tmp/pin"
	echo 4321 >"$tmp/wrong"
	sed -n 's/^secret.face-a *= *//p' "$tmp/$1/card.conf" >"$tmp/a"
	sed -n 's/^secret.face-b *= *//p' "$tmp/$1/card.conf" >"$tmp/b"
	sed -n 's/^secret.birth *= *//p' "$tmp/$1/card.conf" >"$tmp/birth"
}

# where FILE "XX XX ...": the offset of these bytes in a file of $tmp
where() {
	bytes=$(od -An -v -tx1 "$tmp/$1" | tr '\n' ' ' | tr -s ' ')
	before=${bytes%%" $2 "*}
	[ "$before" != "$bytes" ] || fail "$1 has no $2"
	echo $((${#before} / 3))
}

# flip FILE OFFSET [BITS]: changes a byte of a file of $tmp, by its lowest bit or those given
flip() {
	byte=$(od -An -tu1 -j "$2" -N 1 "$tmp/$1")
	# shellcheck disable=SC2059 # the format is the data
	printf "\\$(printf %03o $((byte ^ ${3:-1})))" |
		dd of="$tmp/$1" bs=1 seek="$2" conv=notrunc 2>"$tmp/dd" || fail "$(cat "$tmp/dd")"
}
