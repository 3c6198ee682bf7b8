/* SPDX-License-Identifier: Apache-2.0 */
/* The service's keys: who may read them, what happens to them, and what is made with them. */
#include "service/keystore.h"

#include <errno.h>
#include <fuda/encode.h>
#include <fuda/error.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "service/keys.h"
#include "tests/keys-stand.h"

static const uint8_t sector[ID_BYTES] = "a sector's id..", another[ID_BYTES] = "another sector.";

/* A folder within the scratch one; valid until the next call. */
static const char *folder(const char *name)
{
	const char *path = scratch_path(name);

	if (mkdir(path, 0700) < 0)
		assert_int_equal(errno, EEXIST);
	return path;
}

static void copy_of(const char *name, char *ret, size_t size)
{
	const char *text = scratch_read(name);
	size_t len = strlen(text);

	assert_true(len < size);
	memcpy(ret, text, len + 1);
}

static void expect_open(int want, const char *message)
{
	struct keys *k = NULL;
	int e = keys_open(ctx, scratch, &k);

	if (e != want)
		fail_msg("%s instead of %s: %s", fuda_error_name(e), fuda_error_name(want),
			 fuda_context_message(ctx));
	assert_true((e == 0) == (k != NULL));
	if (e < 0 && !strstr(fuda_context_message(ctx), message))
		fail_msg("\"%s\" does not say \"%s\"", fuda_context_message(ctx), message);
	keys_free(&k);
}

/* ---- making ---- */

static void made_once(void **state)
{
	char kek[8192], keystore[8192], path[256];
	struct stat st;

	(void)state;
	copy_of("kek", kek, sizeof(kek));
	copy_of("keystore", keystore, sizeof(keystore));
	assert_int_equal(keys_create(ctx, scratch), FUDA_EBUSY);
	assert_non_null(strstr(fuda_context_message(ctx), "is there already"));
	assert_string_equal(kek, scratch_read("kek"));
	assert_string_equal(keystore, scratch_read("keystore"));
	assert_int_equal(stat(scratch_path("kek"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(scratch_path("keystore"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* either of them is enough to stop it, and nothing is left behind */
	snprintf(path, sizeof(path), "%s/keystore", folder("half"));
	scratch_write("half/keystore", "x", 0600);
	assert_int_equal(keys_create(ctx, folder("half")), FUDA_EBUSY);
	assert_int_equal(access(scratch_path("half/kek"), F_OK), -1);
	scratch_write("half/kek", "x", 0600);
	unlink(path);
	assert_int_equal(keys_create(ctx, folder("half")), FUDA_EBUSY);
	assert_int_equal(access(path, F_OK), -1);
	assert_string_equal(scratch_read("half/kek"), "x");
	/* nor does it write through a link */
	unlink(scratch_path("half/kek"));
	assert_int_equal(symlink("/nonexistent/kek", scratch_path("half/kek")), 0);
	assert_int_equal(keys_create(ctx, folder("half")), FUDA_EBUSY);
	assert_int_equal(keys_create(ctx, scratch_path("nowhere")), FUDA_EFILE);
}

/* No key is in the file as it is, nor the key that wraps them. */
static void nothing_in_clear(void **state)
{
	struct keystore *ks;
	char hex[1024];
	const char *text;

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	assert_int_equal(keystore_open(ctx, scratch, &ks), 0);
	text = scratch_read("keystore");
	for (const uint8_t *key = ks->kek; key < ks->signer + 32; key += 8) {
		fuda_hex_encode(key, 8, hex);
		assert_null(strstr(text, hex));
	}
	fuda_hex_encode(ks->sectors[0].key, 8, hex);
	assert_null(strstr(text, hex));
	fuda_hex_encode(ks->kek, 32, hex);
	assert_memory_equal(scratch_read("kek"), hex, 64);
	keystore_free(&ks);
}

/* What the kernel says of the page at `p`; "" if it says nothing. */
static void flags_of(const void *p, char *ret, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	bool here = false;
	char line[512];

	*ret = 0;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (uintptr_t)p >= from && (uintptr_t)p < to;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(ret, size, "%s", line);
	}
	if (f)
		fclose(f);
}

/* The pages with keys are not dumped, and locked if this program may lock any (sanitizers do not). */
static void out_of_dumps(void **state)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char mine[512], theirs[512];
	struct keystore *ks;

	(void)state;
	assert_true(page != MAP_FAILED);
	(void)mlock(page, 4096);
	flags_of(page, mine, sizeof(mine));
	munmap(page, 4096);
	if (!*mine)
		skip();
	assert_null(strstr(mine, " dd"));
	assert_int_equal(keystore_open(ctx, scratch, &ks), 0);
	flags_of(ks, theirs, sizeof(theirs));
	keystore_free(&ks);
	assert_non_null(strstr(theirs, " dd"));
	assert_true(!strstr(mine, " lo") || strstr(theirs, " lo"));
}

static void has_an_identity(void **state)
{
	uint8_t mine[ID_BYTES], again[ID_BYTES], others[ID_BYTES];
	struct keys *k;

	(void)state;
	keys_identity(keys, mine);
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	keys_identity(keys, again);
	assert_memory_equal(mine, again, ID_BYTES);
	assert_int_equal(keys_create(ctx, folder("other")), 0);
	assert_int_equal(keys_open(ctx, folder("other"), &k), 0);
	keys_identity(k, others);
	assert_memory_not_equal(mine, others, ID_BYTES);
	keys_free(&k);
}

/* ---- reading ---- */

static void for_the_owner_alone(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666, 0777, 0440 };
	static const char *const files[] = { "kek", "keystore" };

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
		for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
			char message[256];

			snprintf(message, sizeof(message), "chmod 600 %s/%s", scratch, files[f]);
			assert_int_equal(chmod(scratch_path(files[f]), modes[i]), 0);
			expect_open(FUDA_EACCESS, message);
		}
		assert_int_equal(chmod(scratch_path(files[f]), 0400), 0);
		expect_open(0, "");
	}
}

