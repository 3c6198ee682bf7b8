/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard/pictures.h"

#include <openjpeg.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include "vcard/internal.h"
#include "vcard/person.h"

enum { BLACK, WHITE };

/* ---- line art ---- */

/* One byte a pixel. */
struct canvas {
	size_t width, height;
	uint8_t *pixels;
};

struct rectangle {
	uint8_t x, y, width, height;
};

static bool canvas_new(struct canvas *c, size_t width, size_t height)
{
	*c = (struct canvas){ width, height, malloc(width * height) };
	if (c->pixels)
		memset(c->pixels, WHITE, width * height);
	return c->pixels;
}

static void fill(struct canvas *c, size_t x, size_t y, struct rectangle r, uint8_t colour)
{
	for (size_t row = y + r.y; row < y + r.y + r.height; row++)
		memset(c->pixels + row * c->width + x + r.x, colour, r.width);
}

static void append_png(png_structp png, png_bytep bytes, size_t len)
{
	if (fuda_buf_append(png_get_io_ptr(png), bytes, len) < 0)
		png_error(png, "no room");
}

static void flush_png(_unused_ png_structp png)
{
}

static void be_silent(_unused_ png_structp png, _unused_ png_const_charp text)
{
}

/* What is left of libpng's objects when it jumps out is freed by the caller. */
static int write_png(png_structp png, png_infop info, const struct canvas *c)
{
	if (setjmp(png_jmpbuf(png)))
		return FUDA_EFAILED;
	png_set_IHDR(png, info, (png_uint_32)c->width, (png_uint_32)c->height, 1,
		     PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		     PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	png_set_packing(png);
	for (size_t y = 0; y < c->height; y++)
		png_write_row(png, c->pixels + y * c->width);
	png_write_end(png, info);
	return 0;
}

/* Takes the canvas. */
static int to_png(struct canvas *c, struct fuda_buf *ret_png)
{
	_cleanup_buf_ struct fuda_buf out = FUDA_BUF_INIT(EF_MAX);
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, be_silent);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	int r = FUDA_EFAILED;

	if (info) {
		png_set_write_fn(png, &out, append_png, flush_png);
		r = write_png(png, info, c);
	}
	png_destroy_write_struct(&png, &info);
	free(c->pixels);
	return r < 0 ? r : fuda_buf_append(ret_png, out.data, out.len);
}

/* Seven segments, as on a calculator: top, right, bottom, left, middle. */
#define DIGIT_WIDTH  6
#define DIGIT_HEIGHT 12
static const struct rectangle segments[] = {
	{ 1, 1, 4, 1 }, { 4, 1, 1, 5 }, { 4, 5, 1, 6 }, { 1, 10, 4, 1 },
	{ 1, 5, 1, 6 }, { 1, 1, 1, 5 }, { 1, 5, 4, 1 },
};
static const uint8_t digit_segments[] = {
	0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x27, 0x7F, 0x6F
};

int picture_digits(const char *digits, struct fuda_buf *ret_png)
{
	size_t count = strlen(digits);
	struct canvas c;

	if (!canvas_new(&c, count * DIGIT_WIDTH, DIGIT_HEIGHT))
		return FUDA_ENOMEM;
	for (size_t i = 0; i < count; i++)
		for (size_t s = 0; s < ARRAY_SIZE(segments); s++)
			if (digit_segments[digits[i] - '0'] >> s & 1)
				fill(&c, i * DIGIT_WIDTH, 0, segments[s], BLACK);
	return to_png(&c, ret_png);
}

#define CELL    16
#define CP_BITS 24
#define CP_COLS 6

static void draw_cell(struct canvas *c, size_t x, size_t y, uint32_t code_point)
{
	fill(c, x, y, (struct rectangle){ 1, 1, 14, 14 }, BLACK);
	fill(c, x, y, (struct rectangle){ 2, 2, 12, 12 }, WHITE);
	for (unsigned bit = 0; bit < CP_BITS; bit++) {
		struct rectangle dot = { (uint8_t)(2 + bit % CP_COLS * 2),
					 (uint8_t)(2 + bit / CP_COLS * 3), 2, 3 };

		if (code_point >> (CP_BITS - 1 - bit) & 1)
			fill(c, x, y, dot, BLACK);
	}
}

