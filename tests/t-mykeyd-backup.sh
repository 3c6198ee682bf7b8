#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Backups: encrypted for whom they are for, made while the service is in use, restored as a whole or not at all.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/mykeyd.sh"
. "$top/tests/operators.sh"

op 0 init --environment test --origin https://localhost:1 --listen 127.0.0.1:0 --set crl_required=no
op 0 org add 'Town A'
op 0 sector add library --org 'Town A'
grep -q "^# .* from its next start" "$folder/mykeyd.conf" || fail "the configuration does not say when it counts"
op 0 audit checkpoint
for name in rsa ec other; do
	kind='-newkey rsa:2048'
	[ $name = rsa ] || kind='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1'
	openssl req -x509 $kind -nodes -keyout "$tmp/$name.key" -out "$tmp/$name.pem" -subj "/CN=$name" -days 10 2>"$tmp/ssl" ||
		fail "$(cat "$tmp/ssl")"
done

op 2 backup
op 2 backup -o b
op 2 backup --recipient rsa.pem
op 1 backup -o b --recipient nowhere.pem
op 1 backup -o b --recipient rsa.key
says err 'no certificate'
op 1 backup -o nowhere/b --recipient rsa.pem
[ ! -e "$tmp/b" ] || fail "a backup for nobody"
mykeyd_start service
op 0 backup -o b --recipient rsa.pem --recipient ec.pem --json
json .rows.org 1
json .rows.sector 1
rows=$(found .rows.audit)
mykeyd_stop service
[ "$(stat -c %a "$tmp/b")" = 600 ] || fail "others can read the backup"
openssl asn1parse -inform DER -in "$tmp/b" | grep -q 'id-smime-ct-authEnvelopedData' || fail "not authenticated"
! grep -q -a -F -e 'Town A' "$tmp/b" || fail "a name in the clear"
! ls -d "$folder"/backup.* 2>/dev/null || fail "a copy in the clear is left"
cp "$tmp/b" "$tmp/b.before"
op 1 backup -o b --recipient rsa.pem --json
json .error EEXISTS
says err 'b is there already: name another file. Nothing was written.'
cmp "$tmp/b" "$tmp/b.before" || fail "a backup was written over"
rm "$tmp/b.before"
if as_others; then
	op 0 operator add daemon --roles registrar,approver,auditor
	by daemon 9 backup -o c --recipient rsa.pem
	[ ! -e "$tmp/c" ] || fail "a backup by who may not"
fi

# either key opens it, and it is the same
for name in rsa ec; do
	rm -rf "$tmp/restored"
	op 0 restore b --key $name.key --to restored --verify --json
	json .rows.org 1
	json .rows.audit "$rows"
	json .audit_rows "$rows"
	json .schema
