/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/token.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fuda/hash.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "base/secret.h"

enum { SLOTS_MAX = 256, PROOF_BYTES = 64 };

/* A module is initialised once in a process, whoever else uses it: by the last of ours it is
 * finalised, unless somebody else was first. */
struct module {
	struct module *next;
	void *handle;
	CK_FUNCTION_LIST *f;
	size_t users;
	bool ours;
};
static struct module *modules;
static pthread_mutex_t modules_lock = PTHREAD_MUTEX_INITIALIZER;

struct token_key {
	struct module *module;
	CK_SESSION_HANDLE session;
	bool has_session;
	CK_OBJECT_HANDLE object;
	const struct curve_facts *facts;
};

/* What is done with one URI. */
struct opening {
	struct fuda_context *ctx;
	struct token_uri uri;
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	struct token_key *key;
};

/* ---- what modules answer ---- */

static const struct {
	CK_RV rv;
	int code;
} answers[] = {
	{ CKR_HOST_MEMORY, FUDA_ENOMEM },
	{ CKR_DEVICE_MEMORY, FUDA_ENOMEM },
	{ CKR_TOKEN_NOT_PRESENT, FUDA_EREMOVED },
	{ CKR_DEVICE_REMOVED, FUDA_EREMOVED },
	{ CKR_SESSION_CLOSED, FUDA_EREMOVED },
	{ CKR_SESSION_HANDLE_INVALID, FUDA_EREMOVED },
	{ CKR_OBJECT_HANDLE_INVALID, FUDA_EREMOVED },
	{ CKR_KEY_HANDLE_INVALID, FUDA_EREMOVED },
	{ CKR_PIN_INCORRECT, FUDA_EPINWRONG },
	{ CKR_PIN_INVALID, FUDA_EPINFORM },
	{ CKR_PIN_LEN_RANGE, FUDA_EPINFORM },
	{ CKR_PIN_LOCKED, FUDA_EPINBLOCKED },
	{ CKR_USER_NOT_LOGGED_IN, FUDA_ESECURITY },
	{ CKR_MECHANISM_INVALID, FUDA_ENOTSUP },
	{ CKR_KEY_TYPE_INCONSISTENT, FUDA_ENOTSUP },
	{ CKR_KEY_FUNCTION_NOT_PERMITTED, FUDA_ENOTSUP },
	{ CKR_FUNCTION_NOT_SUPPORTED, FUDA_ENOTSUP },
};

static int code_of(CK_RV rv)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i].rv == rv)
			return answers[i].code;
	return rv == CKR_OK ? 0 : FUDA_EFAILED;
}

/* `what` was being done. */
static int fail(const struct opening *o, CK_RV rv, const char *what)
{
	return ctx_fail(o->ctx, code_of(rv), _("%s: the token's module answers 0x%lX."), what,
			(unsigned long)rv);
}

/* ---- modules ---- */

static int initialise(CK_FUNCTION_LIST *f, bool *ret_ours)
{
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
	CK_RV rv = f->C_Initialize(&arguments);

	*ret_ours = rv == CKR_OK;
	return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? 0 : code_of(rv);
}

/* Takes `handle`, of which dlopen() counts the users as well. */
static int enter(void *handle, struct module **ret)
{
	CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
	struct module *m = modules;

	while (m && m->handle != handle)
		m = m->next;
	if (m) {
		m->users++;
		*ret = m;
		return 0;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return FUDA_ENOMEM;
	*(void **)&list = dlsym(handle, "C_GetFunctionList"); /* the form that POSIX has for it */
	if (!list || list(&m->f) != CKR_OK || !m->f || initialise(m->f, &m->ours) < 0) {
		free(m);
		return FUDA_EFILE;
	}
	m->handle = handle;
	m->users = 1;
	m->next = modules;
	modules = m;
	*ret = m;
	return 0;
}

static int load(struct opening *o, const char *path)
{
	void *handle;
	int e;

	pthread_mutex_lock(&modules_lock);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		const char *why = dlerror();

		pthread_mutex_unlock(&modules_lock);
		return ctx_fail(o->ctx, FUDA_EFILE,
				_("The PKCS#11 module %s cannot be loaded: %s. Name the one of "
				  "your token."),
				path, why ? why : "");
	}
	e = enter(handle, &o->key->module);
	if (e < 0)
		dlclose(handle);
	pthread_mutex_unlock(&modules_lock);
	if (e == FUDA_EFILE)
		return ctx_fail(o->ctx, e, _("%s is no PKCS#11 module, or cannot be initialised."),
				path);
	return e < 0 ? ctx_fail_code(o->ctx, e) : 0;
}