int picture_text(const char *text, size_t columns, struct fuda_buf *ret_png)
{
	size_t count = 0, lines;
	struct canvas c;

	for (const char *p = text; person_next_character(&p);)
		count++;
	lines = MAX((count + columns - 1) / columns, 1);
	if (!canvas_new(&c, columns * CELL, lines * CELL))
		return FUDA_ENOMEM;
	for (size_t i = 0; i < count; i++)
		draw_cell(&c, i % columns * CELL, i / columns * CELL, person_next_character(&text));
	return to_png(&c, ret_png);
}

/* ISO/IEC 18004 5.3.8: four modules of margin. */
#define MODULE 6
#define MARGIN 4

int picture_modules(const uint8_t *modules, size_t size, struct fuda_buf *ret_png)
{
	const size_t side = (size + 2 * MARGIN) * MODULE;
	struct canvas c;

	if (!canvas_new(&c, side, side))
		return FUDA_ENOMEM;
	for (size_t i = 0; i < size * size; i++)
		if (modules[i] & 1)
			fill(&c, (MARGIN + i % size) * MODULE, (MARGIN + i / size) * MODULE,
			     (struct rectangle){ 0, 0, MODULE, MODULE }, BLACK);
	return to_png(&c, ret_png);
}

/* ---- the photo ---- */

#define PHOTO_WIDTH  240
#define PHOTO_HEIGHT 300
#define SPARE_BOX    8 /* bytes of an empty box */
#define SIZE_TRIES   12

/* Whether a point is in an ellipse, and how far from its middle: 0 to 255, 256 outside. */
static int inside(int x, int y, int cx, int cy, int rx, int ry)
{
	int64_t dx = (int64_t)(x - cx) * 1024 / rx, dy = (int64_t)(y - cy) * 1024 / ry;
	int64_t distance = (dx * dx + dy * dy) / 4096;

	return distance < 256 ? (int)distance : 256;
}

/* Parts of the drawing, later ones over earlier ones: lighter in the middle than at the rim. */
static const struct part {
	int cx, cy, rx, ry, light, fall;
} parts[] = {
	{ 120, 330, 112, 96, 70, 40 },                               /* shoulders */
	{ 120, 236, 30, 46, 165, 50 },                               /* neck */
	{ 120, 122, 76, 92, 45, 25 },                                /* hair */
	{ 120, 146, 60, 82, 205, 70 },                               /* face */
	{ 97, 140, 9, 5, 50, 0 },                                    /* eyes */
	{ 143, 140, 9, 5, 50, 0 },     { 120, 168, 6, 10, 160, 10 }, /* nose */
	{ 120, 194, 20, 4, 110, 20 },                                /* mouth */
};

/* Grain that is the same every time: a mix of the coordinates, -8 to 7. */
static int grain(int x, int y)
{
	uint32_t h = (uint32_t)x * 374761393U + (uint32_t)y * 668265263U;

	h = (h ^ h >> 13) * 1274126177U;
	return (int)(h >> 28) - 8;
}

static int shade(int x, int y)
{
	int light = 190 + y * 40 / PHOTO_HEIGHT;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct part *p = &parts[i];
		int distance = inside(x, y, p->cx, p->cy, p->rx, p->ry);

		if (distance < 256)
			light = p->light - p->fall * distance / 256;
	}
	light += grain(x, y);
	return MAX(0, MIN(light, 255));
}

static opj_image_t *draw(void)
{
	opj_image_cmptparm_t grey = {
		.dx = 1,
		.dy = 1,
		.w = PHOTO_WIDTH,
		.h = PHOTO_HEIGHT,
		.prec = 8,
	};
	opj_image_t *image = opj_image_create(1, &grey, OPJ_CLRSPC_GRAY);

	if (!image)
		return NULL;
	image->x1 = PHOTO_WIDTH;
	image->y1 = PHOTO_HEIGHT;
	for (int y = 0; y < PHOTO_HEIGHT; y++)
		for (int x = 0; x < PHOTO_WIDTH; x++)
			image->comps[0].data[y * PHOTO_WIDTH + x] = shade(x, y);
	return image;
}

