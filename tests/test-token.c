/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in tokens, over a module that the test plays: which token and key is taken, how often a PIN
 * is sent, and what the module's answers become. tests/test-softhsm.c has a real one. */
#include "pki/token.h"

#include <dlfcn.h>
#include <fuda/context.h>
#include <fuda/hash.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <string.h>

#include "pki/private.h"
#include "tests/scratch.h"

#define URI "pkcs11:token=Tokyo;object=ds"
#define PIN "482913"

static struct fuda_context *ctx;
static struct private_key *right, *wrong, *large;
static struct fuda_secret *pin;

/* ---- the module ---- */

enum { SLOTS = 3, OBJECTS = 3 };

/* What it is like, and what was asked of it. */
static struct {
	/* the answers */
	CK_RV initialize, list, open, login, find, sign_init, sign;
	struct {
		const char *label, *serial;
		CK_FLAGS flags;
	} tokens[SLOTS];
	CK_ULONG slots;
	struct {
		const char *label, *id;
		struct private_key *key;
		bool always;
	} objects[OBJECTS];
	CK_ULONG sign_size; /* 0: as it is */
	bool no_list, no_module;
	/* the questions */
	char path[256];
	int libraries, initialized, sessions, logins, searches;
	bool logged_in, searching, found;
	CK_ATTRIBUTE wanted[3];
	size_t wanted_count;
	struct private_key *signing;
	size_t wrong_pins;
} m;

static void pad(CK_UTF8CHAR *field, size_t size, const char *text)
{
	memset(field, ' ', size);
	memcpy(field, text, strlen(text));
}

static CK_RV initialize(void *arguments)
{
	const CK_C_INITIALIZE_ARGS *a = arguments;

	assert_int_equal(a->flags, CKF_OS_LOCKING_OK);
	if (m.initialize == CKR_OK)
		m.initialized++;
	return m.initialize;
}

static CK_RV finalize(void *reserved)
{
	assert_null(reserved);
	assert_int_equal(m.sessions, 0);
	m.initialized--;
	return CKR_OK;
}

static CK_RV get_slots(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
	assert_true(present && *count >= m.slots);
	for (CK_ULONG i = 0; i < m.slots; i++)
		slots[i] = 100 + i;
	*count = m.slots;
	return m.list;
}

static CK_RV get_token(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	size_t i = slot - 100;

	if (!m.tokens[i].label)
		return CKR_TOKEN_NOT_RECOGNIZED;
	*info = (CK_TOKEN_INFO){ .flags = m.tokens[i].flags, .ulMinPinLen = 4, .ulMaxPinLen = 8 };
	pad(info->label, sizeof(info->label), m.tokens[i].label);
	pad(info->serialNumber, sizeof(info->serialNumber), m.tokens[i].serial);
	pad(info->manufacturerID, sizeof(info->manufacturerID), "Maker");
	pad(info->model, sizeof(info->model), "Model");
	return CKR_OK;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *arg, CK_NOTIFY notify,
			  CK_SESSION_HANDLE *ret)
{
	(void)arg;
	assert_null(notify);
	assert_int_equal(flags, CKF_SERIAL_SESSION);
	if (m.open != CKR_OK)
		return m.open;
	m.sessions++;
	*ret = 1000 + slot;
	return CKR_OK;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
	assert_true(session >= 1100);
	if (--m.sessions == 0)
		m.logged_in = false;
	return CKR_OK;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *bytes, CK_ULONG len)
{
	assert_true(session >= 1100);
	assert_int_equal(user, CKU_USER);
	m.logins++;
	if (m.login != CKR_OK)
		return m.login;
	if (m.logged_in)
		return CKR_USER_ALREADY_LOGGED_IN;
	if (len != strlen(PIN) || memcmp(bytes, PIN, len) != 0) {
		m.wrong_pins++;
		return CKR_PIN_INCORRECT;
	}
	m.logged_in = true;
	return CKR_OK;
}

static CK_RV find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
	assert_true(session >= 1100 && count <= ARRAY_SIZE(m.wanted));
	if (m.find != CKR_OK)
		return m.find;
	memcpy(m.wanted, wanted, count * sizeof(*wanted));
	m.wanted_count = count;
	m.searches++;
	return CKR_OK;
}

