#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A private PostgreSQL, away from the system's own: it listens on a socket in its own directory and nowhere else.
#
#   . "$srcdir/tests/postgres-env.sh"       in a shell test; `at_exit COMMAND` adds to what is done at its end
#   tests/postgres-env.sh PROGRAM [ARG...]  runs PROGRAM with it
#
# Sets FUDA_TEST_POSTGRES, a connection string; FUDA_TEST_POSTGRES_BIN, where its programs are; FUDA_TEST_POSTGRES_DIR, a
# directory that is removed at the end, with the cluster in it; FUDA_TEST_POSTGRES_CTL, a script that takes `start`, and `stop`
# with `fast` or `immediate`; and has the function postgres_run COMMAND..., which runs as the user that the server is of. May be used beside
# tests/pcscd-env.sh, after it. Ends with 77 and the reason where something is missing.

postgres_skip()
{
	echo "SKIP: $*"
	exit 77
}

# PostgreSQL does not run as root.
if [ "$(id -u)" = 0 ]; then
	postgres_user=postgres
	id -u postgres >/dev/null 2>&1 || postgres_user=nobody
	postgres_as="setpriv --reuid $postgres_user --regid $(id -g "$postgres_user") --clear-groups"
else
	postgres_user=$(id -un)
	postgres_as=
fi

postgres_run()
{
	(cd "$FUDA_TEST_POSTGRES_DIR" && $postgres_as env HOME="$FUDA_TEST_POSTGRES_DIR" "$@")
}

postgres_write_ctl()
{
	cat >"$FUDA_TEST_POSTGRES_CTL" <<END
#!/bin/sh
cd "$FUDA_TEST_POSTGRES_DIR"
exec $postgres_as "$FUDA_TEST_POSTGRES_BIN/pg_ctl" -D "$FUDA_TEST_POSTGRES_DIR/data" -l "$FUDA_TEST_POSTGRES_DIR/log" \\
	-m "\${2:-fast}" -t 20 -w "\$1" >/dev/null
END
	chmod +x "$FUDA_TEST_POSTGRES_CTL"
}

postgres_start()
{
	"$FUDA_TEST_POSTGRES_CTL" start && return 0
	cat "$FUDA_TEST_POSTGRES_DIR/log"
	echo "the private PostgreSQL did not start"
	return 1
}

postgres_remove()
{
	[ ! -e "$FUDA_TEST_POSTGRES_DIR/data/postmaster.pid" ] || "$FUDA_TEST_POSTGRES_CTL" stop immediate || :
	rm -rf "$FUDA_TEST_POSTGRES_DIR"
}

postgres_end()
{
	postgres_status=$?
	trap - EXIT HUP INT TERM
	set +e
	eval "$postgres_at_exit"
	exit $postgres_status
}

postgres_make()
{
	postgres_run "$FUDA_TEST_POSTGRES_BIN/initdb" -D "$FUDA_TEST_POSTGRES_DIR/data" -U fuda -A trust -E UTF8 --locale=C \
		--no-instructions >"$FUDA_TEST_POSTGRES_DIR/initdb.log" 2>&1 || {
		cat "$FUDA_TEST_POSTGRES_DIR/initdb.log"
		exit 1
	}
	cat >"$FUDA_TEST_POSTGRES_DIR/more" <<END
listen_addresses = ''
unix_socket_directories = '$FUDA_TEST_POSTGRES_DIR'
unix_socket_permissions = 0777
fsync = on
synchronous_commit = on
max_connections = 60
shared_buffers = 32MB
logging_collector = off
END
	postgres_run sh -c "cat '$FUDA_TEST_POSTGRES_DIR/more' >>'$FUDA_TEST_POSTGRES_DIR/data/postgresql.conf'"
}

FUDA_TEST_POSTGRES_BIN=
for postgres_try in "$(dirname "$(command -v initdb || echo /nowhere/initdb)")" \
	$(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -V); do
	[ ! -x "$postgres_try/initdb" ] || [ ! -x "$postgres_try/pg_ctl" ] || FUDA_TEST_POSTGRES_BIN=$postgres_try
done
[ -n "$FUDA_TEST_POSTGRES_BIN" ] || postgres_skip "PostgreSQL (package postgresql) is not installed"
[ "$(id -u)" != 0 ] || command -v setpriv >/dev/null || postgres_skip "PostgreSQL as another user needs setpriv"

# Beside pcscd-env.sh its end is ours as well.
postgres_at_exit=:
if command -v pcscd_end >/dev/null; then
	at_exit postgres_remove
else
	at_exit()
	{
		postgres_at_exit="$1; $postgres_at_exit"
	}
	trap postgres_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	at_exit postgres_remove
fi
FUDA_TEST_POSTGRES_DIR=$(mktemp -d /tmp/fuda-test.XXXXXX)
chmod 755 "$FUDA_TEST_POSTGRES_DIR"
[ "$(id -u)" != 0 ] || chown "$postgres_user" "$FUDA_TEST_POSTGRES_DIR"
FUDA_TEST_POSTGRES_CTL=$FUDA_TEST_POSTGRES_DIR/ctl
postgres_write_ctl
postgres_make
postgres_start
FUDA_TEST_POSTGRES="postgresql:///postgres?host=$FUDA_TEST_POSTGRES_DIR&user=fuda"
export FUDA_TEST_POSTGRES FUDA_TEST_POSTGRES_BIN FUDA_TEST_POSTGRES_DIR FUDA_TEST_POSTGRES_CTL

if [ "${0##*/}" = postgres-env.sh ]; then
	"$@" &
	postgres_child=$!
	at_exit "kill $postgres_child 2>/dev/null"
	wait $postgres_child
fi