/* What openjpeg writes to: it skips what it does not know yet, and comes back. */
struct sink {
	uint8_t bytes[4 * PHOTO_WIDTH * PHOTO_HEIGHT];
	size_t len, at;
};

static OPJ_SIZE_T sink_write(void *bytes, OPJ_SIZE_T len, void *arg)
{
	struct sink *s = arg;

	if (len > sizeof(s->bytes) - s->at)
		return (OPJ_SIZE_T)-1;
	memcpy(s->bytes + s->at, bytes, len);
	s->at += len;
	s->len = MAX(s->len, s->at);
	return len;
}

static OPJ_BOOL sink_seek(OPJ_OFF_T to, void *arg)
{
	struct sink *s = arg;

	if (to < 0 || (size_t)to > sizeof(s->bytes))
		return OPJ_FALSE;
	s->at = (size_t)to;
	return OPJ_TRUE;
}

static OPJ_OFF_T sink_skip(OPJ_OFF_T by, void *arg)
{
	struct sink *s = arg;

	return sink_seek((OPJ_OFF_T)s->at + by, arg) ? by : -1;
}

static bool compress(opj_codec_t *codec, opj_stream_t *stream, size_t size, struct sink *s)
{
	opj_image_t *image = draw();
	opj_cparameters_t p;
	bool ok;

	opj_set_default_encoder_parameters(&p);
	p.tcp_numlayers = 1;
	p.tcp_rates[0] = (float)(PHOTO_WIDTH * PHOTO_HEIGHT) / (float)size;
	p.cp_disto_alloc = 1;
	opj_stream_set_user_data(stream, s, NULL);
	opj_stream_set_write_function(stream, sink_write);
	opj_stream_set_seek_function(stream, sink_seek);
	opj_stream_set_skip_function(stream, sink_skip);
	ok = image && opj_setup_encoder(codec, &p, image) &&
	     opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
	     opj_end_compress(codec, stream);
	opj_image_destroy(image);
	return ok;
}

/* A JP2 file of about `size` bytes. */
static int encode(size_t size, struct sink *s)
{
	opj_codec_t *codec = opj_create_compress(OPJ_CODEC_JP2);
	opj_stream_t *stream = opj_stream_default_create(OPJ_FALSE);
	bool ok;

	s->len = s->at = 0;
	ok = codec && stream && compress(codec, stream, size, s);
	if (stream)
		opj_stream_destroy(stream);
	if (codec)
		opj_destroy_codec(codec);
	return ok ? 0 : FUDA_EFAILED;
}

/* Makes the file `size` bytes long by a box at its end that readers have to ignore: ISO/IEC
 * 15444-1 I.8. */
static int append_spare(size_t size, struct fuda_buf *b)
{
	uint8_t head[SPARE_BOX] = { 0, 0, (uint8_t)(size >> 8), (uint8_t)size, 'f', 'r', 'e', 'e' };
	int r = size ? fuda_buf_append(b, head, sizeof(head)) : 0;

	for (size_t i = SPARE_BOX; r == 0 && i < size; i++)
		r = fuda_buf_append(b, "", 1);
	return r;
}

int picture_photo(size_t size, struct fuda_buf *ret_jp2)
{
	struct sink *s = malloc(sizeof(*s));
	size_t aim = size - SPARE_BOX;
	int r = s ? FUDA_EFAILED : FUDA_ENOMEM;

	for (int i = 0; s && i < SIZE_TRIES; i++, aim -= aim / 16) {
		r = encode(aim, s);
		if (r < 0 || s->len == size || s->len + SPARE_BOX <= size)
			break;
		r = FUDA_EFAILED;
	}
	if (r == 0)
		r = fuda_buf_append(ret_jp2, s->bytes, s->len);
	if (r == 0)
		r = append_spare(size - s->len, ret_jp2);
	free(s);
	return r;
}

bool picture_is_jp2(const struct fuda_buf *bytes)
{
	static const uint8_t signature[] = {
		0, 0, 0, 12, 'j', 'P', ' ', ' ', '\r', '\n', 0x87, '\n'
	};

	return bytes->len > sizeof(signature) &&
	       memcmp(bytes->data, signature, sizeof(signature)) == 0;
}
