/* SPDX-License-Identifier: Apache-2.0 */
/* A wallet's engagement as a QR code: mdoc.md 1.2. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mdoc/engagement.h"
#include "vcard/wallet.h"

enum { CONF_MAX = 65536 };

static int read_options(int dir, struct conf *ret, char *ret_why, size_t why_size)
{
	_cleanup_buf_ struct fuda_buf text = FUDA_BUF_INIT(CONF_MAX);

	vconf_default(ret);
	if (vfile_read(dir, CONF_FILE, &text) < 0)
		return explain(ret_why, why_size, FUDA_EFILE,
			       "no readable " CONF_FILE " in the directory; make a wallet with "
			       "fuda-vcard make --kind wallet");
	return vconf_parse(ret, SCOPE_CARD, CONF_FILE, &text, ret_why, why_size);
}

/* The key is in its file before the code is shown. */
static int engage(int dir, const struct options *opt, struct fuda_buf *ret_uri)
{
	_cleanup_(private_free) struct private_key *key = NULL;
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(PRIVATE_FILE_MAX);
	_cleanup_buf_ struct fuda_buf engagement = FUDA_BUF_INIT(ENGAGEMENT_MAX);
	_cleanup_buf_ struct fuda_buf uri = FUDA_BUF_INIT(2 * ENGAGEMENT_MAX);
	int r = private_new(CURVE_P256, &key);

	if (r == 0)
		r = private_write(key, &pem);
	if (r == 0)
		r = wallet_qr_engagement(key, opt, &engagement);
	if (r == 0)
		r = engagement_uri(cur_of(engagement.data, engagement.len), &uri);
	if (r == 0)
		r = vfile_write(dir, QR_KEY_FILE, 0600, pem.data, pem.len);
	return r < 0 ? r : fuda_buf_append(ret_uri, uri.data, uri.len);
}

int vcard_qr(const char *wallet, struct fuda_buf *ret_uri, char *ret_why, size_t why_size)
{
	int dir = open(wallet, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	struct conf conf;

	if (dir < 0)
		return explain(ret_why, why_size, FUDA_ENOREADER, "%s: %s", wallet,
			       strerror(errno));
	r = read_options(dir, &conf, ret_why, why_size);
	if (r == 0 && conf.opt.kind != KIND_WALLET)
		r = explain(ret_why, why_size, FUDA_EINVAL, "%s: a card, and no wallet", wallet);
	else if (r == 0) {
		r = engage(dir, &conf.opt, ret_uri);
		if (r < 0)
			explain(ret_why, why_size, r, "%s: cannot make an engagement: %s", wallet,
				fuda_error_text(r));
	}
	wipe(&conf, sizeof(conf));
	close(dir);
	return r;
}
