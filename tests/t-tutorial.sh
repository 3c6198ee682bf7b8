#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tutorials docs/tracing.md, docs/mdoc.md and docs/mykey.md do what they say: their commands are run, in order and in one
# shell, and what they print is what stands there, but for "...", which is anything. The Japanese ones have the same commands
# with the same results.
#
# What is different from a user's machine: a private PC/SC service, and therefore another port and name of the reader;
# and another port of the service.
set -eu
. "${srcdir:-.}/tests/cli.sh"
unset PCSCLITE_CSOCK_NAME
. "$top/tests/pcscd-env.sh"
pcscd_let_preload
at_exit 'sh "$top/tests/scan.sh" "$tmp" || pcscd_status=1; rm -rf "$tmp"'
for need in opensc-tool tshark jq; do
	command -v $need >/dev/null || pcscd_skip "$need is not installed"
done

# blocks FILE: its commands and their outputs, as they stand there
blocks() {
	awk '/^```console$/ { on = 1; next } /^```$/ { on = 0 } on' "$1"
}
# steps TUTORIAL: a file for each command, with the lines that it goes on for ("> "), and one for what it prints
steps() {
	blocks "$top/docs/$1.md" >"$tmp/en"
	blocks "$top/docs/$1.ja.md" >"$tmp/ja"
	[ -s "$tmp/en" ] || fail "no commands in the tutorial"
	diff "$tmp/en" "$tmp/ja" >"$tmp/diff" || fail "the tutorials differ: $(cat "$tmp/diff")"
	mkdir "$tmp/$1" "$tmp/$1-steps"
	sed "s/localhost:8443/localhost:$port/g; s/127.0.0.1:8443/127.0.0.1:$port/g" "$tmp/en" | awk -v dir="$tmp/$1-steps" '
		function name(what) { return sprintf("%s/%03d.%s", dir, n, what) }
		/^\$ / { n++; command = 1; print substr($0, 3) >name("command"); printf "" >name("prints"); next }
		command && /^> / { print substr($0, 3) >name("command"); next }
		{ command = 0; print >name("prints") }
	'
}
port=$((20000 + $$ % 20000))
mkdir "$tmp/bin"

# the card comes to the private service by its port
cat >"$tmp/bin/fuda-vcard" <<END
#!/bin/sh
case \$1 in
run | replay) exec "$build/fuda-vcard" "\$@" --vpcd "127.0.0.1:$FUDA_TEST_PORT" ;;
*) exec "$build/fuda-vcard" "\$@" ;;
esac
END
chmod +x "$tmp/bin/fuda-vcard"
PATH=$tmp/bin:$build:$PATH

# prints STEP: what was printed is what should be
prints() {
	awk '
	{ sub(/[ \t]+$/, "") } # which editors take away
	function pattern(line) {
		gsub(/[][\\.^$*+?(){}|\/]/, "\\\\&", line)
		gsub(/\\\.\\\.\\\./, ".*", line)
		return line
	}
	FILENAME == ARGV[1] { want = want (($0 == "...") ? "(.*\n)*" : pattern($0) "\n"); next }
	{ got = got $0 "\n" }
	END { exit got !~ ("^(" want ")$") }
	' "$1.prints" "$1.out"
}

# follow TUTORIAL
follow() {
	steps "$1"
	cd "$tmp/$1"
	count=0
	for step in "$tmp/$1-steps"/*.command; do
		step=${step%.command}
		count=$((count + 1))
		last=
		# shellcheck disable=SC2034 # tutorials look at it
		eval "$(cat "$step.command")" >"$step.out" 2>&1 </dev/null || last=$?
		case $(tail -n 1 "$step.command") in
		*'&')
			at_exit "pcscd_stop $!"
			becomes "output like the tutorial's of: $(cat "$step.command")" prints "$step"
			;;
		esac
		prints "$step" || {
			echo "FAILED: $(cat "$step.command")${last:+ (exit status $last)}"
			echo "--- it prints:"
			cat "$step.out"
			echo "--- the tutorial:"
			cat "$step.prints"
			exit 1
		}
	done
	[ $count -gt 10 ] || fail "only $count commands"
	echo "$1: $count commands"
}
follow tracing
no_card() {
	! fuda readers --json 2>/dev/null | grep -q '"card":true'
}
becomes "empty reader" no_card
follow mdoc
[ ! -x "$build/fuda-mykeyd" ] || follow mykey
