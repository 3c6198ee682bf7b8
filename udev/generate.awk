# SPDX-License-Identifier: Apache-2.0
# Makes of udev/devices what the build and the system need of it:
#
#	awk -v mode=MODE [-v group=GROUP] [-v drivers="NAME..."] -f generate.awk devices [page template]
#
# table: lines for the C compiler; rules: for udev, with the group GROUP ("no": none); page: the manual
# page, with a list in place of the template's line @DEVICES@; plist-vendor, plist-product, plist-name:
# members of lists in the IFD handler's Info.plist, of the devices of the drivers NAME; check: nothing.
# A line that is not understood ends it with a message and status 1, before anything is printed.

function refuse(why) {
	printf "%s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
	failed = 1
	exit 1
}

function is_one_of(word, words) {
	return word ~ /^[a-z0-9_-]+$/ && index(" " words " ", " " word " ") > 0
}

# What the words in the last field mean, for the page.
function know_options() {
	meaning["doubtful"] = "type B, which the card is, is doubtful"
	meaning["reported"] = "the id is known from users only"
	meaning["several"] = "has more than one slot or interface"
	meaning["shared"] = "other models have the same id"
	meaning["t0"] = "for T=0 cards only by its descriptor"
	meaning["variant"] = "which model is sold with this id is not confirmed"
}

BEGIN {
	FS = "\t+"
	modes = "table rules page plist-vendor plist-product plist-name check"
	if (!is_one_of(mode, modes) || (mode == "rules" && group !~ /^[A-Za-z_][A-Za-z0-9_-]*$/)) {
		print "usage: awk -v mode=MODE [-v group=GROUP] [-v drivers=NAMES] -f generate.awk FILE..." \
			>"/dev/stderr"
		failed = 1
		exit 1
	}
	know_options()
}

# The template of the page is the second file.
FNR == 1 && NR != 1 {
	in_page = 1
}
in_page {
	template[++lines] = $0
	next
}

/^#/ || /^$/ {
	next
}

{
	if (NF != 7 && NF != 8)
		refuse("not 7 or 8 fields")
	if ($1 !~ /^[0-9a-f][0-9a-f][0-9a-f][0-9a-f]:[0-9a-f][0-9a-f][0-9a-f][0-9a-f]$/)
		refuse("'" $1 "' is no id")
	if ($1 in seen)
		refuse($1 " is there twice")
	if (!is_one_of($2, "rcs380 ccid nfc pcsc"))
		refuse("no driver '" $2 "'")
	levels = $2 == "rcs380" ? "own" : $2 == "nfc" ? "chip" : "tpdu short extended"
	if (!is_one_of($3, levels))
		refuse("no level '" $3 "' of driver " $2)
	if (!is_one_of($4, "contact contactless both unknown"))
		refuse("no kind of card '" $4 "'")
	if ($5 !~ /^(-|[a-z0-9_]+)$/)
		refuse("'" $5 "' is no kernel module")
	if (!is_one_of($6, "emulated real no"))
		refuse("'" $6 "' is no way of trying")
	# nothing that C, XML, troff or udev would take for more than text
	if ($7 !~ /^[A-Za-z0-9][A-Za-z0-9 .,;&()\/+-]*$/)
		refuse("'" $7 "' is no name")
	count = split($8, words, ",")
	for (i = 1; i <= count; i++)
		if (!(words[i] in meaning))
			refuse("no option '" words[i] "'")
	seen[$1] = 1
	id[++devices] = $1
	driver[devices] = $2
	level[devices] = $3
	card[devices] = $4
	module[devices] = $5
	tried[devices] = $6
	name[devices] = $7
	options[devices] = $8
}

function vendor(i) {
	return substr(id[i], 1, 4)
}

function product(i) {
	return substr(id[i], 6)
}

function print_table(   i) {
	for (i = 1; i <= devices; i++)
		printf "DEVICE(0x%s, 0x%s, \"%s\", \"%s\", %s)\n", vendor(i), product(i), name[i],
			driver[i], module[i] == "-" ? "NULL" : "\"" module[i] "\""
}

function print_rules(   i) {
	print "# Made from udev/devices of fudasashi: the readers that its drivers serve, and no others."
	print "# To be read before 73-seat-late.rules, which acts on the tag."
	print "ACTION==\"remove\", GOTO=\"fudasashi_end\""
	print "SUBSYSTEM!=\"usb\", GOTO=\"fudasashi_end\""
	print "ENV{DEVTYPE}!=\"usb_device\", GOTO=\"fudasashi_end\""
	print ""
	for (i = 1; i <= devices; i++) {
		if (driver[i] == "pcsc")
			continue
		print "# " name[i]
		printf "ATTR{idVendor}==\"%s\", ATTR{idProduct}==\"%s\", GOTO=\"fudasashi_reader\"\n",
			vendor(i), product(i)
	}
	print "GOTO=\"fudasashi_end\""
	print ""
	print "LABEL=\"fudasashi_reader\""
	print "# for who sits at the machine"
	print "TAG+=\"uaccess\""
	if (group != "no") {
		print "# for the PC/SC service and for machines where nobody sits; a line of its own, so that"
		print "# udev drops no more than this where the group does not exist"
		printf "GROUP=\"%s\", MODE=\"0660\"\n", group
	}
	print "LABEL=\"fudasashi_end\""
}

function print_plist(   i, what) {
	for (i = 1; i <= devices; i++) {
		if (!is_one_of(driver[i], drivers))
			continue
		what = name[i]
		gsub(/&/, "\\&amp;", what)
		if (mode == "plist-vendor")
			what = "0x" toupper(vendor(i))
		else if (mode == "plist-product")
			what = "0x" toupper(product(i))
		printf "\t\t<string>%s</string>\n", what
	}
}

# "a b" with the words of an option list explained
function notes(i,   words, count, j, text) {
	count = split(options[i], words, ",")
	for (j = 1; j <= count; j++)
		text = text (j > 1 ? "; " : "") meaning[words[j]]
	return text
}

function print_devices(   i, shown) {
	shown["own"] = "protocol of its own"
	shown["chip"] = "NFC chip"
	shown["tpdu"] = "TPDU"
	shown["short"] = "short APDU"
	shown["extended"] = "extended APDU"
	shown["both"] = ", contact and contactless"
	shown["contact"] = ", contact"
	shown["contactless"] = ", contactless"
	for (i = 1; i <= devices; i++) {
		print ".It " name[i]
		printf "%s, driver\n.Cm %s ;\n%s%s;\n", id[i], driver[i], shown[level[i]],
			shown[card[i]]
		if (module[i] != "-")
			print "kernel module\n.Cm " module[i] " ;"
		print (tried[i] == "no" ? "not tried" : tried[i] == "real" ? "tried" : "tried emulated") \
			(options[i] == "" ? "" : ";\n" notes(i)) "."
	}
}

function print_page(   i) {
	for (i = 1; i <= lines; i++)
		if (template[i] == "@DEVICES@")
			print_devices()
		else
			print template[i]
}

END {
	if (failed)
		exit 1
	if (!devices) {
		print "no devices" >"/dev/stderr"
		exit 1
	}
	if (mode == "table")
		print_table()
	else if (mode == "rules")
		print_rules()
	else if (mode == "page")
		print_page()
	else if (mode != "check")
		print_plist()
}
