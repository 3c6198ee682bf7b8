/* SPDX-License-Identifier: Apache-2.0 */
/* The pictures of the software card, decoded by the libraries that others use too. */
#include "vcard/pictures.h"

#include <fuda/error.h>
#include <openjpeg.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/cmocka.h"

/* A byte a pixel. */
struct pixels {
	unsigned width, height;
	uint8_t *bytes;
};

static struct pixels decode_png(const struct fuda_buf *b)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	struct pixels p;

	assert_true(png_image_begin_read_from_memory(&image, b->data, b->len));
	image.format = PNG_FORMAT_GRAY;
	p = (struct pixels){ image.width, image.height, malloc(PNG_IMAGE_SIZE(image)) };
	assert_true(png_image_finish_read(&image, NULL, p.bytes, 0, NULL));
	return p;
}

static struct pixels digits(const char *text)
{
	struct fuda_buf png = FUDA_BUF_INIT(4096);
	struct pixels p;

	assert_int_equal(picture_digits(text, &png), 0);
	p = decode_png(&png);
	assert_int_equal(p.width, 6 * strlen(text));
	assert_int_equal(p.height, 12);
	fuda_buf_free(&png);
	return p;
}

static bool same_cells(const struct pixels *p, unsigned width, unsigned a, unsigned b)
{
	for (unsigned y = 0; y < p->height; y++)
		if (memcmp(p->bytes + y * p->width + a * width, p->bytes + y * p->width + b * width, width) != 0)
			return false;
	return true;
}

/* A digit looks the same wherever it stands, and like no other; nothing touches its neighbour. */
static void digits_are_legible(void **state)
{
	static const char text[] = "01234567899876543210";
	struct pixels p = digits(text);

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_equal(same_cells(&p, 6, i, j), text[i] == text[j]);
	for (unsigned y = 0; y < p.height; y++)
		for (unsigned x = 0; x < p.width; x += 6)
			assert_int_equal(p.bytes[y * p.width + x], 255);
	free(p.bytes);
}

/* By hand: a seven and a one. */
static void digits_are_drawn(void **state)
{
	static const char *const want[] = {
		"............", ".####.....#.", ".#..#.....#.", ".#..#.....#.", ".#..#.....#.", ".#..#.....#.",
		"....#.....#.", "....#.....#.", "....#.....#.", "....#.....#.", "....#.....#.", "............",
	};
	struct pixels p = digits("71");

	(void)state;
	for (unsigned y = 0; y < 12; y++)
		for (unsigned x = 0; x < 12; x++)
			assert_int_equal(p.bytes[y * 12 + x], want[y][x] == '#' ? 0 : 255);
	free(p.bytes);
}

static struct pixels text(const char *utf8, size_t columns)
{
	struct fuda_buf png = FUDA_BUF_INIT(32768);
	struct pixels p;

	assert_int_equal(picture_text(utf8, columns, &png), 0);
	p = decode_png(&png);
	fuda_buf_free(&png);
	return p;
}

static void cells_show_characters(void **state)
{
	struct pixels p = text("山田山\U0002000B", 4), empty = text("", 3), three = text("abcdefg", 3);

	(void)state;
	assert_int_equal(p.width, 64);
	assert_int_equal(p.height, 16);
	assert_true(same_cells(&p, 16, 0, 2));
	assert_false(same_cells(&p, 16, 0, 1));
	assert_false(same_cells(&p, 16, 0, 3));
	assert_int_equal(empty.width * 100 + empty.height, 4816);
	for (unsigned i = 0; i < empty.width * empty.height; i++)
		assert_int_equal(empty.bytes[i], 255);
	assert_int_equal(three.width * 100 + three.height, 4848);
	/* the last line has one cell, U+0067; its bits by hand, two pixels wide and three high */
	assert_false(same_cells(&three, 16, 0, 1));
	for (unsigned bit = 0; bit < 24; bit++) {
		unsigned x = 2 + bit % 6 * 2, y = 32 + 2 + bit / 6 * 3;

		assert_int_equal(three.bytes[y * 48 + x], 0x67 >> (23 - bit) & 1 ? 0 : 255);
	}
	free(p.bytes);
	free(empty.bytes);
	free(three.bytes);
}

