#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A card whose secrets and whose holder's data are nowhere else is used by every command, as people use them, as they go
# wrong, and as readers break; none of it is in a trace, a log, a message or a report that is not to show it.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/canary.sh"

reader=trace:virtual:cards/card
new_card
every_command virtual
look "every command"

# the traces are there, and say that something is not shown
for name in auth attributes sign-sign change-sign wrong-text; do
	trace=$seen/virtual-$name.apdu
	grep -q '^> 00 2[04] 0[01] 9*8*[0-9A-F]* .*<secret [0-9]*>$' "$trace" || fail "no secret in $trace: $(cat "$trace")"
done
grep -q '<data [0-9]* [0-9A-F]*>' "$seen/virtual-attributes.apdu" || fail "nothing hidden in the attributes' trace"

# two readings of one card can be compared, though nobody sees what they are
for name in attributes attributes--json; do # but for the challenge that it signs
	awk '/^> 00 B0/ { read = 1; next } read && /^< / { print $NF } { read = 0 }' "$seen/virtual-$name.apdu" >"$tmp/$name.read"
	[ -s "$tmp/$name.read" ] || fail "nothing was read for $name"
done
cmp -s "$tmp/attributes.read" "$tmp/attributes--json.read" || fail "the same data has other hashes"

# what reads traces shows no more than they do
for trace in "$seen"/virtual-*.apdu; do
	name=$(basename "$trace" .apdu)
	for how in 'show' 'show --brief' 'show --json' 'format' 'export --format jsonl'; do
		# shellcheck disable=SC2086
		"$fuda" trace $how "$trace" >"$seen/$name.read" 2>&1 || fail "fuda trace $how $trace: $(cat "$seen/$name.read")"
		cat "$seen/$name.read" >>"$seen/$name.all"
	done
	"$fuda" trace export --format pcapng -o "$seen/$name.pcapng" "$trace" 2>"$seen/$name.read" ||
		fail "fuda trace export $trace: $(cat "$seen/$name.read")"
	"$fuda" trace diff "$trace" "$seen/virtual-attributes.apdu" >"$seen/$name.diff" 2>&1 || [ $? = 1 ] ||
		fail "fuda trace diff $trace: $(cat "$seen/$name.diff")"
done
look "readers of traces"

# a phone says it to its reader alone, in a session of theirs: the trace of that shows nothing
"$build/fuda-vcard" make "$cards/phone" --kind wallet --person "$canaries/canary.person" >"$seen/phone" 2>&1 ||
	fail "fuda-vcard make: $(cat "$seen/phone")"
reader=trace:virtual:cards/phone
for json in '' --json; do
	use "phone$json" 0 "$shown" mdoc request name birth_date address sex individual_number portrait --my-number \
		--trust "$cards/phone/ca.pem" --portrait "$shown/portrait.jp2" --save "$shown/phone" $json
	use "phone-refused$json" 6 "$seen" mdoc request name birth_date address individual_number portrait --my-number \
		--trust "$cards/phone/reader-ca.pem" --portrait "$seen/portrait.jp2" $json
	use "phone-fault$json" '*' "$seen" mdoc request name address --trust "$cards/phone/reader-ca.pem" --crl "$cards/phone/crl.pem" $json
done
[ ! -e "$seen/portrait.jp2" ] || fail "the portrait of a bad document was written"
grep -q '^> .*ENVELOPE\|^> [01]0 C3 ' "$seen/phone.apdu" || fail "nothing of the phone in $seen/phone.apdu"
# refused NAME STATUS ARGUMENT...: a command without a reader that is to say why, and nothing else
refused() {
	name=$1 want=$2
	shift 2
	got=0
	(cd "$tmp" && "$fuda" mdoc "$@" -v -v </dev/null >"$seen/$name.out" 2>"$seen/$name.err") || got=$?
	[ $got = "$want" ] || fail "$name: exit status $got, not $want: fuda mdoc $* ($(cat "$seen/$name.err"))"
}
refused untrusted 6 verify "$shown/phone/response.cbor" --transcript "$shown/phone/transcript.cbor" \
	--trust "$cards/phone/reader-ca.pem" --json
refused unbound 6 verify "$shown/phone/response.cbor" --trust "$cards/phone/ca.pem"
signer="--signer-key $cards/phone/ds-key.pem --signer-certificate $cards/phone/ds.pem -k $cards/phone/device-key.pem"
for bad in 's/^name.*/&\x07/' 's/^address.*/&\x07/' 's/^birth_date.*/&x/' 's/^individual_number.*/&0/'; do
	sed -e 's/^my_number/individual_number/' -e "$bad" "$canaries/canary.person" >"$given/holder"
	# shellcheck disable=SC2086
	refused holder 1 issue "$given/holder" $signer -o "$seen/refused"
done
look "a phone"

# a script that fails says what it expected, and nothing that it got
cat >"$seen/reads.apdu" <<'END'
fuda-trace 1
> 00 A4 04 0C 0A $text
< $ok
verify text
< 9000
> 00 B0 82 00 00
< 9000 00 01
> 00 B0 81 00 00
< 6982
END
use run 1 "$seen" trace run --pin-file "$given/text" "$seen/reads.apdu"
use run-tap 1 "$seen" trace run --tap --pin-file "$given/text" "$seen/reads.apdu"
use run-junit 1 "$seen" trace run --junit "$seen/run.xml" --pin-file "$given/text" "$seen/reads.apdu"
use run-json 1 "$seen" trace run --json --pin-file "$given/text" "$seen/reads.apdu"
use run-wrong '*' "$seen" trace run --pin-file "$given/wrong" "$seen/reads.apdu"
new_card
look "a script that fails"

# each fault where it can strike; the trace stands outside of the fault, and then inside
for kind in removed pulled gone reset lostreset mute unreached truncated garbled=7 oversized=3 duplicated sw=6F00 \
	answer=3734363200; do
	for n in 1 2 3 4 5 6 7 8; do
		for reader in "fault:$kind@$n:trace:virtual:cards/card" "trace:fault:$kind@$n:virtual:cards/card"; do
			use "fault-$kind-$n" '*' "$seen" auth --timeout 1 --pin-file "$given/auth"
			rm -f "$cards/card/state"
		done
	done
	reader=trace:fault:$kind@4:virtual:cards/card
	use "fault-text-$kind" '*' "$shown" attributes --timeout 1 --pin-file "$given/text"
	rm -f "$cards/card/state"
done
look "faults"

# the key of the hashes is nobody's but the user's
key=$(find "$HOME/.config" "$HOME" -name trace.key 2>/dev/null | head -n 1)
[ -n "$key" ] || fail "there is no key of the hashes"
[ "$(stat -c %a "$key")" = 600 ] || fail "others may read the key of the hashes"
printf 'secret.key = %s\n' "$(cat "$key")" >"$given/key"
"$find" -v "$given/key" "$seen" "$shown" >"$tmp/found" || fail "the key of the hashes: $(cat "$tmp/found")"

# and the search sees what there would be to see
leave() {
	printf '%s\n' "$1" >"$seen/planted"
}
for what in "$(cat "$given/sign")" "$(value name)" "$(value address)" "$number" "$b" \
	"> 00 20 00 98 04 $(tr -d '\n' <"$given/auth" | od -An -tx1)" "the PIN is $new_pin" "$wrong_password"; do
	blind "what was left on purpose" leave "$what"
done
rm "$seen/planted"
look "at the end"