static bool object_fits(size_t i)
{
	for (size_t w = 0; w < m.wanted_count; w++) {
		const CK_ATTRIBUTE *a = &m.wanted[w];
		const CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
		const char *text = a->type == CKA_LABEL ? m.objects[i].label : m.objects[i].id;

		if (a->type == CKA_CLASS ? memcmp(a->pValue, &private, sizeof(private)) != 0 :
					   a->ulValueLen != strlen(text) ||
						   memcmp(a->pValue, text, a->ulValueLen) != 0)
			return false;
	}
	return true;
}

static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *ret, CK_ULONG max, CK_ULONG *count)
{
	(void)session;
	*count = 0;
	for (size_t i = 0; i < OBJECTS && *count < max; i++)
		if (m.objects[i].label && object_fits(i))
			ret[(*count)++] = i + 1;
	return CKR_OK;
}

static CK_RV find_final(CK_SESSION_HANDLE session)
{
	(void)session;
	m.searches--;
	return CKR_OK;
}

static CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a,
			   CK_ULONG count)
{
	(void)session;
	assert_int_equal(count, 1);
	assert_int_equal(a->type, CKA_ALWAYS_AUTHENTICATE);
	*(CK_BBOOL *)a->pValue = m.objects[object - 1].always;
	return CKR_OK;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE object)
{
	(void)session;
	assert_int_equal(mechanism->mechanism, CKM_ECDSA);
	assert_null(mechanism->pParameter);
	m.signing = m.objects[object - 1].key;
	return m.sign_init;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *signature,
		  CK_ULONG *size)
{
	struct signer s = private_signer(m.signing);
	_cleanup_buf_ struct fuda_buf made = FUDA_BUF_INIT(*size);

	(void)session;
	if (m.sign != CKR_OK)
		return m.sign;
	assert_int_equal(s.sign(s.arg, SIGN_ECDSA, data, len, &made), 0);
	memcpy(signature, made.data, made.len);
	*size = m.sign_size ? m.sign_size : made.len;
	return CKR_OK;
}

static CK_FUNCTION_LIST functions = {
	.C_Initialize = initialize,
	.C_Finalize = finalize,
	.C_GetSlotList = get_slots,
	.C_GetTokenInfo = get_token,
	.C_OpenSession = open_session,
	.C_CloseSession = close_session,
	.C_Login = login,
	.C_FindObjectsInit = find_init,
	.C_FindObjects = find,
	.C_FindObjectsFinal = find_final,
	.C_GetAttributeValue = get_attribute,
	.C_SignInit = sign_init,
	.C_Sign = sign,
};

static CK_RV get_list(CK_FUNCTION_LIST **ret)
{
	*ret = &functions;
	return CKR_OK;
}

/* ---- the loader: -Wl,--wrap ---- */

void *__wrap_dlopen(const char *path, int flags);
void *__wrap_dlopen(const char *path, int flags)
{
	assert_int_equal(flags, RTLD_NOW | RTLD_LOCAL);
	if (m.no_module)
		return NULL;
	snprintf(m.path, sizeof(m.path), "%s", path);
	m.libraries++;
	return &m;
}

char *__wrap_dlerror(void);
char *__wrap_dlerror(void)
{
	static char why[] = "no such module";

	return why;
}

void *__wrap_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name)
{
	CK_RV (*list)(CK_FUNCTION_LIST **) = get_list;

	assert_ptr_equal(handle, &m);
	assert_string_equal(name, "C_GetFunctionList");
	return m.no_list ? NULL : *(void **)&list;
}

int __wrap_dlclose(void *handle);
int __wrap_dlclose(void *handle)
{
	assert_ptr_equal(handle, &m);
	m.libraries--;
	return 0;
}

/* ---- around ---- */

static int setup(void **state)
{
	if (scratch_setup(state) < 0 || fuda_context_new(&ctx) < 0 ||
	    private_new(CURVE_P256, &right) < 0 || private_new(CURVE_P256, &wrong) < 0 ||
	    private_new(CURVE_P384, &large) < 0)
		return -1;
	return fuda_secret_new(PIN, strlen(PIN), &pin);
}

static int teardown(void **state)
{
	fuda_secret_free(&pin);
	private_free(&right);
	private_free(&wrong);
	private_free(&large);
	fuda_context_free(&ctx);
	return scratch_teardown(state);
}

