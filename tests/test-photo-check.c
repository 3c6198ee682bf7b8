/* SPDX-License-Identifier: Apache-2.0 */
/* What fuda-photo accepts: genuine files, and the same ones with something changed. */
#include "tools/photo.h"

#include <fuda/encode.h>
#include <string.h>
#include "tests/cmocka.h"
#include "tests/jp2.h"

enum { FILE_MAX = 1 << 17, STEPS_MAX = 4 };

/* Finds the bytes `at` (hexadecimal), and `offset` bytes from there replaces `remove` bytes by `insert`. */
struct step {
	const char *at;
	int offset;
	unsigned remove;
	const char *insert;
};

/* `why` NULL: still accepted. */
struct edit {
	const char *why;
	struct step steps[STEPS_MAX];
};

#define FTYP "66747970" /* offset -4: the box; 4: brand; 12: the first compatible brand */
#define JP2H "6A703268" /* offset -4: length, 2D without more boxes */
#define IHDR "69686472" /* offset 4: height, width, 12: components, 14: depth, compression, ... */
#define COLR "636F6C72" /* offset 4: method, precedence, approximation, 7: colour space */
#define JP2C "6A703263" /* offset -4: length, here 0; 4: the codestream */
#define SIZ  "FF51"	/* offset 4: profile, 6: size, 14: corner, 22: tile, 30: its corner, 38: components */
#define COD  "FF52"	/* offset 4: style, 5: progression, 6: layers, 8: MCT, 9: levels, ... 13: transformation */
#define QCD  "FF5C"	/* offset 4: style */
#define SOT  "FF90"	/* offset 2: length, 4: tile, 6: size, 10: part, 11: parts */
#define SOD  "FF93"

static const uint8_t *find(const struct fuda_buf *b, const char *hex)
{
	struct fuda_buf what = FUDA_BUF_INIT(16);
	const uint8_t *p;

	assert_int_equal(fuda_hex_decode(hex, &what), 0);
	p = memmem(b->data, b->len, what.data, what.len);
	fuda_buf_free(&what);
	if (!p)
		fail_msg("there is no %s", hex);
	return p;
}

static void apply(const struct step *step, struct fuda_buf *b)
{
	struct fuda_buf old = FUDA_BUF_INIT(FILE_MAX), insert = FUDA_BUF_INIT(1024);
	size_t at = (size_t)(find(b, step->at) - b->data) + (size_t)step->offset;

	assert_int_equal(fuda_hex_decode(step->insert, &insert), 0);
	assert_in_range(at + step->remove, 0, b->len);
	assert_int_equal(fuda_buf_set(&old, b->data, b->len), 0);
	fuda_buf_clear(b);
	assert_int_equal(fuda_buf_append(b, old.data, at), 0);
	assert_int_equal(fuda_buf_append(b, insert.data, insert.len), 0);
	assert_int_equal(fuda_buf_append(b, old.data + at + step->remove, old.len - at - step->remove), 0);
	fuda_buf_free(&old);
	fuda_buf_free(&insert);
}

static void check(const struct fuda_buf *file, const char *expected)
{
	const struct photo untouched = { .width = 1234567 };
	struct photo photo = untouched;
	const char *why = NULL;
	/* in memory of its size, for the address sanitizer */
	struct fuda_buf exact = FUDA_BUF_INIT(file->len);
	int r;

	assert_int_equal(fuda_buf_set(&exact, file->data, file->len), 0);
	r = photo_check(exact.data, exact.len, &why, &photo);
	if (expected && (r == 0 || strcmp(why, expected) != 0))
		fail_msg("\"%s\" instead of \"%s\"", r == 0 ? "accepted" : why, expected);
	if (!expected && r < 0)
		fail_msg("refused: it %s", why);
	if (expected)
		assert_memory_equal(&photo, &untouched, sizeof(photo));
	fuda_buf_free(&exact);
}

