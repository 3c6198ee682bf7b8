/* SPDX-License-Identifier: Apache-2.0 */
/* The codestream of JPEG 2000, ISO 15444-1 annex A: its marker segments, and how much a decoder
 * will have to do for it. */
#include <stdbool.h>
#include <string.h>
#include <fuda/error.h>

#include "base/cursor.h"
#include "tools/photo.h"

enum {
	SOC = 0xFF4F, /* start of codestream */
	SIZ = 0xFF51, /* image and tile size */
	COD = 0xFF52, /* coding style default */
	COC = 0xFF53, /* coding style component */
	TLM = 0xFF55, /* tile-part lengths */
	PLM = 0xFF57, /* packet lengths, main header */
	PLT = 0xFF58, /* packet lengths, tile-part header */
	QCD = 0xFF5C, /* quantization default */
	QCC = 0xFF5D, /* quantization component */
	CRG = 0xFF63, /* component registration */
	COM = 0xFF64, /* comment */
	SOT = 0xFF90, /* start of tile-part */
	SOD = 0xFF93, /* start of data */
	EOC = 0xFFD9, /* end of codestream */

	TILES_MAX = 64,
	TILE_SIDE_MAX = 65535,
	LAYERS_MAX = 64,
	LEVELS_MAX = 12, /* halves PHOTO_SIDE_MAX to 1 */
	BANDS_MAX = 3 * 32 + 1,
};

struct span {
	uint32_t from, to;
};

struct coding {
	unsigned levels;
	uint8_t precincts[LEVELS_MAX + 1]; /* exponents of height and width, for each resolution */
};

struct stream {
	const char *why;
	struct photo photo;
	struct span x, y;		       /* the image on the reference grid */
	uint32_t tile_x, tile_y, tile_w, tile_h; /* the first tile, which may begin before it */
	uint32_t across, down;		       /* how many tiles */
	uint8_t parts[TILES_MAX];	       /* how many parts of each tile there were */
	unsigned layers;		       /* 0 before COD */
	bool quantized;			       /* after QCD */
	size_t data_len;		       /* bytes of packets in all tiles */
	struct coding coding;
	const struct coding *coding_of[PHOTO_COMPONENTS_MAX]; /* NULL before COC */
	struct coding own[PHOTO_COMPONENTS_MAX];
};

static int refuse(struct stream *s, const char *why)
{
	return photo_refuse(&s->why, why);
}

static uint32_t divide_up(uint32_t a, uint32_t b)
{
	return (uint32_t)(((uint64_t)a + b - 1) / b);
}

/* ---- marker segments ---- */

/* Image, tiles and their first corners: A.5.1. */
static int read_grid(struct stream *s, struct cursor *c)
{
	if (cur_uint(c, 4, &s->x.to) < 0 || cur_uint(c, 4, &s->y.to) < 0 ||
	    cur_uint(c, 4, &s->x.from) < 0 || cur_uint(c, 4, &s->y.from) < 0 ||
	    cur_uint(c, 4, &s->tile_w) < 0 || cur_uint(c, 4, &s->tile_h) < 0 ||
	    cur_uint(c, 4, &s->tile_x) < 0 || cur_uint(c, 4, &s->tile_y) < 0)
		return refuse(s, "has a size segment that is too short");
	if (s->x.to > PHOTO_SIDE_MAX || s->y.to > PHOTO_SIDE_MAX)
		return refuse(s, "is too large");
	if (s->x.from >= s->x.to || s->y.from >= s->y.to)
		return refuse(s, "is empty");
	s->photo.width = s->x.to - s->x.from;
	s->photo.height = s->y.to - s->y.from;
	if (s->photo.width * s->photo.height > PHOTO_PIXELS_MAX)
		return refuse(s, "is too large");
	if (s->tile_w == 0 || s->tile_w > TILE_SIDE_MAX || s->tile_h == 0 ||
	    s->tile_h > TILE_SIDE_MAX || s->tile_x > s->x.from || s->tile_y > s->y.from ||
	    s->tile_x + s->tile_w <= s->x.from || s->tile_y + s->tile_h <= s->y.from)
		return refuse(s, "has tiles that do not fit it");
	s->across = divide_up(s->x.to - s->tile_x, s->tile_w);
	s->down = divide_up(s->y.to - s->tile_y, s->tile_h);
	if (s->across * s->down > TILES_MAX)
		return refuse(s, "has too many tiles");
	return 0;
}

