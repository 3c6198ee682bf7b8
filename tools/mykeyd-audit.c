/* SPDX-License-Identifier: Apache-2.0 */
/* fuda-mykeyd audit: the audit trail is checked, read, signed and shortened. */
#include "service/audit.h"
#include "service/checkpoint.h"
#include "tools/mykeyd-desk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *action, *object, *from, *until, *out, *before, *comment;

/* ---- verify ---- */

static const struct {
	const char *word, *text;
} findings[] = {
	{ "row_changed", N_("was changed") },
	{ "row_missing", N_("is missing") },
	{ "no_beginning", N_("is the first, and its chain begins before it") },
	{ "checkpoint_head", N_("is not what a checkpoint signed") },
	{ "checkpoint_signature", N_("the checkpoint's signature does not fit") },
	{ "checkpoint_missing", N_("a checkpoint is missing, or another one is in its place") },
};

struct finding_to {
	struct report *people, *list;
};

static void found(void *arg, const struct audit_finding *finding)
{
	const struct finding_to *to = arg;
	struct report *one = report_object(to->list, NULL, NULL, NULL);
	static const uint8_t none[ID_BYTES];
	char chain[ID_TEXT], name[ID_TEXT + 64];
	const char *text = finding->what;

	for (size_t i = 0; i < ARRAY_SIZE(findings); i++)
		if (strcmp(findings[i].word, finding->what) == 0)
			text = _(findings[i].text);
	id_text(finding->chain, chain);
	report_text(one, NULL, "chain", chain);
	report_number(one, NULL, "row", (long)finding->seq);
	report_text(one, NULL, "what", finding->what);
	if (memcmp(finding->chain, none, sizeof(none)) == 0 &&
	    strncmp(finding->what, "checkpoint_", strlen("checkpoint_")) == 0)
		snprintf(name, sizeof(name), _("checkpoint %ld"), (long)finding->seq);
	else
		snprintf(name, sizeof(name), "%s/%ld", chain, (long)finding->seq);
	report_word(to->people, name, NULL, "-", text);
}

/* The line that was kept outside, against the table. */
static int compare_outside(struct call *call, struct desk *desk, const struct finding_to *to,
			   const struct audit_totals *totals, bool *ret_compared)
{
	_cleanup_buf_ struct fuda_buf line = { .max = CHECKPOINT_MAX + 1 };
	struct audit_finding finding;
	const char *path = desk->service->config.checkpoint_file;
	int r = *path ? checkpoint_last(call->ctx, path, &line) : FUDA_ENOTFOUND;

	*ret_compared = r == 0;
	report_flag(call->report, _("Compared with the checkpoints outside"), "outside", r == 0);
	/* another process may be the one that writes them; or somebody has taken them away */
	if (r == FUDA_ENOTFOUND && *path && totals->checkpoints)
		fprintf(stderr,
			_("%s has no checkpoint, but the database has: put the file there that you "
			  "keep elsewhere, and verify again.\n"),
			path);
	if (r == FUDA_ENOTFOUND)
		return 0;
	if (r == 0)
		r = audit_compare(desk->store, desk->service->keys, (const char *)line.data,
				  &finding);
	if (r == FUDA_EVERIFY) {
		found((void *)to, &finding);
		if (finding.lost)
			fprintf(stderr,
				_("What the last checkpoint outside signed is missing, as in a "
				  "backup of before it. If that was restored on purpose: "
				  "'fuda-mykeyd audit accept-loss --comment WHY --folder %s'.\n"),
				mykeyd_folder());
	}
	return r;
}

/* Nothing was found wrong by what it was compared with. */
static void tell_good(struct call *call, bool outside)
{
	report_word(call->report, _("Result"), NULL, "-",
		    outside ? _("ok (the audit trail is as it was written and signed)") :
			      _("ok (the audit trail is as it was written, as far as the database "
				"itself can tell)"));
}

static int verify(struct call *call, struct desk *desk)
{
	struct report *list = report_list(call->report, NULL, "findings", NULL);
	struct finding_to to = { call->report, list };
	struct audit_totals totals = { 0 };
	bool compared = false;
	int r = audit_verify(desk->store, desk->service->keys, found, &to, &totals), outside;

	if (r < 0 && r != FUDA_EVERIFY)
		return r;
	report_number(call->report, _("Chains"), "chains", (long)totals.chains);
	report_number(call->report, _("Rows"), "rows", (long)totals.rows);
	report_number(call->report, _("Checkpoints"), "checkpoints", (long)totals.checkpoints);
	outside = compare_outside(call, desk, &to, &totals, &compared);
	call->shown = true;
	if (r == FUDA_EVERIFY || outside == FUDA_EVERIFY || outside == FUDA_EFORMAT)
		return call_fail(call, FUDA_EVERIFY, _("the audit trail is not as it was written"));
	if (outside == 0)
		tell_good(call, compared);
	return outside;
}

