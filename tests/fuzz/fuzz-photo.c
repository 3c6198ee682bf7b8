/* SPDX-License-Identifier: Apache-2.0 */
/* What stands before the decoder of the photo: what it accepts lies inside its input and its limits. */
#include "tests/fuzz/fuzz.h"

#include "tests/jp2.h"
#include "tools/photo.h"

static void fuzz_seeds(void)
{
	static const struct jp2 pictures[] = {
		{ .width = 1, .height = 1, .components = 1 },
		{ .width = 24, .height = 18, .components = 1 },
		{ .width = 24, .height = 18, .components = 4, .x = 3, .y = 5, .tile = 16 },
		{ .width = 30, .height = 20, .components = 3, .precinct = 16, .layers = 3, .progression = 4 },
	};

	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		struct fuda_buf file = FUDA_BUF_INIT(FUZZ_MAX);

		jp2_make(&pictures[i], &file);
		fuzz_seed(file.data, file.len);
		fuda_buf_free(&file);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct photo photo;
	const char *why = NULL;

	if (photo_check(data, len, &why, &photo) < 0) {
		if (!why || !*why)
			abort();
		return 0;
	}
	if (photo.codestream < data || photo.codestream_len > len ||
	    photo.codestream + photo.codestream_len > data + len || photo.width == 0 || photo.height == 0 ||
	    photo.width > PHOTO_SIDE_MAX || photo.height > PHOTO_SIDE_MAX ||
	    photo.width * photo.height > PHOTO_PIXELS_MAX || photo.components == 0 ||
	    photo.components > PHOTO_COMPONENTS_MAX)
		abort();
	return 0;
}
