#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The prompt: what it says, that nothing typed is shown, and that the terminal is as before whatever happens.
set -eu
command -v expect >/dev/null || {
	echo "skipped: no expect"
	exit 77
}
. "${srcdir:-.}/tests/cli.sh"
fresh card
echo 4321 >"$tmp/wrong"
export fuda tmp

# talk NAME: runs an expect script from standard input; it finds "auth" and "sane" defined
talk() {
	{
		cat <<'EOF'
set timeout 20
log_user 0
proc bad {text} { puts "FAILED: $text"; exit 1 }
set stty_init "echo"
proc run {command} {
	global env spawn_id
	cd $env(tmp)
	eval spawn -noecho sh
	send "PS1='ready> '; exec 3>&-\r"
	expect -re {ready> $}
	send "$env(fuda) $command -r virtual:card; echo status=\$?\r"
}
proc auth {args} { run "auth --trust card/ca.pem $args" }
# A prompt, and what is typed at it, which must not be shown.
proc answer {prompt text} {
	expect {
		-ex $prompt {}
		timeout { bad "no prompt '$prompt': $expect_out(buffer)" }
	}
	send "$text\r"
}
proc hidden {what until} {
	expect {
		-ex $what { bad "'$what' is shown" }
		-re $until {}
		timeout { bad "no '$until'" }
	}
}
# It ended with this status, and the terminal echoes again.
proc sane {status} {
	expect {
		-re {status=([0-9]+)} { set got $expect_out(1,string) }
		timeout { bad "it does not end" }
	}
	if {$got != $status} { bad "status $got, not $status" }
	silent 0
}
# Whether the terminal keeps quiet: 1 or 0.
proc silent {want} {
	global spawn_id
	send "echo silent=\$(stty -a | tr ' ' '\\n' | grep -c -x -e -echo)\r"
	expect {
		-re {silent=([0-9]+)} {}
		timeout { bad "no shell any more" }
	}
	if {$expect_out(1,string) != $want} { bad "the terminal's echo is wrong" }
}
EOF
		cat
	} >"$tmp/script"
	expect "$tmp/script" || fail "$1"
}

talk 'a right PIN, which is not shown' <<'E2'
auth
expect {
	-re {PIN for user authentication \(4 digits, 3 tries left\): $} {}
	timeout { bad "no prompt: $expect_out(buffer)" }
}
send "1234\r"
expect {
	-re {1234} { bad "the PIN is shown" }
	-re {Result +ok} {}
	timeout { bad "no result" }
}
sane 0
E2

talk 'a PIN of the wrong form is asked for again, at no cost, three times in all' <<'E2'
auth
expect "3 tries left): "
send "123\r"
expect "cannot be right"
expect "3 tries left): "
send "12345\r"
expect "3 tries left): "
send "1234\r"
expect -re {Result +ok}
sane 0
auth
foreach i {1 2 3} {
	expect "3 tries left): "
	send "x\r"
}
expect "given up after 3 mistakes"
sane 4
E2

talk 'signals' <<'E2'
foreach {how status} {"\003" 8 "\034" 8 "\004" 8} {
	auth
	expect "tries left): "
	send $how
	sane $status
}
foreach sig {INT TERM HUP QUIT} {
	auth
	expect "tries left): "
	exec kill -$sig [exec ps -o pid= --ppid [exp_pid]]
	sane 8
}
E2

talk 'stopped and continued' <<'E2'
auth
expect "tries left): "
send "\032"
expect -re {ready> $}
silent 0
send "fg; echo status=\$?\r"
expect "tries left): "
send "1234\r"
expect -re {Result +ok}
sane 0
E2
tries card auth 3

# wrong ones are sent once; what is hopeless is not asked for
talk 'a wrong PIN' <<'E2'
auth
expect "3 tries left): "
send "4321\r"
expect "2 tries are left"
sane 4
auth --pin-file wrong
sane 4
auth
expect {
	"tries left): " { bad "asked for the last try" }
	"Only one try" {}
}
expect "The PIN was not sent."
expect "use-last-try"
sane 5
auth --use-last-try
expect "1 try left): "
send "4321\r"
expect "blocked"
sane 5
auth
expect {
	"left): " { bad "asked though blocked" }
	"is blocked" {}
}
sane 5
E2
tries card auth 0