static void unload(struct module *m)
{
	struct module **at = &modules;

	pthread_mutex_lock(&modules_lock);
	if (--m->users == 0) {
		while (*at != m)
			at = &(*at)->next;
		*at = m->next;
		if (m->ours)
			m->f->C_Finalize(NULL);
		dlclose(m->handle);
		free(m);
	} else {
		dlclose(m->handle);
	}
	pthread_mutex_unlock(&modules_lock);
}

/* ---- the token ---- */

/* A field of CK_TOKEN_INFO is padded with blanks: PKCS #11 2.40 3.2. */
static bool field_is(const CK_UTF8CHAR *field, size_t size, const char *wanted)
{
	size_t len = strlen(wanted);

	while (size && field[size - 1] == ' ')
		size--;
	return !len || (size == len && memcmp(field, wanted, len) == 0);
}

static bool fits(const struct token_uri *uri, const CK_TOKEN_INFO *info)
{
	return info->flags & CKF_TOKEN_INITIALIZED &&
	       field_is(info->label, sizeof(info->label), uri->token) &&
	       field_is(info->manufacturerID, sizeof(info->manufacturerID), uri->manufacturer) &&
	       field_is(info->model, sizeof(info->model), uri->model) &&
	       field_is(info->serialNumber, sizeof(info->serialNumber), uri->serial);
}

static int find_token(struct opening *o)
{
	CK_FUNCTION_LIST *f = o->key->module->f;
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX, found = 0;
	CK_RV rv = f->C_GetSlotList(CK_TRUE, slots, &count);

	if (rv != CKR_OK)
		return fail(o, rv, _("Looking for tokens"));
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		if (f->C_GetTokenInfo(slots[i], &info) != CKR_OK || !fits(&o->uri, &info))
			continue;
		o->slot = slots[i];
		o->info = info;
		found++;
	}
	if (!found)
		return ctx_fail(o->ctx, FUDA_ENOTFOUND,
				_("No token fits the pkcs11: URI. Is it plugged in?"));
	if (found > 1)
		return ctx_fail(o->ctx, FUDA_EINVAL,
				_("Several tokens fit the pkcs11: URI: say which by \"token\" or "
				  "\"serial\"."));
	return 0;
}

static int open_session(struct opening *o)
{
	struct token_key *key = o->key;
	CK_RV rv = key->module->f->C_OpenSession(o->slot, CKF_SERIAL_SESSION, NULL, NULL,
						 &key->session);

	if (rv != CKR_OK)
		return fail(o, rv, _("Opening the token"));
	key->has_session = true;
	return 0;
}

/* ---- the PIN ---- */

/* Before it is sent: a wrong one counts. */
static int check_pin(const struct opening *o, const struct fuda_secret *pin)
{
	if (o->info.flags & CKF_USER_PIN_LOCKED)
		return ctx_fail(o->ctx, FUDA_EPINBLOCKED, _("The token's PIN is blocked."));
	if (o->info.flags & CKF_USER_PIN_FINAL_TRY)
		return ctx_fail(o->ctx, FUDA_ELASTTRY,
				_("The token says that a wrong PIN would block it now. Log in by "
				  "its own program first."));
	if (pin->len < o->info.ulMinPinLen || pin->len > o->info.ulMaxPinLen)
		return ctx_fail(o->ctx, FUDA_EPINFORM,
				_("The token's PIN has from %lu to %lu characters. This was not "
				  "sent."),
				(unsigned long)o->info.ulMinPinLen,
				(unsigned long)o->info.ulMaxPinLen);
	return 0;
}

