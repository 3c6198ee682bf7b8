#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# find-secret finds each form of a planted value, made here by other people's tools, and nothing else.
set -eu
find=$PWD/tests/find-secret
[ -x "$find" ] || {
	echo "SKIP: built without the helpers of the tests"
	exit 77
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
cd "$tmp"
name=番号　花子・長い名前のカナリア long=KANARIA4Y83QXP6W number=719283640510
cat >values <<END
# comment = not a value
secret.sign = $long
secret.auth = 7462
name = $name
my_number = $number
sex = female
END
mkdir place

fail() {
	echo "FAILED: $*"
	cat out
	exit 1
}

# look STATUS [OPTION...]: searches the folder `place`
look() {
	want=$1
	shift
	got=0
	"$find" "$@" -v values place >out 2>&1 || got=$?
	[ $got = "$want" ] || fail "$what: exit status $got, not $want"
}

# planted WHAT: standard input, with something around it, is found
planted() {
	what=$1
	{
		printf 'before: '
		cat
		printf ' :after\n'
	} >place/file
	look 1
	grep -q '^place/file:[0-9]*: ' out || fail "$what: no place"
	! grep -q -e "$long" -e 7462 -e "$number" -e "$name" out || fail "$what: a value is shown"
}

# harmless WHAT: standard input is no find
harmless() {
	what=$1
	cat >place/file
	look 0
}

hex() {
	od -An -v -tx1 | tr -d ' \n'
}
swapped() {
	hex | sed 's/\(.\)\(.\)/\2\1/g'
}
binary() { # of hexadecimal
	xxd -r -p
}
command -v xxd >/dev/null && command -v iconv >/dev/null || {
	echo "SKIP: no xxd, or no iconv"
	exit 77
}

# ---- each value in each form ----

for value in "$long" "$name" "$number"; do
	printf %s "$value" | planted "text"
	for code in UTF-16LE UTF-16BE; do
		printf %s "$value" | iconv -f UTF-8 -t $code | planted "$code"
		printf %s "$value" | iconv -f UTF-8 -t $code | hex | planted "hexadecimal $code"
		printf %s "$value" | iconv -f UTF-8 -t $code | base64 | planted "base64 of $code"
	done
	printf %s "$value" | swapped | binary | planted "swapped nibbles"
	printf %s "$value" | swapped | planted "swapped nibbles in hexadecimal"
	printf %s "$value" | hex | planted "hexadecimal"
	printf %s "$value" | hex | tr a-f A-F | planted "hexadecimal in capitals"
	printf 'a%s' "$(printf %s "$value" | hex)" | planted "hexadecimal at an odd place"
	printf %s "$value" | hex | sed 's/../& /g' | planted "hexadecimal with blanks"
	printf %s "$value" | hex | sed 's/../&:/g' | planted "hexadecimal with colons"
	printf %s "$value" | hex | sed 's/../0x&, /g' | planted "hexadecimal as in C"
	printf %s "$value" | hex | sed 's/../\\x&/g' | planted "hexadecimal with backslashes"
	printf %s "$value" | hex | sed 's/../%&/g' | planted "hexadecimal as in addresses"
	printf %s "$value" | hex | sed 's/....../&\n  /g' | planted "hexadecimal over lines"
	printf %s "$value" | iconv -f UTF-8 -t UTF-16BE | hex | sed 's/..../\\u&/g' | planted "JSON's escapes"
	for before in '' x xy; do
		printf %s "$before$value" | base64 -w 0 | planted "base64 after '$before'"
		printf %s "$before$value" | base64 -w 10 | planted "base64 over lines after '$before'"
		printf %s "$before$value" | base64 -w 0 | tr '+/' '-_' | planted "base64url after '$before'"
	done
done
printf %s "$long" | tr A-Z a-z | planted "small letters"
printf %s "$long" | cut -c 1-8 | planted "the first half"
printf %s "$long" | cut -c 9-16 | planted "the second half"
printf %s "$name" | cut -c 1-30 | planted "the beginning of a name"
printf %s "$number" | binary | planted "packed digits"
printf %s "$number" | sed 's/\(.\)\(.\)/\2\1/g' | binary | planted "packed digits, swapped"

# ---- PINs ----

# of whatever class and instruction
for command in 0020009804 0025019804 002D009804 8054009C04 0320009804 082C009804 6020009804 \
	00b0009804 0024019804 8020009804 00200018000004 0c20009804 00210098 1020009804 00320000; do
	case $command in *[!8]04 | *9804) ;; *) command=${command}04 ;; esac
	printf %s "${command}37343632" | binary | planted "command $command"
	printf %s "${command}37343632" | planted "command $command in hexadecimal"
	printf %s "${command}37343632" | sed 's/../& /g' | planted "command $command with blanks"
	printf %s "${command}37343632" | binary | base64 | planted "command $command in base64"
