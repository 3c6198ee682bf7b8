# SPDX-License-Identifier: Apache-2.0
# For the tests of what operators do: sourced behind mykeyd.sh. They work in the folder $folder. Its first one is who
# runs the test; others exist only where that is root, by what sudo would say, and nobody logged in.
folder=$tmp/service
unset SUDO_UID

# op STATUS ARGUMENT...: what the operator does; output in out and err
op() {
	daemon_in service "$@"
}

# by USER STATUS ARGUMENT...: the same as another system user; only where as_others says so
by() {
	SUDO_UID=$(id -u "$1")
	export SUDO_UID
	shift
	op "$@"
	unset SUDO_UID
}
as_others() {
	[ "$(id -u)" = 0 ] && [ "$(cat /proc/self/loginuid 2>/dev/null || echo 4294967295)" = 4294967295 ] &&
		id daemon >/dev/null 2>&1 && id bin >/dev/null 2>&1
}

# found PATH: the one value of standard output, which is JSON, at this path
found() {
	json_lines "$tmp/out" >"$tmp/lines" || fail "no JSON"
	sed -n "s/^$1=//p" "$tmp/lines" | head -n 1
}