static int read_size(struct stream *s, struct cursor c)
{
	uint16_t profile, components;

	if (cur_u16(&c, &profile) < 0)
		return refuse(s, "has a size segment that is too short");
	if (profile > 2)
		return refuse(s, "needs more than part 1 of JPEG 2000");
	if (read_grid(s, &c) < 0)
		return FUDA_EFORMAT;
	if (cur_u16(&c, &components) < 0 || components == 0 || components > PHOTO_COMPONENTS_MAX ||
	    c.left != 3 * (size_t)components)
		return refuse(s, "has no components, or too many");
	s->photo.components = components;
	while (c.left) {
		uint8_t depth, dx, dy;

		if (cur_u8(&c, &depth) < 0 || cur_u8(&c, &dx) < 0 || cur_u8(&c, &dy) < 0 ||
		    depth != 8 - 1)
			return refuse(s, "does not have 8 bits for each component");
		if (dx != 1 || dy != 1)
			return refuse(s, "has components of different sizes");
	}
	return 0;
}

/* The part that COD and COC share: table A.20. */
static int read_style(struct stream *s, struct cursor *c, bool precincts, struct coding *ret)
{
	uint8_t levels, width, height, style, transformation;

	if (cur_u8(c, &levels) < 0 || cur_u8(c, &width) < 0 || cur_u8(c, &height) < 0 ||
	    cur_u8(c, &style) < 0 || cur_u8(c, &transformation) < 0)
		return refuse(s, "has a coding segment that is too short");
	if (levels > LEVELS_MAX)
		return refuse(s, "has too many resolutions");
	/* exponents less 2: a block has 4 to 1024 samples a side, and 4096 at most */
	if (width > 8 || height > 8 || width + height > 8)
		return refuse(s, "has code-blocks that are too large");
	if (style > 0x3F || transformation > 1)
		return refuse(s, "needs more than part 1 of JPEG 2000");
	ret->levels = levels;
	for (unsigned r = 0; r <= levels; r++) {
		ret->precincts[r] = 0xFF;
		if (precincts && cur_u8(c, &ret->precincts[r]) < 0)
			return refuse(s, "has a coding segment that is too short");
		/* only the lowest resolution is not put together from bands of half its size */
		if (r > 0 && (ret->precincts[r] >> 4 == 0 || (ret->precincts[r] & 15) == 0))
			return refuse(s, "has precincts without size");
	}
	return c->left ? refuse(s, "has a coding segment that is too long") : 0;
}

static int read_cod(struct stream *s, struct cursor c)
{
	uint8_t style, progression, mixed;
	uint16_t layers;

	if (s->layers)
		return refuse(s, "has two coding segments");
	if (cur_u8(&c, &style) < 0 || cur_u8(&c, &progression) < 0 || cur_u16(&c, &layers) < 0 ||
	    cur_u8(&c, &mixed) < 0)
		return refuse(s, "has a coding segment that is too short");
	if (style > 7 || progression > 4 || mixed > 1 || (mixed && s->photo.components < 3))
		return refuse(s, "has a coding segment with unknown values");
	if (layers == 0 || layers > LAYERS_MAX)
		return refuse(s, "has too many layers");
	s->layers = layers;
	return read_style(s, &c, style & 1, &s->coding);
}

static int read_coc(struct stream *s, struct cursor c)
{
	uint8_t component, style;

	if (cur_u8(&c, &component) < 0 || cur_u8(&c, &style) < 0)
		return refuse(s, "has a coding segment that is too short");
	if (component >= s->photo.components || s->coding_of[component] || style > 1)
		return refuse(s, "has a coding segment with unknown values");
	s->coding_of[component] = &s->own[component];
	return read_style(s, &c, style, &s->own[component]);
}

