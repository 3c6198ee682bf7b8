/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of qr.c where that is left out. */
#include "base/util.h"
#include "vcard/vcard.h"

int vcard_qr_png(_unused_ const char *uri, _unused_ struct fuda_buf *ret_png)
{
	return FUDA_ENOTSUP;
}
