#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuda trace record: what stands between a program and libpcsclite changes nothing that it is not told to, misses nothing,
# and breaks what it is told to break as the real thing would.
set -eu
. "${srcdir:-.}/tests/pcscd-env.sh"
top=$(cd "${srcdir:-.}" && pwd) build=$PWD
dir=$FUDA_TEST_DIR
HOME=$dir XDG_CONFIG_HOME=$dir/config LC_ALL=C
export HOME XDG_CONFIG_HOME LC_ALL
reader='Fuda Test [Card] (20261120) 00 00'
client=$build/tests/pcsc-client
pcscd_let_preload

fail()
{
	echo "FAILED: $*"
	for f in out err; do
		[ ! -s "$dir/$f" ] || sed "s/^/  $f: /" "$dir/$f" | tail -n 20
	done
	exit 1
}

# run STATUS COMMAND...: within a minute, in $dir
run()
{
	want=$1
	shift
	got=0
	(cd "$dir" && timeout 60 "$@" >out 2>err) || got=$?
	[ "$got" = "$want" ] || fail "exit status $got, not $want: $*"
}

# record STATUS COMMAND...: to $dir/t
record()
{
	want=$1
	shift
	rm -f "$dir/t" "$dir/t.part"
	run "$want" "$build/fuda" trace record -o t -- "$@"
}

says()
{
	grep -q -F -e "$2" "$dir/$1" || fail "$1 does not say: $2"
}

says_not()
{
	! grep -q -F -e "$2" "$dir/$1" || fail "$1 says: $2"
}

# commands COUNT: so many are in the trace, which is one
commands()
{
	"$build/fuda" trace format "$dir/t" >"$dir/canonical" 2>&1 || fail "no trace: $(cat "$dir/canonical")"
	cmp "$dir/t" "$dir/canonical" || fail "what is recorded is not canonical"
	got=$(grep -c '^> ' "$dir/t" || :)
	[ "$got" = "$1" ] || fail "$got commands are recorded, not $1"
}

canaries=$top/tests/canaries
sh "${srcdir:-.}/tests/stock.sh" "$dir/card" --secrets "$canaries/suite.secrets" --person "$canaries/suite.person" >/dev/null
./fuda-vcard run "$dir/card" --vpcd "127.0.0.1:$FUDA_TEST_PORT" >"$dir/card.log" 2>&1 &
at_exit "pcscd_stop $!"
tests/bare-pcsc card " 00 00" 5000
jpki=00A4040C0AD392F000260100000001

echo "- a program sees what it would see"
run 0 "$client" odd "$reader"
mv "$dir/out" "$dir/plain"
record 0 "$client" odd "$reader"
cmp "$dir/plain" "$dir/out" || fail "$(diff "$dir/plain" "$dir/out")"
commands 6
says t 'program "pcsc-client"'
says t "reader \"pcsc:$reader\""
says t 'atr 3B '
says t 'protocol T=1'
says t 'power reset'
says t 'power on'
says err 'fuda: 6 commands are recorded in t.'
case $(stat -c %a "$dir/t") in 600) ;; *) fail "others can read the trace" ;; esac

echo "- programs that open libpcsclite themselves"
for name in libpcsclite.so.1 "$(ldd "$build/tests/.libs/pcsc-client" "$client" 2>/dev/null |
	sed -n 's/.*libpcsclite.so.1 => \([^ ]*\) .*/\1/p' | head -n 1)"; do
	record 0 "$client" open "$name" "$reader"
	commands 1
done
record 1 "$client" open libpcsclite.so.77 "$reader"
says out 'libpcsclite.so.77: cannot open'

echo "- what a program opens relative to itself"
if command -v cc >/dev/null && [ -z "${LD_PRELOAD-}" ]; then
	mkdir "$dir/beside"
	echo 'int beside(void) { return 0; }' >"$dir/beside.c"
	echo '#include <dlfcn.h>' >"$dir/opens.c"
	echo 'int main(void) { return !dlopen("libfuda-beside.so", RTLD_NOW); }' >>"$dir/opens.c"
	cc -shared -fPIC -o "$dir/beside/libfuda-beside.so" "$dir/beside.c"
	cc -o "$dir/opens" "$dir/opens.c" -Wl,--enable-new-dtags -Wl,-rpath,'$ORIGIN/beside'
	run 0 "$dir/opens"
	record 0 "$dir/opens"
fi

echo "- threads, whose commands come in the order of the card; a child"
record 0 "$client" threads "$reader" 20
commands 160
# each file is read after it was selected, within its transaction
grep -A 1 '^> 00 A4 02' "$dir/t" | grep '^>' >"$dir/selected"
[ "$(grep -c . "$dir/selected")" = 40 ] || fail "a SELECT is missing"
awk '/^>/ { if ($3 == "B0" && last != "02") bad = 1; last = $3 == "A4" ? $4 : "" } END { exit bad }' "$dir/t" ||
	fail "the commands of two threads are mixed up"
record 0 "$client" fork "$reader"
commands 3
[ "$(grep -c "^program" "$dir/t")" = 3 ] || fail "the trace does not say whose commands these are"

