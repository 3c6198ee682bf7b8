/* SPDX-License-Identifier: Apache-2.0 */
/* DeviceEngagement, in CBOR and as the text of a QR code; and the messages that open and carry a
 * session. */
#include "tests/fuzz/fuzz.h"

#include "base/util.h"
#include "mdoc/cose.h"
#include "mdoc/engagement.h"
#include "mdoc/session.h"

static void check(int good)
{
	if (!good)
		abort();
}

static void inside(struct cursor whole, struct cursor part)
{
	check(!part.left || (part.p >= whole.p && part.p + part.left <= whole.p + whole.left));
}

static void engagement(struct cursor bytes)
{
	struct key *key = NULL;
	struct engagement e;
	struct cbor item;

	if (engagement_read(bytes, &e) < 0)
		return;
	check(cur_equal(e.bytes, bytes) && e.method_count <= ENGAGEMENT_METHODS_MAX);
	inside(bytes, e.device_key);
	for (size_t i = 0; i < e.method_count; i++) {
		inside(bytes, e.methods[i].options);
		check(e.methods[i].max_command <= 65535 && e.methods[i].max_response <= 65536);
	}
	check(cbor_read(e.device_key, &item, NULL) == 0);
	if (cose_key_read(&item, &key) == 0)
		check(key_curve(key) != CURVE_NONE);
	key_free(&key);
}

/* What a text says is said by the text that is made of it. */
static void uri(const uint8_t *data, size_t len)
{
	_cleanup_buf_ struct fuda_buf bytes = FUDA_BUF_INIT(FUZZ_MAX);
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(2 * FUZZ_MAX);
	_cleanup_buf_ struct fuda_buf again = FUDA_BUF_INIT(FUZZ_MAX);

	if (engagement_from_uri((const char *)data, len, &bytes) < 0) {
		check(bytes.len == 0);
		return;
	}
	check(engagement_uri(cur_of(bytes.data, bytes.len), &text) == 0);
	check(engagement_from_uri((const char *)text.data, text.len, &again) == 0);
	check(cur_equal(cur_of(bytes.data, bytes.len), cur_of(again.data, again.len)));
	engagement(cur_of(bytes.data, bytes.len));
}

static void session(struct cursor bytes)
{
	struct cursor key = { 0 }, data = { 0 };
	uint64_t status = 0;
	struct cbor item;

	if (session_read_establishment(bytes, &key, &data) == 0) {
		inside(bytes, key);
		inside(bytes, data);
		check(cbor_read(key, &item, NULL) == 0);
	}
	if (session_read_data(bytes, &data, &status) == 0) {
		inside(bytes, data);
		check(data.left || status != SESSION_NO_STATUS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	engagement(cur_of(data, len));
	uri(data, len);
	session(cur_of(data, len));
	return 0;
}

#define KEY                                                                  \
	"a401022001215820"                                                   \
	"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"   \
	"2258204fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf" \
	"51f5"

static void fuzz_seeds(void)
{
	static const char *const seeds[] = {
		"a20063312e30018201d818584b" KEY,
		"a30063312e30018201d818584b" KEY "0281830101a20019ffff011a00010000",
		"a30063312e31018201d818584b" KEY "0282830201a300f401f50b5045efef742b2c4837a9a3b0e1d"
						 "05a6917830201a200f501f4",
		"a30063312e31018201d818584b" KEY "0280",
		"a10063322e30",
		"a26a655265616465724b6579d818584b" KEY "64646174615002c0ffee02c0ffee02c0ffee02c0ffe"
						       "e",
		"a164646174615002c0ffee02c0ffee02c0ffee02c0ffee",
		"a26464617461420102667374617475730a",
		"a16673746174757314",
		"a16673746174757300",
	};
	static const char text[] = "mdoc:ogBjMS4wAYIB2BhYS6QBAiABIVggaxfR8uEsQkf4vObl";

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		fuzz_seed_hex(seeds[i]);
	fuzz_seed(text, sizeof(text) - 1);
}
