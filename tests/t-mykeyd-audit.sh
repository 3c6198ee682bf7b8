#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The audit trail as operators see it: read, exported, signed, shortened; what was tampered with is found at its row.
set -eu
. "${srcdir:-.}/tests/cli.sh"
. "$top/tests/mykeyd.sh"
. "$top/tests/operators.sh"

op 0 init --environment test --origin https://localhost:1 --listen 127.0.0.1:0 --set crl_required=no
op 0 org add 'Town A' --json
org=$(found .id)
op 0 sector add library --org 'Town A'
op 0 audit verify --json
json .outside false
json .checkpoints 0
json .result ok
op 0 audit verify
says out 'ok (the audit trail is as it was written, as far as the database itself can tell)'
op 0 audit checkpoint
says out '"checkpoint":1'
cmp "$tmp/out" "$folder/checkpoints.jsonl" || fail "the file of checkpoints has another line"
op 0 audit verify --json
json .outside true
json .checkpoints 1
silent err
# a command that tells nothing begins no chain
chains=$(found .chains)
op 0 audit verify
says out 'ok (the audit trail is as it was written and signed)'
for c in 'org list' 'sector list' 'terminal list' 'operator list' 'crl status' 'tls status' 'audit query' 'report daily'; do
	op 0 $c
done
op 0 audit verify --json
json .chains "$chains"
op 0 audit export -o told.jsonl
op 0 audit verify --json
json .chains $((chains + 1))
mv "$folder/checkpoints.jsonl" "$tmp/kept"
op 0 audit verify --json
json .outside false
says err 'checkpoints.jsonl has no checkpoint'
mv "$tmp/kept" "$folder/checkpoints.jsonl"

# reading
op 0 audit query
all=$(wc -l <"$tmp/out")
op 0 audit query --action org-add
[ "$(wc -l <"$tmp/out")" = 1 ] || fail "rows of org-add"
json .object "$org"
# who did it, by name besides the id, and to whom; not of who is no operator
me=$(id -un)
json .actor_name "$me"
json .actor
json_lacks .object_name
op 0 audit query --action operator-add
json .object_name "$me"
op 0 audit query --action audit-begin
says_not out actor_name
op 0 audit query --object "$org"
[ "$(wc -l <"$tmp/out")" = 1 ] || fail "rows about the organisation"
op 0 audit query --from 2020-01-01 --until 2020-02-01
silent out
op 0 audit query --from 2020-01-01T00:00:00Z --action org-add
[ -s "$tmp/out" ] || fail "nothing since 2020"
op 2 audit query --from yesterday
op 2 audit query --from 2026-02-30
op 2 audit query --object 12
op 2 audit query --before 2020-01-01
op 2 audit accept-clock
says err '--comment'
op 1 audit accept-clock --comment 'the battery was empty'
says err 'no row of the audit trail is from the future'
# a word that no row can have is a mistake, and these are those that can
for word in org-ad "x' OR '1'='1" ''; do
	op 2 audit query --action "$word"
	silent out
	says err "there is no action '$word'; these are: audit-accept-clock, audit-accept-loss, "
