/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mdoc-common.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fuda/encode.h>

#include "tools/files.h"

enum {
	THUMBPRINT = 32,
	CHAIN_MAX = 4,
	KINDS_MAX = 8, /* of documents in a request */
	CERTIFICATE_MAX = 16384,
	PEM_MAX = 1 << 17,
	ATTRIBUTES_LIST = 768,
};

static const char default_profile[] = "deployed-2025";
static const char *form_name = "cbor", *profile_name = default_profile;
static struct text_list profile_files;
static struct {
	const char *file, *client_id, *nonce, *response_uri, *origin, *thumbprint;
} said; /* of the transcript */

const struct option_spec mdoc_form_options[] = {
	{ "form", 0, "cbor|hex|base64url", N_("how it is written (cbor)"), OPTION_CHOICE,
	  &form_name },
	{ NULL },
};

const struct option_spec mdoc_profile_options[] = {
	{ "profile", 0, "NAME",
	  N_("names of the elements, see fuda-mdoc-profile(5) (deployed-2025)"), OPTION_TEXT,
	  &profile_name },
	{ "profile-file", 0, "FILE", N_("one more profile; repeatable"), OPTION_LIST,
	  &profile_files },
	{ NULL },
};

const struct option_spec mdoc_transcript_options[] = {
	{ "transcript", 0, "FILE", N_("SessionTranscript of the session"), OPTION_TEXT,
	  &said.file },
	{ "client-id", 0, "ID", N_("... or made for OpenID4VP, with --nonce and --response-uri"),
	  OPTION_TEXT, &said.client_id },
	{ "response-uri", 0, "URI", N_("where the response is sent"), OPTION_TEXT,
	  &said.response_uri },
	{ "origin", 0, "ORIGIN", N_("... or for the Digital Credentials API, with --nonce"),
	  OPTION_TEXT, &said.origin },
	{ "nonce", 0, "TEXT", N_("nonce of the request"), OPTION_TEXT, &said.nonce },
	{ "thumbprint", 0, "HEX", N_("of the key that the response is encrypted to"), OPTION_TEXT,
	  &said.thumbprint },
	{ NULL },
};

struct fuda_mdoc_span mdoc_span(const struct fuda_buf *bytes)
{
	return (struct fuda_mdoc_span){ bytes->data, bytes->len };
}

/* ---- what is read is not written over ---- */

struct file_id {
	dev_t device;
	ino_t inode;
};
static void *inputs; /* of these, as tsearch() keeps them */

static int compare_files(const void *a, const void *b)
{
	const struct file_id *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

/* `r`: of stat() or fstat() */
static bool is_file(int r, const struct stat *st, struct file_id *ret)
{
	if (r < 0 || !S_ISREG(st->st_mode))
		return false;
	*ret = (struct file_id){ st->st_dev, st->st_ino };
	return true;
}

int mdoc_keep(struct call *call, const char *path)
{
	struct file_id id, *copy;
	struct stat st;
	int r;

	if (!path)
		return 0;
	r = strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(path, &st);
	if (!is_file(r, &st, &id) || tfind(&id, &inputs, compare_files))
		return 0;
	copy = malloc(sizeof(*copy));
	if (copy)
		*copy = id;
	if (copy && tsearch(copy, &inputs, compare_files))
		return 0;
	free(copy);
	return call_fail(call, FUDA_ENOMEM, "%s", fuda_error_text(FUDA_ENOMEM));
}

int mdoc_keep_all(struct call *call, const struct text_list *paths)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < paths->count; i++)
		r = mdoc_keep(call, paths->items[i]);
	return r;
}

bool mdoc_would_replace(const char *path)
{
	struct file_id id;
	struct stat st;

	return path && strcmp(path, "-") != 0 && is_file(stat(path, &st), &st, &id) &&
	       tfind(&id, &inputs, compare_files);
}

int mdoc_check_output(struct call *call, const char *path)
{
	return mdoc_would_replace(path) ?
		       call_usage(call,
				  _("%s is read here, and would be replaced: name another file"),
				  path) :
		       0;
}

/* ---- files ---- */

/* A picture of a QR code is taken for what the code says. */
static bool is_png(const struct fuda_buf *bytes)
{
	static const char signature[] = "\x89PNG\r\n\x1A\n";

	return bytes->len >= strlen(signature) &&
	       memcmp(bytes->data, signature, strlen(signature)) == 0;
}

