#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pages and programs say the same: options, commands, keys of reports; the examples work; the language of
# the pages is clean.
set -eu
. "${srcdir:-.}/tests/cli.sh"
bad=0
complain() {
	echo "FAILED: $*"
	bad=1
}

commands=$("$fuda" --list-commands)

# "letter name value" of each option
options_of_help() {
	"$fuda" $1 --help |
		sed -n -E 's/^  (-(.),|   ) --([a-z-]+)( ([^ ]+))?  .*/\2 \3 \5/p' | sort
}
options_of_page() {
	sed -n -E 's/^\.It (Fl (.)( Ar ([^ ]+))? , )?Fl -([a-z-]+)( Ar (.*))?$/\2 \5 \7/p' "$1" | sort
}
while read -r c; do
	page=$top/tools/fuda-$(echo "$c" | tr ' ' -).1
	[ -f "$page" ] || {
		complain "no page of $c"
		continue
	}
	options_of_help "$c" >"$tmp/help"
	options_of_page "$page" >"$tmp/page"
	[ -s "$tmp/help" ] || complain "no options in the help of $c"
	diff "$tmp/help" "$tmp/page" || complain "options of $c: help (<) and page (>) differ"
	grep -q -x ".Nd .*" "$page" && grep -q "^\.Dt FUDA-" "$page" || complain "$page has no name"
done <<EOF
$commands
EOF

echo "$commands" | sort >"$tmp/a"
sed -n -E '/^The commands are/,/^\.El/s/^\.It Cm ([a-z ]+)$/\1/p' "$top/tools/fuda.1" | sort >"$tmp/all"
# the page tells of all that can be built
if grep -q '^mykey ' "$tmp/a"; then cat "$tmp/all"; else grep -v -E '^(mykey|terminal) ' "$tmp/all"; fi >"$tmp/b"
diff "$tmp/a" "$tmp/b" || complain "fuda.1 has other commands"
grep -h -o -E '^\.Xr fuda(-[a-z]+)* 1' "$top"/tools/fuda.1 "$top"/tools/fuda-*.1 | sort -u | while read -r _ name _; do
	[ -f "$top/tools/$name.1" ] || echo "$name"