static int plug_in(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	m.slots = SLOTS;
	m.tokens[1].label = "Tokyo";
	m.tokens[1].serial = "1";
	m.tokens[1].flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED;
	m.tokens[2].label = "Osaka";
	m.tokens[2].serial = "2";
	m.tokens[2].flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED;
	m.objects[0].label = "ds";
	m.objects[0].id = "a";
	m.objects[0].key = right;
	m.objects[1].label = "other";
	m.objects[1].id = "b";
	m.objects[1].key = wrong;
	return 0;
}

/* Nothing stays behind, whatever happened. */
static int unplug(void **state)
{
	(void)state;
	assert_int_equal(m.libraries, 0);
	assert_int_equal(m.initialized, 0);
	assert_int_equal(m.sessions, 0);
	assert_int_equal(m.searches, 0);
	return 0;
}

static int try_uri(const char *uri)
{
	struct token_key *key = NULL;
	int e = token_open(ctx, "/m.so", uri, pin, private_public(right), &key);

	if (e == 0)
		token_close(&key);
	assert_null(key);
	if (e < 0)
		assert_null(strstr(fuda_context_message(ctx), PIN));
	return e;
}

/* ---- tests ---- */

static void it_signs(void **state)
{
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(100);
	struct token_key *key;
	struct fuda_digest digest;
	struct signer s;

	(void)state;
	assert_int_equal(token_open(ctx, "/m.so", URI, pin, private_public(right), &key), 0);
	assert_string_equal(m.path, "/m.so");
	assert_int_equal(m.logins, 1);
	s = token_signer(key);
	assert_int_equal(s.mode, SIGN_ECDSA);
	assert_int_equal(s.hash, FUDA_SHA256);
	assert_int_equal(s.cose, -7);
	assert_int_equal(fuda_digest_bytes(FUDA_SHA256, "x", 1, &digest), 0);
	assert_int_equal(s.sign(s.arg, s.mode, digest.bytes, digest.len, &signature), 0);
	assert_int_equal(signature.len, 64);
	assert_int_equal(key_verify_raw(private_public(right), &digest, signature.data, 64), 0);
	assert_int_equal(s.sign(s.arg, SIGN_EDDSA, digest.bytes, digest.len, &signature),
			 FUDA_ENOTSUP);
	assert_int_equal(s.sign(s.arg, s.mode, digest.bytes, 65, &signature), FUDA_EINVAL);
	m.sign_size = 63;
	assert_int_equal(s.sign(s.arg, s.mode, digest.bytes, digest.len, &signature), FUDA_EFAILED);
	m.sign = CKR_DEVICE_REMOVED;
	assert_int_equal(s.sign(s.arg, s.mode, digest.bytes, digest.len, &signature),
			 FUDA_EREMOVED);
	assert_int_equal(signature.len, 64);
	token_close(&key);
	assert_null(key);
	token_close(&key);
}