int mdoc_read(struct call *call, const char *path, const char *what, struct fuda_buf *ret_cbor)
{
	_cleanup_buf_ struct fuda_buf bytes = MDOC_BUF;
	bool input = strcmp(path, "-") == 0;
	int r = file_read(call, input ? "/dev/stdin" : path, &bytes);

	if (r == 0)
		r = mdoc_keep(call, path);
	if (r < 0)
		return r;
	if (is_png(&bytes))
		return call_fail(call, FUDA_EFORMAT,
				 _("%s: this is to be %s, and it is a picture (PNG). "
				   "'zbarimg -q --raw' tells what a QR code in it says."),
				 path, what);
	r = fuda_mdoc_decode(call->ctx, bytes.data, bytes.len, ret_cbor);
	return r < 0 ? call_fail(call, r, _("%s: this is to be %s. %s"),
				 input ? _("standard input") : path, what,
				 fuda_context_message(call->ctx)) :
		       0;
}

/* That one file was taken for another is nothing to judge. */
static int check_kind(struct call *call, const char *name, const char *kind,
		      const struct fuda_buf *cbor)
{
	const char *is = fuda_mdoc_kind(cbor->data, cbor->len);

	if (!*is || strcmp(is, kind) == 0)
		return 0;
	return call_fail(call, FUDA_EFORMAT, _("%s: this is to be %s, and it is %s."), name, kind,
			 is);
}

int mdoc_read_kind(struct call *call, const char *path, const char *kind, struct fuda_buf *ret_cbor)
{
	bool input = strcmp(path, "-") == 0;
	int r = mdoc_read(call, path, kind, ret_cbor);

	return r < 0 ? r : check_kind(call, input ? _("standard input") : path, kind, ret_cbor);
}

int mdoc_read_text(struct call *call, const char *text, const char *what, struct fuda_buf *ret_cbor)
{
	int r;

	if (strncmp(text, "mdoc:", 5) != 0 && strcmp(text, "-") != 0 && access(text, F_OK) < 0)
		return call_fail(call, FUDA_EFORMAT,
				 _("'%s' is neither what a phone's QR code says, which begins "
				   "with mdoc:, nor a file"),
				 text);
	if (strncmp(text, "mdoc:", 5) != 0)
		return mdoc_read_kind(call, text, what, ret_cbor);
	r = fuda_mdoc_decode(call->ctx, (const uint8_t *)text, strlen(text), ret_cbor);
	return r < 0 ? call_fail(call, r, _("%s: this is to be %s. %s"), "mdoc:...", what,
				 fuda_context_message(call->ctx)) :
		       0;
}

static enum fuda_mdoc_form form(void)
{
	return strcmp(form_name, "hex") == 0       ? FUDA_MDOC_HEX :
	       strcmp(form_name, "base64url") == 0 ? FUDA_MDOC_BASE64URL :
						     FUDA_MDOC_CBOR;
}

int mdoc_write(struct call *call, const char *path, const struct fuda_buf *cbor)
{
	_cleanup_buf_ struct fuda_buf bytes = MDOC_BUF;
	int r = fuda_mdoc_encode(form(), cbor->data, cbor->len, &bytes);

	if (r < 0)
		return call_fail(call, r, "%s", fuda_error_text(r));
	if (strcmp(path, "-") == 0 && form() == FUDA_MDOC_CBOR && isatty(STDOUT_FILENO))
		return call_usage(call, _("CBOR is not for a terminal: name a file (-o FILE) or "
					  "another form (--form hex)"));
	r = file_write_private(call, path, bytes.data, bytes.len);
	if (r == 0 && strcmp(path, "-") == 0)
		call->raw = true;
	return r;
}

/* ---- transcripts ---- */

static int read_thumbprint(struct call *call, struct fuda_buf *ret)
{
	if (!said.thumbprint)
		return 0;
	if (fuda_hex_decode(said.thumbprint, ret) < 0 || ret->len != THUMBPRINT)
		return call_usage(call,
				  _("--thumbprint takes the %d hexadecimal digits of a "
				    "SHA-256"),
				  2 * THUMBPRINT);
	return 0;
}

static int make_transcript(struct call *call, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf thumbprint = FUDA_BUF_INIT(THUMBPRINT);
	int r = read_thumbprint(call, &thumbprint);

	if (r < 0)
		return r;
	if (!said.nonce)
		return call_usage(call, _("%s is missing"), "--nonce");
	if (said.origin)
		return fuda_mdoc_transcript_dcapi(call->ctx, said.origin, said.nonce,
						  mdoc_span(&thumbprint), ret);
	if (!said.response_uri)
		return call_usage(call, _("%s is missing"), "--response-uri");
	return fuda_mdoc_transcript_openid4vp(call->ctx, said.client_id, said.nonce,
					      mdoc_span(&thumbprint), said.response_uri, ret);
}