/* ---- query and export ---- */

static int refuse_action(struct call *call)
{
	char words[800] = "";
	size_t at = 0;

	for (const char *const *a = audit_actions; *a && at < sizeof(words); a++)
		at += (size_t)snprintf(words + at, sizeof(words) - at, "%s%s", at ? ", " : "", *a);
	return call_usage(call, _("there is no action '%s'; these are: %s"), action, words);
}

static bool is_action(const char *word)
{
	for (const char *const *a = audit_actions; *a; a++)
		if (strcmp(*a, word) == 0)
			return true;
	return false;
}

static int take_query(struct call *call, uint8_t id[ID_BYTES], struct audit_query *ret)
{
	int r = 0;

	if (action && !is_action(action))
		return refuse_action(call);
	*ret = (struct audit_query){ .action = action };
	if (object) {
		r = desk_take_id(call, object, id);
		ret->object = id;
	}
	if (r == 0 && from)
		r = desk_take_time(call, from, &ret->from);
	if (r == 0 && until)
		r = desk_take_time(call, until, &ret->until);
	return r;
}

static int print_line(void *arg, const char *line)
{
	FILE *to = arg;

	return fputs(line, to) < 0 || putc('\n', to) < 0 ? FUDA_EFILE : 0;
}

static int query(struct call *call, struct desk *desk)
{
	uint8_t id[ID_BYTES];
	struct audit_query q;
	int r = take_query(call, id, &q);

	call->raw = true;
	if (r == 0)
		r = audit_query(desk->store, &q, print_line, stdout);
	return r;
}

static void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static int cannot_write(struct call *call)
{
	if (errno == EEXIST)
		return call_fail(call, FUDA_EEXISTS,
				 _("%s is there already: name another file. Nothing was written."),
				 out);
	return call_fail(call, FUDA_EFILE, _("%s cannot be written: %s"), out, strerror(errno));
}

/* To a new file, for its owner alone. */
static int export_rows(struct call *call, struct desk *desk, const struct audit_query *q)
{
	_cleanup_(close_file) FILE *f = NULL;
	int fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;

	if (fd < 0)
		return cannot_write(call);
	f = fdopen(fd, "w");
	if (!f) {
		close(fd);
		return cannot_write(call);
	}
	r = audit_query(desk->store, q, print_line, f);
	if (r == FUDA_EFILE || (r == 0 && (fflush(f) || fsync(fd))))
		return cannot_write(call);
	return r;
}

static int export(struct call *call, struct desk *desk)
{
	uint8_t id[ID_BYTES];
	struct audit_query q;
	int r = take_query(call, id, &q);

	if (r == 0 && !out)
		return call_usage(call, _("-o FILE is missing: where to write the audit trail"));
	if (r == 0)
		r = export_rows(call, desk, &q);
	if (r == 0)
		report_text(call->report, _("Written"), "file", out);
	return r;
}

/* ---- checkpoint and prune ---- */

/* Checkpoints go by the times of those before them. */
static int check_clock(struct call *call, struct desk *desk)
{
	int r = service_check_clock(desk->service, desk->store);

	if (r < 0 || !atomic_load(&desk->service->health.clock))
		return r;
	if (atomic_load(&desk->service->health.behind))
		return call_fail(call, FUDA_EVERIFY,
				 _("nothing is signed by a clock that is more than five minutes "
				   "behind the newest row of the audit trail: set it; or, if that "
				   "row is the one that is wrong, say 'fuda-mykeyd audit "
				   "accept-clock --comment WHY --folder %s'"),
				 mykeyd_folder());
	return call_fail(call, FUDA_EVERIFY,
			 _("nothing is signed while this machine's clock and the database's are "
			   "more than two seconds apart: set them"));
}

