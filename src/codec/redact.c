/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/redact.h"

#include <fuda/encode.h>
#include <stdio.h>

#include "base/util.h"
#include "codec/apdu.h"

enum { SHOWN_MAX = 64 /* bytes of a command that are written out */, HEADER = 4 };

void redact_command(const uint8_t *command, size_t len, char out[REDACT_TEXT_MAX])
{
	size_t shown = MIN(len, (size_t)SHOWN_MAX);
	size_t used;

	/* A malformed PIN command may have its secret anywhere behind the header. */
	if (apdu_is_pin_command(command, len))
		shown = MIN(shown, (size_t)HEADER);
	fuda_hex_encode(command, shown, out);
	used = 2 * shown;
	if (shown < len)
		snprintf(out + used, REDACT_TEXT_MAX - used, " <%zu bytes>", len - shown);
}

void redact_response(const uint8_t *response, size_t len, char out[REDACT_TEXT_MAX])
{
	if (len < 2)
		snprintf(out, REDACT_TEXT_MAX, "<%zu bytes without status word>", len);
	else if (len == 2)
		snprintf(out, REDACT_TEXT_MAX, "%02X%02X", response[0], response[1]);
	else
		snprintf(out, REDACT_TEXT_MAX, "<%zu bytes> %02X%02X", len - 2, response[len - 2],
			 response[len - 1]);
}