# what is printed on the card, in its parts or in one
fresh card
digits=$(sed -n 's/^secret.face-b *= *//p' "$tmp/card/card.conf")
year=$(echo "$digits" | cut -c 7-10)
code=$(echo "$digits" | cut -c 11-14)
export digits year code
talk 'verification number B' <<'E2'
run "face -o face --cv-trust card/cv-authority.pem"
expect "foreign residents"
answer "Birth date (six digits with the year of the Japanese era, or as 1980-02-17; or all 14 digits, 10 tries left): " 1990-05-15
answer "Year in which the card expires (4 digits): " $env(year)
answer "Security code (4 digits): " $env(code)
hidden 1990-05-15x {Result +ok}
sane 0
run "face -o face --cv-trust card/cv-authority.pem"
answer "10 tries left): " $env(digits)
hidden $env(digits) {Result +ok}
sane 0
run "attributes --with b --cv-trust card/cv-authority.pem"
answer "10 tries left): " 020515
answer "expires (4 digits): " $env(year)
answer "code (4 digits): " $env(code)
hidden $env(code) {Result +ok}
sane 0
run "face --with birth --cv-trust card/cv-authority.pem"
answer "Birth date (six digits with the year of the Japanese era, or as 1980-02-17, 10 tries left): " 19900515
expect -re {Result +ok}
sane 0
E2
talk 'mistakes in it cost nothing; ^C in the midst of it' <<'E2'
run "attributes --with b"
answer "10 tries left): " 1990-02-31
expect "Not a whole date"
answer "10 tries left): " 1990/05/15
answer "expires (4 digits): " 35
expect "The year of expiry has 4 digits"
answer "expires (4 digits): " $env(year)
answer "code (4 digits): " 12
hidden 1990-02-31 {given up after 3 mistakes}
sane 4
run "attributes --with b --cv-trust card/cv-authority.pem"
answer "10 tries left): " 19900515
answer "expires (4 digits): " 2O35
expect "The year of expiry has 4 digits"
answer "expires (4 digits): " $env(year)
answer "code (4 digits): " "\uFF11\uFF12\uFF13\uFF14"
expect "full-width"
answer "code (4 digits): " $env(code)
hidden $env(code) {Result +ok}
sane 0
foreach wrong {123456789012 1234-5678-901} {
	run "mynumber --with a"
	foreach i {1 2 3} { answer "10 tries left): " $wrong }
	expect "nothing was sent"
	sane 4
}
run "mynumber --with a --cv-trust card/cv-authority.pem"
answer "10 tries left): " "1234-5678-9018"
expect -re {Result +ok}
sane 0
run "attributes --with b"
answer "10 tries left): " 1990-05-15
expect "expires (4 digits): "
send "\003"
expect "nothing was sent to the card"
sane 8
E2
tries card a 10
tries card b 10

talk 'a new PIN' <<'E2'
run "pin change text"
answer "Enter the present PIN for the card's text data (4 digits, 3 tries left): " 1234
answer "Enter the new PIN for the card's text data (4 digits): " 82
expect "The new PIN for the card's text data must have 4 digits"
answer "Enter the new PIN for the card's text data (4 digits): " 8273
answer "Enter it again: " 8274
expect "not the same"
answer "Enter the new PIN for the card's text data (4 digits): " 8273
answer "Enter it again: " 8273
hidden 8273 {the new one, 3 tries left}
sane 0
foreach how {1 2 3} {
	run "pin change text"
	expect "3 tries left): "
	if {$how > 1} { send "8273\r"; expect "(4 digits): " }
	if {$how > 2} { send "1234\r"; expect "again: " }
	send "\003"
	expect "nothing was sent to the card"
	sane 8
}
E2
sign_small=$(echo "$sign_password" | tr A-Z a-z)
export sign_small
talk 'small letters of a new password are its capitals' <<'E2'
run "pin change sign"
answer "(6 to 16 letters and digits; small letters count as capitals, 5 tries left): " $env(sign_small)
answer "Enter the new password for digital signatures (6 to 16 letters and digits; small letters count as capitals): " new4567
answer "Enter it again: " new4568
expect "not the same"
answer "small letters count as capitals): " new4567
answer "Enter it again: " NEW4567
expect -re {digital signatures +changed}
sane 0
E2
tries card sign 5
tries card text 3
echo 8273 >"$tmp/new"
run 0 attributes -r virtual:card --pin-file new --cv-trust card/cv-authority.pem

# what a phone lacks is not asked for
fresh card --kind android
talk 'a smartphone' <<'E2'
foreach {command application} {
	"attributes" text "mynumber --with a" text "face -o face" face "face --with a -o face" face
	"pin change text" text "pin change juki" juki
} {
	run $command
	expect {
		"left): " { bad "asked for in vain" }
		"This is a smartphone, which does not have the application \"$application\"." {}
		timeout { bad "no word of the phone" }
	}
	sane 1
}
E2
echo ok
