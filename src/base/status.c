/* SPDX-License-Identifier: Apache-2.0 */
#include <fuda/error.h>

#include "base/util.h"

/* The first row that matches under its mask counts. card.md 3.4 */
static const struct {
	uint16_t sw, mask;
	const char *text;
} statuses[] = {
	{ 0x9000, 0xFFFF, N_("done") },
	{ 0x6281, 0xFFFF, N_("the data returned may be damaged") },
	{ 0x6282, 0xFFFF, N_("the file ends before") },
	{ 0x6283, 0xFFFF, N_("the application is locked") },
	{ 0x6300, 0xFFFF, N_("does not match") },
	{ 0x63C0, 0xFFF0, N_("does not match; the last digit counts the tries left") },
	{ 0x6381, 0xFFFF, N_("the file is full") },
	{ 0x6581, 0xFFFF, N_("the card's memory failed") },
	{ 0x66F1, 0xFFFF, N_("secure messaging is not set up here") },
	{ 0x6700, 0xFFFF, N_("wrong length") },
	{ 0x6881, 0xFFFF, N_("no such logical channel") },
	{ 0x6882, 0xFFFF, N_("no secure messaging here") },
	{ 0x6981, 0xFFFF, N_("wrong kind of file") },
	{ 0x6982, 0xFFFF, N_("security condition not met") },
	{ 0x6983, 0xFFFF, N_("blocked") },
	{ 0x6984, 0xFFFF, N_("blocked") },
	{ 0x6985, 0xFFFF, N_("conditions of use not met") },
	{ 0x6986, 0xFFFF, N_("no file selected") },
	{ 0x6987, 0xFFFF, N_("secure messaging objects are missing") },
	{ 0x6988, 0xFFFF, N_("secure messaging objects are wrong") },
	{ 0x6A80, 0xFFFF, N_("wrong data") },
	{ 0x6A81, 0xFFFF, N_("function not supported") },
	{ 0x6A82, 0xFFFF, N_("no such file or application") },
	{ 0x6A83, 0xFFFF, N_("no such record") },
	{ 0x6A84, 0xFFFF, N_("no room in the file") },
	{ 0x6A85, 0xFFFF, N_("length does not fit the structure") },
	{ 0x6A86, 0xFFFF, N_("wrong parameters") },
	{ 0x6A87, 0xFFFF, N_("length does not fit the parameters") },
	{ 0x6A88, 0xFFFF, N_("no such data object") },
	{ 0x6B00, 0xFFFF, N_("outside the file") },
	{ 0x6C00, 0xFF00, N_("wrong length expected") },
	{ 0x6D00, 0xFFFF, N_("no such command") },
	{ 0x6E00, 0xFFFF, N_("no such class of commands") },
	{ 0x6F00, 0xFFFF, N_("the card failed without saying why") },
	{ 0x6100, 0xFF00, N_("more data waits") },
	{ 0x6400, 0xFF00, N_("execution failed, nothing changed") },
};

const char *fuda_status_text(uint16_t sw)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if ((sw & statuses[i].mask) == statuses[i].sw)
			return _(statuses[i].text);
	return _("unknown");
}
