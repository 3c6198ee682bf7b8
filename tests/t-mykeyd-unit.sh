#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The unit for systemd: what it starts does start, by exactly its line; what it says, systemd understands.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/mykeyd.sh"
unit=$build/systemd/fuda-mykeyd.service

# of NAME: what the unit says, one line for each
of() {
	sed -n "s/^$1=//p" "$unit"
}

! grep -v '^#' "$unit" | grep '@' | grep -v '=@system-service$' || fail "something is not filled in"
for name in prefix exec_prefix bindir; do
	eval "$name=$(sed -n "s/^$name = //p" "$build/Makefile")"
done
case $(of ExecStart) in
"$bindir/fuda-mykeyd serve "*) ;;
*) fail "it starts $(of ExecStart)" ;;
esac
[ "$(of StateDirectory)" = "$(of User)" ] && [ "$(of ConditionPathExists)" = "/var/lib/$(of StateDirectory)/mykeyd.conf" ] ||
	fail "it does not wait for what init makes"
grep -q -x "u $(of User) - \".*\" /var/lib/$(of StateDirectory)" "$top/systemd/fuda-mykeyd.conf" || fail "no user for it"
for sandbox in NoNewPrivileges=yes ProtectSystem=strict ProtectHome=yes PrivateTmp=yes PrivateDevices=yes \
	MemoryDenyWriteExecute=yes SystemCallFilter=@system-service UMask=0077 StateDirectoryMode=0700; do
	grep -q -x "$sandbox" "$unit" || fail "not $sandbox"
done

# the longest that the configuration lets it take to end
daemon 2 init --folder no --environment test --origin https://localhost --set drain=601
[ "$(of TimeoutStopSec)" -gt 602 ] || fail "it is killed amid what it ends"

# as systemd calls it: variables are expanded, and its own program is the one that was built
daemon 0 init --folder state --environment test --origin https://localhost:1 --listen 127.0.0.1:0 --operations 127.0.0.1:0 \
	--set crl_required=no --set drain=600
STATE_DIRECTORY=$tmp/state
: >"$tmp/log"
line=$(of ExecStart)
(
	umask "$(of UMask)"
	cd /
	eval "exec setsid \"\$mykeyd\" ${line#* }" </dev/null >"$tmp/stdout" 2>"$tmp/log"
) &
MAINPID=$!
echo $MAINPID >"$tmp/state.pid"
becomes 'the service' grep -q '^listening on http:' "$tmp/log"
[ ! -s "$tmp/stdout" ] || fail "it says $(cat "$tmp/stdout")"
eval "$(of ExecReload)"
if command -v curl >/dev/null; then
	curl -sS --max-time 10 "$(sed -n 's/^listening on \(http:.*\)/\1/p' "$tmp/log")/livez" >"$tmp/out" || fail "it does not live"
fi
kill -s "$(of KillSignal | sed 's/^SIG//')" $MAINPID
got=0
wait $MAINPID || got=$?
rm -f "$tmp/state.pid"
[ $got = 0 ] || fail "it ends with $got: $(cat "$tmp/log")"