static void files_only(void **state)
{
	static const char *const files[] = { "kek", "keystore" };

	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
		const char *path = scratch_path(files[f]), *moved = scratch_path("moved");

		assert_int_equal(rename(path, moved), 0);
		expect_open(FUDA_EFILE, "cannot be read");
		assert_int_equal(symlink(moved, path), 0);
		expect_open(FUDA_EFILE, "is a link");
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkfifo(path, 0600), 0);
		expect_open(FUDA_EFILE, "is no file");
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkdir(path, 0700), 0);
		expect_open(FUDA_EFILE, "is no file");
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(rename(moved, path), 0);
		expect_open(0, "");
	}
}

static void no_kek(void **state)
{
	static const struct {
		const char *before;
		int digits;
		const char *behind;
	} bad[] = {
		{ "", 64, "" },	  { "", 63, "\n" },  { "", 62, "\n" },	{ "", 64, "\r\n" }, { "", 64, "\n\n" },
		{ " ", 64, "\n" }, { "", 64, " \n" }, { "", 64, "#\n" }, { "", 63, "g\n" },  { "0x", 62, "\n" },
		{ "", 32, "\n" },  { "", 0, "" },     { "", 0, "\n" },	{ "", 64, "AA\n" },
	};
	char good[80], text[200];

	(void)state;
	copy_of("kek", good, sizeof(good));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "%s%.*s%s", bad[i].before, bad[i].digits, good, bad[i].behind);
		scratch_write("kek", text, 0600);
		expect_open(FUDA_EFORMAT, "kek is ");
		/* nor is any of it in the message */
		snprintf(text, sizeof(text), "%.8s", good);
		assert_null(strstr(fuda_context_message(ctx), text));
	}
	good[0] = good[0] == '0' ? '1' : '0'; /* another key */
	snprintf(text, sizeof(text), "%.64s\n", good);
	scratch_write("kek", text, 0600);
	expect_open(FUDA_EVERIFY, "does not belong to the key");
}

/* Every bit, every length, and whole lines. */
static void changed(void **state)
{
	static char good[8192], text[8192];
	size_t len;

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	copy_of("keystore", good, sizeof(good));
	len = strlen(good);
	for (size_t i = 0; i < len; i++) {
		struct keys *k;
		int e;

		memcpy(text, good, len + 1);
		text[i] = (char)(text[i] ^ 1 << i % 7);
		if (!text[i])
			continue;
		scratch_write("keystore", text, 0600);
		e = keys_open(ctx, scratch, &k);
		assert_true(e == FUDA_EVERIFY || e == FUDA_EFORMAT);
	}
	for (size_t i = 0; i < len; i++) {
		struct keys *k;
		int e;

		memcpy(text, good, i);
		text[i] = 0;
		scratch_write("keystore", text, 0600);
		e = keys_open(ctx, scratch, &k);
		assert_true(e == FUDA_EVERIFY || e == FUDA_EFORMAT);
	}
	memcpy(text, good, len);
	memcpy(text + len, "\n", 2);
	scratch_write("keystore", text, 0600);
	expect_open(FUDA_EFORMAT, "is no keystore");
	/* small letters are other letters here */
	memcpy(text, good, len + 1);
	for (char *p = strstr(text, "\nmac 1 ") + 7; *p; p++)
		*p = *p >= 'A' && *p <= 'F' ? (char)(*p + 'a' - 'A') : *p;
	scratch_write("keystore", text, 0600);
	expect_open(FUDA_EVERIFY, "was changed");
	scratch_write("keystore", good, 0600);
	expect_open(0, "");
}

static void whole_lines(void **state)
{
	static char good[8192], text[8192];
	char *lines[10] = { 0 };
	size_t count = 0;

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	assert_int_equal(keys_sector_new(ctx, keys, another, 1), 0);
	copy_of("keystore", good, sizeof(good));
	for (char *p = good; *p; p = strchr(p, '\n') + 1)
		lines[count++] = p;
	assert_int_equal(count, 8);
	for (size_t i = 0; i < count; i++) {
		for (size_t twice = 0; twice < 2; twice++) {
			text[0] = 0;
			for (size_t j = 0; j < count; j++)
				for (size_t n = 0; n < (j == i ? 2 * twice : 1); n++)
					strncat(text, lines[j], (size_t)(strchr(lines[j], '\n') + 1 - lines[j]));
			scratch_write("keystore", text, 0600);
			/* without its last line it is none */
			expect_open(i == count - 1 && !twice ? FUDA_EFORMAT : FUDA_EVERIFY, "keystore");
		}
		text[0] = 0; /* changed for the one behind it */
		for (size_t j = 0; j < count; j++) {
			const char *line = lines[j == i ? (i + 1) % count : j == (i + 1) % count ? i : j];

			strncat(text, line, (size_t)(strchr(line, '\n') + 1 - line));
		}
		scratch_write("keystore", text, 0600);
		expect_open(i >= count - 2 ? FUDA_EFORMAT : FUDA_EVERIFY, "keystore");
	}
}

/* ---- sectors ---- */

static void new_sectors(void **state)
{
	static const int versions[] = { 0, -1, 10000, INT32_MAX, INT32_MIN };
	struct keys *k;
	char a[PPID_TEXT], b[PPID_TEXT];

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), FUDA_EBUSY);
	assert_int_equal(keys_sector_new(ctx, keys, sector, 9999), 0);
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		assert_int_equal(keys_sector_new(ctx, keys, sector, versions[i]), FUDA_EINVAL);
	/* one that another has made is not made again, and is the same one */
	assert_int_equal(keys_open(ctx, scratch, &k), 0);
	assert_int_equal(keys_sector_new(ctx, k, another, 1), 0);
	assert_int_equal(keys_sector_new(ctx, keys, another, 1), FUDA_EBUSY);
	assert_int_equal(keys_ppid(k, another, 1, sector, a), 0);
	assert_int_equal(keys_ppid(keys, another, 1, sector, b), 0);
	assert_string_equal(a, b);
	keys_free(&k);
}

/* What is read again when something is not known may be bad by then; what is known stays. */
static void read_again(void **state)
{
	char ppid[PPID_TEXT], good[8192];
	struct keys *k;

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	copy_of("keystore", good, sizeof(good));
	scratch_write("keystore", "nonsense\n", 0600);
	assert_int_equal(keys_ppid(keys, another, 1, sector, ppid), FUDA_EFORMAT);
	assert_int_equal(keys_ppid(keys, sector, 1, sector, ppid), 0);
	assert_int_equal(keys_sector_new(ctx, keys, another, 1), FUDA_EFORMAT);
	assert_int_equal(unlink(scratch_path("keystore")), 0);
	assert_int_equal(keys_ppid(keys, another, 1, sector, ppid), FUDA_EFILE);
	assert_int_equal(keys_sector_new(ctx, keys, another, 1), FUDA_EFILE);
	scratch_write("keystore", good, 0644);
	assert_int_equal(keys_ppid(keys, another, 1, sector, ppid), FUDA_EACCESS);
	assert_int_equal(chmod(scratch_path("keystore"), 0600), 0);
	assert_int_equal(keys_ppid(keys, another, 1, sector, ppid), FUDA_ENOTFOUND);
	/* another service's files in their place: nothing is taken from them, nor written over them */
	assert_int_equal(keys_create(ctx, folder("other")), 0);
	assert_int_equal(keys_open(ctx, folder("other"), &k), 0);
	assert_int_equal(keys_sector_new(ctx, k, another, 1), 0);
	keys_free(&k);
	assert_int_equal(rename(scratch_path("other/keystore"), scratch_path("keystore")), 0);
	assert_int_equal(keys_ppid(keys, another, 1, sector, ppid), FUDA_EVERIFY);
	assert_int_equal(rename(scratch_path("other/kek"), scratch_path("kek")), 0);
	assert_int_equal(keys_ppid(keys, another, 1, sector, ppid), FUDA_EVERIFY);
	assert_int_equal(keys_sector_new(ctx, keys, another, 2), FUDA_EVERIFY);
	assert_int_equal(keys_ppid(keys, sector, 1, sector, ppid), 0);
}