/* Each edit of the picture, the codestream of which goes to the end of the file. */
static void check_edits(const struct jp2 *what, const struct edit *edits, size_t count)
{
	static const struct step open_end = { JP2C, -4, 4, "00000000" };
	struct fuda_buf original = FUDA_BUF_INIT(FILE_MAX), file = FUDA_BUF_INIT(FILE_MAX);

	jp2_make(what, &original);
	apply(&open_end, &original);
	check(&original, NULL);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(fuda_buf_set(&file, original.data, original.len), 0);
		for (const struct step *s = edits[i].steps; s < edits[i].steps + STEPS_MAX && s->at; s++)
			apply(s, &file);
		check(&file, edits[i].why);
	}
	fuda_buf_free(&original);
	fuda_buf_free(&file);
}

static const struct jp2 grey = { .width = 24, .height = 18, .components = 1, .resolutions = 3 };
static const struct jp2 rgb = { .width = 24, .height = 18, .components = 3, .resolutions = 3 };

static void boxes(void **state)
{
	static const struct edit edits[] = {
		/* what may be there besides */
		{ NULL, { { JP2C, -4, 0, "0000000C" "786D6C20" "3C612F3E" } } },
		{ NULL, { { JP2H, -4, 4, "00000035" }, { COLR, -4, 0, "00000008" "72657320" } } },
		{ NULL,
		  { { JP2H, -4, 4, "0000003C" }, { COLR, 11, 0, "0000000F" "636F6C72" "09000000000000" } } },
		{ NULL, { { COLR, 4, 1, "02" } } },
		{ NULL, { { FTYP, 4, 4, "6A707820" } } },
		{ NULL,
		  { { JP2H, -4, 4, "0000003D" },
		    { COLR, 11, 0, "00000010" "63646566" "0001" "0000" "0000" "0001" } } },
		/* frames */
		{ "is not a JP2 file", { { FTYP, -16, 1, "01" } } },
		{ "is not a JP2 file", { { FTYP, -5, 1, "00" } } },
		{ "has no file type", { { FTYP, 0, 4, "66747971" } } },
		{ "has no file type", { { FTYP, -4, 4, "00000013" } } },
		{ "has a box longer than itself", { { FTYP, -4, 4, "0000FFFF" } } },
		{ "is not of the type JP2", { { FTYP, 12, 4, "6A707820" } } },
		{ "has a box longer than itself", { { JP2H, -4, 4, "00000007" } } },
		{ "has a box longer than itself", { { JP2H, -4, 4, "00000001" } } },
		{ "has a box longer than itself", { { JP2H, -4, 4, "FFFFFFFF" } } },
		{ "has a box longer than itself", { { COLR, -4, 4, "00000010" } } },
		{ "ends in the middle of a box",
		  { { JP2H, -4, 4, "0000002C" }, { COLR, -4, 4, "00000008" }, { COLR, 0, 4, "636F6C78" } } },
		{ "has a codestream before its header", { { JP2H, 0, 4, "6A703278" } } },
		{ "has no codestream", { { JP2C, 0, 4, "6A703278" } } },
		{ "has two codestreams", { { JP2C, -4, 0, "00000008" "6A703263" } } },
		{ "has two headers", { { JP2C, -4, 0, "00000008" "6A703268" } } },
		{ "lacks a part of its header", { { COLR, 0, 4, "636F6C78" } } },
		{ "lacks a part of its header", { { JP2H, -4, 4, "00000008" }, { IHDR, -4, 37, "" } } },
	};

	(void)state;
	check_edits(&grey, edits, ARRAY_SIZE(edits));
}

