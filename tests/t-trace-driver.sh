#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# trace: records what passes, shows nothing of the holder, and fails where it cannot write.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "${srcdir:-.}/tests/canary.sh"
unset XDG_CONFIG_HOME FUDA_TRACE FUDA_TRACE_RAW
card=$cards/stock
reader=trace:virtual:$card
config=$HOME/.config/fuda
trust="--trust $card/ca.pem"
cv="--cv-trust $card/cv-authority.pem"

# plain FILE: a trace without what differs from one card and one run to the next
plain() {
	sed -E -e '/^date /d' -e 's/^key .*/key K/' -e 's/ \([0-9.]+ ms\)//' -e 's/^reader ".*"/reader R/' \
		-e 's/<data ([0-9]+) [0-9A-F]{16}>/<data \1>/' "$1"
}

# whole FILE: it is a trace in its canonical form
whole() {
	"$fuda" trace format --check "$1" >"$tmp/out" 2>"$tmp/err" || fail "$1 is not as fuda-trace(5) has it"
}

# ---- what is recorded ----

FUDA_TRACE=$seen/auth.apdu
export FUDA_TRACE
# shellcheck disable=SC2086 # options
run 0 auth -r "$reader" $trust --pin-file "$given/auth"
whole "$FUDA_TRACE"
[ "$(stat -c %a "$FUDA_TRACE")" = 600 ] || fail "others can read the trace"
[ "$(stat -c %a "$config")" = 700 ] || fail "others can look into $config"
[ "$(stat -c %a "$config/trace.key")" = 600 ] || fail "others can read the key"
plain "$FUDA_TRACE" | sed -E 's/^(> 00 B0 01 00) .*/\1 ../; s/<data 1[0-9]{3}>/<data ..>/' >"$tmp/plain"
cat >"$tmp/expected" <<'END'
fuda-trace 1
program "fuda"
key K
reader R
atr 3B 88 80 01 00 00 41 E0 B3 81 A1 00 3B
sizes 65544 65538
> 00 A4 04 0C 0A D3 92 F0 00 26 01 00 00 00 01
< 9000
> 00 B0 8A 00 00
< 9000 <data 256>
> 00 B0 01 00 ..
< 9000 <data ..>
> 00 20 00 98
< 63C3
> 00 20 00 98 04 <secret 4>
< 9000
> 80 2A 00 97 33 <data 51> 00
< 9000 <data 256>
power off
END
diff "$tmp/expected" "$tmp/plain" || fail "the trace of an authentication"

# a second job goes behind it, and what is the same has the same hash
run 0 cert auth -r "$reader"
whole "$FUDA_TRACE"
[ "$(grep -c '^fuda-trace 1$' "$FUDA_TRACE")" = 1 ] || fail "two first lines"
[ "$(grep -c '<data 256 ' "$FUDA_TRACE")" = 3 ] || fail "not both jobs are there"
[ "$(grep '> 00 B0 8A' -A 1 "$FUDA_TRACE" | grep -o '<data.*' | sort -u | wc -l)" = 1 ] ||
	fail "the same certificate has two hashes"

# what is the same on many cards is shown; t-canaries.sh looks at all that is not
FUDA_TRACE=$seen/public.apdu
run 0 cert sign-ca -v -v -r "$reader"
cp "$tmp/err" "$seen/log"
whole "$FUDA_TRACE"
grep -q '^< 9000 .*) 30 82' "$FUDA_TRACE" || fail "the CA's certificate is not shown"
! grep -q 30820 "$seen/log" || fail "the log shows data"
look "trace:"

# ---- raw ----

FUDA_TRACE=$shown/raw.apdu
export FUDA_TRACE_RAW=1
run 2 attributes -r "$reader" --pin-file "$given/text"
says err 'trace.raw = yes'
says err "$config/config"
[ ! -e "$FUDA_TRACE" ] || fail "a raw trace without leave"
printf '# mine\ntrace.raw = ja\n' >"$config/config"
run 1 attributes -r "$reader" --pin-file "$given/text"
says err "$config/config:2: "
echo 'trace.raw = yes' >"$config/config"
# shellcheck disable=SC2086 # options
run 0 attributes -r "$reader" $cv --pin-file "$given/text"
whole "$FUDA_TRACE"
hex=$(value name | tr -d '\n' | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F)
tr -d ' \n' <"$FUDA_TRACE" | grep -q "$hex" || fail "the name is not in the raw trace"
grep -q '<secret 4>' "$FUDA_TRACE" || fail "the PIN is no secret in the raw trace"
look "raw" # secrets alone: $shown
chmod 640 "$FUDA_TRACE"
run 1 info -r "$reader"
says err 'chmod 600'
unset FUDA_TRACE_RAW
rm "$config/config"

