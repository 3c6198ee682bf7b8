#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/mykey-openapi.yaml says what the service does: its paths and methods, its codes, the members of requests and answers.
# What a card signs is made here from the description alone, and not by fuda.
set -eu
srcdir=${srcdir:-.}
. "$srcdir/tests/cli.sh"
. "$srcdir/tests/mykeyd.sh"
command -v curl >/dev/null || {
	echo "SKIP: no curl"
	exit 77
}
api=$top/docs/mykey-openapi.yaml

# ---- what the sources have ----

# "METHOD path" of each operation, as the file has them and as the sources do
awk '/^paths:/ { on = 1; next } /^[a-z]/ { on = 0 } !on { next }
	/^  \// { path = $1; sub(/:$/, "", path) } /^    [a-z]+:$/ { sub(/:/, "", $1); print toupper($1), path }' "$api" |
	sort >"$tmp/operations"
{
	grep -o '{ "[a-z-]*", "/v1/[a-z:-]*"[ ,]' "$top/src/service/rules.c" | sed 's/.*"\(\/[^"]*\)".*/POST \1/'
	sed -n 's/^\t{ "\(\/[^"]*\)", "[a-z]*", [A-Z]*, [a-z]* },/GET \1/p' "$top/src/service/route.c"
	sed -n 's/^\t{ BASE_PATH "\([^"]*\)", "\([A-Z]*\)",.*/\2 \/.well-known\/est\/\1/p; s/^\t{ "\(\/crl[^"]*\)", "\([A-Z]*\)",.*/\2 \1/p' \
		"$top/src/service/est.c"
} | sort >"$tmp/served"
[ "$(wc -l <"$tmp/served")" -ge 15 ] || fail "the sources have other tables than this test reads"
diff "$tmp/operations" "$tmp/served" || fail "operations of the file (<) and of the service (>)"

{
	tr '\n\t' '  ' <"$top/src/service/rule-answer.c" | grep -o '{ *"[a-z_]*", [0-9]\{3\},'
	cat "$top"/src/service/route.c "$top"/src/service/est.c "$top"/src/service/http-*.c | tr '\n\t' '  ' |
		grep -o -E '[{,] *[0-9]{3}, *"[a-z_]+"|\{ *"terminal_[a-z_]+", *"'
} | grep -o '"[a-z_]*"' | tr -d '"' | sort -u >"$tmp/said"
sed -n 's/^            - \([a-z_]*\)$/\1/p' "$api" | sort >"$tmp/codes"
[ "$(wc -l <"$tmp/said")" -ge 50 ] || fail "the sources have other tables than this test reads"
diff "$tmp/codes" "$tmp/said" || fail "codes of the file (<) and of the service (>)"

# what the client tells people: each code but those of requests that no client of ours makes, each with what to do
shapes="bad_client_cert bad_framing bad_header bad_host bad_request bad_target body_too_large client_cert_not_trusted head_too_large
idempotency_key_malformed idempotency_key_missing local_number_malformed mdoc_malformed method_not_allowed purpose_unknown repeated_header
request_malformed tap_malformed unsupported_media_type version_not_supported wish_malformed"
sed -n '/^} texts\[\]/,/^};/p' "$top/src/mykey/problem.c" | tr -d '\n\t' | sed 's/" *"//g; s/{ "/\n/g' |
	sed -n 's/^\([a-z_]*\)", N_("\(.*\)") },.*/\1 \2/p' >"$tmp/told"
{
	cut -d ' ' -f 1 "$tmp/told"
	echo "$shapes" | tr ' ' '\n'
} | sort >"$tmp/known"
diff "$tmp/codes" "$tmp/known" || fail "codes of the file (<) and of the client (>)"
! grep -v -E '[ (]fuda |[Aa]gain|[Cc]heck|[Ee]nrol it|[Nn]ame one|[Tt]ell the|[Aa]sk (the|at)|[Uu]se (the|it)|[Ww]ish for|municipal office' \
	"$tmp/told" || fail "a refusal that leaves people alone"

# ---- schemas ----