static void headers(void **state)
{
	static const struct edit edits[] = {
		/* the header of the image */
		{ "does not begin its header with that of the image", { { IHDR, 0, 4, "69686473" } } },
		{ "has two image headers", { { COLR, -4, 4, "00000008" }, { COLR, 0, 4, "69686472" } } },
		{ "has an image header of the wrong length", { { IHDR, -4, 4, "00000015" } } },
		{ "has an image header of the wrong length", { { IHDR, -4, 4, "00000017" } } },
		{ "does not have 8 bits for each component", { { IHDR, 14, 1, "0F" } } },
		{ "does not have 8 bits for each component", { { IHDR, 14, 1, "87" } } },
		{ "does not have 8 bits for each component", { { IHDR, 14, 1, "FF" } } },
		{ "has an image header with unknown values", { { IHDR, 15, 1, "06" } } },
		{ "has an image header with unknown values", { { IHDR, 16, 1, "02" } } },
		{ "has an image header with unknown values", { { IHDR, 17, 1, "02" } } },
		{ "has no components, or too many", { { IHDR, 12, 2, "0000" } } },
		{ "has no components, or too many", { { IHDR, 12, 2, "0005" } } },
		{ "is not of the size that its header has", { { IHDR, 7, 1, "11" } } },
		{ "is not of the size that its header has", { { IHDR, 11, 1, "19" } } },
		{ "is not of the size that its header has", { { IHDR, 13, 1, "02" } } },
		/* colours */
		{ "is neither grey nor RGB", { { COLR, 10, 1, "10" } } },
		{ "is neither grey nor RGB", { { COLR, 10, 1, "12" } } },
		{ "describes its colours in an unknown way", { { COLR, 4, 1, "03" } } },
		{ "describes its colours in an unknown way",
		  { { JP2H, -4, 4, "0000002C" }, { COLR, -4, 4, "0000000E" } } },
		{ "has a colour box that is too short",
		  { { JP2H, -4, 4, "00000028" }, { COLR, -4, 4, "0000000A" } } },
		{ "has a palette",
		  { { JP2H, -4, 4, "00000041" },
		    { COLR, -4, 0, "00000014" "70636C72" "00020307070700FFFFFF0000" } } },
		{ "has a palette", { { JP2H, -4, 4, "00000035" }, { COLR, -4, 0, "00000008" "636D6170" } } },
		{ "has components of different depths",
		  { { JP2H, -4, 4, "00000036" }, { COLR, -4, 0, "00000009" "62706363" "07" } } },
		{ "has a channel box of the wrong length",
		  { { JP2H, -4, 4, "0000003D" },
		    { COLR, 11, 0, "00000010" "63646566" "0002" "0000" "0000" "0001" } } },
		{ "has its channels in an unusual order",
		  { { JP2H, -4, 4, "0000003D" },
		    { COLR, 11, 0, "00000010" "63646566" "0001" "0000" "0000" "0002" } } },
		{ "has its channels in an unusual order",
		  { { JP2H, -4, 4, "0000003D" },
		    { COLR, 11, 0, "00000010" "63646566" "0001" "0001" "0000" "0002" } } },
		{ "has its channels in an unusual order",
		  { { JP2H, -4, 4, "0000003D" },
		    { COLR, 11, 0, "00000010" "63646566" "0001" "0000" "0001" "0000" } } },
		{ "defines its channels twice",
		  { { JP2H, -4, 4, "00000041" },
		    { COLR, 11, 0, "0000000A" "63646566" "0000" "0000000A" "63646566" "0000" } } },
	};

	(void)state;
	check_edits(&grey, edits, ARRAY_SIZE(edits));
}

