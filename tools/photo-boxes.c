/* SPDX-License-Identifier: Apache-2.0 */
/* The boxes of a JP2 file, ISO 15444-1 annex I. Only the codestream is used afterwards, so that
 * what is refused here is what would change its meaning. */
#include <stdbool.h>
#include <string.h>
#include <fuda/error.h>

#include "base/cursor.h"
#include "tools/photo.h"

#define BOX(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

enum {
	BOX_SIGNATURE = BOX('j', 'P', ' ', ' '),
	BOX_FILE_TYPE = BOX('f', 't', 'y', 'p'),
	BOX_HEADER = BOX('j', 'p', '2', 'h'),
	BOX_CODESTREAM = BOX('j', 'p', '2', 'c'),
	BOX_IMAGE_HEADER = BOX('i', 'h', 'd', 'r'),
	BOX_DEPTHS = BOX('b', 'p', 'c', 'c'),
	BOX_COLOUR = BOX('c', 'o', 'l', 'r'),
	BOX_PALETTE = BOX('p', 'c', 'l', 'r'),
	BOX_MAPPING = BOX('c', 'm', 'a', 'p'),
	BOX_CHANNELS = BOX('c', 'd', 'e', 'f'),
	BRAND = BOX('j', 'p', '2', ' '),
};

struct boxes {
	const char *why;
	uint32_t width, height, components; /* of the image header; 0 before it */
	unsigned colours, channels;	    /* how many such boxes there were */
};

struct box {
	uint32_t type;
	struct cursor content;
};

static int refuse(struct boxes *b, const char *why)
{
	return photo_refuse(&b->why, why);
}

/* The next box; one of length 0 goes to the end. A file of the card is far too small for lengths of
 * 64 bits, which length 1 announces. */
static int next_box(struct boxes *b, struct cursor *c, struct box *ret)
{
	uint32_t len, type;
	struct cursor content;

	if (cur_uint(c, 4, &len) < 0 || cur_uint(c, 4, &type) < 0)
		return refuse(b, "ends in the middle of a box");
	if (len == 0)
		len = (uint32_t)c->left + 8;
	if (len < 8 || cur_sub(c, len - 8, &content) < 0)
		return refuse(b, "has a box longer than itself");
	*ret = (struct box){ type, content };
	return 0;
}

static unsigned colours_of(uint32_t components)
{
	return components < 3 ? 1 : 3;
}

static int read_image_header(struct boxes *b, struct cursor c)
{
	uint32_t height, width, components;
	uint8_t depth, compression, unknown_colours, rights;

	if (b->components)
		return refuse(b, "has two image headers");
	if (cur_uint(&c, 4, &height) < 0 || cur_uint(&c, 4, &width) < 0 ||
	    cur_uint(&c, 2, &components) < 0 || cur_u8(&c, &depth) < 0 ||
	    cur_u8(&c, &compression) < 0 || cur_u8(&c, &unknown_colours) < 0 ||
	    cur_u8(&c, &rights) < 0 || c.left)
		return refuse(b, "has an image header of the wrong length");
	if (depth != 8 - 1)
		return refuse(b, "does not have 8 bits for each component");
	if (compression != 7 || unknown_colours > 1 || rights > 1)
		return refuse(b, "has an image header with unknown values");
	if (components == 0 || components > PHOTO_COMPONENTS_MAX)
		return refuse(b, "has no components, or too many");
	b->height = height;
	b->width = width;
	b->components = components;
	return 0;
}

/* How the components are to be understood: the first such box counts. */
static int read_colour(struct boxes *b, struct cursor c)
{
	enum { ENUMERATED = 1, PROFILE = 2, SRGB = 16, GREY = 17 };
	uint8_t method, precedence, approximation;
	uint32_t space;

	if (b->colours++)
		return 0;
	if (cur_u8(&c, &method) < 0 || cur_u8(&c, &precedence) < 0 ||
	    cur_u8(&c, &approximation) < 0)
		return refuse(b, "has a colour box that is too short");
	/* a profile says how red is red, which does not matter for recognising a face */
	if (method == PROFILE)
		return 0;
	if (method != ENUMERATED || cur_uint(&c, 4, &space) < 0 || c.left)
		return refuse(b, "describes its colours in an unknown way");
	if (space != (colours_of(b->components) == 1 ? GREY : SRGB))
		return refuse(b, "is neither grey nor RGB");
	return 0;
}