/* None, derived, or a value for each band: table A.28. */
static int read_quantization(struct stream *s, struct cursor c)
{
	enum { NONE, DERIVED, EXPOUNDED };
	uint8_t style;

	if (cur_u8(&c, &style) < 0)
		return refuse(s, "has a quantization segment that is too short");
	switch (style & 0x1F) {
	case NONE:
		if (c.left >= 1 && c.left <= BANDS_MAX)
			return 0;
		break;
	case DERIVED:
		if (c.left == 2)
			return 0;
		break;
	case EXPOUNDED:
		if (c.left >= 2 && c.left <= 2 * BANDS_MAX && c.left % 2 == 0)
			return 0;
		break;
	}
	return refuse(s, "has a quantization segment of the wrong length");
}

static int read_qcd(struct stream *s, struct cursor c)
{
	s->quantized = true;
	return read_quantization(s, c);
}

static int read_qcc(struct stream *s, struct cursor c)
{
	uint8_t component;

	if (cur_u8(&c, &component) < 0 || component >= s->photo.components)
		return refuse(s, "has a quantization segment for a component that it lacks");
	return read_quantization(s, c);
}

static int pass(struct stream *s, struct cursor c)
{
	(void)s;
	(void)c;
	return 0;
}

enum place { MAIN = 1, TILE = 2 };

/* Reads the segments of a header up to the marker that ends it. What is not in the table (packed
 * headers, changes of progression, regions of interest, coding that differs from tile to tile) is
 * not in a photo of 20 kB, but in pictures made to find mistakes. */
static int read_segments(struct stream *s, struct cursor *c, enum place place, uint16_t end)
{
	static const struct {
		uint16_t marker;
		unsigned places;
		int (*read)(struct stream *, struct cursor);
	} segments[] = {
		{ COD, MAIN, read_cod },	{ COC, MAIN, read_coc },
		{ QCD, MAIN | TILE, read_qcd }, { QCC, MAIN | TILE, read_qcc },
		{ COM, MAIN | TILE, pass },	{ CRG, MAIN, pass },
		{ TLM, MAIN, pass },		{ PLM, MAIN, pass },
		{ PLT, TILE, pass },
	};
	const size_t count = sizeof(segments) / sizeof(segments[0]);
	uint16_t marker, len;

	for (;;) {
		struct cursor segment;
		size_t i = 0;

		if (cur_u16(c, &marker) < 0)
			return refuse(s, "ends in the middle of a header");
		if (marker == end)
			return 0;
		while (i < count && !(segments[i].marker == marker && segments[i].places & place))
			i++;
		if (i == count)
			return refuse(s, "has a segment that is not used for photos");
		if (cur_u16(c, &len) < 0 || len < 2 || cur_sub(c, len - 2u, &segment) < 0)
			return refuse(s, "ends in the middle of a header");
		if (segments[i].read(s, segment) < 0)
			return FUDA_EFORMAT;
	}
}

/* ---- what it takes to decode it ---- */

/* The precincts of a resolution along one side: B.6. */
static uint64_t precincts(struct span tile, unsigned halvings, unsigned exponent)
{
	uint32_t from = divide_up(tile.from, 1u << halvings);
	uint32_t to = divide_up(tile.to, 1u << halvings);

	return from < to ? divide_up(to, 1u << exponent) - (from >> exponent) : 0;
}

static struct span cut(struct span image, uint32_t first, uint32_t size, uint32_t i)
{
	uint64_t from = first + (uint64_t)i * size, to = from + size;

	return (struct span){ from > image.from ? (uint32_t)from : image.from,
			      to < image.to ? (uint32_t)to : image.to };
}