echo "- two readers at once: what is read in one is not taken for what is selected in the other"
cp -R "$dir/card" "$dir/second"
./fuda-vcard run "$dir/second" --vpcd "127.0.0.1:$((FUDA_TEST_PORT + 1))" >"$dir/second.log" 2>&1 &
second=$!
at_exit "pcscd_stop $second"
tests/bare-pcsc card " 00 01" 5000
record 0 "$client" apart "$reader" "${reader%0}1" $second
commands 4
awk '/^reader/ { reader = $NF } /^>/ { print substr(reader, 1, 2), $3 } /^power/ { print substr(reader, 1, 2), $2 }' \
	"$dir/t" | tr '\n' ' ' >"$dir/readers"
[ "$(cat "$dir/readers")" = '01 A4 00 A4 01 B2 00 A4 01 reset ' ] || fail "commands of two readers: $(cat "$dir/readers")"
grep -A 1 '^> 00 B2' "$dir/t" | grep -q '^< 9000.* <data 18 ' || fail "what identifies the card is shown: $(cat "$dir/t")"
pcscd_stop $second

echo "- where others may have used the card, or it was used in another way, what is read is not shown"
record 0 "$client" alone "$reader"
commands 10
grep -A 1 '^> 00 B0' "$dir/t" | sed -n 's/^< 9000 ([^)]*) \(30 82\|<data 64\).*/\1/p' | tr '\n' , >"$dir/shown"
[ "$(cat "$dir/shown")" = '30 82,<data 64,30 82,<data 64,' ] || fail "shown: $(cat "$dir/shown")"

echo "- what is started, and what it starts: sh"
record 7 sh -c "'$build/tests/bare-pcsc' send ' 00 00' 2 $jpki; exit 7"
commands 2

echo "- fuda itself, by PC/SC and by the reader"
echo 1234 >"$dir/pin"
record 0 "$build/fuda" auth --trust card/ca.pem --pin-file pin -r 'pcsc: 00 00'
says t '> 00 20 00 98 04 <secret 4>'
says t 'power off'
says_not t '31 32 33 34'
run 0 "$build/fuda" trace record --force -r 'pcsc: 00 00' -o t -- \
	"$build/fuda" auth --trust card/ca.pem --pin-file pin -r '{reader}'
says t '> 00 20 00 98 04 <secret 4>'
says_not t '31 32 33 34'
run 0 "$build/fuda" trace record --force --json -o t -- "$build/fuda" pin status --json -r 'pcsc: 00 00'
says out '"file":"t"'
says out '"status":0'
says err '"auth":3'

echo "- signals and exit status"
record 143 sh -c 'kill -TERM $$'
record 3 sh -c 'trap "exit 3" INT; kill -INT $PPID; sleep 5 & wait'
record 127 "$dir/not-there"
[ ! -e "$dir/t" ] || fail "there is a trace of a program that was not run"
record 126 "$dir"
says err 'ermission denied'
run 5 sh -c "echo in | '$build/fuda' trace record -o u sh -c 'read x; echo \$x; exit 5'"
says out in

