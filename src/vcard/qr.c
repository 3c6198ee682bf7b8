/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes as pictures. */
#include <fuda/error.h>
#include <qrencode.h>

#include "vcard/pictures.h"
#include "vcard/vcard.h"

int vcard_qr_png(const char *uri, struct fuda_buf *ret_png)
{
	QRcode *code = QRcode_encodeString8bit(uri, 0, QR_ECLEVEL_L);
	int r = code ? picture_modules(code->data, (size_t)code->width, ret_png) : FUDA_EFAILED;

	QRcode_free(code);
	return r;
}