/* What is signed over a loss would hide it. */
static int check_agrees(struct call *call, struct desk *desk)
{
	int r = check_clock(call, desk);

	if (r == 0)
		r = service_check_audit(call->ctx, desk->service, desk->store);
	if (r < 0 || !atomic_load(&desk->service->health.audit))
		return r;
	if (atomic_load(&desk->service->health.outside))
		return call_fail(call, FUDA_EVERIFY,
				 _("there is no checkpoint in %s any more: put that file back, "
				   "from the copy that is kept elsewhere; if it is lost, "
				   "'fuda-mykeyd audit accept-loss --comment WHY --folder %s' says "
				   "so"),
				 desk->service->config.checkpoint_file, mykeyd_folder());
	return call_fail(call, FUDA_EVERIFY,
			 _("the database is not what the last checkpoint in %s signed; "
			   "'fuda-mykeyd audit verify --folder %s' tells more"),
			 desk->service->config.checkpoint_file, mykeyd_folder());
}

static int checkpoint(struct call *call, struct desk *desk)
{
	_cleanup_buf_ struct fuda_buf json = { .max = CHECKPOINT_MAX };
	const char *path = desk->service->config.checkpoint_file;
	int r = check_agrees(call, desk);

	if (r == 0)
		r = audit_checkpoint(desk->store, desk->service->keys, &json);
	if (r == 0 && *path)
		r = checkpoint_append(call->ctx, path, &json);
	if (r == 0 && fuda_buf_append(&json, "", 1) == 0) {
		call->raw = true;
		puts((const char *)json.data);
	}
	return r;
}

/* ---- a backup that is older than the checkpoints ---- */

/* Lines that the database knows nothing of. */
struct loss {
	bool all;      /* there is no line at all */
	int64_t begin; /* where they begin; -1: there are none */
	long lines;    /* how many, but for what is no line */
};

static int find_lost(struct call *call, struct desk *desk, const char *path, struct loss *ret)
{
	int64_t at = -1;

	*ret = (struct loss){ .begin = -1 };
	for (;;) {
		_cleanup_buf_ struct fuda_buf line = { .max = CHECKPOINT_MAX + 1 };
		struct audit_finding finding = { 0 };
		int64_t end = at;
		int r = checkpoint_before_end(call->ctx, path, &at, &line);

		if (r == 0)
			r = audit_compare(desk->store, desk->service->keys, (const char *)line.data,
					  &finding);
		ret->all = r == FUDA_ENOTFOUND && end < 0;
		if (r == 0 || r == FUDA_ENOTFOUND)
			return 0;
		if (r == FUDA_EVERIFY && !finding.lost)
			return call_fail(call, r,
					 _("what a checkpoint in %s signed is not missing, it was "
					   "changed: that is no loss by a restore"),
					 path);
		/* what a crash amid a line left of it is no line, and goes with the others */
		if (r < 0 && r != FUDA_EVERIFY && (r != FUDA_EFORMAT || at == end))
			return r;
		ret->begin = at;
		ret->lines += r == FUDA_EVERIFY;
	}
}

/* checkpoints.jsonl: checkpoints.lost-20261122T011500Z.jsonl */
static int side_name(const char *path, char ret[PATH_MAX])
{
	static const char end[] = ".jsonl";
	size_t len = strlen(path), cut = len;
	time_t now = time(NULL);
	struct tm tm;
	char date[32];
	int n;

	if (len > strlen(end) && strcmp(path + len - strlen(end), end) == 0)
		cut = len - strlen(end);
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
	n = snprintf(ret, PATH_MAX, "%.*s.lost-%s%s", (int)cut, path, date, path + cut);
	return n < 0 || n >= PATH_MAX ? FUDA_ETOOBIG : 0;
}

/* What there is now is signed at once: a service that runs sees by it that it may go on. */
static int sign_rest(struct call *call, struct desk *desk, const char *path)
{
	_cleanup_buf_ struct fuda_buf json = { .max = CHECKPOINT_MAX };
	int r = audit_checkpoint(desk->store, desk->service->keys, &json);

	return r < 0 ? r : checkpoint_append(call->ctx, path, &json);
}

static void say_goes_on(const char *until_then)
{
	if (!common.json)
		fprintf(stderr,
			_("A service that runs goes on within a minute; until then it answers "
			  "%s.\n"),
			until_then);
}

/* Nobody but operators knows what it was: the database does not. */
static void say_repeat(void)
{
	if (!common.json)
		fputs(_("What was done behind that is lost: terminals that were suspended or "
			"revoked since may act again, terminals enrolled since are unknown, and "
			"MyKey IDs that expired since are valid. Suspend or revoke the former "
			"again now ('fuda-mykeyd terminal').\n"),
		      stderr);
}

