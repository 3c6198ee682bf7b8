#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# face: the files, what a signature covers, and that a directory never holds half of a reading or two cards.
set -eu
. "${srcdir:-.}/tests/cli.sh"
fresh card
secrets_of card
number=$(cat "$tmp/a")

# face STATUS [ARGUMENT...]: of the card by B into the directory "face", as JSON
face() {
	want=$1
	shift
	run "$want" face -r virtual:card -o face --pin-file b --cv-trust "$keys" --json "$@"
}
keys=card/cv-authority.pem
# holds NAME...: the directory has these files and no others, for the user alone
holds() {
	printf '%s\n' "$@" | sort >"$tmp/expected"
	find "$tmp/face" -mindepth 1 -printf '%f\n' | sort >"$tmp/found"
	diff "$tmp/expected" "$tmp/found" >&2 || fail "other files"
	open=$(find "$tmp/face" ! -perm 600 ! -path "$tmp/face")
	[ -z "$open" ] || fail "others can read $open"
}
usual='name.png address.png photo.jp2 security_code.png summary.json'
[ ! -x "$build/fuda-photo" ] || usual="$usual photo.png"

# good: the pictures are those of the card
face 0
json .result ok
json .world test
json .birth_date 1990-05-15
json .sex male
json .expiry
json .secret b
for f in name address photo security_code; do json ".files.$f"; done
json .files.photo face/photo.jp2
json .files.summary face/summary.json
json '.signed[4]' photo
for i in 0 1 2 3; do json ".signed[$i]"; done
json_lacks '.signed[5]'
json '.unsigned[0]' expiry
json '.unsigned[1]' security_code
json_lacks '.unsigned[2]'
json .certificate.issuer 6000023/001
json_lacks .files.my_number
json_lacks .rule
[ "$(sed -n 's/^.apdus.count=//p' "$tmp/lines")" -le 7 ] || fail "too many commands"
# shellcheck disable=SC2086 # words
holds $usual
[ "$(stat -c %a "$tmp/face")" = 700 ] || fail "others can look into the directory"
cmp "$tmp/out" "$tmp/face/summary.json" || fail "the summary is not the report"
for f in name address security_code; do
	[ "$(head -c 8 "$tmp/face/$f.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "$f is no PNG"
done
[ "$(dd if="$tmp/face/photo.jp2" bs=1 skip=4 count=4 2>/dev/null)" = 'jP  ' ] || fail "the photo is no JP2"
at=$(where card/face-0002.bin 'df 27 82')
size=$(wc -c <"$tmp/face/photo.jp2")
dd if="$tmp/card/face-0002.bin" bs=1 skip=$((at + 5)) count="$size" 2>/dev/null | cmp - "$tmp/face/photo.jp2" ||
	fail "the photo is not that of the card"
if [ -x "$build/fuda-photo" ]; then
	json .files.photo_png face/photo.png
	json_lacks .photo_error
	[ "$(head -c 8 "$tmp/face/photo.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "photo.png is no PNG"
	silent err
fi
run 0 face -r virtual:card -o face --pin-file b --cv-trust card/cv-authority.pem
says out 'face/photo.jp2'
says out 'Not signed'
says_not out "$number"

# by A, with the picture of the My Number; without it the next reading leaves none behind
face 0 --with a --pin-file a --my-number
json .files.my_number face/my_number.png
json '.signed[5]' my_number
# shellcheck disable=SC2086 # words
holds $usual my_number.png
! grep -q "$number" "$tmp/out" || fail "the number is in the report"
face 0 --with a --pin-file a
json_lacks .files.my_number
# shellcheck disable=SC2086 # words
holds $usual
echo mine >"$tmp/face/other.txt" # what is not ours stays
face 0
[ -f "$tmp/face/other.txt" ] || fail "a file of somebody else was removed"
rm "$tmp/face/other.txt"

# by the birth date, as digits and as a date: the age record and nothing else
for how in "$(cat "$tmp/birth")" 1990-05-15; do
	echo "$how" >"$tmp/typed"
	run 0 face -r virtual:card --with birth --pin-file typed --cv-trust card/cv-authority.pem --json
	json .result ok
	json .birth_date 1990-05-15
	json .secret birth
	json '.signed[0]' birth_date
	for key in files sex expiry unsigned; do json_lacks ".$key"; done
done
rm -r "$tmp/face"
face 0 --with birth --pin-file typed
holds summary.json

# foreign residents: the six digits as they are, whatever the calendar makes of the date
cat >"$tmp/resident" <<'END'
name = BANGO HANAKO
birth_date = 1990-05-15
birth_key = 900515
END
"$build/fuda-vcard" make "$tmp/foreign" --person "$tmp/resident" --authority "$tmp/card" >"$tmp/out" 2>"$tmp/err" ||
	fail "a foreign resident"
code=$(sed -n 's/^secret.face-b *= *......\(....\)\(....\)$/\1 \2/p' "$tmp/foreign/card.conf")
echo "900515 $code" >"$tmp/typed"
run 0 face -r virtual:foreign -o foreign.face --pin-file typed --cv-trust card/cv-authority.pem --json
json .birth_date 1990-05-15
echo "1990-05-15 $code" >"$tmp/typed" # the Japanese era does not open it
run 4 face -r virtual:foreign -o foreign.face --pin-file typed --json
json .tries_after 9

# mistakes in the command line
rm -r "$tmp/face"
run 2 face -r virtual:card --pin-file b
says err '-o DIR'
face 2 --my-number
says err '--with a'
face 2 --my-number --with birth
for bad in pin text '' 'a|b'; do face 2 --with "$bad"; done
face 2 surplus
run 2 face -r virtual:card --pin-file b -o ''
run 2 face -r virtual:card -o face
says err '--pin-fd or --pin-file'
[ ! -e "$tmp/face" ] || fail "a directory was left"

# a directory that cannot be written is refused before the secret is asked for
refused() {
	run 1 face -r virtual:card -o "$1" --pin-file nowhere
	says err "$2"
	says_not err nowhere
}
echo >"$tmp/file"
refused file 'file'
refused no/such 'no/such'
refused file/below 'file/below'
mkdir -p "$tmp/taken/photo.png"
refused taken 'photo.png'
mkdir "$tmp/foreign.pictures" "$tmp/wide"
echo mine >"$tmp/foreign.pictures/photo.png"
refused foreign.pictures 'earlier reading'
[ "$(cat "$tmp/foreign.pictures/photo.png")" = mine ] || fail "a picture of somebody else's"
chmod 777 "$tmp/wide"
refused wide 'everybody may write'
if [ "$(id -u)" != 0 ]; then
	mkdir "$tmp/closed"
	chmod 500 "$tmp/closed"
	refused closed closed
fi
if [ -d /proc/self/net ]; then refused /proc/self/net /proc; fi
tries card b 10

# a failure changes nothing: what was there stays, what was not is not
echo 12345678901234 >"$tmp/wrong.b"
face 4 --pin-file wrong.b
json .error EPINWRONG
json .tries_after 9
[ ! -e "$tmp/face" ] || fail "a directory was left"
face 0
cp -R "$tmp/face" "$tmp/before"
face 4 --pin-file wrong.b
diff -r "$tmp/before" "$tmp/face" || fail "a failure changed the files"
says err 'The directory face holds an earlier reading, not this one.'
tries card b 9
for bad in 1234567890123 '1990-05-15 2035' '1990-05-15 2035 12345' '199005152035123x'; do
	echo "$bad" >"$tmp/bad"
	face 4 --pin-file bad
	json .error EPINFORM
done
tries card b 9
for bad in 12345 1990-02-30 1867-01-01 80-02-17; do
	echo "$bad" >"$tmp/bad"
	run 4 face -r virtual:card --with birth --pin-file bad
done

# without the authority's key the files are written, and the summary says what they are worth
run 6 face -r virtual:card -o face --pin-file b --json
json .result invalid_certificate
json .rule authority_unknown
json .world unknown
json '.signed[0]'
grep -q '"result":"invalid_certificate"' "$tmp/face/summary.json" || fail "the summary does not say it"
run 6 face -r virtual:card -o face --pin-file b
says out 'who signed is not known'
says_not out genuine
sh "$top/tests/stock.sh" "$tmp/other" >"$tmp/out" 2>"$tmp/err" || fail "a second hierarchy"
keys=other/cv-authority.pem
face 6
json .rule authority_signature
keys=card/cv-authority.pem
run 1 face -r virtual:card -o face --pin-file b --cv-trust nowhere

# one byte: in what is covered, nothing is signed any more; in what is not covered, nothing is noticed, and it is said so
at() {
	where card/face-0002.bin "$1"
}
flipped() { # FILE OFFSET [BITS]
	fresh card
	flip "card/$1" "$2" "${3:-1}"
}
# tags of two bytes may come about by chance in a key: images are found by how they begin and end
png='89 50 4e 47 0d 0a' png_end='49 45 4e 44 ae 42 60 82'
for field in 'df 22 08|6' 'df 23 01|3|3' 'df 24 82|200' "$png|57" "$png_end df 26|68" 'df 27 82|3000' 'df 28 82|200'; do
	rest=${field#*|}
	offset=${rest%%|*}
	case $rest in *'|'*) bits=${rest#*|} ;; *) bits=1 ;; esac
	flipped face-0002.bin $(($(at "${field%%|*}") + offset)) "$bits"
	face 6
	json .result signature_mismatch
	json .rule record_signature
	json_lacks '.signed[0]'
	json '.unsigned[0]' name
	grep -q '"result":"signature_mismatch"' "$tmp/face/summary.json" || fail "the summary does not say it"
done
for field in 'df 29 08|10' 'df 29 08|71'; do # the expiry, and behind it the image of the security code
	flipped face-0002.bin $(($(at "${field%|*}") + ${field#*|}))
	face 0
	json .result ok
	json '.unsigned[0]' expiry
done
flipped face-0005.bin $(($(where card/face-0005.bin 'df 41') + 40))
face 6 --with a --pin-file a --my-number
json .rule record_signature
flipped face-0001.bin $(($(where card/face-0001.bin 'df 11 08') + 10))
face 6 --with birth --pin-file birth
json .rule record_signature
flipped face-0004.bin $(($(where card/face-0004.bin '5f 37') + 99))
face 6
json .rule authority_signature
json '.unsigned[0]' name

# records of another card of the same authority, with its certificate: they are whole, but this card does not have their
# key
fresh card
rm -r "$tmp/other"
"$build/fuda-vcard" make "$tmp/other" --authority "$tmp/card" >"$tmp/out" 2>"$tmp/err" || fail "another card"
for f in 0001 0002 0004 0005; do cp "$tmp/other/face-$f.bin" "$tmp/card/face-$f.bin"; done
face 6
json .result signature_mismatch
json .rule challenge_signature
# only its My Number
fresh card
cp "$tmp/other/face-0005.bin" "$tmp/card/face-0005.bin"
face 6 --with a --pin-file a --my-number
json .result signature_mismatch

# malformed: the object is named, and nothing is written
rm -r "$tmp/face"
malformed() { # TAG OFFSET BITS NAME
	flipped face-0002.bin $(($(at "$1") + $2)) "$3"
	face 1
	json .error EFORMAT
	json_lacks .files
	json_lacks .birth_date
	says err "$4"
	[ ! -e "$tmp/face" ] || fail "a directory was left"
}
malformed 'ff 20' 1 1 FF20
malformed 'df 21 12' 4 1 DF21
malformed 'df 22 08' 3 64 DF22
malformed "$png" 1 1 DF25
malformed 'df 27 82' 9 1 DF27

# a photo that cannot be decoded: the rest is there, and it is said
if [ -x "$build/fuda-photo" ]; then
	flipped face-0002.bin $(($(at 'df 27 82') + 5 + 49)) # the height in the box ihdr
	run 6 face -r virtual:card -o face --pin-file b --cv-trust card/cv-authority.pem --json
	json .photo_error
	json .files.photo
	json_lacks .files.photo_png
	says err 'photo.png is not made'
	[ ! -e "$tmp/face/photo.png" ] && [ -e "$tmp/face/photo.jp2" ] || fail "other files"
fi

# a helper that fails, says nothing of use, answers for ever or never, or is not there: likewise
if [ -x "$build/.libs/fuda" ]; then
	fresh card
	mkdir "$tmp/moved" "$tmp/moved/bin"
	cp "$build/.libs/fuda" "$tmp/moved/bin/fuda"
	whole=$fuda
	fuda=$tmp/moved/bin/fuda
	export LD_LIBRARY_PATH="$build/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
	while IFS='|' read -r script reason; do
		printf '#!/bin/sh\n%s\n' "$script" >"$tmp/moved/bin/fuda-photo"
		chmod +x "$tmp/moved/bin/fuda-photo"
		run 0 face -r virtual:card -o face --pin-file b --cv-trust $keys --json --timeout 5
		json .result ok
		json .photo_error
		grep -q -e "^.photo_error=$reason" "$tmp/lines" || fail "not the reason: $(grep photo_error "$tmp/lines")"
		json_lacks .files.photo_png
		[ ! -e "$tmp/face/photo.png" ] && [ -e "$tmp/face/photo.jp2" ] || fail "other files"
	done <<'END'
echo "no good" >&2; echo more >&2; exit 1|no good
echo "no PNG"|the operation failed
exit 1|malformed data
kill -SEGV $$|malformed data
cat /dev/zero|more data than allowed
exec sleep 60|timed out
END
	rm "$tmp/moved/bin/fuda-photo"
	run 0 face -r virtual:card -o face --pin-file b --cv-trust $keys --json
	json .files.photo # and photo_error, unless an installation has the program
	fuda=$whole
	unset LD_LIBRARY_PATH
fi

# smartphones have no such application
fresh phone --kind android
run 1 face -r virtual:phone -o phone.face --pin-file b --json
json .error ENOTFOUND
says err 'smartphone'
[ ! -e "$tmp/phone.face" ] || fail "a directory was left"

# files that cannot grow: as if nothing had been
fresh card
got=0
(cd "$tmp" && ulimit -f 4 && "$fuda" face -r virtual:card -o small --pin-file b --json >out 2>err) || got=$?
[ $got = 1 ] || fail "a full disk: $got"
[ ! -e "$tmp/small" ] || fail "a full disk: $(ls -A "$tmp/small")"
json .error EFILE
json_lacks .birth_date
json_lacks .files
echo ok