static void sizes(void **state)
{
	static const struct edit edits[] = {
		{ "has a codestream that does not begin as one", { { JP2C, 4, 2, "FF4E" } } },
		{ "has a codestream that does not begin as one", { { SIZ, 0, 2, "FF50" } } },
		{ "has a codestream that does not begin as one", { { SIZ, 2, 2, "0001" } } },
		{ "has a codestream that does not begin as one", { { SIZ, 2, 2, "FFFF" } } },
		{ "has a size segment that is too short", { { SIZ, 2, 2, "0003" } } },
		{ "has a size segment that is too short", { { SIZ, 2, 2, "0023" } } },
		{ "has no components, or too many", { { SIZ, 2, 2, "0026" } } },
		{ "needs more than part 1 of JPEG 2000", { { SIZ, 4, 2, "4000" } } },
		/* claimed, with a file of the size that it had */
		{ "is too large",
		  { { SIZ, 6, 8, "0000FFFF" "0000FFFF" }, { IHDR, 4, 8, "0000FFFF" "0000FFFF" } } },
		{ "is too large",
		  { { SIZ, 6, 8, "FFFFFFFF" "FFFFFFFF" }, { IHDR, 4, 8, "FFFFFFFF" "FFFFFFFF" } } },
		{ "is too large", { { SIZ, 6, 4, "00001001" } } },
		{ "is too large", { { SIZ, 10, 4, "00001001" } } },
		{ "is too large",
		  { { SIZ, 6, 8, "00001000" "00000401" }, { SIZ, 22, 8, "00001000" "00000401" } } },
		{ "is empty", { { SIZ, 6, 4, "00000000" } } },
		{ "is empty", { { SIZ, 14, 4, "00000018" } } },
		{ "is empty", { { SIZ, 18, 4, "FFFFFFFF" } } },
		{ "has tiles that do not fit it", { { SIZ, 22, 4, "00000000" } } },
		{ "has tiles that do not fit it", { { SIZ, 26, 4, "00000000" } } },
		{ "has tiles that do not fit it", { { SIZ, 22, 4, "00010000" } } },
		{ "has tiles that do not fit it", { { SIZ, 26, 4, "FFFFFFFF" } } },
		{ "has tiles that do not fit it", { { SIZ, 30, 4, "00000001" } } },
		{ "has tiles that do not fit it", { { SIZ, 34, 4, "80000000" } } },
		{ "has tiles that do not fit it",
		  { { SIZ, 6, 4, "00000038" }, { SIZ, 14, 4, "00000020" }, { SIZ, 30, 4, "00000008" } } },
		{ "has too many tiles", { { SIZ, 22, 8, "00000001" "00000001" } } },
		{ "has too many tiles", { { SIZ, 22, 8, "00000002" "00000003" } } }, /* 72 */
		{ "lacks a tile", { { SIZ, 22, 8, "0000000C" "00000012" } } },
		{ "has no components, or too many", { { SIZ, 38, 2, "0000" } } },
		{ "has no components, or too many", { { SIZ, 38, 2, "0005" } } },
		{ "has no components, or too many", { { SIZ, 38, 2, "4000" } } },
		{ "has no components, or too many", { { SIZ, 38, 2, "0002" } } },
		{ "does not have 8 bits for each component", { { SIZ, 40, 1, "25" } } },
		{ "does not have 8 bits for each component", { { SIZ, 40, 1, "87" } } },
		{ "has components of different sizes", { { SIZ, 41, 1, "02" } } },
		{ "has components of different sizes", { { SIZ, 42, 1, "00" } } },
	};

	(void)state;
	check_edits(&grey, edits, ARRAY_SIZE(edits));
}

