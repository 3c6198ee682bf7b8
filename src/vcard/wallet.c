/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the wallet's applications a command is for, and what becomes of it. */
#include "vcard/wallet.h"

#include <stdlib.h>
#include <string.h>

enum { CHAINING = 0x10, KEY_FILE_MAX = PRIVATE_FILE_MAX };

static const uint8_t aid_tag[] = { 0xD2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01 };
static const uint8_t aid_mdoc[] = { 0xA0, 0x00, 0x00, 0x02, 0x48, 0x04, 0x00 };

static int read_parts(struct wallet *w, char *ret_why, size_t why_size)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(KEY_FILE_MAX);
	int r = vfile_read(w->dir, CREDENTIAL_FILE, &w->credential);

	if (r < 0)
		return explain(ret_why, why_size, r == FUDA_ENOTFOUND ? FUDA_EFILE : r,
			       "cannot read " CREDENTIAL_FILE ": %s", fuda_error_text(r));
	r = vfile_read(w->dir, DEVICE_KEY_FILE, &pem);
	if (r < 0)
		return explain(ret_why, why_size, r == FUDA_ENOTFOUND ? FUDA_EFILE : r,
			       "cannot read " DEVICE_KEY_FILE ": %s", fuda_error_text(r));
	r = private_read(pem.data, pem.len, &w->device_key);
	return r < 0 ? explain(ret_why, why_size, FUDA_EFORMAT,
			       DEVICE_KEY_FILE ": not a private key on a curve, in PEM") :
		       0;
}

int wallet_load(struct vcard *v, char *ret_why, size_t why_size)
{
	struct wallet *w = calloc(1, sizeof(*w));

	if (!w)
		return explain(ret_why, why_size, FUDA_ENOMEM, "out of memory");
	v->wallet = w;
	w->dir = v->dir;
	w->opt = &v->conf.opt;
	w->consent = v->conf.consent;
	w->credential = FUDA_BUF_INIT(CREDENTIAL_MAX);
	w->message = FUDA_BUF_INIT(NDEF_MESSAGE_MAX);
	w->engagement = FUDA_BUF_INIT(NDEF_MESSAGE_MAX);
	w->select = FUDA_BUF_INIT(NDEF_MESSAGE_MAX);
	w->request = FUDA_BUF_INIT(NDEF_MESSAGE_MAX);
	w->chain = FUDA_BUF_INIT(TRANSFER_MAX);
	w->pending = FUDA_BUF_INIT(ANSWER_MAX);
	w->transcript = FUDA_BUF_INIT(TRANSFER_MAX);
	return read_parts(w, ret_why, why_size);
}

void wallet_free(struct wallet **wallet)
{
	struct wallet *w = *wallet;

	if (!w)
		return;
	wallet_forget(w);
	private_free(&w->device_key);
	fuda_buf_free(&w->credential);
	free(w);
	*wallet = NULL;
}

/* A chain of commands that another command interrupts is dropped, and so is what was not fetched.
 */
static void drop_transfer(struct wallet *w)
{
	w->chaining = false;
	fuda_buf_free(&w->chain);
	fuda_buf_free(&w->pending);
}

void wallet_forget(struct wallet *w)
{
	w->app = WALLET_NO_APP;
	w->file = 0;
	w->writing = false;
	fuda_buf_free(&w->message);
	drop_transfer(w);
	wsession_end(w);
}

/* Each time that the tag is selected is an engagement of its own. */
static uint16_t select_tag(struct wallet *w)
{
	w->app = WALLET_TAG;
	return wtag_start(w) < 0 ? 0x6F00 : 0x9000;
}

/* There is nothing to talk about without an engagement: that of the tag, or of a QR code. Selecting
 * it anew ends a session. */
static uint16_t select_mdoc(struct wallet *w)
{
	if (w->reader_key)
		wsession_end(w);
	if (!w->own_key && wsession_engage_qr(w) < 0)
		return 0x6985;
	if (!w->nfc)
		return 0x6985; /* the handover did not come to its end, or not to this */
	w->app = WALLET_MDOC;
	return 0x9000;
}

static bool is_aid(const struct apdu *a, const uint8_t *aid, size_t len)
{
	return a->lc == len && memcmp(a->data, aid, len) == 0;
}

static uint16_t cmd_wallet_select(struct wallet *w, const struct apdu *a, struct fuda_buf *ret_data)
{
	if (a->p1 == 0x00 && a->p2 == 0x0C)
		return w->app == WALLET_TAG ? wtag_select_file(w, a, ret_data) : 0x6A82;
	if (a->p1 != 0x04 || (a->p2 != 0x00 && a->p2 != 0x0C))
		return 0x6A86;
	if (is_aid(a, aid_tag, sizeof(aid_tag)))
		return select_tag(w);
	if (is_aid(a, aid_mdoc, sizeof(aid_mdoc)))
		return select_mdoc(w);
	return 0x6A82;
}

static const struct wallet_command {
	int app; /* WALLET_NO_APP: any */
	uint8_t ins;
	wallet_fn *run;
} commands[] = {
	{ WALLET_NO_APP, 0xA4, cmd_wallet_select },
	{ WALLET_TAG, 0xB0, wtag_read },
	{ WALLET_TAG, 0xD6, wtag_update },
	{ WALLET_MDOC, 0xC3, wtransfer_envelope },
	{ WALLET_MDOC, 0xC0, wtransfer_get_response },
};

uint16_t wallet_command(struct wallet *w, const struct apdu *a, struct fuda_buf *ret_data)
{
	const struct wallet_command *command = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].ins == a->ins &&
		    (commands[i].app == WALLET_NO_APP || commands[i].app == (int)w->app))
			command = &commands[i];
	if (a->cla & ~CHAINING)
		return 0x6E00;
	if (w->chaining && a->ins != 0xC3)
		drop_transfer(w);
	if (!command)
		return 0x6D00;
	if (a->cla & CHAINING && a->ins != 0xC3)
		return 0x6884;
	return command->run(w, a, ret_data);
}
