#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A PIN typed on the keys of an emulated reader, by PC/SC, recorded: that it was typed is in the trace, what was typed is
# not; and faults that meet it.
set -eu
. "${srcdir:-.}/tests/usb-env.sh"
if [ "${1-}" != inside ]; then
	needs tests/usb-stage ./fuda-vcard ifd-fuda.bundle tests/listen-exec
	begin_cards
	sh "$srcdir/tests/stock.sh" "$cards/card" --secrets "$srcdir/tests/canaries/suite.secrets" 2>/dev/null
	export FUDA_TEST_KEYS="$cards/keys"
	tests/usb-stage "ccid-pad:$cards/card" -- sh "$0" inside "$cards"
	exit
fi
cards=$2
. "${srcdir:-.}/tests/cli.sh"
own_bundle
start_pcscd "$bundle" 1
becomes 'card in the reader' pcscd_has_card
reader=$("$fuda" readers --names | grep '^pcsc:' | head -n 1)
export XDG_CONFIG_HOME="$tmp/config"
preload=
if grep -q '^SANITIZE_CFLAGS = ..*' "$build/Makefile"; then
	preload=$(${CC:-cc} -print-file-name=libasan.so)
	export ASAN_OPTIONS="detect_leaks=0"
fi

# auth STATUS KEYS VERIFIES [FAULT]: as the page of fuda auth says, recorded in t; so many VERIFY reached the card at all
auth() {
	echo "$2" >"$FUDA_TEST_KEYS"
	got=0
	(
		cd "$tmp"
		[ -z "${4-}" ] || export FUDA_FAULT="$4"
		[ -z "$preload" ] || export LD_PRELOAD="$preload"
		exec setsid -w timeout 60 "$fuda" trace record --force -o t -- "$fuda" auth -r "$reader" \
			--trust "$cards/card/ca.pem" </dev/null >out 2>err
	) || got=$?
	[ $got = "$1" ] || fail "exit status $got, not $1 (keys $2, fault ${4-})"
	stage usage 1
	grep -q "verifies $3\$" "$tmp/answer" || fail "not $3 VERIFY: $(cat "$tmp/answer")"
	grep -q -x '> 00 20 00 98 <typed>' "$tmp/t" || fail "the trace does not say that a PIN was typed"
	! grep -v '^[#<]' "$tmp/t" | grep -q -E '31 32 33 34|34 33 32 31' || fail "the trace shows what was typed"
	"$fuda" trace format "$tmp/t" >/dev/null || fail "no trace"
}

# answered WHAT: the answer to the typed PIN, in the trace
answered() {
	grep -A 1 '<typed>' "$tmp/t" | tail -n 1 | grep -q "^$1" ||
		fail "not \"$1\": $(grep -A 1 '<typed>' "$tmp/t")"
}

auth 0 1234E 1
answered '< 9000'
says t "pad both"
auth 4 4321E 2
answered '< 63C2'
auth 8 12C 2
answered '< 6401'
at=$(grep '^> ' "$tmp/t" | grep -n '<typed>' | cut -d: -f1)
auth 0 1234E 3
# asked for in another way, and in a way that nobody could record
echo 1234E >"$FUDA_TEST_KEYS"
name=${reader#pcsc:}
(
	cd "$tmp"
	[ -z "$preload" ] || export LD_PRELOAD="$preload"
	exec timeout 60 "$fuda" trace record --force -o t -- "$build/tests/pcsc-client" pad "$name" </dev/null >out 2>err
) || fail "a program that has a PIN typed"
says out 'more than at most: Feature not supported.'
says err 'its trace would have a hole'
says out '2 bytes, 9000'
[ "$(grep -c '^> 00 20' "$tmp/t")" = 1 ] || fail "not one VERIFY in the trace: $(cat "$tmp/t")"
says t 'pad both'
answered '< 9000'
stage usage 1
grep -q 'verifies 4$' "$tmp/answer" || fail "not 4 VERIFY: $(cat "$tmp/answer")"
grep -q '"FAULT_TRUE"\]=""' "$build/config.status" || exit 0
# whether it was tried nobody knows, and nobody tries again
auth 10 1234E 4 "unreached@$at"
answered '! lost'
auth 10 1234E 5 "lostreset@$at"
answered '! lost'
auth 10 4321E 6 "pulled@$at"
answered '! removed'
auth 0 1234E 7