# members SCHEMA, required SCHEMA: names, a line each
members() {
	awk -v name="    $1:" '/^    [A-Z]/ { on = $0 == name } on && /^        [a-z_]+:$/ { sub(/:/, "", $1); print $1 }' "$api"
}
required() {
	awk -v name="    $1:" '/^    [A-Z]/ { on = $0 == name } on && /^      required:/ { print }' "$api" |
		sed 's/.*\[\(.*\)\]/\1/' | tr -d ' ' | tr ',' '\n'
}
# schema_of METHOD PATH STATUS|request: the schema of the answer, or of the request
schema_of() {
	awk -v method="    $(echo "$1" | tr A-Z a-z):" -v path="  $2:" -v part="$3" '
		/^  \// { on = $0 == path; inside = 0 } !on { next }
		/^    [a-z]/ { inside = $0 == method; at = "" } !inside { next }
		/^      [a-z]/ { at = $1 == "requestBody:" ? "request" : "" }
		/^        "[0-9]+":/ { at = substr($1, 2, 3) }
		/schemas\// && at == part { sub(/.*schemas\//, ""); sub(/".*/, ""); print; exit }' "$api"
}
# fits SCHEMA: the answer in out has the members that it must, and none that it may not
fits() {
	json_lines "$tmp/out" | sed 's/^\.\([a-z_]*\).*/\1/' | sort -u >"$tmp/has"
	members "$1" | sort >"$tmp/may"
	required "$1" | sort >"$tmp/must"
	[ -s "$tmp/must" ] || fail "the file has no schema $1"
	[ -z "$(comm -23 "$tmp/has" "$tmp/may")" ] || fail "$1: members that are not in the file: $(comm -23 "$tmp/has" "$tmp/may")"
	[ -z "$(comm -13 "$tmp/has" "$tmp/must")" ] || fail "$1: members that are not in the answer: $(comm -13 "$tmp/has" "$tmp/must")"
}
# answers METHOD PATH STATUS [OPTION...]: asks, and holds the answer to the file
answers() {
	asked_method=$1
	asked=$2
	status=$3
	shift 3
	get "$status" "$url$asked" -X "$asked_method" --cert t/certificate.pem --key t/key.pem "$@"
	if [ "$status" -ge 400 ] && [ "$asked" != /readyz ]; then
		grep -qi '^content-type: application/problem+json' "$tmp/head" || fail "$asked: a problem without its type"
		fits Problem
		grep -q -x "$(json_lines "$tmp/out" | sed -n 's/^\.code=//p')" "$tmp/codes" || fail "a code that is not in the file"
	else
		grep -qi '^content-type: application/json' "$tmp/head" || fail "$asked: not JSON"
		fits "$(schema_of "$asked_method" "${asked%%\?*}" "$status")"
	fi
}

# ---- a service, a terminal, a card ----

fresh card
secrets_of card
mykeyd_init s --set crl_required=no --set "trust=$tmp/card/ca.pem"
mykeyd_start s
mykeyd_terminal s t library bus
mykeyd_name=s

# every method of every path is served, or it is not: all asked by one curl
while read -r _ path; do
	for m in GET POST PUT DELETE; do
		[ "$path" != /metrics ] || continue
		printf 'next\nurl = "%s%s"\nrequest = "%s"\noutput = "/dev/null"\ncacert = "s/ca.pem"\nmax-time = 10\n' \
			"$url" "$path" "$m"
		[ "$m" = GET ] || echo 'data = ""'
		printf 'write-out = "%s %s %%{http_code}\\n"\n' "$m" "$path"
	done
done <"$tmp/operations" | sed 1d >"$tmp/config"
(cd "$tmp" && curl -sS -K config >out 2>err) || fail "curl"
[ "$(wc -l <"$tmp/out")" -ge 60 ] || fail "not asked for all"
while read -r m path got; do
	if grep -q "^$m $path\$" "$tmp/operations"; then
		case $got in
		404 | 405 | 5?? | '') fail "$m $path: $got" ;;
		esac
	else
		[ "$got" = 405 ] || fail "$m $path: $got"
	fi
done <"$tmp/out"
get 200 "$ops/metrics"
answers GET /livez 200
answers GET /readyz 200
answers GET /version 200
answers GET '/v1/challenge?purpose=nonsense' 400
answers GET '/v1/challenge' 400
answers GET /v1/terminal 200
json .terminal "$mykeyd_id"
json .organisation 豊川市
json .place 窓口
json .sectors 'bus library'
json .tap false
get 401 "$url/v1/terminal"
json .code terminal_certificate_missing
get 404 "$ops/v1/terminal"

# number LENGTH VALUE: big endian, hexadecimal
number() {
	printf "%0$((2 * $1))X" "$2"
}
# field HEX: behind its length
field() {
	printf '%s%s' "$(number 2 $((${#1} / 2)))" "$1"
}
hex() {
	od -An -v -tx1 | tr -d ' \n' | tr a-f A-F
}

# sign PURPOSE [SECTOR]: a challenge, and the members of a request for it, in $members
sign() {
	answers GET "/v1/challenge?purpose=$1${2:+&sector=$2}" 200
	json_lines "$tmp/out" >"$tmp/challenge"
	member() {
		sed -n "s/^\.$1=//p" "$tmp/challenge"
	}
	[ "$(member purpose)" = "$1" ] || fail "a challenge for another purpose"
	[ "$(member origin)" = "$url" ] || fail "a challenge for another origin"
	transcript=$(printf 'mykey-v1\0' | hex)$(field "$(member purpose | tr -d '\n' | hex)")
	transcript=$transcript$(field "$(member origin | tr -d '\n' | hex)")
	transcript=$transcript$(field "$(member terminal | tr -d '\n-' | tr a-f A-F)")
	transcript=$transcript$(field "$(member nonce | base64 -d | hex)")$(field "$(number 8 "$(member expires)")")
	run 0 auth -r virtual:card --trust card/ca.pem --pin-file pin --challenge "$transcript" --json
	signature=$(sed -n 's/.*"signature":"\([0-9A-Fa-f]*\)".*/\1/p' "$tmp/out" | basenc --base16 -d -i | base64 -w 0)
	[ -n "$certificate" ] || fail "no certificate"
	members="\"challenge\":\"$(member challenge)\",\"certificate\":\"$certificate\",\"signature\":\"$signature\""
}
run 0 cert auth -r virtual:card --format der
certificate=$(base64 -w 0 <"$tmp/out")

