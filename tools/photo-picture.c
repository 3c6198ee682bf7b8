/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG 2000 to PNG, in memory. */
#include <openjpeg.h>
#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fuda/error.h>

#include "tools/photo.h"

/* ---- the codestream as a stream of openjpeg ---- */

struct input {
	const uint8_t *bytes;
	size_t len, at;
};

#define FAILED ((OPJ_SIZE_T)-1)

static OPJ_SIZE_T input_read(void *to, OPJ_SIZE_T len, void *arg)
{
	struct input *in = arg;
	size_t left = in->len - in->at;

	if (left == 0)
		return FAILED;
	if (len > left)
		len = left;
	memcpy(to, in->bytes + in->at, len);
	in->at += len;
	return len;
}

static OPJ_BOOL input_seek(OPJ_OFF_T to, void *arg)
{
	struct input *in = arg;

	if (to < 0 || (uint64_t)to > in->len)
		return OPJ_FALSE;
	in->at = (size_t)to;
	return OPJ_TRUE;
}

static OPJ_OFF_T input_skip(OPJ_OFF_T by, void *arg)
{
	struct input *in = arg;

	if (by < 0 || (uint64_t)by > in->len - in->at)
		return -1;
	in->at += (size_t)by;
	return by;
}

static opj_stream_t *stream_of(struct input *in)
{
	opj_stream_t *stream = opj_stream_create(in->len, OPJ_TRUE);

	if (!stream)
		return NULL;
	opj_stream_set_user_data(stream, in, NULL);
	opj_stream_set_user_data_length(stream, in->len);
	opj_stream_set_read_function(stream, input_read);
	opj_stream_set_seek_function(stream, input_seek);
	opj_stream_set_skip_function(stream, input_skip);
	return stream;
}

/* ---- decoding ---- */

/* The first error is the cause; the others follow from it. */
static void remember(const char *message, void *arg)
{
	char *why = arg;

	if (!*why)
		snprintf(why, PHOTO_WHY_SIZE, "cannot be decoded: %.*s",
			 (int)strcspn(message, "\n"), message);
}

static void ignore(const char *message, void *arg)
{
	(void)message;
	(void)arg;
}

/* NULL, and `why` if there is something to say. The caller frees the image. */
static opj_image_t *decode(const struct photo *photo, char why[PHOTO_WHY_SIZE])
{
	struct input in = { photo->codestream, photo->codestream_len, 0 };
	opj_stream_t *stream = stream_of(&in);
	opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
	opj_image_t *image = NULL;
	opj_dparameters_t parameters;
	bool ok = false;

	opj_set_default_decoder_parameters(&parameters);
	if (stream && codec) {
		opj_set_info_handler(codec, ignore, NULL);
		opj_set_warning_handler(codec, ignore, NULL);
		opj_set_error_handler(codec, remember, why);
		ok = opj_setup_decoder(codec, &parameters) &&
		     opj_decoder_set_strict_mode(codec, OPJ_TRUE) &&
		     opj_read_header(stream, codec, &image) && opj_decode(codec, stream, image) &&
		     opj_end_decompress(codec, stream);
	}
	opj_destroy_codec(codec);
	opj_stream_destroy(stream);
	if (!ok) {
		opj_image_destroy(image);
		return NULL;
	}
	return image;
}

static bool as_checked(const struct photo *photo, const opj_image_t *image)
{
	if (image->numcomps != photo->components)
		return false;
	for (OPJ_UINT32 i = 0; i < image->numcomps; i++) {
		const opj_image_comp_t *c = &image->comps[i];

		if (!c->data || c->w != photo->width || c->h != photo->height || c->prec != 8 ||
		    c->sgnd)
			return false;
	}
	return true;
}

/* ---- encoding ---- */

static unsigned colours_of(const struct photo *photo)
{
	return photo->components < 3 ? 1 : 3;
}

/* One byte a colour, pixel by pixel; NULL without memory. */
static uint8_t *pixels_of(const struct photo *photo, const opj_image_t *image)
{
	size_t colours = colours_of(photo), count = (size_t)photo->width * photo->height;
	uint8_t *pixels = malloc(count * colours);

	if (!pixels)
		return NULL;
	for (size_t i = 0; i < colours; i++)
		for (size_t k = 0; k < count; k++) {
			OPJ_INT32 v = image->comps[i].data[k];

			pixels[k * colours + i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
		}
	return pixels;
}

static int encode(const struct photo *photo, const uint8_t *pixels, uint8_t **ret_png,
		  size_t *ret_len)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = photo->width,
		.height = photo->height,
		.format = colours_of(photo) == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB,
	};
	png_alloc_size_t len = PNG_IMAGE_PNG_SIZE_MAX(image);
	uint8_t *png = malloc(len);
	int ok = png && png_image_write_to_memory(&image, png, &len, 0, pixels, 0, NULL);

	png_image_free(&image);
	if (!ok) {
		free(png);
		return FUDA_ENOMEM;
	}
	*ret_png = png;
	*ret_len = len;
	return 0;
}

int photo_to_png(const struct photo *photo, char ret_why[PHOTO_WHY_SIZE], uint8_t **ret_png,
		 size_t *ret_len)
{
	char why[PHOTO_WHY_SIZE] = "";
	opj_image_t *image = decode(photo, why);
	uint8_t *pixels;
	int r;

	if (!image || !as_checked(photo, image)) {
		opj_image_destroy(image);
		snprintf(ret_why, PHOTO_WHY_SIZE, "%s", *why ? why : "cannot be decoded");
		return FUDA_EFORMAT;
	}
	pixels = pixels_of(photo, image);
	opj_image_destroy(image);
	r = pixels ? encode(photo, pixels, ret_png, ret_len) : FUDA_ENOMEM;
	free(pixels);
	if (r < 0)
		snprintf(ret_why, PHOTO_WHY_SIZE, "needs more memory than it may have");
	return r;
}
