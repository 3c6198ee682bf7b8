/* SPDX-License-Identifier: Apache-2.0 */
#include "preload/real.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>

/* So that this library is linked with libpcsclite also where what is not called is left out. */
static __attribute__((used)) const void *const linked = &g_rgSCardT1Pci;

static struct real functions;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static LONG missing(void)
{
	return SCARD_E_NO_SERVICE;
}

/* Behind this library in the order of symbols, whether the program is linked with libpcsclite or
 * opens it itself: this library is linked with it. */
static void *find(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	return found ? found : (void *)(uintptr_t)missing;
}

static void find_all(void)
{
#define X(name) functions.name = (__typeof__(&name))(uintptr_t)find(#name);
	REAL_FUNCTIONS(X)
#undef X
}

const struct real *real(void)
{
	pthread_once(&once, find_all);
	return &functions;
}