static void coding(void **state)
{
	static const struct edit edits[] = {
		{ NULL, { { COD, 10, 2, "0800" } } },
		{ NULL, { { COD, 10, 2, "0008" } } },
		{ NULL, { { QCD, 0, 0, "FF64" "0004" "0001" } } },
		{ NULL, { { QCD, 0, 0, "FF57" "0003" "00" } } },
		{ NULL, { { SOD, 0, 0, "FF58" "0004" "0000" }, { SOT, 6, 4, "00000000" } } },
		{ NULL, { { QCD, 0, 0, "FF53" "0009" "00" "00" "0104040001" } } },
		{ "has two coding segments", { { QCD, 0, 0, "FF52" "000C" "0000000100" "0004040001" } } },
		{ "lacks a part of its main header", { { COD, 0, 14, "" } } },
		{ "lacks a part of its main header", { { QCD, 0, 2, "FF64" } } },
		{ "has a coding segment that is too short", { { COD, 2, 12, "0006" "00000001" } } },
		{ "has a coding segment that is too short",
		  { { COD, 2, 12, "000B" "0000000100" "02040400" } } },
		{ "has a coding segment that is too long",
		  { { COD, 2, 12, "000D" "0000000100" "020404000100" } } },
		{ "has a coding segment that is too short", { { COD, 4, 1, "01" } } },
		{ "has a coding segment with unknown values", { { COD, 4, 1, "08" } } },
		{ "has a coding segment with unknown values", { { COD, 5, 1, "05" } } },
		/* mixes colours that it lacks */
		{ "has a coding segment with unknown values", { { COD, 8, 1, "01" } } },
		{ "has too many layers", { { COD, 6, 2, "0000" } } },
		{ "has too many layers", { { COD, 6, 2, "0041" } } },
		{ "has too many layers", { { COD, 6, 2, "FFFF" } } },
		{ "has too many resolutions", { { COD, 9, 1, "0D" } } },
		{ "has too many resolutions", { { COD, 9, 1, "C8" } } },
		{ "has code-blocks that are too large", { { COD, 10, 1, "09" } } },
		{ "has code-blocks that are too large", { { COD, 11, 1, "FF" } } },
		{ "has code-blocks that are too large", { { COD, 10, 2, "0405" } } },
		{ "needs more than part 1 of JPEG 2000", { { COD, 12, 1, "40" } } },
		{ "needs more than part 1 of JPEG 2000", { { COD, 13, 1, "02" } } },
		{ "has precincts without size", { { COD, 2, 12, "000F" "0100000100" "0204040001" "FFF0FF" } } },
		{ "has precincts without size", { { COD, 2, 12, "000F" "0100000100" "0204040001" "FFFF0F" } } },
		/* 9 x 12 precincts of 2 x 2 in 64 layers, and a file of 400 bytes */
		{ "claims more packets than it has bytes for",
		  { { COD, 2, 12, "000D" "0100004000" "0004040001" "11" } } },
	};

	(void)state;
	check_edits(&grey, edits, ARRAY_SIZE(edits));
}

/* COC, quantization, and what has no place in a main header. */
static void segments(void **state)
{
	static const struct edit edits[] = {
		{ "has a coding segment that is too short", { { QCD, 0, 0, "FF53" "0003" "00" } } },
		{ "has a coding segment with unknown values",
		  { { QCD, 0, 0, "FF53" "0009" "01" "00" "0104040001" } } },
		{ "has a coding segment with unknown values",
		  { { QCD, 0, 0, "FF53" "0009" "00" "02" "0104040001" } } },
		{ "has a coding segment with unknown values",
		  { { QCD, 0, 0, "FF53" "0009" "00" "00" "0104040001" "FF53" "0009" "00" "00" "0104040001" } } },
		{ "has too many resolutions", { { QCD, 0, 0, "FF53" "0009" "00" "00" "2004040001" } } },
		{ "has a quantization segment of the wrong length", { { QCD, 4, 1, "01" } } },
		{ "has a quantization segment of the wrong length", { { QCD, 4, 1, "02" } } },
		{ "has a quantization segment of the wrong length", { { QCD, 4, 1, "03" } } },
		{ "has a quantization segment that is too short", { { QCD, 0, 0, "FF5C" "0002" } } },
		{ "has a quantization segment for a component that it lacks",
		  { { QCD, 0, 0, "FF5D" "0005" "010000" } } },
		/* POC */
		{ "has a segment that is not used for photos",
		  { { QCD, 0, 0, "FF5F" "0009" "00000001010000" } } },
		/* PPM */
		{ "has a segment that is not used for photos", { { QCD, 0, 0, "FF60" "0003" "00" } } },
		/* RGN */
		{ "has a segment that is not used for photos", { { QCD, 0, 0, "FF5E" "0005" "000007" } } },
		/* CAP */
		{ "has a segment that is not used for photos",
		  { { QCD, 0, 0, "FF50" "0008" "000200000000" } } },
		{ "has a segment that is not used for photos", { { QCD, 0, 0, "0000" } } },
		/* PLT of no tile */
		{ "has a segment that is not used for photos", { { QCD, 0, 0, "FF58" "0003" "00" } } },
		{ "ends in the middle of a header", { { QCD, 2, 2, "0001" } } },
		{ "ends in the middle of a header", { { QCD, 2, 2, "FFFF" } } },
	};

	(void)state;
	check_edits(&grey, edits, ARRAY_SIZE(edits));
}

