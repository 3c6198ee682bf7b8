/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that open libpcsclite themselves (OpenSC does) get this library instead. What they look
 * up in it and it does not have is found in libpcsclite, with which it is linked. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/util.h"

/* What is looked up relative to the caller (its RUNPATH, its namespace) is so by the return address
 * that the real function sees: it has to be the caller's, so ours must be gone from the stack. */
#if defined(__clang__)
#define TAIL_CALL __attribute__((musttail))
#define JUMPS
#else
#define TAIL_CALL
#define JUMPS __attribute__((optimize("O2")))
#endif

typedef void *open_function(const char *file, int mode);

static open_function *real_open;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_real(void)
{
	real_open = (open_function *)(uintptr_t)dlsym(RTLD_NEXT, "dlopen");
}

static __attribute__((noinline)) open_function *real_dlopen(void)
{
	pthread_once(&once, find_real);
	return real_open;
}

/* "libpcsclite.so", "/usr/lib/libpcsclite.so.1"; not "libpcsclite_real.so.1", which it opens
 * itself. */
static bool is_pcsclite(const char *file)
{
	static const char name[] = "libpcsclite.so";
	const char *slash = file ? strrchr(file, '/') : NULL, *base = slash ? slash + 1 : file;

	if (!file || strncmp(base, name, sizeof(name) - 1) != 0)
		return false;
	base += sizeof(name) - 1;
	return *base == '\0' || *base == '.';
}

/* If it could be opened, a handle of this library in its stead. */
static __attribute__((noinline)) void *open_ours(const char *file, int mode)
{
	void *wanted = real_dlopen()(file, mode), *ours;
	Dl_info info;

	if (!wanted || !dladdr(&once, &info))
		return wanted;
	ours = real_dlopen()(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	if (!ours)
		return wanted;
	dlclose(wanted);
	return ours;
}

JUMPS void *dlopen(const char *file, int mode)
{
	open_function *next;

	if (is_pcsclite(file))
		return open_ours(file, mode);
	next = real_dlopen();
	TAIL_CALL return next(file, mode);
}
