/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of libpcsclite that ours stand in front of. */
#ifndef PRELOAD_REAL_H
#define PRELOAD_REAL_H

#include <winscard.h>

#define REAL_FUNCTIONS(X)        \
	X(SCardReleaseContext)   \
	X(SCardConnect)          \
	X(SCardReconnect)        \
	X(SCardDisconnect)       \
	X(SCardBeginTransaction) \
	X(SCardEndTransaction)   \
	X(SCardStatus)           \
	X(SCardGetStatusChange)  \
	X(SCardListReaders)      \
	X(SCardControl)          \
	X(SCardTransmit)

struct real {
#define X(name) __typeof__(&name) name;
	REAL_FUNCTIONS(X)
#undef X
};

/* Found once. What cannot be found is there too, and answers SCARD_E_NO_SERVICE. */
const struct real *real(void);

#endif
