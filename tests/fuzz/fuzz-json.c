/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside: no read beyond its end, and what the strict reader takes the lenient one takes
 * with the same values. */
#include <fuda/error.h>

#include "codec/json.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"{\"s\":\"x\",\"b\":\"Zm9v\",\"n\":-12,\"t\":true}",
		"{ \"s\" : \"\\u756a\\ud842\\udfb7\\n\" , \"n\":9223372036854775807}",
		"{\"b\":\"\\/w==\",\"x\":{\"y\":[1,2.5e3,null,\"z\",[],{}]},\"t\":false}",
		"{\"s\":\"\xe7\x95\xaa\",\"b\":\"_-8\"}",
		"{}",
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		fuzz_seed(seeds[i], strlen(seeds[i]));
}

struct values {
	char s[16];
	struct fuda_buf b;
	int64_t n;
	bool t;
};

static int read_values(const uint8_t *data, size_t len, bool some, struct values *v)
{
	const struct json_field fields[] = {
		{ "s", JSON_STRING, false, v->s, sizeof(v->s), NULL },
		{ "b", JSON_BASE64, false, &v->b, 0, NULL },
		{ "n", JSON_NUMBER, false, &v->n, 0, NULL },
		{ "t", JSON_BOOL, false, &v->t, 0, NULL },
	};
	const char *member = NULL, *why = NULL;
	int r = some ? json_read_some(data, len, fields, 4, &member, &why) :
		       json_read(data, len, fields, 4, &member, &why);

	if (r == FUDA_EFORMAT && !(member && why && *why))
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct values a = { .b = FUDA_BUF_INIT(64) }, b = { .b = FUDA_BUF_INIT(64) };
	int strict = read_values(data, len, false, &a), lenient = read_values(data, len, true, &b);

	if (strict == 0 &&
	    (lenient != 0 || strcmp(a.s, b.s) != 0 || a.n != b.n || a.t != b.t ||
	     a.b.len != b.b.len || (a.b.len && memcmp(a.b.data, b.b.data, a.b.len) != 0)))
		abort();
	if (strlen(a.s) >= sizeof(a.s) || a.b.len > 64)
		abort();
	fuda_buf_free(&a.b);
	fuda_buf_free(&b.b);
	return 0;
}