/* Told in the audit trail first: stopped behind that, it is done again. */
static int accept_loss(struct call *call, struct desk *desk)
{
	const char *path = desk->service->config.checkpoint_file;
	struct loss loss = { .begin = -1 };
	char side[PATH_MAX];
	int64_t last = 0;
	int r = 0;

	if (!comment)
		return call_usage(call, _("--comment TEXT is missing: why what came later is "
					  "lost"));
	if (*path)
		r = find_lost(call, desk, path, &loss);
	if (r == 0 && loss.begin < 0 && !loss.all)
		return call_fail(call, FUDA_ENOTFOUND,
				 _("nothing is lost: the database agrees with the checkpoints"));
	if (r == 0)
		r = check_clock(call, desk);
	if (r == 0)
		r = side_name(path, side);
	if (r == 0)
		r = audit_last_checkpoint(desk->store, &last);
	if (r == 0)
		r = operator_accept_loss(&desk->by, loss.lines, comment);
	if (r == 0 && loss.begin >= 0)
		r = checkpoint_move(call->ctx, path, loss.begin, side);
	if (r == 0)
		r = sign_rest(call, desk, path);
	if (r < 0)
		return r;
	report_number(call->report, _("Checkpoints that are lost"), "lost", loss.lines);
	if (loss.begin >= 0)
		report_text(call->report, _("They are kept in"), "file", side);
	desk_report_us(call->report, _("Last checkpoint that is left"), "last_checkpoint", last);
	say_repeat();
	say_goes_on("audit_broken");
	return 0;
}

static int accept_clock(struct call *call, struct desk *desk)
{
	int r;

	if (!comment)
		return call_usage(call, _("say --comment TEXT: what was wrong with the clock"));
	r = operator_accept_clock(&desk->by, comment);
	if (r < 0)
		return r;
	report_word(call->report, _("Result"), NULL, "-",
		    _("ok (rows from the future are not compared with the clock any more)"));
	say_goes_on("clock_untrusted");
	return 0;
}

static int prune(struct call *call, struct desk *desk)
{
	int64_t us = 0, deleted = 0;
	int r;

	if (!before)
		return call_usage(call, _("--before DATE is missing: what is older is deleted"));
	r = desk_take_time(call, before, &us);
	if (r == 0)
		r = check_agrees(call, desk);
	if (r == 0)
		r = audit_prune(desk->store, desk->service->keys, us, &deleted);
	if (r == FUDA_EINVAL)
		return call_fail(call, r, _("the audit trail of the last 400 days stays"));
	if (r == 0)
		report_number(call->report, _("Rows deleted"), "deleted", (long)deleted);
	return r;
}

static const struct action actions[] = {
	{ "verify", 0, 0, "", "audit-verify", ROLE_AUDITOR, NULL, verify },
	{ "query", 0, 0, "action object from until", "audit-query", ROLE_AUDITOR, NULL, query },
	{ "export", 0, 0, "action object from until out", "audit-export", ROLE_AUDITOR,
	  "audit-export", export },
	{ "checkpoint", 0, 0, "", "audit-checkpoint", ROLE_AUDITOR, NULL, checkpoint },
	{ "accept-loss", 0, 0, "comment", NULL, 0, NULL, accept_loss },
	{ "accept-clock", 0, 0, "comment", NULL, 0, NULL, accept_clock },
	{ "prune", 0, 0, "before", "audit-prune", ROLE_AUDITOR, "audit-prune", prune },
	{ 0 },
};

static int run(struct call *call)
{
	return desk_run(call, actions);
}

static const struct option_spec options[] = {
	{ "action", 0, "WORD", N_("query, export: only rows of this action"), OPTION_TEXT,
	  &action },
	{ "object", 0, "ID", N_("query, export: only rows about this one"), OPTION_TEXT, &object },
	{ "from", 0, "DATE", N_("query, export: since then"), OPTION_TEXT, &from },
	{ "until", 0, "DATE", N_("query, export: before then"), OPTION_TEXT, &until },
	{ "out", 'o', "FILE", N_("export: a new file"), OPTION_TEXT, &out },
	{ "comment", 0, "TEXT", N_("accept-loss, accept-clock: why"), OPTION_TEXT, &comment },
	{ "before", 0, "DATE", N_("prune: what is older is deleted"), OPTION_TEXT, &before },
	{ NULL },
};

const struct fuda_command command_mykeyd_audit = {
	.name = "audit",
	.summary = N_("check, read, sign or shorten the audit trail"),
	.synopsis = "verify | query | export | checkpoint | accept-loss | accept-clock | prune",
	.options = options,
	.flags = COMMAND_FOLDER | COMMAND_FILTER,
	.run = run,
};
