#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mykey with a reader that has keys of its own: the PIN is typed there, the birth date's key never is, as the service has
# to be told it; where it cannot be had, and where nobody could take the certificate, no PIN is asked for.
set -eu
. "${srcdir:-.}/tests/usb-env.sh"
if [ "${1-}" != inside ]; then
	needs tests/usb-stage ./fuda-vcard ./fuda-mykeyd
	begin_cards
	sh "$srcdir/tests/stock.sh" "$cards/card" --secrets "$srcdir/tests/canaries/suite.secrets" 2>/dev/null
	sh "$srcdir/tests/stock.sh" "$cards/old" --secrets "$srcdir/tests/canaries/suite.secrets" --expired 2>/dev/null
	export FUDA_TEST_KEYS="$cards/keys"
	# the emulated bus is for fuda alone
	got=0
	tests/usb-stage "ccid-pad:$cards/card" -- sh -c \
		'export FUDA_TEST_BUS="$LD_PRELOAD"; unset LD_PRELOAD; exec sh "$0" inside "$1"' "$0" "$cards" || got=$?
	exit $got
fi
cards=$2
. "${srcdir:-.}/tests/cli.sh"
printf '#!/bin/sh\nexport LD_PRELOAD="%s"\nexec "%s" "$@"\n' "$FUDA_TEST_BUS" "$fuda" >"$tmp/fuda"
chmod +x "$tmp/fuda"
fuda=$tmp/fuda
needs_mykey
. "$top/tests/mykeyd.sh"
cp -R "$cards/card" "$tmp/card"
secrets_of card
cat "$tmp/pin" "$tmp/birth" >"$tmp/both"
stage place 1
reader=ccid:$(cat "$tmp/answer")
mykeyd_init s --set crl_required=no --set "trust=$tmp/card/ca.pem" --set "cv_trust=$tmp/card/cv-authority.pem"
mykeyd_start s
mykeyd_terminal s t library
daemon_in s 0 terminal tap-on "$mykeyd_id" --comment 'people see each other there'
# mykey STATUS KEYS WORD...: these keys are pressed when the reader asks (E ends)
mykey() {
	want_status=$1
	echo "$2" >"$FUDA_TEST_KEYS"
	shift 2
	run "$want_status" mykey "$@" --terminal t -r "$reader" --json -vv
}
asked='Type the PIN for user authentication on the keys of the reader'

mykey 0 1234E bind
says err "$asked"
verifies 1 1
mykey 0 1234E resolve
json .ppid
ppid=$(sed -n 's/^\.ppid=//p' "$tmp/lines")
verifies 1 2

# ---- registering ----

# nobody to type the birth date's key: nor is the PIN asked for on the reader
registers() {
	(mykey 2 1234E tap --register) >/dev/null 2>&1
}
becomes 'a terminal that may tap' registers
says err "the birth date key is needed, and there is no terminal to ask for it"
says_not err "$asked"
says_not err '> 0020'
json_lacks .tries_before
verifies 1 2
# with somebody there it is typed here, and then the PIN on the reader
if command -v expect >/dev/null; then
	# typed STATUS BIRTH KEYS
	typed() {
		echo "$3" >"$FUDA_TEST_KEYS"
		BIRTH=$2 STATUS=$1 reader=$reader fuda=$fuda tmp=$tmp expect <<-'EOF' >"$tmp/out" 2>"$tmp/err" || fail "typed $*"
			set timeout 30
			log_user 0
			proc bad {text} { puts "FAILED: $text"; exit 1 }
			cd $env(tmp)
			spawn -noecho $env(fuda) mykey tap --register --terminal t -r $env(reader)
			expect {
				-re {keys of the reader} { bad "the PIN first" }
				-re {Birth date \(} {}
				timeout { bad "nobody asked for the birth date" }
			}
			send "$env(BIRTH)\r"
			expect {
				-ex $env(BIRTH) { bad "the key is shown" }
				-re {Type the PIN for user authentication on the keys of the reader} {}
				timeout { bad "the reader did not ask" }
			}
			expect eof
			set got [lindex [wait] 3]
			if {$got != $env(STATUS)} { bad "status $got: $expect_out(buffer)" }
		EOF
	}
	typed 4 "$(cat "$tmp/birth")" 4321E # the birth date's key is not sent then
	verifies 1 3
	typed 4 000000 1234E
	verifies 1 5
	typed 0 "$(cat "$tmp/birth")" 1234E
	verifies 1 7
else
	echo 'there is no expect'
	run 0 mykey tap --register --terminal t -r "$reader" --pin-file both
	verifies 1 4
fi

# ---- the tap: nobody types anything ----

stage usage 1
before=$(sed 's/.* //' "$tmp/answer")
mykey 0 '' tap
json .ppid "$ppid"
json .secret birth
says_not err "$asked"
verifies 1 $((before + 1))
# from a file both come without the keys
mykey 0 9999E tap --register --pin-file both
says_not err "$asked"
verifies 1 $((before + 3))

# ---- a certificate that nobody could take ----

stage remove 1
stage insert 1 "$cards/old"
in_place() {
	"$fuda" info -r "$reader" >"$tmp/out" 2>"$tmp/err"
}
becomes 'the other card' in_place
for word in bind 'tap --unregister'; do
	# shellcheck disable=SC2086 # words
	mykey 6 1234E $word
	json .result certificate_expired
	json_lacks .tries_before
	says_not err "$asked"
	says_not err '> 0020'
done
if command -v expect >/dev/null; then
	unasked=$(cd "$tmp" && echo 1234E >"$FUDA_TEST_KEYS" && setsid -w expect -c "
		log_user 0
		spawn -noecho $fuda mykey tap --register --terminal t -r $reader
		expect eof
		puts \$expect_out(buffer)") || fail "expect"
	case $unasked in
	*"$asked"* | *'Birth date'*) fail "asked for: $unasked" ;;
	*certificate_expired*) ;;
	*) fail "not refused: $unasked" ;;
	esac
fi
verifies 1 0
mykeyd_stop s
echo ok