/* Colours in their usual order; what comes after them may be anything, as it is not used. */
static int read_channels(struct boxes *b, struct cursor c)
{
	uint16_t count, channel, type, association;

	if (b->channels++)
		return refuse(b, "defines its channels twice");
	if (cur_u16(&c, &count) < 0 || c.left != (size_t)count * 6)
		return refuse(b, "has a channel box of the wrong length");
	while (cur_u16(&c, &channel) == 0 && cur_u16(&c, &type) == 0 &&
	       cur_u16(&c, &association) == 0) {
		bool colour = channel < colours_of(b->components);

		if (channel >= b->components || colour != (type == 0) ||
		    (colour && association != channel + 1))
			return refuse(b, "has its channels in an unusual order");
	}
	return 0;
}

static int read_palette(struct boxes *b, struct cursor c)
{
	(void)c;
	return refuse(b, "has a palette");
}

static int read_depths(struct boxes *b, struct cursor c)
{
	(void)c;
	return refuse(b, "has components of different depths");
}

static int read_header(struct boxes *b, struct cursor c)
{
	static const struct {
		uint32_t type;
		int (*read)(struct boxes *, struct cursor);
	} known[] = {
		{ BOX_IMAGE_HEADER, read_image_header },
		{ BOX_COLOUR, read_colour },
		{ BOX_CHANNELS, read_channels },
		{ BOX_PALETTE, read_palette },
		{ BOX_MAPPING, read_palette },
		{ BOX_DEPTHS, read_depths },
	};

	if (b->components)
		return refuse(b, "has two headers");
	while (c.left) {
		struct box box;

		if (next_box(b, &c, &box) < 0)
			return FUDA_EFORMAT;
		if (!b->components && box.type != BOX_IMAGE_HEADER)
			return refuse(b, "does not begin its header with that of the image");
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (known[i].type == box.type && known[i].read(b, box.content) < 0)
				return FUDA_EFORMAT;
	}
	if (!b->components || !b->colours)
		return refuse(b, "lacks a part of its header");
	return 0;
}

/* The signature box as a whole, and the file type with its brand among the compatible ones. */
static int read_beginning(struct boxes *b, struct cursor *c)
{
	static const uint8_t signature[] = { 0, 0, 0, 12, 'j', 'P', ' ', ' ', 13, 10, 0x87, 10 };
	uint32_t brand, version;
	const uint8_t *begin;
	struct box box;

	if (cur_take(c, sizeof(signature), &begin) < 0 ||
	    memcmp(begin, signature, sizeof(signature)) != 0)
		return refuse(b, "is not a JP2 file");
	if (next_box(b, c, &box) < 0)
		return FUDA_EFORMAT;
	if (box.type != BOX_FILE_TYPE || cur_uint(&box.content, 4, &brand) < 0 ||
	    cur_uint(&box.content, 4, &version) < 0 || box.content.left % 4)
		return refuse(b, "has no file type");
	while (cur_uint(&box.content, 4, &brand) == 0)
		if (brand == BRAND)
			return 0;
	return refuse(b, "is not of the type JP2");
}

static int read_boxes(struct boxes *b, struct cursor c, struct cursor *ret_stream)
{
	struct cursor stream = cur_of(NULL, 0);

	if (read_beginning(b, &c) < 0)
		return FUDA_EFORMAT;
	while (c.left) {
		struct box box;

		if (next_box(b, &c, &box) < 0)
			return FUDA_EFORMAT;
		if (box.type == BOX_HEADER && read_header(b, box.content) < 0)
			return FUDA_EFORMAT;
		if (box.type != BOX_CODESTREAM)
			continue;
		if (!b->components || stream.p)
			return refuse(b, stream.p ? "has two codestreams" :
						    "has a codestream before its header");
		stream = box.content;
	}
	if (!stream.p)
		return refuse(b, "has no codestream");
	*ret_stream = stream;
	return 0;
}

int photo_check(const uint8_t *jp2, size_t len, const char **ret_why, struct photo *ret)
{
	struct boxes b = { 0 };
	struct cursor stream;
	struct photo photo;

	if (read_boxes(&b, cur_of(jp2, len), &stream) < 0)
		return photo_refuse(ret_why, b.why);
	if (photo_check_stream(stream.p, stream.left, ret_why, &photo) < 0)
		return FUDA_EFORMAT;
	if (photo.width != b.width || photo.height != b.height || photo.components != b.components)
		return photo_refuse(ret_why, "is not of the size that its header has");
	*ret = photo;
	return 0;
}

int photo_refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return FUDA_EFORMAT;
}
