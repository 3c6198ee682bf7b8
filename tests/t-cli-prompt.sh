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
proc auth {args} {
	global env spawn_id
	cd $env(tmp)
	eval spawn -noecho sh
	send "PS1='ready> '; exec 3>&-\r"
	expect -re {ready> $}
	send "$env(fuda) auth -r virtual:card --trust card/ca.pem $args; echo status=\$?\r"
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
expect "It was not sent."
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
echo ok
