#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The table of readers: every line arrives everywhere it should, rules match these devices and no others,
# and a table with a mistake stops the build.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
top=${srcdir:-.}
table=$top/udev/devices

fail() {
	echo "FAILED: $*"
	exit 1
}

awks=awk
for a in mawk gawk original-awk; do
	! command -v $a >/dev/null || awks="$awks $a"
done

# generate MODE [FILE...]: by every awk that is here, all alike; into out
generate() {
	mode=$1
	shift
	for a in $awks; do
		$a -v mode="$mode" -v group="$group" -v drivers="$drivers" -f "$top/udev/generate.awk" "$@" \
			>"$tmp/out" 2>"$tmp/err" || return 1
		[ ! -s "$tmp/err" ] || fail "$a $mode says: $(cat "$tmp/err")"
		[ ! -e "$tmp/before" ] || cmp -s "$tmp/out" "$tmp/before" || fail "$a makes another $mode"
		mv "$tmp/out" "$tmp/before"
	done
	mv "$tmp/before" "$tmp/out"
}
group=pcscd drivers=rcs380

sed '/^#/d; /^$/d' "$table" >"$tmp/lines"
count=$(wc -l <"$tmp/lines")
[ "$count" -ge 40 ] || fail "only $count readers"
cut -f 1 "$tmp/lines" | sort >"$tmp/ids"
# what the driver of no other project has on Linux
grep -q '^054c:06c1' "$tmp/ids" && grep -q '^054c:06c3' "$tmp/ids" || fail "no RC-S380"

# the table for C, with the quotes and the NULL that it needs
generate table "$table"
cmp "$tmp/out" devices.def || fail "devices.def is out of date"
sed -n 's/^DEVICE(0x\(....\), 0x\(....\), "[^"]*", "[a-z0-9]*", \(NULL\|"[a-z0-9_]*"\))$/\1:\2/p' "$tmp/out" |
	sort | cmp - "$tmp/ids" || fail "the table for C lacks some"

# each line is in the page, with its id, driver and module
if [ -e tools/fuda-devices.7 ]; then
	grep -o -E '^[0-9a-f]{4}:[0-9a-f]{4}, driver$' tools/fuda-devices.7 | cut -d, -f1 | sort | cmp - "$tmp/ids" ||
		fail "the page lacks some"
	! grep -q '@[A-Z]' tools/fuda-devices.7 || fail "the page has a place left open"
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning tools/fuda-devices.7 >"$tmp/lint" || fail "$(cat "$tmp/lint")"
	fi
fi

# lists for a property list: as many of each, in the same order
generate plist-vendor "$table"
cp "$tmp/out" "$tmp/vendors"
generate plist-product "$table"
paste "$tmp/vendors" "$tmp/out" |
	sed -n 's|^\t*<string>0x\(....\)</string>\t*<string>0x\(....\)</string>$|\1:\2|p' >"$tmp/plist"
[ "$(cat "$tmp/plist")" = "$(printf '054C:06C1\n054C:06C3')" ] || fail "ids for the handler: $(cat "$tmp/plist")"
generate plist-name "$table"
[ "$(grep -c '<string>Sony RC-S380/[SP]</string>' "$tmp/out")" = 2 ] || fail "names for the handler"
drivers='rcs380 ccid'
generate plist-name "$table"
grep -q '<string>Circle CIR315 Dual &amp; 1S</string>' "$tmp/out" || fail "a name that is not quoted for XML"
drivers=