done
printf 0024019808373436323131313131 | planted "CHANGE from it"
printf 0024019808313131313734363200 | planted "CHANGE to it"
printf 10200098023734 | planted "first part of a chain"
printf 00200098023632 | planted "last part of a chain"
for text in 'the PIN is 7462' 'PIN: 7462.' '7462 as PIN' 'pin=7462' 'PIN 37343632' '暗証番号「7462」' 'Pin	"7462"' \
	'PIN of the card: 7462'; do
	printf %s "$text" | planted "$text"
done

what="a PIN beside the word, where everybody knows it"
look 0 -c
printf '%s' '> 00 20 00 98 04 37 34 36 32' >place/file
what="a PIN in a command"
look 1 -c

# ---- what is none ----

for text in 7462 'shipping 7462' 'PIN 17462' 'PIN 74620' 'PIN 7463' 'a PIN, and a long way from there 7462' \
	"$(printf %s "$long" | cut -c 1-7)" KANARIA5Y83QXP6V 71928364051 719283640511 'name' \
	00b00098023734 0020009804 002000980437343633 0020009801 00200098 'secret.auth = ' \
	4b414e415249413 "KANA RIA4 Y83Q XP6W"; do
	printf %s "$text" | harmless "$text"
done
printf %s 00b00098023734 | binary | harmless "another command"
printf %s 0020009804 | binary | harmless "the header alone"
: | harmless "an empty file"
head -c 300000 /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff \
	-iv 00000000000000000000000000000000 >noise
harmless "noise" <noise
hex <noise | harmless "noise in hexadecimal"
base64 noise | harmless "noise in base64"

# ---- where it looks ----

what="beside a find"
printf %s "$long" >place/file
echo clean >place/clean
look 1
grep -q '^2 files, .* 1 found$\|^2 files, .* 2 found$' out || fail "the count"
what="a name that is left out"
look 0 -x 'f*e'
mkdir -p place/card/deep
mv place/file place/card/deep/
what="in a folder"
look 1
grep -q '^place/card/deep/file:0: secret.sign as text$' out || fail "the place"
what="a folder that is left out"
look 0 -x card
what="a card's own store"
: >place/card/card.conf
look 0
rm -r place/card
what="what is personal"
printf %s "$name" >place/file
look 1
look 0 -s
look 0 -p 'fi?e'
look 1 -p other
what="a secret where the holder may be shown"
printf %s "$long" >place/file
look 1 -s
look 1 -p 'fi?e'
what="a link"
rm place/file
printf %s "$long" >outside
ln -s ../outside place/link
look 0
what="a pipe"
mkfifo place/pipe
look 0
rm place/pipe

# ---- pieces of a card's files ----

mkdir card
: >card/card.conf
for file in face-0002 jpki-0002; do
	head -c 600 /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff \
		-iv "$(printf %s $file | hex)00000000000000" >card/$file.bin
done
{
	head -c 300 card/jpki-0002.bin
	head -c 300 /dev/zero
} >card/jpki-0001.bin
store() {
	want=$1
	got=0
	"$find" -v card place >out 2>&1 || got=$?
	[ $got = "$want" ] || fail "$what: exit status $got, not $want"
}
rm -f place/*
for at in 1 100 301; do
	what="32 bytes of a photograph from $at on"
	tail -c +$at card/face-0002.bin | head -c 32 >place/file
	store 1
	grep -q '^place/file:[0-9]*: face-0002 in part$' out || fail "$what: no place"
	hex <place/file >place/hexadecimal
	rm place/file
	store 1
	tail -c +$at card/face-0002.bin | head -c 48 | base64 >place/hexadecimal
	store 1
	rm place/hexadecimal
done
what="what a certificate has in common with its CA, and what is no secret of anybody"
cp card/jpki-0001.bin card/jpki-0002.bin place/
store 0
rm place/*
what="where the holder may be shown"
cp card/face-0002.bin place/photo
got=0
"$find" -p photo -v card place >out 2>&1 || got=$?
[ $got = 0 ] || fail "$what"
rm place/photo

what="what cannot be searched"
got=0
"$find" -v values nowhere >out 2>&1 || got=$?
[ $got = 2 ] || fail "a path that is not there: $got"
got=0
"$find" -v nowhere place >out 2>&1 || got=$?
[ $got = 2 ] || fail "values that are not there: $got"
for arguments in '' place '-v values' '-s -v /dev/null place' '-q -v values place'; do
	got=0
	# shellcheck disable=SC2086
	"$find" $arguments >out 2>&1 || got=$?
	[ $got = 2 ] || fail "find-secret $arguments: $got"
done
echo ok