# does PURPOSE STATUS MORE: the request of that purpose, with more members
does() {
	purpose=$1
	to=$(awk -v id="$1" '/^  \// { path = $1; sub(/:$/, "", path) } $1 == "operationId:" && $2 == id { print path }' "$api")
	case $purpose in
	resolve | link | unlink) sign "$purpose" library ;;
	*) sign "$purpose" ;;
	esac
	asks=$((${asks:-0} + 1)) # n is that of becomes
	answers POST "$to" "$2" -H 'Content-Type: application/json' -H "Idempotency-Key: key-$asks" -d "{$members$3}"
}
does show 404 ''
does bind 201 ''
id=$(json_lines "$tmp/out" | sed -n 's/^\.mykey_id=//p')
does bind 200 ''
json .mykey_id "$id"
does show 200 ''
json .mykey_id "$id"
does resolve 400 ''
json .code sector_missing
does resolve 200 ',"sector":"library"'
ppid=$(json_lines "$tmp/out" | sed -n 's/^\.ppid=//p')
json_lacks .local_number
does link 200 ',"sector":"library","local_number":"0012345"'
json .ppid "$ppid"
does resolve 200 ',"sector":"library"'
json .local_number 0012345
does resolve 200 ',"sector":"bus"'
[ "$(json_lines "$tmp/out" | sed -n 's/^\.ppid=//p')" != "$ppid" ] || fail "two sectors have one pseudonym"
does resolve 403 ',"sector":"taxes"'
does unlink 200 ',"sector":"library"'
does unlink 409 ',"sector":"library"'
does change 200 ',"wished":"ABCD2345"'
json .mykey_id ABCD2345
does change 200 ''
json .generated true
answers GET '/v1/challenge?purpose=resolve' 400
json .code sector_missing
answers GET '/v1/challenge?purpose=link&sector=taxes' 403
json .code sector_not_allowed
answers GET '/v1/challenge?purpose=tap-register' 403
json .code tap_not_allowed
answers GET '/v1/challenge?purpose=tap' 400
does tap-unregister 404 ''
json .code tap_not_registered
post_start() {
	answers POST /v1/tap:start "$1" -H 'Content-Type: application/json' -H "Idempotency-Key: start-$1" \
		-d "{\"certificate\":\"$certificate\",\"sector\":\"library\"}"
}
post_start 403
json .code tap_not_allowed
daemon_in s 0 terminal tap-on "$mykeyd_id" --comment 'a counter with people at it'
may_tap() {
	(get 200 "$url/v1/challenge?purpose=tap-register" --cert t/certificate.pem --key t/key.pem) >/dev/null 2>&1
}
becomes 'a terminal that may tap' may_tap
post_start 404
json .code tap_not_registered
does expire 200 ''
does expire 409 ''

# members that are missing, that nobody asked for, and of other kinds
value_of() {
	case $1 in
	tries) echo 3 ;;
	*) echo '"AAAA"' ;;
	esac
}
while read -r method path; do
	schema=$(schema_of "$method" "$path" request)
	[ -n "$schema" ] || continue
	for missing in $(required "$schema"); do
		body=
		for m in $(required "$schema"); do
			[ "$m" = "$missing" ] || body="$body,\"$m\":$(value_of "$m")"
		done
		answers "$method" "$path" 400 -H 'Content-Type: application/json' -H 'Idempotency-Key: x' -d "{${body#,}}"
		json .code request_malformed
		json .detail "$missing: missing_member"
	done
	body=
	for m in $(members "$schema"); do
		body="$body\"$m\":$(value_of "$m"),"
	done
	answers "$method" "$path" 400 -H 'Content-Type: application/json' -H 'Idempotency-Key: x' -d "{$body\"surplus\":1}"
	json .code request_malformed
	json .detail unknown_member
	answers "$method" "$path" 415 -H 'Content-Type: text/plain' -H 'Idempotency-Key: x' -d "{${body%,}}"
	answers "$method" "$path" 400 -H 'Content-Type: application/json' -H 'Idempotency-Key: x y' -d "{${body%,}}"
done <"$tmp/operations"
mykeyd_stop s
echo ok
