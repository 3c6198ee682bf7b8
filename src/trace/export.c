/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/export.h"

int fuda_trace_export(struct fuda_context *ctx, const char *path, const struct fuda_deadline *dl,
		      enum fuda_trace_form form,
		      const struct fuda_trace_sink *sink)
{
	static int (*const forms[])(struct trace_walk *w, struct trace_out *o) = {
		[FUDA_TRACE_PCAPNG] = trace_export_pcapng,
		[FUDA_TRACE_JSON_LINES] = trace_export_json,
	};
	_cleanup_out_ struct trace_out o = TRACE_OUT(sink);
	struct trace_walk *w;
	int r;

	if ((size_t)form >= ARRAY_SIZE(forms))
		return ctx_fail_code(ctx, FUDA_EINVAL);
	r = trace_walk_open(ctx, path, dl, &w);
	if (r < 0)
		return r;
	r = forms[form](w, &o);
	trace_walk_free(&w);
	return trace_ended(ctx, r, out_end(&o));
}