int mdoc_read_transcript(struct call *call, bool needed, struct fuda_buf *ret)
{
	int ways = (said.file != NULL) + (said.client_id != NULL) + (said.origin != NULL);
	bool parts = said.nonce || said.response_uri || said.thumbprint;

	if (ways > 1)
		return call_usage(call, _("only one of --transcript, --client-id and --origin"));
	if (said.file && parts)
		return call_usage(call, _("--nonce, --response-uri and --thumbprint make a "
					  "transcript, "
					  "and --transcript names one: not both"));
	if (!ways && (needed || parts))
		return call_usage(call, _("the session's transcript is missing: --transcript FILE, "
					  "or --client-id or --origin with what belongs to it"));
	if (!ways)
		return 0;
	return said.file ? mdoc_read_kind(call, said.file, "SessionTranscript", ret) :
			   make_transcript(call, ret);
}

bool mdoc_says_file(void)
{
	return form() != FUDA_MDOC_CBOR || said.file || said.client_id || said.nonce ||
	       said.response_uri || said.origin || said.thumbprint;
}

/* ---- profiles and wishes ---- */

const char *mdoc_profile(void)
{
	return profile_name;
}

bool mdoc_says_profile(void)
{
	return profile_name != default_profile || profile_files.count;
}

static bool has_profile(const struct fuda_mdoc_profiles *profiles, const char *name)
{
	const char *one;

	for (size_t i = 0; (one = fuda_mdoc_profile_name(profiles, i)); i++)
		if (strcmp(one, name) == 0)
			return true;
	return false;
}

int mdoc_profiles(struct call *call, struct fuda_mdoc_profiles **ret)
{
	struct fuda_mdoc_profiles *profiles;
	int r = fuda_mdoc_profiles_new(call->ctx, NULL, &profiles);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < profile_files.count; i++)
		r = fuda_mdoc_profiles_add(call->ctx, profiles, profile_files.items[i]);
	if (r == 0)
		r = mdoc_keep_all(call, &profile_files);
	if (r == 0 && !has_profile(profiles, profile_name))
		r = call_usage(call, _("there is no profile '%s'; see fuda-mdoc-profile(5)"),
			       profile_name);
	if (r < 0)
		fuda_mdoc_profiles_free(&profiles);
	else
		*ret = profiles;
	return r;
}

/* DOCTYPE/NAMESPACE/ELEMENT, cut in `text`. */
static bool cut_wish(char *text, struct fuda_mdoc_wish *ret)
{
	char *space = strchr(text, '/'), *name = space ? strchr(space + 1, '/') : NULL;

	if (!name || name == space + 1 || space == text || !name[1] || strchr(name + 1, '/'))
		return false;
	*space = *name = '\0';
	*ret = (struct fuda_mdoc_wish){ text, space + 1, name + 1, false };
	return true;
}

/* Two elements may say the same. */
static bool is_listed(const struct fuda_mdoc_profiles *profiles, size_t before, const char *name)
{
	for (size_t i = 0; i < before; i++)
		if (strcmp(fuda_mdoc_profile_attribute(profiles, profile_name, i), name) == 0)
			return true;
	return false;
}

/* Which attributes the profile has, as far as there is room. */
static void list_attributes(const struct fuda_mdoc_profiles *profiles, char ret[ATTRIBUTES_LIST])
{
	const char *one;
	size_t len = 0;

	for (size_t i = 0; (one = fuda_mdoc_profile_attribute(profiles, profile_name, i)); i++) {
		if (is_listed(profiles, i, one))
			continue;
		if (len + strlen(one) + strlen(", , ...") >= ATTRIBUTES_LIST)
			one = "...";
		len += (size_t)snprintf(ret + len, ATTRIBUTES_LIST - len, "%s%s", len ? ", " : "",
					one);
		if (strcmp(one, "...") == 0)
			return;
	}
}

