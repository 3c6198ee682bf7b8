/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/jp2.h"

#include <openjpeg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct output {
	uint8_t bytes[1 << 20];
	size_t len, at;
};

static void die(const char *what)
{
	fprintf(stderr, "jp2: %s\n", what);
	exit(1);
}

static void say(const char *message, void *arg)
{
	(void)arg;
	fprintf(stderr, "jp2: %s", message);
}

static OPJ_BOOL output_seek(OPJ_OFF_T to, void *arg)
{
	struct output *out = arg;

	if (to < 0 || (size_t)to > sizeof(out->bytes))
		return OPJ_FALSE;
	out->at = (size_t)to;
	return OPJ_TRUE;
}

static OPJ_OFF_T output_skip(OPJ_OFF_T by, void *arg)
{
	return output_seek((OPJ_OFF_T)((struct output *)arg)->at + by, arg) ? by : -1;
}

static OPJ_SIZE_T output_write(void *from, OPJ_SIZE_T len, void *arg)
{
	struct output *out = arg;

	if (len > sizeof(out->bytes) - out->at)
		return (OPJ_SIZE_T)-1;
	memcpy(out->bytes + out->at, from, len);
	out->at += len;
	if (out->len < out->at)
		out->len = out->at;
	return len;
}

uint8_t jp2_sample(const struct jp2 *what, unsigned x, unsigned y, unsigned component)
{
	if (what->flat)
		return (uint8_t)(40 * component + 50);
	return (uint8_t)(3 * x + 5 * y + 60 * component + (x * y / 7) % 11);
}

static opj_image_t *image_of(const struct jp2 *what)
{
	opj_image_cmptparm_t parts[4];
	opj_image_t *image;

	for (unsigned i = 0; i < 4; i++)
		parts[i] = (opj_image_cmptparm_t){ .dx = 1,
						   .dy = 1,
						   .w = what->width,
						   .h = what->height,
						   .prec = what->depth ? what->depth : 8,
						   .sgnd = what->is_signed };
	image = opj_image_create(what->components, parts, what->components < 3 ? OPJ_CLRSPC_GRAY : OPJ_CLRSPC_SRGB);
	if (!image)
		die("no memory");
	image->x0 = what->x;
	image->y0 = what->y;
	image->x1 = what->x + what->width;
	image->y1 = what->y + what->height;
	for (unsigned i = 0; i < what->components; i++)
		for (unsigned y = 0; y < what->height; y++)
			for (unsigned x = 0; x < what->width; x++)
				image->comps[i].data[y * what->width + x] =
					jp2_sample(what, x, y, i) - (what->is_signed ? 128 : 0);
	if (what->components == 2 || what->components == 4)
		image->comps[what->components - 1].alpha = 1;
	return image;
}

static void set(const struct jp2 *what, opj_cparameters_t *p)
{
	unsigned side = what->width < what->height ? what->width : what->height;

	if (what->tile && what->tile < side)
		side = what->tile;
	opj_set_default_encoder_parameters(p);
	p->tcp_numlayers = what->layers ? (int)what->layers : 1;
	for (int i = 0; i < p->tcp_numlayers; i++)
		p->tcp_rates[i] = (float)(p->tcp_numlayers - 1 - i) * 4;
	p->cp_disto_alloc = 1;
	if (what->lossy) {
		p->irreversible = 1;
		p->tcp_rates[p->tcp_numlayers - 1] = 10;
	}
	if (what->resolutions)
		p->numresolution = (int)what->resolutions;
	while (p->numresolution > 1 && side >> (p->numresolution - 1) == 0)
		p->numresolution--;
	p->prog_order = (OPJ_PROG_ORDER)what->progression;
	p->tcp_mct = what->components >= 3;
	if (what->tile) {
		p->tile_size_on = OPJ_TRUE;
		p->cp_tdx = p->cp_tdy = (int)what->tile;
	}
	if (what->precinct) {
		p->csty = 1;
		p->res_spec = 1;
		p->prcw_init[0] = p->prch_init[0] = (int)what->precinct;
	}
}

void jp2_make(const struct jp2 *what, struct fuda_buf *ret_file)
{
	static struct output out;
	opj_cparameters_t parameters;
	opj_image_t *image = image_of(what);
	opj_codec_t *codec = opj_create_compress(OPJ_CODEC_JP2);
	opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_FALSE);

	out.len = out.at = 0;
	set(what, &parameters);
	if (!codec || !stream)
		die("no memory");
	opj_set_error_handler(codec, say, NULL);
	opj_stream_set_user_data(stream, &out, NULL);
	opj_stream_set_write_function(stream, output_write);
	opj_stream_set_seek_function(stream, output_seek);
	opj_stream_set_skip_function(stream, output_skip);
	if (!opj_setup_encoder(codec, &parameters, image) || !opj_start_compress(codec, image, stream) ||
	    !opj_encode(codec, stream) || !opj_end_compress(codec, stream))
		die("openjpeg cannot make the picture");
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	opj_image_destroy(image);
	if (fuda_buf_set(ret_file, out.bytes, out.len) < 0)
		die("the picture is larger than wanted");
}