static void the_token_and_the_key_are_found(void **state)
{
	static const struct {
		const char *uri;
		int code;
	} cases[] = {
		{ "pkcs11:token=Tokyo;object=ds", 0 },
		{ "pkcs11:token=Tokyo;id=a", 0 },
		{ "pkcs11:token=Tokyo;id=a;object=ds", 0 },
		{ "pkcs11:serial=1;object=ds", 0 },
		{ "pkcs11:token=Tokyo;serial=1;manufacturer=Maker;model=Model;object=ds", 0 },
		{ "pkcs11:object=ds", FUDA_EINVAL }, /* in which? */
		{ "pkcs11:manufacturer=Maker;object=ds", FUDA_EINVAL },
		{ "pkcs11:token=Kyoto;object=ds", FUDA_ENOTFOUND },
		{ "pkcs11:token=Tok;object=ds", FUDA_ENOTFOUND },
		{ "pkcs11:token=Tokyo%20;object=ds", FUDA_ENOTFOUND },
		{ "pkcs11:token=Tokyo;serial=2;object=ds", FUDA_ENOTFOUND },
		{ "pkcs11:token=Tokyo;model=Mode;object=ds", FUDA_ENOTFOUND },
		{ "pkcs11:token=Tokyo;object=dss", FUDA_ENOTFOUND },
		{ "pkcs11:token=Tokyo;object=ds;id=b", FUDA_ENOTFOUND },
		{ "pkcs11:token=Tokyo;object=other", FUDA_EVERIFY },
		{ "pkcs11:token=Tokyo", FUDA_EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (try_uri(cases[i].uri) != cases[i].code)
			fail_msg("%s: %s", cases[i].uri, fuda_context_message(ctx));
	m.tokens[2].flags = CKF_LOGIN_REQUIRED; /* not initialised: it counts no longer */
	assert_int_equal(try_uri("pkcs11:object=ds"), 0);
	m.objects[2] = m.objects[0];
	assert_int_equal(try_uri(URI), FUDA_EINVAL);
	m.slots = 0;
	assert_int_equal(try_uri(URI), FUDA_ENOTFOUND);
}

static void the_uri_names_the_module_first(void **state)
{
	struct token_key *key;

	(void)state;
	assert_int_equal(try_uri(URI "?module-path=/other.so"), 0);
	assert_string_equal(m.path, "/other.so");
	assert_int_equal(token_open(ctx, NULL, URI, pin, private_public(right), &key), 0);
	assert_non_null(strstr(m.path, "p11-kit-proxy"));
	token_close(&key);
}

static void a_pin_is_sent_once_at_most(void **state)
{
	static const struct {
		const char *pin;
		CK_FLAGS flags;
		CK_RV login;
		int code, sent;
	} cases[] = {
		{ PIN, CKF_LOGIN_REQUIRED, CKR_OK, 0, 1 },
		{ PIN, 0, CKR_OK, 0, 0 },
		{ "482914", CKF_LOGIN_REQUIRED, CKR_OK, FUDA_EPINWRONG, 1 },
		{ PIN, CKF_LOGIN_REQUIRED, CKR_PIN_LOCKED, FUDA_EPINBLOCKED, 1 },
		{ PIN, CKF_LOGIN_REQUIRED, CKR_PIN_LEN_RANGE, FUDA_EPINFORM, 1 },
		{ PIN, CKF_LOGIN_REQUIRED, CKR_DEVICE_ERROR, FUDA_EFAILED, 1 },
		{ PIN, CKF_LOGIN_REQUIRED | CKF_USER_PIN_COUNT_LOW, CKR_OK, 0, 1 },
		{ PIN, CKF_LOGIN_REQUIRED | CKF_USER_PIN_FINAL_TRY, CKR_OK, FUDA_ELASTTRY, 0 },
		{ PIN, CKF_LOGIN_REQUIRED | CKF_USER_PIN_LOCKED, CKR_OK, FUDA_EPINBLOCKED, 0 },
		{ "482", CKF_LOGIN_REQUIRED, CKR_OK, FUDA_EPINFORM, 0 },
		{ "482913482", CKF_LOGIN_REQUIRED, CKR_OK, FUDA_EPINFORM, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fuda_secret *given;
		struct token_key *key = NULL;
		int e;

		plug_in(state);
		m.tokens[1].flags = CKF_TOKEN_INITIALIZED | cases[i].flags;
		m.login = cases[i].login;
		assert_int_equal(fuda_secret_new(cases[i].pin, strlen(cases[i].pin), &given), 0);
		e = token_open(ctx, "/m.so", URI, given, private_public(right), &key);
		fuda_secret_free(&given);
		if (e != cases[i].code || m.logins != cases[i].sent)
			fail_msg("%zu: %d, %d", i, e, m.logins);
		if (e == 0)
			token_close(&key);
		else
			assert_null(strstr(fuda_context_message(ctx), cases[i].pin));
		unplug(state);
	}
}

static void a_pin_may_stand_in_a_file(void **state)
{
	struct token_key *key;
	char uri[512];

	(void)state;
	scratch_write("pin", PIN "\nmore\n", 0600);
	snprintf(uri, sizeof(uri), URI "?pin-source=file:%s", scratch_path("pin"));
	assert_int_equal(token_open(ctx, "/m.so", uri, NULL, private_public(right), &key), 0);
	token_close(&key);
	assert_int_equal(token_open(ctx, "/m.so", URI, NULL, private_public(right), &key),
			 FUDA_ESECURITY);
	assert_non_null(strstr(fuda_context_message(ctx), "pin-source"));
	snprintf(uri, sizeof(uri), URI "?pin-source=file:%s", scratch_path("nothing"));
	assert_int_equal(token_open(ctx, "/m.so", uri, NULL, private_public(right), &key),
			 FUDA_EFILE);
	assert_int_equal(m.logins, 1);
	/* what the caller hands over comes first */
	assert_int_equal(token_open(ctx, "/m.so", uri, pin, private_public(right), &key), 0);
	token_close(&key);
}

/* Two keys of one token: one login, and the module lives as long as one of them. */
static void keys_share_a_module(void **state)
{
	_cleanup_buf_ struct fuda_buf signature = FUDA_BUF_INIT(1000);
	struct token_key *a, *b;
	struct signer s;

	(void)state;
	assert_int_equal(token_open(ctx, "/m.so", URI, pin, private_public(right), &a), 0);
	assert_int_equal(token_open(ctx, "/m.so", "pkcs11:token=Tokyo;object=other", pin,
				    private_public(wrong), &b),
			 0);
	assert_int_equal(m.initialized, 1);
	assert_int_equal(m.libraries, 2);
	token_close(&a);
	assert_int_equal(m.initialized, 1);
	assert_int_equal(m.libraries, 1);
	s = token_signer(b);
	assert_int_equal(s.sign(s.arg, s.mode, (const uint8_t *)PIN,
				32 > sizeof(PIN) ? sizeof(PIN) : 32, &signature),
			 0);
	token_close(&b);
}

/* Somebody else in this process uses it, and goes on doing so. */
static void what_others_initialised_is_left_to_them(void **state)
{
	(void)state;
	m.initialize = CKR_CRYPTOKI_ALREADY_INITIALIZED;
	assert_int_equal(try_uri(URI), 0);
	assert_int_equal(m.initialized, 0);
	assert_int_equal(m.libraries, 0);
}

static void failures_are_told(void **state)
{
	(void)state;
	m.no_module = true;
	assert_int_equal(try_uri(URI), FUDA_EFILE);
	assert_non_null(strstr(fuda_context_message(ctx), "no such module"));
	m.no_module = false;
	m.no_list = true;
	assert_int_equal(try_uri(URI), FUDA_EFILE);
	m.no_list = false;
	m.initialize = CKR_GENERAL_ERROR;
	assert_int_equal(try_uri(URI), FUDA_EFILE);
	m.initialize = CKR_OK;
	m.list = CKR_DEVICE_ERROR;
	assert_int_equal(try_uri(URI), FUDA_EFAILED);
	assert_non_null(strstr(fuda_context_message(ctx), "0x30"));
	m.list = CKR_OK;
	m.open = CKR_TOKEN_NOT_PRESENT;
	assert_int_equal(try_uri(URI), FUDA_EREMOVED);
	m.open = CKR_OK;
	m.find = CKR_HOST_MEMORY;
	assert_int_equal(try_uri(URI), FUDA_ENOMEM);
	m.find = CKR_OK;
	m.sign_init = CKR_MECHANISM_INVALID;
	assert_int_equal(try_uri(URI), FUDA_ENOTSUP);
	m.sign_init = CKR_OK;
	m.sign = CKR_DEVICE_REMOVED;
	assert_int_equal(try_uri(URI), FUDA_EREMOVED);
	m.sign = CKR_OK;
	m.objects[0].always = true;
	assert_int_equal(try_uri(URI), FUDA_ENOTSUP);
	m.objects[0].always = false;
	m.objects[0].key = large; /* of another curve than the certificate says */
	assert_int_equal(try_uri(URI), FUDA_EVERIFY);
}

static void other_kinds_of_keys_are_refused(void **state)
{
	struct private_key *ed;
	struct token_key *key = NULL;

	(void)state;
	assert_int_equal(private_new(CURVE_ED25519, &ed), 0);
	assert_int_equal(token_open(ctx, "/m.so", URI, pin, private_public(ed), &key),
			 FUDA_ENOTSUP);
	private_free(&ed);
	assert_int_equal(token_open(ctx, "/m.so", URI, pin, NULL, &key), FUDA_ENOTSUP);
	assert_null(key);
	assert_int_equal(m.logins, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, plug_in, unplug)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(it_signs),
		TEST(the_token_and_the_key_are_found),
		TEST(the_uri_names_the_module_first),
		TEST(a_pin_is_sent_once_at_most),
		TEST(a_pin_may_stand_in_a_file),
		TEST(keys_share_a_module),
		TEST(what_others_initialised_is_left_to_them),
		TEST(failures_are_told),
		TEST(other_kinds_of_keys_are_refused),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