done
op 1 restore b --key rsa.key --to restored --json
json .error EEXISTS
says err 'restored/mykeyd.db is there already: restore to another folder. Nothing was written.'
# what is left of another database would be played into this one
for end in wal journal shm; do
	rm -f "$tmp/restored"/*
	: >"$tmp/restored/mykeyd.db-$end"
	op 1 restore b --key rsa.key --to restored
	says err "mykeyd.db-$end"
	[ ! -e "$tmp/restored/mykeyd.db" ] || fail "restored beside mykeyd.db-$end"
done
rm -rf "$tmp/restored"
op 2 restore b --to restored
op 2 restore b --key rsa.key
op 2 restore --key rsa.key --to restored
# who is root, as by sudo, leaves it to whom the folder belongs
if [ "$(id -u)" = 0 ]; then
	mkdir -m 700 "$tmp/daemons"
	chown daemon "$tmp/daemons"
	op 0 restore b --key rsa.key --to daemons --verify
	[ "$(ls -A "$tmp/daemons")" = mykeyd.db ] || fail "there is besides: $(ls -A "$tmp/daemons")"
	[ "$(stat -c %U:%a "$tmp/daemons/mykeyd.db")" = daemon:600 ] ||
		fail "restored for $(stat -c %U:%a "$tmp/daemons/mykeyd.db")"
fi

# what the page says that a lost service is put together of
mkdir -m 700 "$tmp/anew"
for f in mykeyd.conf kek keystore ca.pem ca.key tls.pem tls.key checkpoints.jsonl; do
	cp -p "$folder/$f" "$tmp/anew/" || fail "there is no $f to be kept"
done
daemon 0 restore b --key rsa.key --to anew --verify --folder anew
says out 'ok (all rows are there'
# the service signed what came behind the backup when it was stopped
# what operators do again before they say so is no loss
daemon_in anew 0 org add 'Town B'
daemon 0 audit accept-loss --comment 'restored from b' --folder anew
says out 'Last checkpoint that is left'
says err 'suspended or revoked since may act again'
says err 'until then it answers audit_broken'
mykeyd_start anew
! command -v curl >/dev/null || get 200 "$url/readyz"
mykeyd_stop anew
daemon_in anew 0 sector list
says out library
daemon_in anew 0 org list
says out 'Town B'
daemon_in anew 0 audit verify

# no other key, no other file, none that was changed; and then there is nothing
refused() { # STATUS FILE KEY TEXT
	rm -rf "$tmp/restored"
	op "$1" restore "$2" --key "$3" --to restored --verify
	says err "$4"
	[ ! -e "$tmp/restored/mykeyd.db" ] || fail "something is left of a backup that was refused"
}
refused 6 b other.key 'not for this key'
[ ! -e "$tmp/restored" ] || fail "the folder is left of a backup that was refused"
# the keys are another service's, or none are there: that is seen, and said
daemon 0 init --folder another --environment test --origin https://localhost:1 --listen 127.0.0.1:0 --set crl_required=no
daemon 6 restore b --key rsa.key --to restored --verify --folder another
says err 'another keystore'
says err '--folder names the folder'
[ ! -e "$tmp/restored" ] || fail "something is left of a backup of another service"
daemon 1 restore b --key rsa.key --to restored --verify --folder nowhere
says err 'nowhere/kek'
says err '--folder names the folder'
[ ! -e "$tmp/restored" ] || fail "something is left where there were no keys"
daemon 0 restore b --key rsa.key --to restored --folder nowhere
says_not out ok # what was not looked at is not told of
refused 1 b rsa.pem 'no private key'
openssl rsa -in "$tmp/rsa.key" -aes128 -passout pass:secret -out "$tmp/locked.key" 2>"$tmp/ssl"
refused 1 b locked.key 'no private key'
refused 1 rsa.pem rsa.key 'no backup'
refused 1 nowhere rsa.key 'nowhere'
size=$(wc -c <"$tmp/b")
for at in 2000 $((size / 2)) $((size - 40)); do
	cp "$tmp/b" "$tmp/changed"
	flip changed $at
	rm -rf "$tmp/restored"
	got=0
	(cd "$tmp" && "$mykeyd" restore changed --key ec.key --to restored --folder service >out 2>err) || got=$?
	[ $got = 6 ] || [ $got = 1 ] || fail "changed at $at of $size: $got"
	[ ! -e "$tmp/restored/mykeyd.db" ] || fail "something is left of a changed backup"
done
head -c $((size - 1000)) "$tmp/b" >"$tmp/short"
refused 1 short rsa.key 'no backup'
openssl cms -encrypt -binary -aes-256-cbc -outform DER -in "$tmp/b" -out "$tmp/cbc" "$tmp/rsa.pem"
refused 1 cbc rsa.key 'no backup'

# what is inside is looked at: whoever has the certificate can make a backup of anything
command -v sqlite3 >/dev/null || {
	echo "the rest needs sqlite3"
	exit 0
}
forged() { # SQL TEXT
	rm -rf "$tmp/plain" "$tmp/restored"
	op 0 restore b --key rsa.key --to plain
	sqlite3 "$tmp/plain/mykeyd.db" "$1" >/dev/null
	openssl cms -encrypt -binary -aes-256-gcm -outform DER -in "$tmp/plain/mykeyd.db" -out "$tmp/forged" "$tmp/rsa.pem"
	mkdir "$tmp/restored"
	op 6 restore forged --key rsa.key --to restored --verify
	says_not out 'ok ('
	says err "$2"
	[ -d "$tmp/restored" ] && [ -z "$(ls -A "$tmp/restored")" ] || fail "left behind: $(ls -A "$tmp/restored")"
}
forged "PRAGMA foreign_keys = OFF; DELETE FROM org" 'refer to others'
forged "INSERT INTO mykey VALUES ('AAAAAAAA', x'01', 'active', 1, NULL)" 'refer to others'
forged "INSERT INTO wish VALUES (x'01', 0, 0)" 'refer to others'
forged "INSERT INTO approval VALUES (x'01', x'02', x'03', 'approve', '', 1)" 'refer to others'
forged "INSERT INTO terminal SELECT x'01', id, 'desk', 'test', 'active', x'02', x'03', x'04', 0, '', 1, 1 FROM org" 'refer to others'
forged "INSERT INTO link VALUES (x'01', 'p', x'02', 1, NULL, NULL, 1, 1); INSERT INTO subject VALUES (x'02', 1)" 'refer to others'
forged "INSERT INTO credential VALUES (x'01', x'02', x'03', 'auth', 'active', x'04', 1, 1); INSERT INTO subject VALUES (x'03', 1)" \
	'refer to others'
forged "INSERT INTO approval SELECT x'01', x'02', id, 'approve', '', 1 FROM operator" 'refer to others'
forged "INSERT INTO enrol_code SELECT x'01', org, 'desk', id, 1, 1, x'03', 1 FROM sector" 'refer to others'
# of the sectors of a code the first one, the second one, and one that is too short
for ids in "x'02030405060708090A0B0C0D0E0F1011'" "CAST(id || x'02030405060708090A0B0C0D0E0F1011' AS BLOB)" \
	"CAST(id || x'02' AS BLOB)"; do
	forged "INSERT INTO enrol_code SELECT x'01', org, 'desk', $ids, 1, 1, NULL, 1 FROM sector" 'refer to others'
done
forged "INSERT INTO idem VALUES (x'01', 'k', x'02', 1, 200, x'03', 1)" 'refer to others'
# who is not there any more, as one of two holders who were joined, is nothing that is missing
forged "INSERT INTO approval SELECT x'01', x'02', id, 'join-keep-older', '', 1 FROM operator" 'not as many rows'
for ids in id "CAST(id || id AS BLOB)"; do
	forged "INSERT INTO enrol_code SELECT x'01', org, 'desk', $ids, 1, 1, NULL, 1 FROM sector" 'not as many rows'
done
forged "INSERT INTO credential VALUES (x'01', x'02', x'03', 'auth', 'active', NULL, 1, 1); INSERT INTO subject VALUES (x'03', 1)" \
	'not as many rows'
forged "INSERT INTO credential VALUES (x'01', x'02', x'03', 'auth', 'superseded', NULL, 1, 1),
	(x'04', x'05', x'03', 'auth', 'active', x'02', 1, 1); INSERT INTO subject VALUES (x'03', 1)" 'not as many rows'
forged "DELETE FROM sector" 'not as many rows'
forged "INSERT INTO subject VALUES (x'01', 1)" 'not as many rows'
forged "DELETE FROM setting WHERE name = 'backup'" 'does not say how many'
forged "UPDATE setting SET value = '12 x' WHERE name = 'backup'" 'does not say how many'
forged "UPDATE audit SET action = 'org-del' WHERE action = 'org-add'" 'audit trail'
