#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tutorial docs/tracing.md does what it says: its commands are run, in order and in one shell, and what they print is
# what stands there, but for "...", which is anything. The Japanese one has the same commands with the same results.
#
# What is different from a user's machine: a private PC/SC service, and therefore another port and name of the reader.
set -eu
. "${srcdir:-.}/tests/cli.sh"
unset PCSCLITE_CSOCK_NAME
. "$top/tests/pcscd-env.sh"
pcscd_let_preload
at_exit 'sh "$top/tests/scan.sh" "$tmp" || pcscd_status=1; rm -rf "$tmp"'
for need in opensc-tool tshark; do
	command -v $need >/dev/null || pcscd_skip "$need is not installed"
done

# blocks FILE: its commands and their outputs, as they stand there
blocks() {
	awk '/^```console$/ { on = 1; next } /^```$/ { on = 0 } on' "$1"
}
blocks "$top/docs/tracing.md" >"$tmp/en"
blocks "$top/docs/tracing.ja.md" >"$tmp/ja"
[ -s "$tmp/en" ] || fail "no commands in the tutorial"
diff "$tmp/en" "$tmp/ja" >"$tmp/diff" || fail "the tutorials differ: $(cat "$tmp/diff")"

# a file for each command, with the lines that it goes on for ("> "), and one for what it prints
mkdir "$tmp/steps" "$tmp/place" "$tmp/bin"
awk -v dir="$tmp/steps" '
	function name(what) { return sprintf("%s/%03d.%s", dir, n, what) }
	/^\$ / { n++; command = 1; print substr($0, 3) >name("command"); printf "" >name("prints"); next }
	command && /^> / { print substr($0, 3) >name("command"); next }
	{ command = 0; print >name("prints") }
' "$tmp/en"

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

cd "$tmp/place"
count=0
for step in "$tmp"/steps/*.command; do
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
echo "$count commands"