static void does_not_fit(void **state)
{
	struct fuda_buf b = FUDA_BUF_INIT(20);

	(void)state;
	assert_int_equal(picture_digits("123456789018", &b), FUDA_ETOOBIG);
	assert_int_equal(picture_text("山田", 20, &b), FUDA_ETOOBIG);
	assert_int_equal(picture_photo(PHOTO_MIN, &b), FUDA_ETOOBIG);
	fuda_buf_free(&b);
}

/* ---- the photo ---- */

static opj_image_t *decode_jp2(const struct fuda_buf *b)
{
	char path[] = "/tmp/fuda-photo-XXXXXX";
	int fd = mkstemp(path);
	opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_JP2);
	opj_image_t *image = NULL;
	opj_dparameters_t p;
	opj_stream_t *stream;

	assert_true(fd >= 0 && write(fd, b->data, b->len) == (ssize_t)b->len);
	close(fd);
	stream = opj_stream_create_default_file_stream(path, OPJ_TRUE);
	unlink(path);
	opj_set_default_decoder_parameters(&p);
	assert_true(opj_setup_decoder(codec, &p));
	assert_true(opj_read_header(stream, codec, &image));
	assert_true(opj_decode(codec, stream, image));
	assert_true(opj_end_decompress(codec, stream));
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	return image;
}

static int grey(const opj_image_t *image, int x, int y)
{
	return image->comps[0].data[y * 240 + x];
}

/* Of any size: decodes, is grey, and shows a light face between dark hair and dark shoulders. */
static void photos(void **state)
{
	static const size_t sizes[] = { PHOTO_MIN, 601, 607, 1000, 4099, 6144, 16384, 27999, PHOTO_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(PHOTO_MAX), again = FUDA_BUF_INIT(PHOTO_MAX);
		opj_image_t *image;

		assert_int_equal(picture_photo(sizes[i], &b), 0);
		assert_int_equal(b.len, sizes[i]);
		assert_true(picture_is_jp2(&b));
		image = decode_jp2(&b);
		assert_int_equal(image->numcomps, 1);
		assert_int_equal(image->color_space, OPJ_CLRSPC_GRAY);
		assert_int_equal(image->comps[0].prec, 8);
		assert_int_equal(image->comps[0].w, 240);
		assert_int_equal(image->comps[0].h, 300);
		assert_true(grey(image, 120, 150) > grey(image, 120, 45) + 50);
		assert_true(grey(image, 120, 120) > grey(image, 60, 280) + 50);
		opj_image_destroy(image);
		assert_int_equal(picture_photo(sizes[i], &again), 0);
		assert_memory_equal(again.data, b.data, b.len);
		fuda_buf_free(&b);
		fuda_buf_free(&again);
	}
}

static void other_files(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ "\0\0\0\x0CjP  \r\n\x87\n", 12 }, /* nothing behind it */
		{ "\0\0\0\x0CjP  \r\n\x87\r ", 13 },
		{ "\0\0\0\x0DjP  \r\n\x87\n ", 13 },
		{ "\xFF\x4F\xFF\x51\0\x29\0\0\0\0\0\0\0", 13 }, /* a bare codestream */
		{ "\xFF\xD8\xFF\xE0\0\x10JFIF\0\1\1", 13 },
		{ "\x89PNG\r\n\x1A\n\0\0\0\x0D", 12 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fuda_buf b = FUDA_BUF_INIT(20);

		assert_int_equal(fuda_buf_set(&b, bad[i].bytes, bad[i].len), 0);
		assert_false(picture_is_jp2(&b));
		fuda_buf_free(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_legible),	 cmocka_unit_test(digits_are_drawn),
		cmocka_unit_test(cells_show_characters), cmocka_unit_test(does_not_fit),
		cmocka_unit_test(photos),		 cmocka_unit_test(other_files),
	};

	return RUN(tests);
}
