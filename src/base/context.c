/* SPDX-License-Identifier: Apache-2.0 */
#include "base/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fuda_context {
	char message[1024];
	const char *step;	 /* what is being done */
	const char *failed_step; /* what was being done at the last failure */
	uint16_t sw;
	bool keep_error;
	enum fuda_log_level level;
	void (*sink)(void *arg, const char *line);
	void *sink_arg;
};

/* Before main(), so that what the program binds itself counts. */
__attribute__((constructor)) static void bind_language(void)
{
	bindtextdomain(TEXT_DOMAIN, LOCALEDIR);
}

int fuda_context_new(struct fuda_context **ret)
{
	struct fuda_context *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return FUDA_ENOMEM;
	ctx->step = ctx->failed_step = "";
	*ret = ctx;
	return 0;
}

void fuda_context_free(struct fuda_context **ctx)
{
	free(*ctx);
	*ctx = NULL;
}

const char *fuda_context_message(const struct fuda_context *ctx)
{
	return ctx->message;
}

const char *fuda_context_step(const struct fuda_context *ctx)
{
	return ctx->failed_step;
}

uint16_t fuda_context_sw(const struct fuda_context *ctx)
{
	return ctx->sw;
}

void fuda_context_set_log(struct fuda_context *ctx, enum fuda_log_level level,
			  void (*sink)(void *arg, const char *line), void *arg)
{
	ctx->level = sink ? level : FUDA_LOG_OFF;
	ctx->sink = sink;
	ctx->sink_arg = arg;
}

static int fail(struct fuda_context *ctx, int code, uint16_t sw, const char *format, va_list ap)
{
	if (ctx->keep_error) {
		ctx_log(ctx, FUDA_LOG_INFO, "cleaning up: %s", fuda_error_name(code));
		return code;
	}
	vsnprintf(ctx->message, sizeof(ctx->message), format, ap);
	ctx->failed_step = ctx->step;
	ctx->sw = sw;
	if (sw && (sw & 0xFFF0) != 0x63C0) { /* what 63Cx says is in the message */
		size_t used = strlen(ctx->message);

		snprintf(ctx->message + used, sizeof(ctx->message) - used, " [%04X: %s]", sw,
			 fuda_status_text(sw));
	}
	ctx_log(ctx, FUDA_LOG_INFO, "%s: %s: %s", fuda_error_name(code), ctx->failed_step,
		ctx->message);
	return code;
}

int ctx_fail(struct fuda_context *ctx, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fail(ctx, code, 0, format, ap);
	va_end(ap);
	return code;
}

int fuda_context_fail(struct fuda_context *ctx, int code, const char *message)
{
	return ctx_fail(ctx, code, "%s", message);
}

int ctx_fail_code(struct fuda_context *ctx, int code)
{
	return ctx_fail(ctx, code, "%s", fuda_error_text(code));
}

int ctx_fail_sw(struct fuda_context *ctx, int code, uint16_t sw, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fail(ctx, code, sw, format, ap);
	va_end(ap);
	return code;
}

bool ctx_keep_error(struct fuda_context *ctx, bool keep)
{
	bool before = ctx->keep_error;

	ctx->keep_error = keep;
	return before;
}

void ctx_step(struct fuda_context *ctx, const char *step)
{
	ctx->step = step;
}

bool ctx_logs(const struct fuda_context *ctx, enum fuda_log_level level)
{
	return level <= ctx->level;
}

void ctx_log(struct fuda_context *ctx, enum fuda_log_level level, const char *format, ...)
{
	char line[1200];
	va_list ap;

	if (!ctx_logs(ctx, level))
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	ctx->sink(ctx->sink_arg, line);
}