echo "- mistakes"
record 0 true
says err 'No command to a card was recorded'
[ ! -e "$dir/t" ] || fail "a trace with nothing in it is kept"
echo old >"$dir/t"
run 1 "$build/fuda" trace record -o t -- true
says err '--force'
# one with nothing in it does not take the place of another
run 0 "$build/fuda" trace record --force -o t -- true
says t old
run 127 "$build/fuda" trace record --force -o t -- "$dir/not-there"
says t old
ls "$dir"/*.part 2>/dev/null && fail "something is left behind"
rm "$dir/t"
# what is no file keeps its place, as devices do, and so does a link
mkfifo "$dir/pipe"
run 1 "$build/fuda" trace record --force -o pipe "$client" odd "$reader"
says err 'already, and no file'
[ -p "$dir/pipe" ] || fail "the trace has taken the place of a pipe"
rm "$dir/pipe"
echo old >"$dir/old"
ln -s old "$dir/t"
run 0 "$build/fuda" trace record --force -o t "$client" odd "$reader"
[ -L "$dir/t" ] || fail "the trace has taken the place of a link"
grep -q fuda-trace "$dir/old" || fail "a link does not lead to the trace"
rm "$dir/t" "$dir/old"
run 2 "$build/fuda" trace record -o v
run 2 "$build/fuda" trace record -o - -- true
says err "standard output is the program's"
run 2 "$build/fuda" trace record -o v -- true '{reader}'
run 2 "$build/fuda" trace record -o v --reader x -- true
run 2 "$build/fuda" trace record --raw -o v -- true
says err 'trace.raw'
run 1 "$build/fuda" trace record -o not/there -- true
[ ! -e "$dir/v" ] || fail "there is a trace, though nothing was run"

echo "- what is personal is not shown, but with both of a flag and a setting"
mkdir "$dir/config/fuda" 2>/dev/null || :
echo 'trace.raw = yes' >"$dir/config/fuda/config"
run 0 "$build/fuda" trace record --raw -o raw -- "$build/fuda" cert auth -r 'pcsc: 00 00'
says err 'as you would keep the card'
says raw '30 82'
run 0 "$build/fuda" trace record -o redacted -- "$build/fuda" cert auth -r 'pcsc: 00 00'
says redacted '<data '
rm "$dir/config/fuda/config"

echo "- a trace that cannot be written any more"
(ulimit -f 2 && cd "$dir" && rm -f t && timeout 60 "$build/fuda" trace record -o t -- \
	"$build/tests/bare-pcsc" send ' 00 00' 500 $jpki >out 2>err) && fail "a trace with a hole passed"
says err 'No more commands are sent'
says err 'Internal error'
[ "$(grep -c 'No more commands' "$dir/err")" = 1 ] || fail "it is said again and again"
mv "$dir/t.part" "$dir/t"
commands "$(grep -c '^<' "$dir/t")"
rm -f "$dir/t"
# whatever the program makes of it
run 1 sh -c "ulimit -f 2; '$build/fuda' trace record --json -o t -- sh -c '$build/tests/bare-pcsc send \" 00 00\" 500 $jpki; exit 0'"
says out '"error":"EFILE"'
[ ! -e "$dir/t" ] || fail "a trace with a hole has its name"
run 1 "$build/fuda" trace record -o t -- true
says err 't.part is there already'
run 0 "$build/fuda" trace record --force -o t -- true
[ ! -e "$dir/t.part" ] || fail "what was broken off is not replaced"
# a recording that runs keeps its file
"$build/fuda" trace record -o "$dir/t" -- sleep 3 2>/dev/null &
until [ -e "$dir/t.part" ]; do sleep 0.1; done
run 1 "$build/fuda" trace record --force -o t -- true
says err 'another recording'
wait $!
run 2 "$build/fuda" trace record -o '' -- touch never
[ ! -e "$dir/never" ] || fail "the program has run"
run 1 env FUDA_TRACE="$dir/card/card.conf" LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$build/.libs/libfuda-preload.so" \
	"$client" broken "$reader" 1
says err 'is no trace'
says out 'connect: Internal error.'

# broken SPEC WHAT...: what pcsc-client says of its third command, and of all else after it
broken()
{
	FUDA_FAULT=$1
	export FUDA_FAULT
	shift
	record 0 "$client" broken "$reader" 3
	is=$(tr -s '\n ' '  ' <"$dir/out")
	[ "$is" = "$* " ] || fail "$FUDA_FAULT: $is -- not: $*"
	unset FUDA_FAULT
}

# What is built without faults knows none.
if ! grep -q '"FAULT_TRUE"\]=""' "$build/config.status"; then
	FUDA_FAULT=removed@3 record 1 "$client" broken "$reader" 3
	says err 'There is no reader'
	exit 0
fi

echo "- faults"
ok='Command successful.' time='no more change: Command timeout.'
well="end: $ok begin: $ok status: $ok 34 change: $ok 22 $time list: $ok reconnect: $ok end: $ok connect: $ok at last: $ok"
no='Card was removed.'
broken removed@3 last: $no 0 bytes one more: $no end: $no begin: $no status: $no 0 change: $ok 12 $time list: $ok \
	reconnect: No smart card inserted. end: $no connect: No smart card inserted. at last: $no
says t '! removed'
broken pulled@3 last: $no 0 bytes one more: $no end: $no begin: $no status: $no 0 change: $ok 12 $time list: $ok \
	reconnect: No smart card inserted. end: $no connect: No smart card inserted. at last: $no
no='Reader is unavailable.'
broken gone@3 last: $no 0 bytes one more: $no end: $no begin: $no status: $no 0 change: $ok E $time \
	list: Cannot find a smart card reader. reconnect: $no end: $no connect: Unknown reader specified. at last: $no
says t '! gone'
no='Card was reset.'
broken reset@3 last: $no 0 bytes one more: $no end: $no begin: $no status: $no 0 change: $ok 22 $time list: $ok \
	reconnect: $ok end: $ok connect: $ok at last: $ok
says t '! reset'
broken lostreset@3 last: Transaction failed. 0 bytes one more: $no end: $no begin: $no status: $no 0 change: $ok 22 \
	$time list: $ok reconnect: $ok end: $ok connect: $ok at last: $ok
says t '! lost'
broken unreached@3 last: Transaction failed. 0 bytes one more: $ok $well
broken sw=6F00@3 last: $ok 2 bytes 6F 00 one more: $ok $well
says t '< 6F00'
broken answer=01029000@3 last: $ok 4 bytes 01 02 90 00 one more: $ok $well
broken late=20@3 last: $ok 2 bytes 90 00 one more: $ok $well
broken mute@3 last: Transaction failed. 0 bytes one more: $ok $well
says t '! timeout'
FUDA_FAULT=removed@4 record 0 "$client" wait "$reader"
says out 12
FUDA_FAULT=gone@40 record 1 "$client" threads "$reader" 20
FUDA_FAULT=nonsense@3 record 1 "$client" broken "$reader" 3
says err 'is no fault'
says out 'connect: Internal error.'
[ ! -s "$dir/card.log" ] || ! grep -q -i 'error' "$dir/card.log" || fail "$(cat "$dir/card.log")"