# ---- where it goes ----

# to standard error, without the variable
unset FUDA_TRACE
run 0 cert auth-ca -r "$reader"
says err '> 00 A4 04 0C 0A D3 92 F0'
says_not out 'fuda-trace'
export FUDA_TRACE="$tmp/refused"
refused() { # TEXT ARGUMENT...: nothing is sent
	text=$1
	shift
	run 1 "$@"
	says err "$text"
}
echo "not a trace" >"$tmp/refused"
refused "is no trace" info -r "$reader"
[ "$(cat "$tmp/refused")" = "not a trace" ] || fail "written into what is no trace"
rm "$tmp/refused"
ln -s elsewhere "$tmp/refused"
refused "symbolic link" info -r "$reader"
[ ! -e "$tmp/elsewhere" ] || fail "followed a symbolic link"
FUDA_TRACE=$tmp/no/such
refused "cannot be written" info -r "$reader"
if [ -w /dev/full ]; then
	FUDA_TRACE=/dev/full
	refused "cannot be written" auth -r "$reader" --pin-file "$given/auth"
fi
export FUDA_TRACE_RAW=yes
run 2 info -r "$reader"
says err FUDA_TRACE_RAW
unset FUDA_TRACE_RAW

# ---- a disk that fills up at the PIN ----

# The wrong PIN is sent once, its answer cannot be recorded: the outcome is unknown, and nothing more is sent.
fresh full
FUDA_TRACE=$tmp/empty.apdu
run 4 auth -r trace:virtual:full --pin-file "$given/wrong"
before=$(grep -b '<secret 4>' "$FUDA_TRACE" | cut -d : -f 1)
FUDA_TRACE=$tmp/full.apdu
{
	echo "fuda-trace 1"
	printf '#%*s\n' $((1024 - before - 20 - 2)) x # up to the limit, but for 20 bytes
} >"$FUDA_TRACE"
got=0
(
	trap '' XFSZ
	ulimit -f 2
	cd "$tmp" && setsid -w "$fuda" auth -r trace:virtual:full --pin-file "$given/wrong" >out 2>err </dev/null
) || got=$?
[ $got = 10 ] || fail "exit status $got where the outcome is unknown"
[ "$(stat -c %s "$FUDA_TRACE")" -le 1024 ] || fail "the limit does not hold"
whole "$FUDA_TRACE"
! grep -q '<secret' "$FUDA_TRACE" || fail "outcome unknown, but recorded"
unset FUDA_TRACE
tries full auth 1 # of three; one was lost above

# ---- a response that is the one to an earlier command ----

if grep -q '"FAULT_TRUE"\]=""' "$build/config.status"; then
	# the holder's certificate, or part of it, comes where what anybody may see was asked for
	for asked in 00B08B0020 0084000020; do
		for spec in duplicated@3 duplicated@2+; do
			FUDA_TRACE=$tmp/before.apdu
			rm -f "$FUDA_TRACE"
			export FUDA_TRACE
			run 0 apdu -r "trace:fault:$spec:virtual:$card" 00A4040C0AD392F000260100000001 00B08A0020 $asked $asked
			[ "$(grep -c '^< ' "$FUDA_TRACE")" = 4 ] || fail "$spec: $(cat "$FUDA_TRACE")"
			! grep '^< ' "$FUDA_TRACE" | grep -v -E '^< [0-9A-F]{4} \([0-9.]+ ms\)( <data [0-9]+ [0-9A-F]{16}>)?$' ||
				fail "$spec: what may be the holder's certificate is shown"
			whole "$FUDA_TRACE"
		done
	done
fi

# ---- a status word that is not the card's ----

if grep -q '"FAULT_TRUE"\]=""' "$build/config.status"; then
	# the application is not the one that was selected, and what is read is name and address
	cat >"$tmp/lie" <<-'END'
		fuda-trace 1
		> 00 A4 04 0C 0A $text
		< 9000
		verify text
		< 9000
		> 00 A4 04 0C 0A $jpki
		< 9000
		> 00 B0 82 00 00
		< 9000 *
	END
	FUDA_TRACE=$tmp/lie.apdu
	run 0 trace run -r "trace:fault:sw=9000@4:virtual:$card" --pin-file "$given/text" "$tmp/lie"
	grep -A 1 '^> 00 B0' "$FUDA_TRACE" | grep -q -E '^< 9000 \([0-9.]+ ms\) <data [0-9]+ ' ||
		fail "name and address are shown"
	unset FUDA_TRACE
fi

# ---- names ----

unset FUDA_TRACE
run 3 info -r trace:
run 3 info -r "trace:virtual:$tmp/none"
"$fuda" readers >"$tmp/out" 2>&1 || [ $? = 3 ] || fail "readers"
says_not out trace:
