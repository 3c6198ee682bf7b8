/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/softcard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuda/encode.h>
#include <fuda/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/cmocka.h"

#define TEXT_SIZE  8192
#define ANSWER_MAX 3000

static char home[] = "/tmp/fuda-test-XXXXXX";
static char card[64], other[64]; /* directories */
static char person[64], secrets[64]; /* files */
static char as_made[TEXT_SIZE]; /* card.conf */
static struct vcard *loaded;	/* by a test that did not come to its end */

const char *softcard_dir(void)
{
	return card;
}

const char *softcard_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", card, name);
	return path;
}

void softcard_remove(const char *dir)
{
	DIR *d = opendir(dir);
	int fd = d ? dirfd(d) : -1;

	for (const struct dirent *e; d && (e = readdir(d));)
		unlinkat(fd, e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int copy_file(int from, int to, const char *name)
{
	int in = openat(from, name, O_RDONLY | O_CLOEXEC), out = -1;
	char block[4096];
	struct stat st;
	ssize_t n = -1;

	if (in >= 0 && fstat(in, &st) == 0)
		out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode);
	while (out >= 0 && (n = read(in, block, sizeof(block))) > 0 && write(out, block, (size_t)n) == n)
		;
	if (in >= 0)
		close(in);
	return out >= 0 && close(out) == 0 && n == 0 ? 0 : -1;
}

static int copy_card(const char *from, const char *to)
{
	DIR *source = opendir(from), *copy = source && mkdir(to, 0700) == 0 ? opendir(to) : NULL;
	int r = copy ? 0 : -1;

	for (const struct dirent *e; r == 0 && (e = readdir(source));)
		if (*e->d_name != '.')
			r = copy_file(dirfd(source), dirfd(copy), e->d_name);
	if (copy)
		closedir(copy);
	if (source)
		closedir(source);
	return r;
}

/* As vcard_make(), the same for each test: tests/stock.sh. */
static int make_stocked(const char *name, const char *dir, const struct vcard_make *what, char *ret_why,
			size_t why_size)
{
	const char *stock = getenv("FUDA_TEST_STOCK");
	char stocked[512], mine[544];
	int r = 0;

	if (!stock || access(stock, W_OK) < 0)
		return vcard_make(dir, what, ret_why, why_size);
	snprintf(stocked, sizeof(stocked), "%s/%s", stock, name);
	snprintf(mine, sizeof(mine), "%s.%ld", stocked, (long)getpid());
	if (access(stocked, F_OK) < 0) {
		r = vcard_make(mine, what, ret_why, why_size);
		if (r == 0 && rename(mine, stocked) < 0)
			softcard_remove(mine); /* another test was faster */
	}
	if (r == 0 && copy_card(stocked, dir) < 0) {
		snprintf(ret_why, why_size, "no copy of %.100s: %s", stocked, strerror(errno));
		r = FUDA_EFILE;
	}
	return r;
}

int softcard_setup(void **state)
{
	const struct vcard_make what = { .person = person, .secrets = secrets };
	char why[256] = "";
	ssize_t n;
	int fd;

	(void)state;
	if (!mkdtemp(home))
		return -1;
	snprintf(card, sizeof(card), "%s/card", home);
	snprintf(person, sizeof(person), "%s/person", home);
	snprintf(secrets, sizeof(secrets), "%s/secrets", home);
	write_file(person, "address = " SAMPLE_ADDRESS "\n");
	write_file(secrets, "secret.sign = " SAMPLE_SIGN "\n");
	if (make_stocked("softcard", card, &what, why, sizeof(why)) < 0) {
		print_error("%s\n", why);
		return -1;
	}
	fd = open(softcard_path("card.conf"), O_RDONLY);
	n = read(fd, as_made, sizeof(as_made) - 1);
	close(fd);
	return n > 0 ? 0 : -1;
}

const char *softcard_other(const struct vcard_make *what)
{
	const struct vcard_make hanako = { .person = person, .authority = card };
	char why[256] = "";

	snprintf(other, sizeof(other), "%s/other", home);
	softcard_remove(other);
	write_file(person, "name = " OTHER_NAME "\naddress = " SAMPLE_ADDRESS
			   "\nbirth_date = 1989-01-08\nsex = female\n"
			   "my_number = " OTHER_MY_NUMBER "\nsecurity_code = 0808\nexpiry = 2030-01-08\n");
	if ((what ? vcard_make(other, what, why, sizeof(why)) :
		    make_stocked("softcard-other", other, &hanako, why, sizeof(why))) < 0)
		fail_msg("%s", why);
	return other;
}

int softcard_teardown(void **state)
{
	(void)state;
	vcard_free(&loaded);
	if (*other)
		softcard_remove(other);
	unlink(person);
	unlink(secrets);
	softcard_remove(card);
	softcard_remove(home);
	return 0;
}

/* Whether `settings` has a line for the key of `line`. */
static bool replaced(const char *settings, const char *line)
{
	size_t key = strcspn(line, " =\n");

	for (const char *s = settings; s && *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strncmp(s, line, key) == 0 && strchr(" =", s[key]))
			return true;
	return false;
}

void softcard_write(const char *settings)
{
	FILE *f = fopen(softcard_path("card.conf"), "w");

	assert_non_null(f);
	for (const char *line = as_made; *line; line += strcspn(line, "\n") + 1)
		if (*line == '#' || !replaced(settings, line))
			fprintf(f, "%.*s\n", (int)strcspn(line, "\n"), line);
	fputs(settings ? settings : "", f);
	assert_int_equal(fclose(f), 0);
	unlink(softcard_path("state"));
}

void softcard_free(struct vcard **v)
{
	vcard_free(v);
	loaded = NULL;
}

struct vcard *softcard_load(void)
{
	struct vcard *v = NULL;
	char why[256] = "";
	int r;

	vcard_free(&loaded);
	r = vcard_load(card, &v, why, sizeof(why));
	if (r < 0)
		fail_msg("%d: %s", r, why);
	loaded = v;
	return v;
}

struct vcard *softcard_on(const char *settings)
{
	struct vcard *v;

	softcard_write(settings);
	v = softcard_load();
	vcard_power(v, true);
	return v;
}

static struct fuda_buf transmit(struct vcard *v, const char *hex)
{
	struct fuda_buf command = FUDA_BUF_INIT(70000), response = FUDA_BUF_INIT(70000);

	assert_int_equal(fuda_hex_decode(hex, &command), 0);
	assert_int_equal(vcard_transmit(v, command.data, command.len, &response), 0);
	fuda_buf_free(&command);
	return response;
}

void expect(struct vcard *v, const char *command, const char *answer)
{
	struct fuda_buf response = transmit(v, command);
	char hex[2 * ANSWER_MAX + 1], got[2 * ANSWER_MAX + 20];
	unsigned data = 0;

	assert_in_range(response.len, 2, ANSWER_MAX);
	if (sscanf(answer, "<%u>", &data) == 1)
		assert_int_equal(response.len, data + 2);
	fuda_hex_encode(response.data + data, response.len - data, hex);
	snprintf(got, sizeof(got), data ? "<%2$u>%1$s" : "%s", hex, data);
	if (strcmp(got, answer) != 0)
		fail_msg("%s answered %s instead of %s", command, got, answer);
	fuda_buf_free(&response);
}

struct fuda_buf fetch(struct vcard *v, const char *command)
{
	struct fuda_buf response = transmit(v, command);

	if (response.len < 2 || memcmp(response.data + response.len - 2, "\x90\x00", 2) != 0)
		fail_msg("%s failed", command);
	response.len -= 2;
	return response;
}

void expect_all(struct vcard *v, const struct exchange *exchanges)
{
	for (; exchanges->command; exchanges++)
		expect(v, exchanges->command, exchanges->answer);
}

void expect_after(const char *settings, bool select, const struct exchange *exchanges)
{
	struct vcard *v = softcard_on(settings);

	if (select)
		expect(v, SELECT_JPKI, "9000");
	expect_all(v, exchanges);
	softcard_free(&v);
}

void expect_each(const char *settings, const char *answer, const char *const *commands)
{
	struct vcard *v = softcard_on(settings);

	for (; *commands; commands++) {
		expect(v, SELECT_JPKI, "9000");
		expect(v, *commands, answer);
	}
	softcard_free(&v);
}