static int login_with(struct opening *o, struct fuda_secret *pin)
{
	struct token_key *key = o->key;
	int e = check_pin(o, pin);
	CK_RV rv;

	if (e < 0)
		return e;
	rv = key->module->f->C_Login(key->session, CKU_USER, pin->bytes, pin->len);
	/* by another key of this program */
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	if (rv == CKR_PIN_INCORRECT)
		return ctx_fail(o->ctx, FUDA_EPINWRONG, _("The token says that the PIN is wrong."));
	return fail(o, rv, _("Logging in"));
}

static int login(struct opening *o, const struct fuda_secret *pin)
{
	_cleanup_(fuda_secret_free) struct fuda_secret *own = NULL;
	int fd, e;

	if (!(o->info.flags & CKF_LOGIN_REQUIRED))
		return 0;
	if (pin)
		e = fuda_secret_new(pin->bytes, pin->len, &own); /* modules do not take it const */
	else if (!*o->uri.pin_source)
		return ctx_fail(o->ctx, FUDA_ESECURITY,
				_("The token asks for its PIN: name a file that has it by "
				  "pin-source, in the pkcs11: URI."));
	else {
		fd = open(o->uri.pin_source, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (fd < 0)
			return ctx_fail(o->ctx, FUDA_EFILE, _("Cannot read %s: %s."),
					o->uri.pin_source, strerror(errno));
		e = fuda_secret_read(fd, &own);
		close(fd);
	}
	return e < 0 ? ctx_fail_code(o->ctx, e) : login_with(o, own);
}

/* ---- the key ---- */

static int find_key(struct opening *o)
{
	CK_FUNCTION_LIST *f = o->key->module->f;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_OBJECT_HANDLE found[2];
	CK_ULONG attributes = 1, count = 0;
	CK_ATTRIBUTE wanted[3] = { { CKA_CLASS, &class, sizeof(class) } };
	CK_RV rv;

	if (*o->uri.object)
		wanted[attributes++] =
			(CK_ATTRIBUTE){ CKA_LABEL, o->uri.object, strlen(o->uri.object) };
	if (o->uri.id_len)
		wanted[attributes++] = (CK_ATTRIBUTE){ CKA_ID, o->uri.id, o->uri.id_len };
	rv = f->C_FindObjectsInit(o->key->session, wanted, attributes);
	if (rv == CKR_OK) {
		rv = f->C_FindObjects(o->key->session, found, ARRAY_SIZE(found), &count);
		f->C_FindObjectsFinal(o->key->session);
	}
	if (rv != CKR_OK)
		return fail(o, rv, _("Looking for the key"));
	if (!count)
		return ctx_fail(o->ctx, FUDA_ENOTFOUND,
				_("No private key in the token fits the pkcs11: URI."));
	if (count > 1)
		return ctx_fail(o->ctx, FUDA_EINVAL,
				_("Several private keys in the token fit the pkcs11: URI: say "
				  "which by "
				  "\"id\"."));
	o->key->object = found[0];
	return 0;
}

static bool asks_each_time(const struct opening *o)
{
	CK_BBOOL always = CK_FALSE;
	CK_ATTRIBUTE a = { CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always) };

	return o->key->module->f->C_GetAttributeValue(o->key->session, o->key->object, &a, 1) ==
		       CKR_OK &&
	       always;
}

static int sign(void *arg, enum signer_mode mode, const uint8_t *input, size_t len,
		struct fuda_buf *ret_signature)
{
	struct token_key *key = arg;
	CK_FUNCTION_LIST *f = key->module->f;
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	uint8_t digest[FUDA_DIGEST_MAX], signature[2 * 66];
	CK_ULONG size = sizeof(signature);
	CK_RV rv;