# whether only root can change the way to $tmp
is_roots_way() {
	for d in $(d=$tmp && while [ "$d" ]; do echo "$d" && d=${d%/*}; done) /; do
		case $(stat -c '%u %A' "$d") in
		'0 d'????-??-? | '0 d'????????[tT]) ;;
		*) return 1 ;;
		esac
	done
}

# root makes it in a folder of its user's as well, who then can read it all: he is no more than no operator
if [ "$(id -u)" != 0 ] || ! id daemon >/dev/null 2>&1; then
	echo "what root makes for others was not tried: not root, or no user daemon"
elif ! is_roots_way; then
	echo "what root makes for others was not tried: not only root can change the way to $tmp"
else
	chmod 711 "$tmp"
	mkdir -m 755 "$tmp/theirs"
	chown daemon "$tmp/theirs"
	daemon 0 init --folder theirs --environment test --origin https://localhost:1 --listen 127.0.0.1:0 --set crl_required=no
	others=$(find "$tmp/theirs" ! -user daemon)
	[ -z "$others" ] || fail "not given to the folder's owner: $others"
	[ "$(stat -c %a "$tmp/theirs" "$tmp/theirs/keystore" | tr '\n' ' ')" = '700 600 ' ] || fail "others can read it"
	daemon 0 org add 'Town A' --folder theirs
	daemon 0 sector add library --org 'Town A' --folder theirs
	as_daemon="setpriv --reuid daemon --clear-groups"
	if ! command -v setpriv >/dev/null; then
		echo "what the owner of the folder can do was not tried: no setpriv"
		as_daemon=
	elif $as_daemon test -x "$mykeyd"; then
		got=0
		$as_daemon "$mykeyd" sector list --folder "$tmp/theirs" >"$tmp/out" 2>"$tmp/err" || got=$?
		[ $got = 9 ] || fail "exit status $got for the owner of the folder"
	else
		echo "what the owner of the folder can do with the program was not tried: he cannot reach it"
	fi
	rm -rf "$tmp/theirs"

	# a failure leaves it as it was
	mkdir -m 755 "$tmp/theirs"
	chown daemon "$tmp/theirs"
	as_it_was() { # FOLDER
		[ "$(stat -c '%U %a' "$tmp/$1") $(ls -A "$tmp/$1")" = 'daemon 755 ' ] || fail "a failed init did not leave $1 as it was"
	}
	daemon 1 init --folder theirs --environment test --origin https://localhost:1 --set renewal=csv:no-such.csv
	as_it_was theirs

	# who can put something else in the folder's place, or a link: nothing is made; a sticky folder keeps him from that
	mkdir -m 755 "$tmp/above" "$tmp/above/mid" "$tmp/above/mid/theirs"
	chown daemon "$tmp/above/mid/theirs"
	for way in 'daemon 755' 'root 775' 'root 757' 'daemon 1755'; do
		for d in above above/mid; do
			chown "${way% *}" "$tmp/$d"
			chmod "${way#* }" "$tmp/$d"
			daemon 1 init --folder above/mid/theirs --environment test --origin https://localhost:1
			says err "others can change the way to it, at $(realpath "$tmp")/$d."
			as_it_was above/mid/theirs
			chown root "$tmp/$d"
			chmod 755 "$tmp/$d"
		done
	done
	chmod 1777 "$tmp/above"
	daemon 0 init --folder above/mid/theirs --environment test --origin https://localhost:1
	rm -r "$tmp/above"

	# meanwhile its owner puts a link there, and what is root's: neither is used, or becomes his
	: >"$tmp/victim"
	mkdir "$tmp/his"
	: >"$tmp/his/secret"
	chown daemon "$tmp/his"
	if [ "$as_daemon" ] && $as_daemon test -d "$tmp/his/."; then
		(
			cd "$tmp"
			exec $as_daemon sh -c 'while [ -d theirs ] && [ ! -e theirs/kek ] && [ ! -e ended ]; do :; done
				ln -s ../victim theirs/mykeyd.db; mv his/secret theirs/' </dev/null >/dev/null 2>&1
		) &
		planter=$!
		daemon 0 init --folder theirs --environment test --origin https://localhost:1 --set crl_required=no
		: >"$tmp/ended"
		wait $planter || :
		[ ! -s "$tmp/victim" ] || fail "init wrote where a link of the owner leads to"
		[ "$(stat -c %U "$(find "$tmp/his" "$tmp/theirs" -name secret)")" = root ] || fail "init gave away what it did not make"
	fi
	rm -rf "$tmp/theirs"

	# a link on the way, which leads elsewhere meanwhile: what was looked at is what is used
	mkdir -p "$tmp/hers" "$tmp/true/theirs" "$tmp/false/theirs"
	ln -s ../true "$tmp/hers/way"
	chown -R -h daemon "$tmp/hers" "$tmp/true/theirs" "$tmp/false/theirs"
	rm -f "$tmp/ended"
	(
		cd "$tmp"
		while [ -d hers ] && [ ! -e true/theirs/mykeyd.conf ] && [ ! -e ended ]; do :; done
		ln -s -f -n ../false hers/way
	) </dev/null >/dev/null 2>&1 &
	planter=$!
	# the warnings at its end are of what is there by the name that was given
	(cd "$tmp" && "$mykeyd" init --folder hers/way/theirs --environment test --origin https://localhost:1) >"$tmp/out" 2>"$tmp/err" || :
	: >"$tmp/ended"
	wait $planter || :
	[ "$(stat -c %U "$tmp/true/theirs/kek")" = daemon ] && [ -z "$(ls -A "$tmp/false/theirs")" ] || fail "init went where a link of another's led to later"
fi

# what systemd itself says, which tells of a key that it does not know and ends with 0
command -v systemd-analyze >/dev/null || {
	echo "what systemd says of it was not asked: no systemd-analyze"
	exit 0
}
judged() { # FILE: what is said of it, in out
	mkdir -p "$tmp/units"
	sed "s|^ExecStart=[^ ]*|ExecStart=$mykeyd|; s|^ExecReload=[^ ]*|ExecReload=$mykeyd|" "$1" >"$tmp/units/fuda-mykeyd.service"
	systemd-analyze verify --man=no "$tmp/units/fuda-mykeyd.service" >"$tmp/out" 2>&1 || :
}
sed 's/^ProtectSystem=/ProtectSytem=/' "$unit" >"$tmp/misspelt"
judged "$tmp/misspelt"
grep -q 'ProtectSytem' "$tmp/out" || {
	echo "what systemd says of it was not asked: systemd-analyze verify does not work here: $(head -n 1 "$tmp/out")"
	exit 0
}
judged "$unit"
! grep -F 'fuda-mykeyd' "$tmp/out" || fail "systemd finds fault with it"
if command -v systemd-sysusers >/dev/null && systemd-sysusers --help | grep -q -e --dry-run; then
	systemd-sysusers --dry-run "$top/systemd/fuda-mykeyd.conf" >"$tmp/out" 2>&1 || fail "systemd-sysusers does not take it"
	! grep -q -i -e ignoring -e fail "$tmp/out" || fail "systemd-sysusers finds fault with it"
fi
echo ok