done
op 2 audit export -o typo.jsonl --action org-ad
[ ! -e "$tmp/typo.jsonl" ] || fail "an export of an action that there is not"
tr ' ' '\n' <"$tmp/err" | sed -n 's/^\([a-z-]*\),$/\1/p' >"$tmp/actions"
tail -n 2 "$tmp/err" | sed -n 's/.* \([a-z-]*\)$/\1/p' >>"$tmp/actions"
{
	sed -n 's/.*request_audit(r, batch, "\([a-z-]*\)".*/\1/p; s/.*request_tell_link(r, batch, "\([a-z-]*\)".*/\1/p
		s/.*audit([ra], batch, "\([a-z-]*\)".*/\1/p' "$top"/src/service/rule-*.c "$top"/src/service/enrol-apply.c
	sed -n 's/.*\.name = "\([a-z-]*\)".*/\1/p' "$top"/src/service/operator.c "$top"/src/service/enrol.c \
		"$top"/src/service/join.c "$top"/src/service/clock.c
	sed -n 's/.*"\(terminal-[a-z-]*\)".*/\1/p' "$top"/src/service/enrol*.c
	sed -n 's/.*{ "service", NULL, "\([a-z-]*\)".*/\1/p' "$top"/src/service/*.c
	sed -n 's/.*operator_may(.*"\([a-z-]*\)").*/\1/p; s/.*ROLE_AUDITOR, "\([a-z-]*\)".*/\1/p' "$top"/tools/mykeyd-*.c
} | sort -u >"$tmp/told"
[ "$(wc -l <"$tmp/told")" -ge 30 ] || fail "the sources write rows in other words than this test reads"
missing=$(sort "$tmp/actions" | comm -13 - "$tmp/told")
[ -z "$missing" ] || fail "audit query does not know: $missing"

# exporting: a new file of the owner's, which is told in the trail itself
op 2 audit export
op 0 audit export -o rows.jsonl
[ "$(stat -c %a "$tmp/rows.jsonl")" = 600 ] || fail "others can read the export"
[ "$(wc -l <"$tmp/rows.jsonl")" -gt "$all" ] || fail "the export lacks rows"
tail -n 1 "$tmp/rows.jsonl" | grep -q '"action":"audit-export"' || fail "the export is not in the trail"
op 1 audit export -o rows.jsonl --json
says err 'rows.jsonl'
json .error EEXISTS
op 1 audit export -o nowhere/rows.jsonl

# shortening: never what is younger than 400 days
op 2 audit prune
op 2 audit prune --before "$(date +%Y-%m-%d)"
says err '400 days'
op 0 audit prune --before 2020-01-01 --json
json .deleted 0

# tampering, where there is a program to do it with
command -v sqlite3 >/dev/null || {
	echo "the rest needs sqlite3"
	exit 0
}
op 0 audit verify
cp -R "$folder" "$tmp/good"
chain=$(sqlite3 "$folder/mykeyd.db" "SELECT lower(hex(chain)) FROM audit WHERE action = 'org-add'")
dashed=$(echo "$chain" | sed 's/\(........\)\(....\)\(....\)\(....\)/\1-\2-\3-\4-/')
seq=$(sqlite3 "$folder/mykeyd.db" "SELECT seq FROM audit WHERE action = 'org-add'")
tampered() { # SQL WHAT: is found at the row of org-add
	rm -rf "$folder"
	cp -R "$tmp/good" "$folder"
	sqlite3 "$folder/mykeyd.db" "$1"
	op 6 audit verify --json
	json '.findings[0].chain' "$dashed"
	json '.findings[0].row' "$seq"
	json '.findings[0].what' "$2"
	json .error EVERIFY
	op 6 audit verify
	says out "$dashed/$seq"
	says_not out 'ok ('
}
tampered "UPDATE audit SET action = 'org-del' WHERE action = 'org-add'" row_changed
tampered "UPDATE audit SET at = at + 1 WHERE action = 'org-add'" row_changed
tampered "UPDATE audit SET actor = NULL WHERE action = 'org-add'" row_changed
tampered "UPDATE audit SET data = data || ' ' WHERE action = 'org-add'" row_changed
# rows that were put outside all chains, where SQLite lets them be: a query shows them
for key in "'zzz', 1" "'', 1" "5, 1" "x'', -9223372036854775808" "x'$chain', 'x'" "x'$chain', x'00'"; do
	rm -rf "$folder"
	cp -R "$tmp/good" "$folder"
	sqlite3 "$folder/mykeyd.db" "INSERT INTO audit (chain, seq, at, actor_kind, action, data, hash)
		VALUES ($key, 1795000000000000, 'terminal', 'forged', '', x'00')"
	op 0 audit query
	says out forged
	op 6 audit verify --json
	json '.findings[0].what' row_changed
done
rm -rf "$folder"
cp -R "$tmp/good" "$folder"
sqlite3 "$folder/mykeyd.db" "DELETE FROM audit_checkpoint"
op 6 audit verify
says out 'checkpoint 1 '
says_not out 00000000

# rows from the future: nothing is signed until an operator says that it was that clock
rm -rf "$folder"
cp -R "$tmp/good" "$folder"
sqlite3 "$folder/mykeyd.db" "UPDATE audit SET at = at + 86400000000 WHERE action = 'org-add'"
op 6 audit checkpoint
silent out
says err 'accept-clock'
op 6 audit prune --before 2020-01-01
says err 'accept-clock'
op 0 audit accept-clock --comment 'the battery was empty'
says out 'ok (rows from the future'
op 0 audit checkpoint
says out '"checkpoint":2'

# what a crash left of a line does not keep an operator from saying that a backup was restored
lost() { # LINES: are lost, and one that agrees stays; the new one comes behind it
	op 6 audit checkpoint
	rm -f "$folder"/checkpoints.lost-*
	op 0 audit accept-loss --comment 'restored' --json
	json .lost "$1"
	[ "$(wc -l <"$folder/checkpoints.jsonl")" = 2 ] || fail "not the first line and the new one"
	op 0 audit verify
	op 0 audit checkpoint
}
for torn in '{"checkpoint":3,"at' '\000\000\000'; do
	rm -rf "$folder"
	cp -R "$tmp/good" "$folder"
	op 0 audit checkpoint
	printf "$torn" >>"$folder/checkpoints.jsonl"
	op 0 audit checkpoint
	rm -f "$folder"/mykeyd.db*
	cp "$tmp/good"/mykeyd.db* "$folder"
	lost 2
	grep -q -a '"checkpoint":3' "$folder"/checkpoints.lost-* || fail "the lost lines were not kept"
	head -n 1 "$folder/checkpoints.jsonl" >"$tmp/first"
	printf "$torn\n" >>"$tmp/first"
	cp "$tmp/first" "$folder/checkpoints.jsonl"
	lost 0
done