	if (mode != SIGN_ECDSA)
		return FUDA_ENOTSUP;
	if (len > sizeof(digest))
		return FUDA_EINVAL;
	memcpy(digest, input, len); /* modules do not take it const */
	rv = f->C_SignInit(key->session, &ecdsa, key->object);
	if (rv == CKR_OK)
		rv = f->C_Sign(key->session, digest, len, signature, &size);
	if (rv != CKR_OK)
		return code_of(rv);
	/* r and s as long as the order each: PKCS #11 2.40 2.3.1 */
	return size == 2 * key->facts->bytes ? fuda_buf_append(ret_signature, signature, size) :
					       FUDA_EFAILED;
}

/* Whether the private key is that of `public`: what it signs must verify. Not every token shows the
 * public half, and where it does, that is not what signs. */
static int prove(struct opening *o, const struct key *public)
{
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(2 * 66);
	uint8_t random[PROOF_BYTES];
	struct fuda_digest digest;
	int e = fuda_random(random, sizeof(random));

	if (e == 0)
		e = fuda_digest_bytes(o->key->facts->hash, random, sizeof(random), &digest);
	if (e == 0)
		e = sign(o->key, SIGN_ECDSA, digest.bytes, digest.len, &signature);
	if (e == 0)
		e = key_verify_raw(public, &digest, signature.data, signature.len);
	/* one of another curve makes signatures of another length, or none */
	if (e == FUDA_EVERIFY || e == FUDA_EFAILED)
		return ctx_fail(o->ctx, FUDA_EVERIFY,
				_("The key in the token is not that of the certificate."));
	if (e == FUDA_ENOTSUP)
		return ctx_fail(o->ctx, e, _("The key in the token does not sign by ECDSA."));
	return e < 0 ? ctx_fail_code(o->ctx, e) : 0;
}

/* ---- the whole ---- */

static int open_key(struct opening *o, const char *module, const struct fuda_secret *pin,
		    const struct key *public)
{
	enum curve curve = key_curve(public);
	int e;

	if (curve == CURVE_NONE || curve_facts(curve)->eddsa)
		return ctx_fail(o->ctx, FUDA_ENOTSUP,
				_("Keys in tokens sign by ECDSA: the certificate has another kind "
				  "of key."));
	o->key->facts = curve_facts(curve);
	e = load(o, *o->uri.module ? o->uri.module : module ? module : P11_PROXY);
	if (e == 0)
		e = find_token(o);
	if (e == 0)
		e = open_session(o);
	if (e == 0)
		e = login(o, pin);
	if (e == 0)
		e = find_key(o);
	if (e == 0 && asks_each_time(o))
		e = ctx_fail(o->ctx, FUDA_ENOTSUP,
			     _("The key asks for the token's PIN each time that it signs."));
	return e < 0 ? e : prove(o, public);
}

int token_open(struct fuda_context *ctx, const char *module, const char *uri,
	       const struct fuda_secret *pin, const struct key *public, struct token_key **ret)
{
	struct opening o = { .ctx = ctx };
	int e = token_uri_parse(ctx, uri, &o.uri);

	if (e < 0)
		return e;
	o.key = calloc(1, sizeof(*o.key));
	if (!o.key)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	e = open_key(&o, module, pin, public);
	if (e < 0)
		token_close(&o.key);
	else
		*ret = o.key;
	return e;
}

void token_close(struct token_key **key)
{
	if (!*key)
		return;
	if ((*key)->has_session)
		(*key)->module->f->C_CloseSession((*key)->session);
	if ((*key)->module)
		unload((*key)->module);
	free(*key);
	*key = NULL;
}

struct signer token_signer(struct token_key *key)
{
	return (struct signer){
		.sign = sign,
		.arg = key,
		.mode = SIGN_ECDSA,
		.hash = key->facts->hash,
		.cose = key->facts->cose_algorithm,
	};
}