# What udev would make of an event by our rules: prints group, mode and tags, or nothing. Knows what they use
# (udev(7)) and refuses anything else.
event() { # event FILE ACTION SUBSYSTEM DEVTYPE VENDOR PRODUCT
	awk -v ACTION="$2" -v SUBSYSTEM="$3" -v devtype="$4" -v vendor="$5" -v product="$6" '
	/^#/ || /^$/ { next }
	goal != "" { if ($0 == "LABEL=\"" goal "\"") goal = ""; next }
	/^LABEL="[a-z_]*"$/ { next }
	{
		matches = 1
		jump = ""
		n = split($0, parts, ", *")
		for (i = 1; i <= n; i++) {
			if (!match(parts[i], /[-+!=]*="/)) { print "not understood: " $0; exit }
			key = substr(parts[i], 1, RSTART - 1)
			op = substr(parts[i], RSTART, RLENGTH - 1)
			value = substr(parts[i], RSTART + RLENGTH)
			sub(/"$/, "", value)
			if (op == "==" || op == "!=") {
				have = key == "ACTION" ? ACTION : key == "SUBSYSTEM" ? SUBSYSTEM :
					key == "ENV{DEVTYPE}" ? devtype : key == "ATTR{idVendor}" ? vendor :
					key == "ATTR{idProduct}" ? product : "?"
				if (have == "?") { print "not understood: " key; exit }
				if ((have == value) != (op == "==")) matches = 0
			} else if (matches && key == "GOTO") jump = value
			else if (matches && (key == "GROUP" || key == "MODE" || key == "TAG"))
				print key op value
			else if (matches) { print "not understood: " key; exit }
		}
		if (matches) goal = jump
	}
	END { if (goal != "") print "no label " goal }' "$1"
}

# rules for each group: well-formed, and matching the table's devices exactly
for group in pcscd plugdev no; do
	generate rules "$table"
	cp "$tmp/out" "$tmp/rules"
	bad=$(grep -v -E '^(#.*|)$' "$tmp/rules" |
		grep -v -E '^([A-Z]+(\{[A-Za-z]+\})?(==|!=|=|\+=)"[^"]*"(, |$))+$' || :)
	[ -z "$bad" ] || fail "no rule: $bad"
	case $group in
	no) want='TAG+=uaccess' ;;
	*) want="TAG+=uaccess GROUP=$group MODE=0660" ;;
	esac
	for id in $(cat "$tmp/ids"); do
		got=$(event "$tmp/rules" add usb usb_device "${id%:*}" "${id#*:}" | tr '\n' ' ')
		[ "${got% }" = "$want" ] || fail "rules for group $group and $id: $got"
	done
done
group=pcscd
generate rules "$table"
# of the right maker only, of the right number only, a token (not a reader), all neighbours
for id in 054c:0000 0000:06c1 1050:0407 054c:06c2 054c:06c0 31aa:3004 04e6:5793 072f:ffff 06c1:054c; do
	got=$(event "$tmp/out" add usb usb_device "${id%:*}" "${id#*:}")
	[ -z "$got" ] || fail "rules match $id: $got"
done
for e in 'remove usb usb_device' 'add usb usb_interface' 'add hidraw usb_device' 'bind usb usb_interface'; do
	# shellcheck disable=SC2086 # three words
	got=$(event "$tmp/out" $e 054c 06c1)
	[ -z "$got" ] || fail "rules match an event $e: $got"
done
for e in change bind; do
	[ -n "$(event "$tmp/out" $e usb usb_device 054c 06c1)" ] || fail "rules forget the device at $e"
done
! grep -q -i ':0b\|bInterfaceClass\|0666\|MODE="066[1-9]"' "$tmp/out" || fail "rules open more than they should"
if [ -e 70-fudasashi.rules ]; then
	built=$(sed -n 's/^GROUP="\(.*\)", .*/\1/p' 70-fudasashi.rules)
	group=${built:-no}
	generate rules "$table"
	cmp "$tmp/out" 70-fudasashi.rules || fail "70-fudasashi.rules is out of date"
	group=pcscd
fi
# the tag only counts before 73-seat-late.rules
[ ! -e 70-fudasashi.rules ] || [ "$(printf '%s\n' 73-seat-late.rules *-fudasashi.rules | sort | tail -n 1)" = 73-seat-late.rules ] ||
	fail "the rules come too late"
# and udev itself, where it can be asked (from version 254 on)
if command -v udevadm >/dev/null && udevadm verify --help >/dev/null 2>&1; then
	cp "$tmp/out" "$tmp/70-test.rules"
	udevadm verify --no-style --resolve-names=never "$tmp/70-test.rules" >"$tmp/verify" 2>&1 || fail "$(cat "$tmp/verify")"
else
	echo "not looked at: what udevadm verify says (not here)"
fi

# tables with a mistake: each refused by every awk, with its line, and nothing printed
tab=$(printf '\t')
good="054c:06c1${tab}rcs380${tab}own${tab}contactless${tab}port100${tab}no${tab}A name"
refused() { # refused WHY LINE...
	why=$1
	shift
	printf '%s\n' "$good" "$@" >"$tmp/table"
	for mode in table rules page plist-vendor check; do
		for a in $awks; do
			! $a -v mode=$mode -v group=pcscd -f "$top/udev/generate.awk" "$tmp/table" >"$tmp/out" 2>"$tmp/err" ||
				fail "$a takes: $*"
			[ ! -s "$tmp/out" ] || fail "$a prints before it refuses: $*"
			grep -q -F -e "$tmp/table:2: " "$tmp/err" && grep -q -F -e "$why" "$tmp/err" ||
				fail "$a refuses '$*' with: $(cat "$tmp/err")"
		done
	done
}
# line with one field changed: field NUMBER VALUE
field() {
	printf '%s\n' "054c:0001${tab}ccid${tab}tpdu${tab}contact${tab}-${tab}no${tab}Another" |
		awk -F "$tab" -v OFS="$tab" -v n="$1" -v v="$2" '{ $n = v; print }'
}
printf '%s\n' "$good" "$(field 1 054c:0001)" >"$tmp/table"
generate check "$tmp/table" || fail "a good table: $(cat "$tmp/err")"
printf '%s\n' "$good" "$(field 8 several,variant)" '' '# a remark' >"$tmp/table"
generate check "$tmp/table" || fail "a good table with options: $(cat "$tmp/err")"
refused 'twice' "$good"
refused 'no id' "$(field 1 54c:06c1)" && refused 'no id' "$(field 1 054C:06C1)"
refused 'no id' "$(field 1 054c-06c2)" && refused 'no id' "$(field 1 054c:06c1f)"
refused 'no id' "$(field 1 '*:06c2')"
refused 'no driver' "$(field 2 usb)" && refused 'no driver' "$(field 2 'rcs380 ccid')"
refused 'no driver' "$(field 2 'cc.d')" && refused 'no driver' "$(field 2 CCID)"
refused 'no level' "$(field 3 own)" && refused 'no level' "$(field 3 apdu)" && refused 'no level' "$(field 3 chip)"
refused 'no kind of card' "$(field 4 plastic)" && refused 'no kind of card' "$(field 4 contactles)"
refused 'no kernel module' "$(field 5 'a b')" && refused 'no kernel module' "$(field 5 'a"')"
refused 'no kernel module' "$(field 5 --)"
refused 'no way' "$(field 6 yes)" && refused 'no way' "$(field 6 -)"
for name in ' x' 'a"b' 'a\b' 'a<b' '.Xr' "it's" 'é' 'a#b' '@DEVICES@' '$x' 'a%s'; do
	refused 'no name' "$(field 7 "$name")"
done
refused 'no option' "$(field 8 quick)" && refused 'no option' "$(field 8 several,)"
refused 'no option' "$(field 8 'several variant')"
refused 'fields' "054c:0001${tab}ccid" && refused 'fields' "$(field 8 several)${tab}more" && refused 'fields' 'a few words'
refused 'no id' "${tab}$(field 1 054c:0001 | cut -f 2-7)"
# no table, no mode, no group: each says something
: >"$tmp/table"
! generate table "$tmp/table" || fail "an empty table"
printf '# only remarks\n' >"$tmp/table"
! generate rules "$tmp/table" || fail "a table of remarks"
for mode in '' rule 'table rules' '.*'; do
	! generate "$mode" "$table" || fail "mode '$mode'"
	[ ! -s "$tmp/out" ] || fail "mode '$mode' prints"
done
for group in '' 'a"b' 'a, RUN+="x' '0x' 'a b'; do
	! generate rules "$table" || fail "group '$group'"
	[ ! -s "$tmp/out" ] || fail "group '$group' prints"
done
echo ok
