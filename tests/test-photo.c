/* SPDX-License-Identifier: Apache-2.0 */
/* The program fuda-photo in the current folder: pictures in, PNG or refusal out. */
#include <fcntl.h>
#include <fuda/buf.h>
#include <png.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cmocka.h"
#include "tests/jp2.h"
#include "tools/photo.h"

/* ---- the program ---- */

static int input, output, errors; /* files in memory */

static int setup(void **state)
{
	(void)state;
	input = memfd_create("input", MFD_CLOEXEC);
	output = memfd_create("output", MFD_CLOEXEC);
	errors = memfd_create("errors", MFD_CLOEXEC);
	return input < 0 || output < 0 || errors < 0 ? -1 : 0;
}

static void rewind_to(int fd, const void *bytes, size_t len)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

static const uint8_t *content(int fd, size_t *ret_len)
{
	static uint8_t bytes[PHOTO_OUTPUT_MAX + 1];
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);

	assert_in_range(n, 0, PHOTO_OUTPUT_MAX);
	*ret_len = (size_t)n;
	return bytes;
}

/* The exit status, or 128 and the signal as in a shell. */
static int run(const void *bytes, size_t len)
{
	char name[] = "fuda-photo", *const argv[] = { name, NULL };
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	rewind_to(input, bytes, len);
	rewind_to(output, "", 0);
	rewind_to(errors, "", 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, input, 0), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, output, 1), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, errors, 2), 0);
	assert_int_equal(posix_spawn(&pid, "./fuda-photo", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* One line of printable characters that begins with the name of the program. */
static void assert_one_line(const char *why)
{
	size_t len;
	const char *text = (const char *)content(errors, &len);

	assert_in_range(len, 13, PHOTO_WHY_SIZE + 64);
	assert_memory_equal(text, "fuda-photo: ", 12);
	assert_ptr_equal(memchr(text, '\n', len), text + len - 1);
	for (size_t i = 0; i + 1 < len; i++)
		assert_in_range(text[i], ' ', '~');
	if (why && !memmem(text, len, why, strlen(why)))
		fail_msg("\"%.*s\" instead of \"%s\"", (int)len - 1, text, why);
}

static void assert_refused(const void *bytes, size_t len, const char *why)
{
	size_t n;

	assert_int_equal(run(bytes, len), 1);
	content(output, &n);
	assert_int_equal(n, 0);
	assert_one_line(why);
}

/* The pixels of the PNG that was written, to be freed. */
static uint8_t *pixels(unsigned width, unsigned height, unsigned colours)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	uint8_t *pixels = malloc((size_t)width * height * colours);
	size_t len;
	const uint8_t *bytes = content(output, &len);

	assert_non_null(pixels);
	assert_true(png_image_begin_read_from_memory(&image, bytes, len));
	assert_int_equal(image.width, width);
	assert_int_equal(image.height, height);
	assert_int_equal(image.format, colours == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB);
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	return pixels;
}

static void make(const struct jp2 *what, struct fuda_buf *ret)
{
	*ret = FUDA_BUF_INIT(1 << 17);
	jp2_make(what, ret);
}

/* ---- genuine pictures ---- */

static void convert(const struct jp2 *what, int tolerance)
{
	unsigned colours = what->components < 3 ? 1 : 3;
	struct fuda_buf file;
	uint8_t *got;
	size_t n;

	make(what, &file);
	assert_in_range(file.len, 1, PHOTO_INPUT_MAX);
	if (run(file.data, file.len) != 0) {
		const char *text = (const char *)content(errors, &n);

		fail_msg("%ux%u: %.*s", what->width, what->height, (int)n, text);
	}
	content(errors, &n);
	assert_int_equal(n, 0);
	got = pixels(what->width, what->height, colours);
	for (unsigned y = 0; y < what->height; y++)
		for (unsigned x = 0; x < what->width; x++)
			for (unsigned i = 0; i < colours; i++) {
				int v = got[(y * what->width + x) * colours + i];

				if (abs(v - jp2_sample(what, x, y, i)) > tolerance)
					fail_msg("%u,%u,%u: %d", x, y, i, v);
			}
	free(got);
	fuda_buf_free(&file);
}

static void genuine(void **state)
{
	static const struct jp2 pictures[] = {
		{ .width = 1, .height = 1, .components = 1 },
		{ .width = 1, .height = 1, .components = 3 },
		{ .width = 1, .height = 300, .components = 1 },
		{ .width = 300, .height = 1, .components = 3 },
		{ .width = 120, .height = 160, .components = 1 },
		{ .width = 31, .height = 17, .components = 1 },
		{ .width = 97, .height = 65, .components = 3 },
		{ .width = 40, .height = 30, .components = 2 },
		{ .width = 40, .height = 30, .components = 4 },
		{ .width = 50, .height = 40, .components = 1, .x = 7, .y = 13 },
		{ .width = 50, .height = 40, .components = 3, .tile = 16 },
		{ .width = 50, .height = 40, .components = 1, .x = 7, .y = 13, .tile = 16 },
		{ .width = 64, .height = 64, .components = 1, .resolutions = 1 },
		{ .width = 64, .height = 64, .components = 1, .layers = 5 },
		{ .width = 64, .height = 64, .components = 3, .progression = 1 },
		{ .width = 64, .height = 64, .components = 3, .progression = 2 },
		{ .width = 64, .height = 64, .components = 3, .progression = 3 },
		{ .width = 64, .height = 64, .components = 3, .progression = 4 },
		{ .width = 100, .height = 80, .components = 1, .precinct = 32 },
		{ .width = 100, .height = 80, .components = 1, .precinct = 32, .layers = 3, .tile = 64 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pictures); i++)
		convert(&pictures[i], 0);
}

static void lossy(void **state)
{
	const struct jp2 flat = { .width = 240, .height = 320, .components = 1, .flat = true, .lossy = true };
	const struct jp2 flat_rgb = { .width = 240, .height = 320, .components = 3, .flat = true, .lossy = true };

	(void)state;
	convert(&flat, 2);
	convert(&flat_rgb, 3);
}

/* As large as may be, which the limits of memory and time must allow. */
static void largest(void **state)
{
	const struct jp2 square = { .width = 2048, .height = 2048, .components = 4, .flat = true };
	const struct jp2 wide = { .width = 4096, .height = 1024, .components = 3, .flat = true };

	(void)state;
	convert(&square, 0);
	convert(&wide, 0);
}

/* ---- refused ---- */

static void no_picture(void **state)
{
	static uint8_t zeros[PHOTO_INPUT_MAX + 2];
	struct fuda_buf file;
	const struct jp2 small = { .width = 24, .height = 18, .components = 1 };
	const struct jp2 deep = { .width = 24, .height = 18, .components = 1, .depth = 12 };
	const struct jp2 shallow = { .width = 24, .height = 18, .components = 1, .depth = 1 };
	const struct jp2 with_sign = { .width = 24, .height = 18, .components = 1, .is_signed = true };

	(void)state;
	assert_refused("", 0, "is not a JP2 file");
	assert_refused("\0", 1, "is not a JP2 file");
	assert_refused("\x89PNG\r\n\x1a\n", 8, "is not a JP2 file");
	assert_refused("\xFF\x4F\xFF\x51", 4, "is not a JP2 file");
	assert_refused(zeros, PHOTO_INPUT_MAX, "is not a JP2 file");
	assert_refused(zeros, PHOTO_INPUT_MAX + 1, "more than 32768 bytes");
	assert_refused(zeros, PHOTO_INPUT_MAX + 2, "more than 32768 bytes");
	make(&deep, &file);
	assert_refused(file.data, file.len, "does not have 8 bits for each component");
	jp2_make(&shallow, &file);
	assert_refused(file.data, file.len, "does not have 8 bits for each component");
	jp2_make(&with_sign, &file);
	assert_refused(file.data, file.len, "does not have 8 bits for each component");
	jp2_make(&small, &file);
	assert_int_equal(fuda_buf_append(&file, zeros, PHOTO_INPUT_MAX + 1 - file.len), 0);
	assert_refused(file.data, file.len, "more than 32768 bytes");
	fuda_buf_free(&file);
}

/* Where the data of the first tile begin. */
static size_t headers(const struct fuda_buf *file)
{
	const uint8_t *sod = memmem(file->data, file->len, "\xFF\x93", 2);

	assert_non_null(sod);
	return (size_t)(sod - file->data) + 2;
}

/* Everywhere; test-photo-check.c does the same without a process for each. */
static void truncated(void **state)
{
	const struct jp2 what = { .width = 6, .height = 4, .components = 1, .tile = 4 };
	struct fuda_buf file;

	(void)state;
	make(&what, &file);
	for (size_t n = 0; n < file.len; n++)
		assert_refused(file.data, n, NULL);
	fuda_buf_free(&file);
}

/* Nothing but a picture or a refusal, and a picture only of the size that the header then has. */
static int assert_handled(const struct fuda_buf *file)
{
	struct photo photo;
	const char *why;
	int status = run(file->data, file->len);
	size_t n;

	if (status == 1) {
		content(output, &n);
		assert_int_equal(n, 0);
		assert_one_line(NULL);
		return status;
	}
	assert_int_equal(status, 0);
	assert_int_equal(photo_check(file->data, file->len, &why, &photo), 0);
	free(pixels(photo.width, photo.height, photo.components < 3 ? 1 : 3));
	return status;
}

/* The data of the tile cut off, and all lengths made to agree: only the decoder can find out, unless the cut is
 * between two packets, when it takes those that follow to be empty. */
static void starved(void **state)
{
	const struct jp2 what = { .width = 40, .height = 40, .components = 1 };
	const uint8_t zero[4] = { 0 };
	struct fuda_buf file, cut = FUDA_BUF_INIT(1 << 17);
	size_t from, refused = 0, all = 0;

	(void)state;
	make(&what, &file);
	memcpy((uint8_t *)memmem(file.data, file.len, "jp2c", 4) - 4, zero, 4);
	memcpy((uint8_t *)memmem(file.data, file.len, "\xFF\x90", 2) + 6, zero, 4);
	from = headers(&file);
	for (size_t n = from; n < file.len - 2; n += 11, all++) {
		assert_int_equal(fuda_buf_set(&cut, file.data, n), 0);
		assert_int_equal(fuda_buf_append(&cut, "\xFF\xD9", 2), 0);
		refused += assert_handled(&cut) == 1;
	}
	assert_in_range(refused, all - 2, all);
	fuda_buf_free(&cut);
	fuda_buf_free(&file);
}

static void flipped(void **state)
{
	static const struct jp2 pictures[] = {
		{ .width = 24, .height = 18, .components = 1, .precinct = 16, .layers = 2 },
		{ .width = 9, .height = 7, .components = 3, .tile = 8, .progression = 2 },
	};
	static const uint8_t flips[] = { 0x01, 0x80, 0xFF };
	struct fuda_buf file;
	struct photo photo;
	const char *why;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(pictures); k++) {
		size_t end;

		make(&pictures[k], &file);
		end = headers(&file);
		for (size_t i = 0; i < file.len; i++)
			/* of the data, every third byte is enough */
			for (size_t j = 0; j < (i < end ? ARRAY_SIZE(flips) : i % 3 == 0); j++) {
				file.data[i] ^= flips[j];
				/* of those that never come to the decoder, some */
				if (photo_check(file.data, file.len, &why, &photo) == 0 || (i + j) % 8 == 0)
					assert_handled(&file);
				file.data[i] ^= flips[j];
			}
		fuda_buf_free(&file);
	}
}

