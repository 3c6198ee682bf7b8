/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/files.h"
#include "tools/fuda.h"
#include "tools/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fuda/trace.h>

static bool check, in_place;

/* Where the canonical form goes. `write` returns 0 or errno. */
struct target {
	int (*write)(struct target *t, const void *bytes, size_t len);
	FILE *file; /* that is written to, or compared with */
	bool same;  /* what was compared so far */
	struct file_out out;
	size_t used; /* of `pending`, which is not yet in `out` */
	unsigned char pending[65536];
	int error; /* errno of the write that failed */
};

static int write_target(void *arg, const void *bytes, size_t len)
{
	struct target *t = arg;

	t->error = session_cancelled() ? EINTR : t->write(t, bytes, len);
	return t->error;
}

/* Formats `path` into `t`. */
static int format(struct call *call, const char *path, const char *target_name, struct target *t)
{
	const struct fuda_trace_sink sink = { write_target, t };
	int r = fuda_trace_format(call->ctx, path, &sink);

	if (r == 0 || !t->error)
		return r;
	if (session_cancelled())
		return call_fail(call, FUDA_ECANCELLED, _("cancelled"));
	return call_fail(call, FUDA_EFILE, "%s: %s", target_name, strerror(t->error));
}

static int file_failed(struct call *call, const char *path)
{
	return call_fail(call, FUDA_EFILE, "%s: %s", path, strerror(errno));
}

/* ---- printing ---- */

static int write_out(struct target *t, const void *bytes, size_t len)
{
	return fwrite(bytes, 1, len, t->file) == len ? 0 : errno;
}

static int print(struct call *call, const char *path)
{
	struct target t = { .write = write_out, .file = stdout, .out = FILE_OUT_NONE };
	bool input = strcmp(path, "-") == 0;
	int r;

	call->raw = true;
	r = format(call, input ? "/dev/stdin" : path, _("standard output"), &t);
	return r == 0 && fflush(stdout) ? file_failed(call, _("standard output")) : r;
}

/* ---- comparing ---- */

static int write_compare(struct target *t, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; t->same && i < len; i++)
		t->same = getc_unlocked(t->file) == p[i];
	return ferror(t->file) ? errno : 0;
}

static int is_canonical(struct call *call, const char *path, bool *ret)
{
	struct target t = { .write = write_compare, .same = true, .out = FILE_OUT_NONE };
	int r;

	t.file = fopen(path, "rbe");
	if (!t.file)
		return file_failed(call, path);
	r = format(call, path, path, &t);
	if (r == 0)
		*ret = t.same && getc(t.file) == EOF;
	fclose(t.file);
	return r;
}

/* ---- writing in place ---- */

static int flush_pending(struct target *t)
{
	for (size_t done = 0; done < t->used;) {
		ssize_t n = write(t->out.fd, t->pending + done, t->used - done);

		if (n < 0 && errno != EINTR)
			return errno;
		done += n > 0 ? (size_t)n : 0;
	}
	t->used = 0;
	return 0;
}

static int write_pending(struct target *t, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	int e = 0;

	while (e == 0 && len) {
		size_t n = sizeof(t->pending) - t->used;

		n = n < len ? n : len;
		memcpy(t->pending + t->used, p, n);
		t->used += n;
		p += n;
		len -= n;
		if (t->used == sizeof(t->pending))
			e = flush_pending(t);
	}
	return e;
}

/* The file is as it was, or all new. */
static int rewrite(struct call *call, const char *path)
{
	struct target t = { .write = write_pending, .out = FILE_OUT_NONE };
	int r = file_out_open(call, path, &t.out);

	if (r < 0)
		return r;
	r = format(call, path, path, &t);
	if (r == 0 && file_out_write(&t.out, t.pending, t.used) < 0)
		r = file_failed(call, path);
	file_out_close(&t.out);
	return r;
}

/* ---- the command ---- */

/* What is canonical already is not touched, so that its time stays. */
static int treat(struct call *call, const char *path, struct report *files, size_t *others)
{
	struct report *file;
	bool canonical;
	int r = is_canonical(call, path, &canonical);

	if (r == 0 && !canonical && in_place)
		r = rewrite(call, path);
	if (r < 0)
		return r;
	*others += !canonical;
	file = report_object(files, NULL, NULL, NULL);
	report_text(file, NULL, "name", path);
	report_flag(file, NULL, "canonical", canonical);
	if (!common.json && !canonical && check && puts(path) == EOF)
		return file_failed(call, _("standard output"));
	return 0;
}

static int treat_all(struct call *call)
{
	struct report *files = report_list(call->report, NULL, "files", NULL);
	size_t others = 0;
	int r = 0;

	call->raw = !common.json;
	for (size_t i = 0; r == 0 && i < call->operand_count; i++)
		r = treat(call, call->operands[i], files, &others);
	if (r == 0 && !common.json && fflush(stdout))
		r = file_failed(call, _("standard output"));
	if (r == 0 && check && others)
		r = call_fail(call, FUDA_EFAILED,
			      ngettext("%zu file is not in the canonical form; --in-place writes "
				       "it so.",
				       "%zu files are not in the canonical form; --in-place writes "
				       "them so.",
				       others),
			      others);
	return r;
}

static int run(struct call *call)
{
	bool one = !check && !in_place;
	int r = call_operands(call, 1, one ? 1 : SIZE_MAX);

	if (r < 0)
		return r;
	if (check && in_place)
		return call_usage(call, _("--check and --in-place exclude each other"));
	if (one && common.json)
		return call_usage(call, _("--json goes with --check or --in-place"));
	return one ? print(call, call->operands[0]) : treat_all(call);
}

static const struct option_spec options[] = {
	{ "check", 0, NULL, N_("print the files that are not in the canonical form"), OPTION_SWITCH,
	  &check },
	{ "in-place", 'i', NULL, N_("write the files anew in their canonical form"), OPTION_SWITCH,
	  &in_place },
	{ NULL },
};

const struct fuda_command command_trace_format = {
	.name = "trace format",
	.summary = N_("bring traces and scripts into their canonical form"),
	.synopsis = "FILE...",
	.options = options,
	.run = run,
	.flags = COMMAND_FILTER,
};
