/* SPDX-License-Identifier: Apache-2.0 */
#include "mdoc/finding.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/util.h"
#include "codec/utf8.h"

static const struct rule {
	const char *name, *check;
	enum fuda_result result;
	const char *text;
} rules[] = {
	[FUDA_MDOC_NONE] = { "", "", FUDA_RESULT_OK, "" },
#define X(name, check, result, text) \
	[FUDA_MDOC_##name] = { #name, check, FUDA_RESULT_##result, text },
#include <fuda/mdoc.def>
#undef X
};

/* The names in small letters, each behind the last one's NUL. */
static char small[FUDA_MDOC_RULES][48];
static pthread_once_t small_made = PTHREAD_ONCE_INIT;

static void make_small(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		for (size_t n = 0; rules[i].name[n] && n < sizeof(small[i]) - 1; n++) {
			char c = rules[i].name[n];

			small[i][n] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		}
}

static const struct rule *rule_of(enum fuda_mdoc_rule rule)
{
	return &rules[(size_t)rule < FUDA_MDOC_RULES ? rule : FUDA_MDOC_NONE];
}

const char *fuda_mdoc_rule_name(enum fuda_mdoc_rule rule)
{
	pthread_once(&small_made, make_small);
	return small[rule_of(rule) - rules];
}

const char *fuda_mdoc_rule_check(enum fuda_mdoc_rule rule)
{
	return rule_of(rule)->check;
}

const char *fuda_mdoc_rule_text(enum fuda_mdoc_rule rule)
{
	const char *text = rule_of(rule)->text;

	return *text ? _(text) : ""; /* of the empty text, gettext() gives the catalogue's head */
}

enum fuda_result fuda_mdoc_rule_result(enum fuda_mdoc_rule rule)
{
	return rule_of(rule)->result;
}

/* The next character as it may be shown, in `ret`; its length. What a terminal would obey, and what
 * is no UTF-8, stands as hexadecimal bytes behind backslashes, as in names; the backslash too. */
static size_t take_char(struct cursor *c, char ret[16])
{
	struct cursor before = *c, bytes;
	size_t len = 0;
	uint32_t ch;
	uint8_t b;

	if (utf8_next(c, &ch) == 0 && !utf8_is_control(ch) && ch != '\\') {
		len = before.left - c->left;
		memcpy(ret, before.p, len);
		return len;
	}
	if (c->left == before.left && cur_skip(c, 1) < 0)
		return 0;
	bytes = cur_of(before.p, before.left - c->left);
	while (cur_u8(&bytes, &b) == 0 && len + 3 < 16)
		len += (size_t)snprintf(ret + len, 16 - len, "\\%02X", b);
	return len;
}

static void put_detail(char to[FUDA_MDOC_DETAIL], struct cursor from)
{
	size_t used = 0;

	while (from.left) {
		char shown[16];
		size_t len = take_char(&from, shown);

		if (used + len >= FUDA_MDOC_DETAIL)
			break;
		memcpy(to + used, shown, len);
		used += len;
	}
	to[used] = '\0';
}

int fuda_mdoc_name_text(struct fuda_mdoc_span name, struct fuda_buf *ret)
{
	struct cursor c = cur_of(name.bytes, name.len);
	int r = 0;

	while (r == 0 && c.left) {
		char shown[16];
		size_t len = take_char(&c, shown);

		r = fuda_buf_append(ret, shown, len);
	}
	return r;
}

static bool is_remark(enum fuda_mdoc_rule rule)
{
	return fuda_mdoc_rule_result(rule) == FUDA_RESULT_OK;
}

/* Where the next one goes. When there is no more room, what breaks takes the place of a remark: no
 * flood of harmless things hides why something is refused. NULL: there is none; it is counted as
 * missed, as the remark is. */
static struct fuda_mdoc_finding *place_for(struct fuda_mdoc_findings *to, enum fuda_mdoc_rule rule)
{
	if (to->count < FUDA_MDOC_FINDINGS_MAX)
		return &to->found[to->count++];
	to->missed++;
	for (size_t i = 0; i < to->count && !is_remark(rule); i++)
		if (is_remark(to->found[i].rule))
			return &to->found[i];
	return NULL;
}

void finding_add(struct fuda_mdoc_findings *to, enum fuda_mdoc_rule rule, const char *of,
		 const char *detail, size_t len)
{
	struct fuda_mdoc_finding *finding = place_for(to, rule);

	if (!finding)
		return;
	finding->rule = rule;
	finding->of = of;
	put_detail(finding->detail, cur_of((const uint8_t *)detail, len));
}

void findings_join(struct fuda_mdoc_findings *to, const struct fuda_mdoc_findings *from)
{
	for (size_t i = 0; i < from->count; i++) {
		struct fuda_mdoc_finding *place = place_for(to, from->found[i].rule);

		if (place)
			*place = from->found[i];
	}
	to->missed += from->missed;
}