/* Data that are not what the header says, in quantity. */
static void noise(void **state)
{
	const struct jp2 what = { .width = 120, .height = 160, .components = 1, .layers = 3 };
	struct fuda_buf file;
	uint32_t random = 20260101;
	size_t from;

	(void)state;
	make(&what, &file);
	from = headers(&file);
	for (int i = 0; i < 60; i++) {
		for (size_t k = from; k < file.len - 2; k += 1 + (random >> 8) % (i + 2)) {
			random = random * 1664525 + 1013904223;
			file.data[k] = (uint8_t)(random >> 24);
		}
		assert_handled(&file);
	}
	fuda_buf_free(&file);
}

/* A file of 300 bytes that claims `size` everywhere. */
static void bombs(void **state)
{
	static const uint32_t sizes[] = { 2049, 4096, 4097, 65535, 0x7FFFFFFF, 0xFFFFFFFF };
	const struct jp2 what = { .width = 2048, .height = 2048, .components = 1, .flat = true };
	struct fuda_buf file;
	uint8_t *ihdr, *siz;

	(void)state;
	make(&what, &file);
	ihdr = (uint8_t *)memmem(file.data, file.len, "ihdr", 4) + 4;
	siz = (uint8_t *)memmem(file.data, file.len, "\xFF\x51", 2) + 6;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t n[4] = { (uint8_t)(sizes[i] >> 24), (uint8_t)(sizes[i] >> 16), (uint8_t)(sizes[i] >> 8),
				 (uint8_t)sizes[i] };

		for (int side = 0; side < 2; side++) {
			memcpy(ihdr + 4 * side, n, 4);
			memcpy(siz + 4 * side, n, 4);
			memcpy(siz + 16 + 4 * side, n, 4);
		}
		assert_refused(file.data, file.len, "is too large");
	}
	fuda_buf_free(&file);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(genuine),    cmocka_unit_test(lossy),     cmocka_unit_test(largest),
		cmocka_unit_test(no_picture), cmocka_unit_test(truncated), cmocka_unit_test(starved),
		cmocka_unit_test(flipped),    cmocka_unit_test(noise),     cmocka_unit_test(bombs),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, NULL);
}
