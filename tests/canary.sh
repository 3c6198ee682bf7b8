# SPDX-License-Identifier: Apache-2.0
# For the tests that look for secrets and personal data where none may be: sourced behind cli.sh, not run. Makes a software
# card whose values are nowhere else, and gives words for using it with every command and looking at what that left.
#
#   $tmp/given  files by which this test gives secrets      $tmp/seen   what everybody may see: searched for all values
#   $tmp/cards  the cards' own stores                       $tmp/shown  outputs that are to show the holder: for secrets

find=$build/tests/find-secret
[ -x "$find" ] || {
	echo "skipped: built without the helpers of the tests"
	exit 77
}
canaries=$top/tests/canaries
given=$tmp/given seen=$tmp/seen shown=$tmp/shown cards=$tmp/cards
mkdir "$given" "$seen" "$shown" "$cards"
sh "$top/tests/stock.sh" "$cards/stock" --person "$canaries/canary.person" --secrets "$canaries/canary.secrets" \
	>"$seen/made" 2>&1 || fail "fuda-vcard make: $(cat "$seen/made")"

# What follows from the person, what is changed to, and what is typed wrong, is as secret.
value() {
	sed -n "s/^$1 *= *//p" "$canaries/canary.secrets" "$canaries/canary.person"
}
birth=$(value birth_date) number=$(value my_number) wrong_pin=7463
new_pin=9428 new_password=KANARIA3U74WZR9T wrong_password=$(value secret.sign | tr W V)
b=$(sed -n 's/^secret.face-b *= *//p' "$cards/stock/card.conf")
[ ${#b} = 14 ] || fail "no verification number B in card.conf"
cat >"$given/more" <<END
secret.b = $b
secret.new-pin = $new_pin
secret.wrong-pin = $wrong_pin
secret.new-password = $new_password
secret.wrong-password = $wrong_password
END
for which in auth sign text juki; do
	value secret.$which >"$given/$which"
done
echo "$number" >"$given/a"
echo "$b" >"$given/b"
echo "$birth $(echo "$b" | cut -c 7-10) $(echo "$b" | cut -c 11-14)" >"$given/parts"
echo "$birth" >"$given/birth"
echo $wrong_pin >"$given/wrong"
echo "$wrong_password" >"$given/wrong-password"
for which in auth text juki; do
	printf '%s\n%s\n' "$(value secret.$which)" $new_pin >"$given/change-$which"
done
printf '%s\n%s\n' "$(value secret.sign)" $new_password >"$given/change-sign"
echo letter >"$seen/letter"

# look WHAT: nothing of all this is where it may not be; a core may have the piece of a file that was just read
look() {
	store=
	[ "$1" = cores ] || store="-v $cards/stock"
	for folder in "$seen" "$shown"; do
		how=
		[ "$folder" = "$seen" ] || how=-s
		"$find" $how -v "$canaries/canary.secrets" -v "$canaries/canary.person" -v "$given/more" \
			$store "$folder" \
			>"$tmp/found" || fail "$1: $(head -n 20 "$tmp/found")"
	done
	cat "$tmp/found"
}

# blind WHAT COMMAND...: the command leaves something, which `look` must find
blind() {
	what=$1
	shift
	"$@"
	! (look "$what") >/dev/null 2>&1 || fail "the search would not notice $what"
}

new_card() {
	rm -rf "$cards/card"
	cp -R "$cards/stock" "$cards/card"
}

# use NAME STATUS OUT COMMAND...: runs fuda with all that it logs over reader $reader, as trace NAME; standard output goes to
# the folder OUT; STATUS may be a list a|b, or * for any but a signal's
use() {
	name=$1 want=$2 out=$3
	shift 3
	got=0
	(cd "$tmp" && FUDA_TRACE=$seen/$name.apdu setsid -w timeout 60 "$fuda" "$@" -v -v -r "$reader" \
		</dev/null >"$out/$name.out" 2>"$seen/$name.err") || got=$?
	if [ $got -ge 124 ]; then
		fail "$name: exit status $got: fuda $* ($(tail -n 3 "$seen/$name.err"))"
	fi
	[ "$want" = '*' ] || case "|$want|" in
	*"|$got|"*) ;;
	*) fail "$name: exit status $got, not $want: fuda $* ($(tail -n 3 "$seen/$name.err"))" ;;
	esac
}

# every_command PREFIX: all commands that talk to a card, as people use them and as they go wrong
every_command() {
	p=$1
	ca="--trust $cards/card/ca.pem" cv="--cv-trust $cards/card/cv-authority.pem"
	# shellcheck disable=SC2086
	{
		for json in '' --json; do
			use "$p-info$json" 0 "$seen" info $ca $cv $json
			use "$p-status$json" 0 "$seen" pin status $json
			use "$p-auth$json" 0 "$seen" auth $ca --pin-file "$given/auth" $json
			use "$p-attributes$json" 0 "$shown" attributes $cv --pin-file "$given/text" $json
			use "$p-attributes-b$json" 0 "$shown" attributes --with b $cv --pin-file "$given/b" $json
			use "$p-number$json" 0 "$shown" mynumber $cv --pin-file "$given/text" $json
			use "$p-face-a$json" 0 "$shown" face -o "$shown/face-a$p$json" --with a --my-number $cv \
				--pin-file "$given/a" $json
			use "$p-face-b$json" 0 "$shown" face -o "$shown/face-b$p$json" $cv --pin-file "$given/parts" $json
			use "$p-birth$json" 0 "$shown" face --with birth $cv --pin-file "$given/birth" $json
			for which in auth sign text juki; do
				new_card
				use "$p-change-$which$json" 0 "$seen" pin change $which --pin-file "$given/change-$which" $json
			done
			new_card
		done
		for which in auth auth-ca sign-ca; do
			use "$p-cert-$which" 0 "$seen" cert $which --format text
		done
		use "$p-cert-sign" 0 "$shown" cert sign --format text --pin-file "$given/sign"
		use "$p-sign-auth" 0 "$seen" sign -k auth -f raw $ca --pin-file "$given/auth" "$seen/letter" -o "$seen/auth.sig"
		use "$p-sign-sign" 0 "$shown" sign -k sign -f raw $ca --pin-file "$given/sign" "$seen/letter" -o "$seen/sign.sig"
		use "$p-apdu" 0 "$seen" apdu 00A4040C0AD392F000260100000001 00A4020C020001 00B0000020
		use "$p-apdu-pin" 5 "$seen" apdu "0020009804$(tr -d '\n' <"$given/auth" | od -An -tx1 | tr -d ' ')"
		# wrong ones
		use "$p-wrong-auth" 4 "$seen" auth --pin-file "$given/wrong"
		use "$p-wrong-sign" 4 "$seen" sign -k sign -f raw --pin-file "$given/wrong-password" "$seen/letter" -o "$seen/no.sig"
		use "$p-wrong-text" 4 "$seen" attributes --pin-file "$given/wrong"
		use "$p-wrong-number" 4 "$seen" mynumber --pin-file "$given/wrong"
		new_card
		use "$p-wrong-change" 4 "$seen" pin change text --pin-file "$given/wrong-change"
		use "$p-wrong-form" 4 "$seen" auth --pin-file "$given/sign"
		use "$p-wrong-b" 4 "$seen" attributes --with b --pin-file "$given/wrong-b"
		new_card
	}
}
printf '%s\n%s\n' $wrong_pin $new_pin >"$given/wrong-change"
echo "$b" | sed 's/..$/13/' >"$given/wrong-b"