static int find_wish(struct call *call, const struct fuda_mdoc_profiles *profiles,
		     const char *operand, struct mdoc_wishes *to)
{
	char *text = to->texts[to->count];
	struct fuda_mdoc_wish *wish = &to->wishes[to->count];
	char list[ATTRIBUTES_LIST];

	if (to->count == MDOC_WISHES_MAX || strlen(operand) >= MDOC_WISH_TEXT)
		return call_usage(call, _("more is asked for than a request can have"));
	snprintf(text, MDOC_WISH_TEXT, "%s", operand);
	if (strchr(text, '/') ? cut_wish(text, wish) :
				fuda_mdoc_wish_find(profiles, profile_name, text, wish) == 0) {
		to->count++;
		return 0;
	}
	if (strchr(operand, '/'))
		return call_usage(call,
				  _("'%s': an element is named as "
				    "DOCTYPE/NAMESPACE/ELEMENT"),
				  operand);
	list_attributes(profiles, list);
	return call_usage(call,
			  _("the profile %s has no element that says '%s'; attributes are %s"),
			  profile_name, operand, list);
}

static bool same_wish(const struct fuda_mdoc_wish *a, const struct fuda_mdoc_wish *b)
{
	return strcmp(a->doctype, b->doctype) == 0 && strcmp(a->space, b->space) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

/* A request must not have it; said before a phone is asked. */
static int check_twice(struct call *call, const struct mdoc_wishes *w)
{
	for (size_t i = 0; i < w->count; i++)
		for (size_t n = 0; n < i; n++)
			if (same_wish(&w->wishes[i], &w->wishes[n]))
				return call_usage(call, _("%s is asked for twice"),
						  call->operands[i]);
	return 0;
}

/* One kind of document after another; said here, where it can be said what is too much. */
static int check_kinds(struct call *call, const struct mdoc_wishes *w)
{
	int kinds = 0;

	for (size_t i = 0; i < w->count; i++) {
		size_t n = 0;

		while (strcmp(w->wishes[n].doctype, w->wishes[i].doctype) != 0)
			n++;
		kinds += n == i;
	}
	return kinds <= KINDS_MAX ?
		       0 :
		       call_usage(call, _("a request is for %d kinds of document at most"),
				  KINDS_MAX);
}

/* By its name, of which profiles need not know; or by what a profile makes of it. */
static bool is_my_number(const struct fuda_mdoc_profiles *profiles,
			 const struct fuda_mdoc_wish *wish)
{
	static const char name[] = "individual_number";

	return strncmp(wish->name, name, strlen(name)) == 0 ||
	       fuda_mdoc_wish_says(profiles, wish, name);
}

int mdoc_wishes(struct call *call, const struct fuda_mdoc_profiles *profiles, bool retain,
		bool my_number, struct mdoc_wishes *ret)
{
	int r = 0;

	ret->count = 0;
	for (size_t i = 0; r == 0 && i < call->operand_count; i++)
		r = find_wish(call, profiles, call->operands[i], ret);
	for (size_t i = 0; r == 0 && i < ret->count; i++) {
		ret->wishes[i].retain = retain;
		if (is_my_number(profiles, &ret->wishes[i]) && !my_number)
			r = call_usage(call,
				       _("the My Number may be asked for only where the My Number "
					 "Act (番号法) allows it; if it does, say --my-number"));
	}
	if (r == 0)
		r = check_kinds(call, ret);
	return r < 0 ? r : check_twice(call, ret);
}

/* ---- who reads ---- */

void mdoc_chain_free(struct mdoc_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		fuda_buf_free_public(&chain->der[i]);
	chain->count = 0;
}

int mdoc_chain_read(struct call *call, const char *path, struct mdoc_chain *ret)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(PEM_MAX);
	const char *text;
	size_t left;
	int r = file_read(call, path, &pem);

	if (r == 0)
		r = mdoc_keep(call, path);
	if (r < 0)
		return r;
	ret->count = 0;
	text = (const char *)pem.data;
	left = pem.len;
	while (r == 0 && ret->count < CHAIN_MAX) {
		struct fuda_buf *der = &ret->der[ret->count];

		*der = FUDA_BUF_INIT(CERTIFICATE_MAX);
		r = left ? fuda_pem_decode("CERTIFICATE", &text, &left, der) : FUDA_ENOTFOUND;
		if (r == 0)
			ret->spans[ret->count++] = mdoc_span(der);
	}
	if (ret->count && r == FUDA_ENOTFOUND)
		return 0;
	if (r == 0 && !(left && memmem(text, left, "-----BEGIN CERTIFICATE-----", 27)))
		return 0;
	mdoc_chain_free(ret);
	if (r == 0)
		return call_fail(call, FUDA_ETOOBIG, _("%s: more than %d certificates"), path,
				 CHAIN_MAX);
	return call_fail(call, FUDA_EFORMAT, _("%s: there is no certificate in it (PEM)"), path);
}
