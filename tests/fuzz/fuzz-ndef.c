/* SPDX-License-Identifier: Apache-2.0 */
/* NDEF messages of a phone's engagement: everything that is taken lies in the message, and what is
 * taken apart gives the same bytes when put together again, where lengths were written shortly. */
#include "tests/fuzz/fuzz.h"

#include "base/util.h"
#include "mdoc/handover.h"
#include "mdoc/ndef.h"

static struct cursor all;

static void inside(struct cursor c)
{
	if (c.left && (c.p < all.p || c.p + c.left > all.p + all.left))
		abort();
}

/* The record is the same when written and read again. */
static void again(const struct ndef_record *r)
{
	struct fuda_buf b = FUDA_BUF_INIT(FUZZ_MAX + 1024);
	struct ndef m;

	if (ndef_put(NDEF_ALONE, r, &b) < 0 || ndef_read(cur_of(b.data, b.len), &m) < 0 || m.count != 1 ||
	    m.records[0].form != r->form || m.records[0].type.left != r->type.left ||
	    m.records[0].id.left != r->id.left || m.records[0].payload.left != r->payload.left)
		abort();
	fuda_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct handover_service service = { .max_length = 0 };
	struct handover h;
	struct ndef m;
	uint8_t status;
	int r;

	all = cur_of(data, len);
	r = ndef_read(all, &m);
	if (r == 0 && (!m.count || m.count > NDEF_RECORDS_MAX))
		abort();
	for (size_t i = 0; r == 0 && i < m.count; i++) {
		inside(m.records[i].type);
		inside(m.records[i].id);
		inside(m.records[i].payload);
		again(&m.records[i]);
	}
	if (handover_read_select(all, &h) == 0) {
		if (r < 0 || !h.engagement.left)
			abort();
		inside(h.engagement);
		if ((h.carriers & FUDA_MDOC_NFC) && (h.max_command < HANDOVER_COMMAND_MIN || h.max_command > 65535 ||
						     h.max_response < HANDOVER_RESPONSE_MIN || h.max_response > 65536))
			abort();
	}
	if (handover_read_service(all, &service) == 0 &&
	    (r < 0 || service.wait_ms < 1 || service.wait_ms > 27558 || !service.looks || service.looks > 16))
		abort();
	if (handover_read_status(all, &status) == 0 && r < 0)
		abort();
	return 0;
}

static void fuzz_seeds(void)
{
	struct fuda_buf b = FUDA_BUF_INIT(1024);

	/* a static and a negotiated Handover Select */
	fuzz_seed_hex("91021f487315910209616301013001046d646f6351020b616301036e666301046d646f63"
		      "1c1e080469736f2e6f72673a31383031333a646576696365656e676167656d656e746d646f63a20063312e300101"
		      "1a2003016170706c69636174696f6e2f766e642e626c7565746f6f74682e6c652e6f6f6230021c00"
		      "5c110a0369736f2e6f72673a31383031333a6e66636e6663010301ffff0402010000");
	fuzz_seed_hex("910210487315d10209616301013001046d646f63"
		      "1c1e080469736f2e6f72673a31383031333a646576696365656e676167656d656e746d646f63a20063312e300101"
		      "5a2003016170706c69636174696f6e2f766e642e626c7565746f6f74682e6c652e6f6f6230021c00");
	fuzz_seed_hex("d1021a5470101375726e3a6e66633a736e3a68616e646f76657200000fffff");
	fuzz_seed_hex("d10201546500");
	fuzz_seed_hex("91020254733132 0c03000000020261626341423334 500000");
	if (handover_put_request(65535, 65536, &b) < 0)
		abort();
	fuzz_seed(b.data, b.len);
	fuda_buf_clear(&b);
	if (handover_put_service_select(&b) < 0)
		abort();
	fuzz_seed(b.data, b.len);
	fuda_buf_free(&b);
}