static void tiles(void **state)
{
	static const struct edit edits[] = {
		{ NULL, { { SOT, 6, 4, "00000000" } } },
		{ NULL, { { SOT, 11, 1, "00" } } },
		{ "has a tile that does not belong there", { { SOT, 2, 2, "000B" } } },
		{ "has a tile that does not belong there", { { SOT, 4, 2, "0001" } } },
		{ "has a tile that does not belong there", { { SOT, 4, 2, "FFFF" } } },
		{ "has a tile that does not belong there", { { SOT, 10, 1, "01" } } },
		{ "ends in the middle of a tile", { { SOT, 6, 4, "0000000D" } } },
		{ "ends in the middle of a tile", { { SOT, 6, 4, "0000FFFF" } } },
		{ "ends in the middle of a tile", { { SOT, 6, 4, "FFFFFFFF" } } },
		{ "does not end where its last tile does", { { SOT, 6, 4, "00000010" } } },
		{ "has a segment that is not used for photos", { { SOD, 0, 2, "FF91" } } },
		{ "has a segment that is not used for photos",
		  { { SOD, 0, 0, "FF52" "000C" "0000000100" "0204040001" } } },
		/* PPT */
		{ "has a segment that is not used for photos", { { SOD, 0, 0, "FF61" "0003" "00" } } },
	};

	(void)state;
	check_edits(&grey, edits, ARRAY_SIZE(edits));
}

static void colour(void **state)
{
	static const struct edit edits[] = {
		{ NULL, { { COD, 8, 1, "00" } } },
		{ "is neither grey nor RGB", { { COLR, 10, 1, "11" } } },
		{ "has components of different sizes", { { SIZ, 44, 2, "0202" } } }, /* as in 4:2:0 */
		{ "has a coding segment with unknown values", { { COD, 8, 1, "02" } } },
		{ "is not of the size that its header has", { { IHDR, 12, 2, "0004" } } },
	};

	(void)state;
	check_edits(&rgb, edits, ARRAY_SIZE(edits));
}

static void accepted(void **state)
{
	struct fuda_buf file = FUDA_BUF_INIT(FILE_MAX);
	const struct jp2 what = { .width = 37, .height = 29, .components = 4, .x = 5, .y = 3, .tile = 16 };
	struct photo photo;
	const char *why;

	(void)state;
	jp2_make(&what, &file);
	assert_int_equal(photo_check(file.data, file.len, &why, &photo), 0);
	assert_int_equal(photo.width, 37);
	assert_int_equal(photo.height, 29);
	assert_int_equal(photo.components, 4);
	assert_ptr_equal(photo.codestream, find(&file, "FF4FFF51"));
	assert_ptr_equal(photo.codestream + photo.codestream_len, file.data + file.len);
	fuda_buf_free(&file);
}

static void truncated(void **state)
{
	struct fuda_buf file = FUDA_BUF_INIT(FILE_MAX);

	(void)state;
	jp2_make(&grey, &file);
	for (size_t n = 0; n < file.len; n++) {
		uint8_t *part = n ? test_malloc(n) : NULL;
		struct photo photo;
		const char *why;

		if (n)
			memcpy(part, file.data, n);
		assert_int_equal(photo_check(part, n, &why, &photo), FUDA_EFORMAT);
		if (n)
			test_free(part);
	}
	fuda_buf_free(&file);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(boxes),
		cmocka_unit_test(headers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(coding),
		cmocka_unit_test(segments),
		cmocka_unit_test(tiles),
		cmocka_unit_test(colour),
		cmocka_unit_test(truncated),
	};

	return RUN(tests);
}