done >"$tmp/dead"
grep -h -o -E '^\.Xr fuda(-[a-z]+)* [2-9]' "$top"/tools/fuda*.[15] "$top"/tools/*.in | sort -u | while read -r _ name n; do
	[ -f "$build/tools/$name.$n" ] || [ -f "$top/tools/$name.$n" ] || echo "$name($n)"
done >>"$tmp/dead"
[ ! -s "$tmp/dead" ] || complain "references to pages that are not there: $(cat "$tmp/dead")"

# examples: the blocks behind a line '.\" run' ('.\" run jq': where that program is), each page in a directory of its own; all
# begin with the same card, which is made anew in that of fuda-vcard alone
mkdir "$tmp/bin"
cat >"$tmp/bin/fuda-vcard" <<EOF
#!/bin/sh
[ "\$PAGE \$*" != "fuda-vcard.1 make card" ] && [ "\$*" = 'make card' ] || exec "$build/fuda-vcard" "\$@"
place=\$PWD
cd "$build"
exec sh "$top/tests/stock.sh" "\$place/card"
EOF
chmod +x "$tmp/bin/fuda-vcard"
PATH=$tmp/bin:$build:$PATH
for page in "$top"/tools/fuda.1 "$top"/tools/fuda-*.[15]; do
	awk -v jq="$(command -v jq)" '/^\.\\" run$/ || (jq && /^\.\\" run jq$/) { on = 1; next }
		on && /^\.Bd/ { in_block = 1; next } /^\.Ed/ { on = in_block = 0 }
		in_block { sub(/^\$ /, ""); gsub(/\\e/, "\\"); print }' "$page" >"$tmp/example"
	[ -s "$tmp/example" ] || continue
	case $page in */fuda-mykeyd.1) [ -x "$build/fuda-mykeyd" ] || continue ;; esac
	rm -rf "$tmp/place"
	mkdir "$tmp/place"
	(cd "$tmp/place" && PAGE=${page##*/} sh -e "$tmp/example" </dev/null >"$tmp/out" 2>"$tmp/err") || {
		sed 's/^/  /' "$tmp/err"
		complain "an example of $page fails"
	}
done

# the rules of mobile credentials, with check, result and text
tr '\n' ' ' <"$top/include/fuda/mdoc.def" | sed 's/" *"//g; s/X(/\n/g' |
	sed -n -E 's/^([A-Z0-9_]+), "([A-Z0-9]+)", ([A-Z_]+), *N_\("([^"]*)"\)\).*/\1 \2 \3 \4/p' |
	awk '{ $1 = tolower($1); $3 = tolower($3); print }' | sort >"$tmp/a"
awk '/^\.Sh/ { on = $2 == "RULES" } !on { next }
	function end() { if (rule) print rule; rule = "" }
	/^\.Ss/ { check = $2; sub(":", "", check) }
	/^\.It Cm/ { end(); rule = $3 " " check " " $6; next }
	/^\.(El|Ss|Sh)/ { end(); next }
	/^\.Pq (.* )?Fl -/ {
		mark = $NF ~ /^[.,;]$/ ? $NF : ""
		sub(/^\.Pq /, "("); sub(/Fl -/, "--"); sub(/ [.,;]$/, "")
		$0 = $0 ")" mark
	}
	rule { rule = rule " " $0 }
	END { end() }' "$top/tools/fuda-mdoc-verify.1" | sort >"$tmp/b"
[ "$(wc -l <"$tmp/a")" = "$(grep -c '^X(' "$top/include/fuda/mdoc.def")" ] || complain "not all rules of mdoc.def were read"
diff "$tmp/a" "$tmp/b" || complain "rules of mdoc.def (<) and of fuda-mdoc-verify.1 (>) differ"

# every key of a report is in the command's page, or in those that it refers to
fresh card
echo 1234 >"$tmp/pin"
keys() {
	page=$1
	json_lines "$tmp/out" | sed 's/=.*//' | tr '.' '\n' | sed 's/\[.*//' | sort -u | while read -r key; do
		[ -z "$key" ] || cat "$top/tools/$page.1" ${2:+"$top/tools/$2.1"} "$top"/tools/fuda.1 "$top"/tools/fuda-cert.1 \
			"$top"/tools/fuda-pin.1 "$top"/tools/fuda-auth.1 |
			grep -E '^(\.It )?(\.|\.It )Cm ' | grep -q -w -e "$key" || echo "$key"
	done >"$tmp/unknown"
	[ ! -s "$tmp/unknown" ] || complain "keys that $page does not explain: $(tr '\n' ' ' <"$tmp/unknown")"
}
run 0 info -r virtual:card --json
keys fuda-info
run 0 cert auth -r virtual:card --json
keys fuda-cert
run 0 pin status -r virtual:card --json
keys fuda-pin
run 0 auth -r virtual:card --trust card/ca.pem --pin-file pin --json
keys fuda-auth
run 6 auth -r virtual:card --pin-file pin --json
keys fuda-auth
run 0 sign -k auth -f raw pin -o sig -c me.pem -r virtual:card --trust card/ca.pem --pin-file pin --json
keys fuda-sign
run 0 verify pin -s sig -c me.pem --trust card/ca.pem --json
keys fuda-verify
echo 1990-05-15 >"$tmp/birth"
for c in attributes mynumber; do
	run 0 $c -r virtual:card --cv-trust card/cv-authority.pem --pin-file pin --json
	keys fuda-$c
	run 6 $c -r virtual:card --pin-file pin --json
	keys fuda-$c
done
sed -n 's/^secret.face-a *= *//p' "$tmp/card/card.conf" >"$tmp/a"
run 6 face -r virtual:card -o face --with a --my-number --pin-file a --json
keys fuda-face
run 0 face -r virtual:card --with birth --pin-file birth --cv-trust card/cv-authority.pem --json
keys fuda-face
printf '1234\n8273\n' >"$tmp/two"
run 0 pin change juki -r virtual:card --pin-file two --json
keys fuda-pin
run 0 info -r virtual:card --trust card/ca.pem --cv-trust card/cv-authority.pem --json
keys fuda-info
run 0 apdu 00A4040C0AD392F000260100000001 00B0860010 -r virtual:card --json
keys fuda-apdu
run 3 doctor --sysroot nowhere --json
keys fuda-doctor

cat >"$tmp/script.apdu" <<'EOF'
fuda-trace 1
> 00 A4 04 0C 0A $jpki
< $ok
> 00 A4 02 0C 02 $jpki.token
< $not-found
EOF
run 1 trace run script.apdu -r virtual:card --json
keys fuda-trace-run
echo 'fuda-trace 1' >"$tmp/empty.apdu"
run 1 trace diff script.apdu empty.apdu --json
keys fuda-trace-diff
run 0 trace record -o new.apdu -r virtual:card --json -- "$fuda" info -r '{reader}'
run 0 trace torture -r virtual:card --kinds removed --json -- "$fuda" cert auth -r '{reader}'
keys fuda-trace-torture

fuda-vcard make "$tmp/phone" --kind wallet --person "$top/tests/canaries/suite.person" 2>"$tmp/err"
run 0 mdoc request name birth_date address sex local_gov_code age_in_years age_over_20 portrait individual_number \
	org.iso.23220.1.jp.mnc/org.iso.23220.1/birth_date org.iso.23220.1.jp.mnc/org.iso.23220.1.jp/more -r virtual:phone \
	--my-number --trust phone/ca.pem --crl phone/crl.pem --portrait face.jp2 --save shown --json
keys fuda-mdoc-request fuda-mdoc-verify
run 6 mdoc verify shown/response.cbor --request shown/request.cbor --trust phone/reader-ca.pem --at 2026-11-20 --json
keys fuda-mdoc-verify
printf '\240' >"$tmp/none"
run 6 mdoc verify none --trust phone/ca.pem --json
keys fuda-mdoc-verify
run 0 mdoc show shown/response.cbor --json
keys fuda-mdoc-show
cat >"$tmp/holder" <<END
name = 番号　花子
birth_date = 1989-01-08
address = 東京都千代田区霞が関２丁目１番２号
sex = female
local_gov_code = 13101
individual_number = 987654321093
portrait = face.jp2
END
run 0 mdoc issue holder -k phone/device-key.pem --signer-key phone/ds-key.pem --signer-certificate phone/ds.pem \
	-o credential.cbor --json
keys fuda-mdoc-issue
run 0 mdoc present -c credential.cbor -k phone/device-key.pem --request shown/request.cbor \
	--transcript shown/transcript.cbor -o response.cbor --json
keys fuda-mdoc-present

# completion: what bash would offer
if command -v bash >/dev/null; then
	cat >"$tmp/complete" <<'EOF'
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
case $1 in *-vcard) _fuda_vcard ;; *) _fuda ;; esac
printf '%s\n' "${COMPREPLY[@]}"
EOF
	offers() {
		want=$1
		shift
		bash "$tmp/complete" "$top/tools/completion/${1##*/}" "$@" >"$tmp/out" 2>"$tmp/err" || complain "completion of $*"
		grep -q -x -e "$want" "$tmp/out" || complain "completion of '$*' does not offer $want"
		[ ! -s "$tmp/err" ] || complain "completion of '$*' says: $(cat "$tmp/err")"
	}
	offers auth "$fuda" a
	offers apdu "$fuda" a
	offers help "$fuda" ''
	offers sign "$fuda" help s
	offers --challenge "$fuda" auth --ch
	offers auth-ca "$fuda" cert a
	offers status "$fuda" pin ''
	offers sha384 "$fuda" sign --hash sha
	offers change "$fuda" pin ''
	offers juki "$fuda" pin change ''
	offers birth "$fuda" face --with ''
	offers --cv-trust "$fuda" attributes --cv
	offers mynumber "$fuda" my
	offers birth "$fuda" face -w ''
	mkdir "$tmp/dirs" "$tmp/dirs/inner"
	: >"$tmp/dirs/file"
	for o in -o --out; do
		offers "$tmp/dirs/inner" "$fuda" face $o "$tmp/dirs/"
		! grep -q file "$tmp/out" || complain "completion of face $o offers a file"
	done
	offers "$tmp/dirs/file" "$fuda" sign --key auth "$tmp/dirs/f"
	offers "$tmp/dirs/file" "$fuda" pin change auth --pin-file "$tmp/dirs/f"
	offers show "$fuda" trace s
	offers --junit "$fuda" trace run --j
	offers jsonl "$fuda" trace export --format = j
	offers pcapng "$fuda" trace export --format =
	if grep -q '^mykey ' "$tmp/a"; then
		offers resolve "$fuda" mykey r
		offers --wish "$fuda" mykey change --w
		offers enrol "$fuda" terminal ''
		offers "$tmp/dirs/file" "$fuda" terminal enrol --ca "$tmp/dirs/f"
		offers "$tmp/dirs/inner" "$fuda" mykey bind --terminal "$tmp/dirs/"
		! grep -q file "$tmp/out" || complain "completion of --terminal offers a file"
	fi
	offers present "$fuda" mdoc p
	offers birth_date "$fuda" mdoc request name --retain b
	offers hex "$fuda" mdoc present --form h
	offers "$tmp/dirs/file" "$fuda" mdoc verify "$tmp/dirs/f"
	offers "$tmp/dirs/file" "$fuda" mdoc issue --signer-key "$tmp/dirs/f"
	offers "$tmp/dirs/inner" "$fuda" mdoc request --save "$tmp/dirs/"
	! grep -q 'dirs/file' "$tmp/out" || complain "completion of --save offers a file"
	offers iphone "$build/fuda-vcard" make x --kind = i
	: >"$tmp/dirs/a.apdu"
	for c in show diff run format export; do
		offers "$tmp/dirs/a.apdu" "$fuda" trace $c "$tmp/dirs/"
		offers "$tmp/dirs/inner" "$fuda" trace $c "$tmp/dirs/"
		! grep -q 'dirs/file' "$tmp/out" || complain "completion of trace $c offers what is no trace"
	done
	offers "$tmp/dirs/file" "$fuda" trace record -o "$tmp/dirs/f"
	offers --force "$fuda" trace record -o "$tmp/dirs/file" --f
	for c in 'trace record' 'trace record -o x --' 'trace torture --limit 3'; do
		# shellcheck disable=SC2086 # words
		offers mktemp "$fuda" $c mktem
		# shellcheck disable=SC2086
		offers "$tmp/dirs/file" "$fuda" $c cat "$tmp/dirs/f"
	done
	vcard=$build/fuda-vcard
	offers replay "$vcard" r
	offers --person "$vcard" make --per
	offers --wait "$vcard" run "$tmp/dirs" --w
	offers android "$vcard" make x --kind a
	offers "$tmp/dirs/file" "$vcard" make x --photo "$tmp/dirs/f"
	offers "$tmp/dirs/inner" "$vcard" run "$tmp/dirs/"
	! grep -q 'dirs/file' "$tmp/out" || complain "completion of fuda-vcard run offers a file"
	offers "$tmp/dirs/a.apdu" "$vcard" replay --loose "$tmp/dirs/"
	offers "$tmp/dirs/file" "$fuda" trace run --pin-file "$tmp/dirs/f"
	offers '' "$fuda" pin change auth ''
	offers '' "$fuda" auth "$tmp/dirs/f"
	! bash "$tmp/complete" "$top/tools/completion/fuda" "$fuda" cert --form | grep -q '=' ||
		complain "completion offers '='"
fi

if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$top"/tools/fuda.1 "$top"/tools/fuda-*.[15] >"$tmp/lint" || :
	[ ! -s "$tmp/lint" ] || complain "$(cat "$tmp/lint")"
else
	echo "not looked at: the pages' language (no mandoc)"
fi
[ $bad = 0 ] && echo ok
exit $bad