/* Packets of a tile in one layer. */
static uint64_t packets(const struct stream *s, struct span x, struct span y)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->photo.components; i++) {
		const struct coding *coding = s->coding_of[i] ? s->coding_of[i] : &s->coding;

		for (unsigned r = 0; r <= coding->levels; r++)
			sum += precincts(x, coding->levels - r, coding->precincts[r] & 15) *
			       precincts(y, coding->levels - r, coding->precincts[r] >> 4);
	}
	return sum;
}

/* Every packet has a header of at least a byte (B.10), so that their number has a limit that no
 * genuine picture exceeds, and no small file can ask for much work. */
static int check_packets(struct stream *s)
{
	uint64_t sum = 0;

	for (uint32_t j = 0; j < s->down; j++)
		for (uint32_t i = 0; i < s->across; i++)
			sum += packets(s, cut(s->x, s->tile_x, s->tile_w, i),
				       cut(s->y, s->tile_y, s->tile_h, j));
	if (sum * s->layers > s->data_len)
		return refuse(s, "claims more packets than it has bytes for");
	return 0;
}

/* ---- the whole ---- */

/* A tile-part after its marker, A.4.2: parts of a tile are in order. */
static int read_tile_part(struct stream *s, struct cursor *c)
{
	enum { BEFORE_HEADER = 12, SMALLEST = BEFORE_HEADER + 2, END = 2 };
	uint16_t len, tile;
	uint32_t size;
	uint8_t part, parts;
	struct cursor body;

	if (cur_u16(c, &len) < 0 || cur_u16(c, &tile) < 0 || cur_uint(c, 4, &size) < 0 ||
	    cur_u8(c, &part) < 0 || cur_u8(c, &parts) < 0)
		return refuse(s, "ends in the middle of a tile");
	if (len != BEFORE_HEADER - 2 || tile >= s->across * s->down || part != s->parts[tile] ||
	    part == UINT8_MAX || (parts && part >= parts))
		return refuse(s, "has a tile that does not belong there");
	s->parts[tile]++;
	if (size == 0) /* the last one may leave it open */
		size = c->left < END ? 0 : (uint32_t)c->left - END + BEFORE_HEADER;
	if (size < SMALLEST || cur_sub(c, size - BEFORE_HEADER, &body) < 0)
		return refuse(s, "ends in the middle of a tile");
	if (read_segments(s, &body, TILE, SOD) < 0)
		return FUDA_EFORMAT;
	s->data_len += body.left;
	return 0;
}

static int read_tiles(struct stream *s, struct cursor *c)
{
	uint16_t marker;

	do {
		if (read_tile_part(s, c) < 0)
			return FUDA_EFORMAT;
		if (cur_u16(c, &marker) < 0)
			return refuse(s, "ends in the middle of a tile");
	} while (marker == SOT);
	if (marker != EOC || c->left)
		return refuse(s, "does not end where its last tile does");
	for (uint32_t i = 0; i < s->across * s->down; i++)
		if (s->parts[i] == 0)
			return refuse(s, "lacks a tile");
	return 0;
}

static int read_stream(struct stream *s, struct cursor c)
{
	uint16_t soc, siz, len;
	struct cursor segment;

	if (cur_u16(&c, &soc) < 0 || cur_u16(&c, &siz) < 0 || soc != SOC || siz != SIZ ||
	    cur_u16(&c, &len) < 0 || len < 2 || cur_sub(&c, len - 2u, &segment) < 0)
		return refuse(s, "has a codestream that does not begin as one");
	if (read_size(s, segment) < 0 || read_segments(s, &c, MAIN, SOT) < 0)
		return FUDA_EFORMAT;
	if (!s->layers || !s->quantized)
		return refuse(s, "lacks a part of its main header");
	if (read_tiles(s, &c) < 0)
		return FUDA_EFORMAT;
	return check_packets(s);
}

int photo_check_stream(const uint8_t *bytes, size_t len, const char **ret_why, struct photo *ret)
{
	struct stream s = { .photo = { .codestream = bytes, .codestream_len = len } };

	if (read_stream(&s, cur_of(bytes, len)) < 0)
		return photo_refuse(ret_why, s.why);
	*ret = s.photo;
	return 0;
}