/* A disk that is full leaves what was there. */
static void cannot_be_written(void **state)
{
	struct rlimit was, small;
	char good[8192], ppid[PPID_TEXT];
	struct keys *k;
	int e;

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	copy_of("keystore", good, sizeof(good));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = strlen(good);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	e = keys_sector_new(ctx, keys, another, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(e, FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), strerror(EFBIG)));
	assert_string_equal(good, scratch_read("keystore"));
	assert_int_equal(keys_ppid(keys, another, 1, sector, ppid), FUDA_ENOTFOUND);
	small.rlim_cur = 40;
	assert_int_equal(mkdir(scratch_path("new"), 0700), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	e = keys_create(ctx, scratch_path("new"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(e, FUDA_EFILE);
	assert_int_equal(rmdir(scratch_path("new")), 0); /* empty */
	/* room for the first file, not for the second */
	small.rlim_cur = 100;
	assert_int_equal(mkdir(scratch_path("new"), 0700), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	e = keys_create(ctx, scratch_path("new"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(e, FUDA_EFILE);
	assert_int_equal(rmdir(scratch_path("new")), 0);
	assert_int_equal(keys_sector_new(ctx, keys, another, 1), 0);
	assert_int_equal(keys_open(ctx, scratch, &k), 0);
	keys_free(&k);
}

static void id_of(int a, int b, uint8_t ret[ID_BYTES])
{
	memset(ret, 0, ID_BYTES);
	ret[0] = (uint8_t)a;
	ret[1] = (uint8_t)b;
}

/* Processes that add at the same time lose nothing of each other. */
static void several_processes(void **state)
{
	enum { PROCESSES = 4, EACH = 12 };
	pid_t children[PROCESSES];
	uint8_t id[ID_BYTES];
	char ppid[PPID_TEXT];
	int status;

	(void)state;
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0) {
			struct keys *k;
			int e = keys_open(ctx, scratch, &k);

			for (int j = 0; e == 0 && j < EACH; j++) {
				id_of(i, j, id);
				e = keys_sector_new(ctx, k, id, 1);
			}
			_exit(e == 0 ? 0 : 1);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < PROCESSES; i++)
		for (int j = 0; j < EACH; j++) {
			id_of(i, j, id);
			assert_int_equal(keys_ppid(keys, id, 1, sector, ppid), 0);
		}
}

static void *use(void *arg)
{
	char ppid[PPID_TEXT];
	uint8_t id[ID_BYTES], blind[BLIND_BYTES], signature[64];
	intptr_t wrong = 0;

	for (int i = 0; i < 20; i++)
		for (int tries = 0;; tries++) {
			int e;

			id_of(9, i, id);
			e = keys_ppid(keys, id, 1, sector, ppid);
			wrong += keys_ppid(keys, sector, 1, sector, ppid) != 0 || strcmp(ppid, arg) != 0;
			wrong += keys_blind(keys, "x", "y", 1, blind) != 0;
			if (e == 0)
				break;
			wrong += e != FUDA_ENOTFOUND || tries > 20000;
			if (wrong)
				return (void *)wrong;
			usleep(200);
		}
	wrong += keys_sign(keys, "x", 1, signature) != 0;
	return (void *)wrong;
}

/* Threads that ask for what another process is still making. */
static void several_threads(void **state)
{
	pthread_t threads[4];
	char ppid[PPID_TEXT];
	uint8_t id[ID_BYTES];
	struct keys *maker;
	void *wrong;

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	assert_int_equal(keys_ppid(keys, sector, 1, sector, ppid), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, ppid), 0);
	assert_int_equal(keys_open(ctx, scratch, &maker), 0);
	for (int i = 0; i < 20; i++) {
		id_of(9, i, id);
		assert_int_equal(keys_sector_new(ctx, maker, id, 1), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	keys_free(&maker);
}

/* Who finds it locked waits. */
static void waits_for_the_lock(void **state)
{
	int fd = open(scratch_path("kek"), O_RDONLY | O_CLOEXEC), status;
	pid_t child;

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(fd); /* or it would hold the lock itself */
		_exit(keys_sector_new(ctx, keys, sector, 1) == 0 ? 0 : 1);
	}
	usleep(200000);
	assert_int_equal(waitpid(child, &status, WNOHANG), 0);
	assert_null(strstr(scratch_read("keystore"), "sector-"));
	close(fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_non_null(strstr(scratch_read("keystore"), "sector-"));
}

/* ---- what is made with them ---- */

static void blinds(void **state)
{
	static char long_name[70];
	uint8_t a[BLIND_BYTES], b[BLIND_BYTES];

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	assert_int_equal(keys_sector_new(ctx, keys, sector, 2), 0);
	assert_int_equal(keys_sector_new(ctx, keys, another, 1), 0);
	assert_int_equal(keys_blind(keys, "serial", "12345", 5, a), 0);
	assert_int_equal(keys_blind(keys, "serial", "12345", 5, b), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(keys_blind(keys, "serial", "12346", 5, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(keys_blind(keys, "serial1", "2345", 4, b), 0); /* cut elsewhere */
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(keys_blind(keys, "code", "12345", 5, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(keys_mac(keys, "12345", 5, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(keys_blind(keys, "", NULL, 0, b), 0);
	memset(long_name, 'n', sizeof(long_name) - 1);
	assert_int_equal(keys_blind(keys, long_name, "12345", 5, b), FUDA_EINVAL);
	assert_int_equal(keys_sector_blind(keys, sector, 1, "local", "7", 1, a), 0);
	assert_int_equal(keys_sector_blind(keys, sector, 1, "local", "7", 1, b), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(keys_sector_blind(keys, sector, 2, "local", "7", 1, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(keys_sector_blind(keys, another, 1, "local", "7", 1, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(keys_sector_blind(keys, sector, 1, "loca", "l7", 2, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(keys_sector_blind(keys, sector, 3, "local", "7", 1, b), FUDA_ENOTFOUND);
	assert_int_equal(keys_sector_blind(keys, sector, 1, long_name, "7", 1, b), FUDA_EINVAL);
}

static int open_it(const uint8_t *of, int version, const char *purpose, const char *bound_text,
		   const struct fuda_buf *sealed)
{
	struct fuda_buf plain = FUDA_BUF_INIT(256);
	const uint8_t *bound = (const uint8_t *)bound_text;
	size_t bound_len = strlen(bound_text);
	int e = of ? keys_sector_open(keys, of, version, purpose, bound, bound_len, sealed->data, sealed->len, &plain) :
		     keys_unseal(keys, purpose, bound, bound_len, sealed->data, sealed->len, &plain);

	if (e == 0) {
		assert_int_equal(plain.len, 9);
		assert_memory_equal(plain.data, "A-1234567", 9);
	} else {
		assert_int_equal(plain.len, 0);
	}
	fuda_buf_free(&plain);
	return e;
}

static void seals(void **state)
{
	const uint8_t *const whose[] = { sector, NULL }, *row = (const uint8_t *)"row 1";

	(void)state;
	assert_int_equal(keys_sector_new(ctx, keys, sector, 1), 0);
	assert_int_equal(keys_sector_new(ctx, keys, sector, 2), 0);
	assert_int_equal(keys_sector_new(ctx, keys, another, 1), 0);
	for (size_t i = 0; i < 2; i++) {
		const uint8_t *of = whose[i];
		struct fuda_buf s = FUDA_BUF_INIT(256), t = s, none = s;

		for (int j = 0; j < 2; j++) {
			struct fuda_buf *to = j ? &t : &s;

			int e = of ? keys_sector_seal(keys, of, 1, "local", row, 5, "A-1234567", 9, to) :
				     keys_seal(keys, "local", row, 5, "A-1234567", 9, to);

			assert_int_equal(e, 0);
		}
		assert_int_equal(s.len, 9 + SEAL_OVERHEAD);
		assert_int_equal(s.data[0], 1);
		assert_memory_not_equal(s.data + 1, t.data + 1, 12); /* never the same nonce */
		assert_memory_not_equal(s.data + 13, t.data + 13, 9);
		assert_int_equal(open_it(of, 1, "local", "row 1", &s), 0);
		assert_int_equal(open_it(of, 1, "local", "row 1", &t), 0);
		assert_int_equal(open_it(of, 1, "local", "row 2", &s), FUDA_EVERIFY);
		assert_int_equal(open_it(of, 1, "local", "", &s), FUDA_EVERIFY);
		assert_int_equal(open_it(of, 1, "loca", "lrow 1", &s), FUDA_EVERIFY);
		assert_int_equal(open_it(of, 1, "tap", "row 1", &s), FUDA_EVERIFY);
		assert_int_equal(open_it(of ? NULL : sector, 1, "local", "row 1", &s), FUDA_EVERIFY);
		assert_int_equal(open_it(another, 1, "local", "row 1", &s), FUDA_EVERIFY);
		assert_int_equal(open_it(sector, 2, "local", "row 1", &s), FUDA_EVERIFY);
		assert_int_equal(open_it(sector, 3, "local", "row 1", &s), FUDA_ENOTFOUND);
		for (size_t bit = 0; bit < s.len * 8; bit++) {
			s.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(open_it(of, 1, "local", "row 1", &s), FUDA_EVERIFY);
			s.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		while (s.len-- > 0)
			assert_int_equal(open_it(of, 1, "local", "row 1", &s), FUDA_EVERIFY);
		s.len = 0;
		/* nothing at all may be sealed as well */
		assert_int_equal(keys_seal(keys, "x", NULL, 0, NULL, 0, &none), 0);
		assert_int_equal(none.len, SEAL_OVERHEAD);
		fuda_buf_clear(&t);
		assert_int_equal(keys_unseal(keys, "x", NULL, 0, none.data, none.len, &t), 0);
		assert_int_equal(t.len, 0);
		fuda_buf_free(&s);
		fuda_buf_free(&t);
		fuda_buf_free(&none);
	}
}

/* What is sealed is behind what the buffer has, and not there if there is no room. */
static void seals_into(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(SEAL_OVERHEAD + 3 + 3), small = FUDA_BUF_INIT(SEAL_OVERHEAD + 2);

	(void)state;
	assert_int_equal(fuda_buf_append(&b, "abc", 3), 0);
	assert_int_equal(keys_seal(keys, "x", NULL, 0, "def", 3, &b), 0);
	assert_memory_equal(b.data, "abc", 3);
	assert_int_equal(b.len, SEAL_OVERHEAD + 6);
	assert_int_equal(keys_seal(keys, "x", NULL, 0, "def", 3, &small), FUDA_ETOOBIG);
	assert_int_equal(small.len, 0);
	fuda_buf_free(&b);
	fuda_buf_free(&small);
}

static void signs(void **state)
{
	struct fuda_buf spki = FUDA_BUF_INIT(256), again = spki;
	uint8_t signature[64];
	struct keys *k;

	(void)state;
	assert_int_equal(keys_sign(keys, "message", 7, signature), 0);
	assert_int_equal(keys_signer(keys, &spki), 0);
	assert_int_equal(keys_check(spki.data, spki.len, "message", 7, signature), 0);
	assert_int_equal(keys_check(spki.data, spki.len, "message", 6, signature), FUDA_EVERIFY);
	signature[63] ^= 1;
	assert_int_equal(keys_check(spki.data, spki.len, "message", 7, signature), FUDA_EVERIFY);
	assert_int_equal(keys_open(ctx, scratch, &k), 0);
	assert_int_equal(keys_signer(k, &again), 0);
	assert_int_equal(again.len, spki.len);
	assert_memory_equal(again.data, spki.data, spki.len);
	keys_free(&k);
	fuda_buf_free(&spki);
	fuda_buf_free(&again);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, keys_setup, keys_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(made_once),	 CASE(nothing_in_clear),   CASE(out_of_dumps), CASE(has_an_identity),
		CASE(for_the_owner_alone), CASE(files_only),	   CASE(no_kek),       CASE(changed),
		CASE(whole_lines),	 CASE(new_sectors),	   CASE(read_again),   CASE(cannot_be_written),
		CASE(several_processes), CASE(several_threads),	   CASE(waits_for_the_lock), CASE(blinds),
		CASE(seals),		 CASE(seals_into),	   CASE(signs),
	};

	return RUN(tests);
}
