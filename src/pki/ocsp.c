/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL reads and verifies; what an answer must be besides is said here. */
#include "pki/ocsp.h"
/* before OpenSSL, which has macros of the same names */
#include "pki/cert.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/context.h"
#include "pki/der.h"
#include "pki/trust.h"

/* RFC 8954 2.1 has the nonce. */
enum { NONCE_BYTES = 32, QUESTION_MAX = 1024, DER_ENUMERATED = 0x0A };
/* Of OpenSSL's: 112 bits. */
enum { SECURITY_LEVEL = 2 };

struct ocsp_question {
	struct fuda_buf der;
	OCSP_REQUEST *request;
	OCSP_CERTID *id; /* the request's */
	X509 *ca;
};

static void x509_free(X509 **x)
{
	X509_free(*x);
}

static void id_free(OCSP_CERTID **id)
{
	OCSP_CERTID_free(*id);
}

static void basic_free(OCSP_BASICRESP **basic)
{
	OCSP_BASICRESP_free(*basic);
}

static void store_free(X509_STORE **store)
{
	X509_STORE_free(*store);
}

static void stack_free(STACK_OF(X509) **stack)
{
	sk_X509_free(*stack);
}

/* ---- the question ---- */

static X509 *to_x509(const struct fuda_cert *cert)
{
	const uint8_t *p = cert->der;

	return d2i_X509(NULL, &p, (long)cert->len);
}

/* The hash is of the issuer's name as the certificate has it: RFC 6960 4.1.1. */
static OCSP_CERTID *identify(const struct fuda_cert *cert, const X509 *ca)
{
	_cleanup_(x509_free) X509 *x = to_x509(cert);

	return x && ca ? OCSP_cert_id_new(EVP_sha1(), X509_get_issuer_name(x),
					  X509_get0_pubkey_bitstr(ca), X509_get0_serialNumber(x)) :
			 NULL;
}

static int encode(struct ocsp_question *q)
{
	uint8_t *der = NULL;
	int len = i2d_OCSP_REQUEST(q->request, &der);
	int r = len > 0 ? fuda_buf_append(&q->der, der, (size_t)len) : FUDA_EFAILED;

	OPENSSL_free(der);
	return r;
}

static int fill(struct ocsp_question *q, const struct fuda_cert *cert, const struct fuda_cert *ca)
{
	_cleanup_(id_free) OCSP_CERTID *id = NULL;
	uint8_t nonce[NONCE_BYTES];

	q->ca = to_x509(ca);
	q->request = OCSP_REQUEST_new();
	id = identify(cert, q->ca);
	if (!q->request || !id || fuda_random(nonce, sizeof(nonce)) < 0)
		return FUDA_EFAILED;
	if (!OCSP_request_add0_id(q->request, id))
		return FUDA_EFAILED;
	q->id = id;
	id = NULL; /* the request's from here on */
	if (OCSP_request_add1_nonce(q->request, nonce, sizeof(nonce)) != 1)
		return FUDA_EFAILED;
	return encode(q);
}

int ocsp_question_new(struct fuda_context *ctx, const struct fuda_trust *trust,
		      const struct fuda_cert *cert, struct ocsp_question **ret)
{
	_cleanup_(ocsp_question_free) struct ocsp_question *q = calloc(1, sizeof(*q));
	struct issuer issuer;
	int r;

	if (!q)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	q->der = FUDA_BUF_INIT(QUESTION_MAX);
	r = trust_issuer(trust, cert, &issuer);
	if (r == 0)
		r = issuer.signature;
	if (r == 0)
		r = fill(q, cert, issuer.ca->cert);
	ERR_clear_error();
	if (r < 0)
		return ctx_fail_code(ctx, r);
	*ret = q;
	q = NULL;
	return 0;
}

void ocsp_question_free(struct ocsp_question **q)
{
	if (!*q)
		return;
	OCSP_REQUEST_free((*q)->request);
	X509_free((*q)->ca);
	fuda_buf_free_public(&(*q)->der);
	free(*q);
	*q = NULL;
}

const struct fuda_buf *ocsp_question_der(const struct ocsp_question *q)
{
	return &q->der;
}

/* ---- the frame of the answer ---- */

static int malformed(struct fuda_context *ctx)
{
	return ctx_fail(ctx, FUDA_EFORMAT, _("The OCSP responder's answer is malformed."));
}

static int refused(struct fuda_context *ctx, uint8_t status)
{
	static const struct {
		const char *word;
		int error;
	} answers[] = {
		[1] = { "malformedRequest", FUDA_EFORMAT }, [2] = { "internalError", FUDA_EWAIT },
		[3] = { "tryLater", FUDA_EWAIT },           [5] = { "sigRequired", FUDA_EFORMAT },
		[6] = { "unauthorized", FUDA_EREFUSED },
	};
	bool known = status < ARRAY_SIZE(answers) && answers[status].word;

	return ctx_fail(ctx, known ? answers[status].error : FUDA_EFORMAT,
			_("The OCSP responder answers with an error: %s."),
			known ? answers[status].word : "?");
}

/* OCSPResponse: RFC 6960 4.2.1. */
static int read_frame(struct fuda_context *ctx, struct cursor c, struct cursor *ret_basic)
{
	struct tlv whole, status, explicit, bytes, basic;
	char type[DER_OID_MAX];

	if (der_check(c) < 0 || tlv_expect(&c, DER_SEQUENCE, &whole) < 0 || c.left ||
	    tlv_expect(&whole.value, DER_ENUMERATED, &status) < 0 || status.value.left != 1)
		return malformed(ctx);
	if (*status.value.p != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return refused(ctx, *status.value.p);
	if (tlv_expect(&whole.value, DER_EXPLICIT(0), &explicit) < 0 || whole.value.left ||
	    tlv_expect(&explicit.value, DER_SEQUENCE, &bytes) < 0 || explicit.value.left ||
	    der_oid(&bytes.value, type) < 0 || strcmp(type, "1.3.6.1.5.5.7.48.1.1") != 0 ||
	    tlv_expect(&bytes.value, DER_OCTET_STRING, &basic) < 0 || bytes.value.left ||
	    der_check(basic.value) < 0)
		return malformed(ctx);
	*ret_basic = basic.value;
	return 0;
}

static int read_basic(struct fuda_context *ctx, struct cursor c, OCSP_BASICRESP **ret)
{
	_cleanup_(basic_free) OCSP_BASICRESP *basic = NULL;
	const uint8_t *p = c.p;

	basic = d2i_OCSP_BASICRESP(NULL, &p, (long)c.left);
	if (!basic || p != c.p + c.left)
		return malformed(ctx);
	*ret = basic;
	basic = NULL;
	return 0;
}

/* ---- who signed it ---- */

static int not_believed(struct fuda_context *ctx)
{
	return ctx_fail(ctx, FUDA_EVERIFY,
			_("The OCSP responder's answer is not signed by the CA of the card, nor by "
			  "a responder of that CA whose certificate is valid and says so (OCSP "
			  "signing, no check)."));
}

/* What OpenSSL would take, SHA-1 and any parameters too, is more than this. */
static bool is_accepted(const X509_ALGOR *algorithm)
{
	static const int accepted[] = { NID_sha256, NID_sha384, NID_sha512 };
	const ASN1_OBJECT *oid = NULL;
	int parameters, hash = NID_undef;

	X509_ALGOR_get0(&oid, &parameters, NULL, algorithm);
	if ((parameters != V_ASN1_UNDEF && parameters != V_ASN1_NULL) ||
	    OBJ_find_sigid_algs(OBJ_obj2nid(oid), &hash, NULL) != 1)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++)
		if (accepted[i] == hash)
			return true;
	return false;
}

/* That CA is all that is believed, and nothing stands between it and who signs. */
static X509_STORE *store_of(X509 *ca, time_t at)
{
	X509_STORE *store = X509_STORE_new();

	if (!store || X509_STORE_add_cert(store, ca) != 1) {
		X509_STORE_free(store);
		return NULL;
	}
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), at);
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(store), SECURITY_LEVEL);
	return store;
}

/* OpenSSL has seen to id-kp-OCSPSigning and to the CA's own signature: RFC 6960 4.2.2.2. */
static bool may_sign(X509 *signer, X509 *ca)
{
	return X509_cmp(signer, ca) == 0 ||
	       (X509_get_key_usage(signer) & X509v3_KU_DIGITAL_SIGNATURE &&
		X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) >= 0);
}

static int verify(struct fuda_context *ctx, const struct ocsp_question *q, OCSP_BASICRESP *basic,
		  time_t at)
{
	_cleanup_(store_free) X509_STORE *store = store_of(q->ca, at);
	_cleanup_(stack_free) STACK_OF(X509) *known = sk_X509_new_null();
	X509 *signer = NULL;

	if (!store || !known || sk_X509_push(known, q->ca) <= 0)
		return ctx_fail_code(ctx, FUDA_ENOMEM);
	if (!is_accepted(OCSP_resp_get0_tbs_sigalg(basic)) ||
	    OCSP_basic_verify(basic, known, store, OCSP_NOEXPLICIT | OCSP_NOCHAIN) != 1 ||
	    OCSP_resp_get0_signer(basic, &signer, known) != 1 || !may_sign(signer, q->ca))
		return not_believed(ctx);
	return 0;
}

/* ---- what it says ---- */

/* The only one for our CertID: of two that differ, one would be overlooked. */
static OCSP_SINGLERESP *find(const struct ocsp_question *q, OCSP_BASICRESP *basic)
{
	int i = OCSP_resp_find(basic, q->id, -1);

	return i >= 0 && OCSP_resp_find(basic, q->id, i) < 0 ? OCSP_resp_get0(basic, i) : NULL;
}

static bool to_time(const ASN1_GENERALIZEDTIME *text, time_t *ret)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(text, &tm) != 1)
		return false;
	*ret = timegm(&tm);
	return true;
}

static int check_times(struct fuda_context *ctx, const struct ocsp_answer *a, time_t at)
{
	if (a->this_update > at + OCSP_CLOCK)
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The OCSP responder's answer begins in the future. Check the "
				  "clock of this machine."));
	if (a->next_update && a->next_update < a->this_update)
		return malformed(ctx);
	if ((a->next_update && at > a->next_update) ||
	    at - a->this_update > (a->next_update ? OCSP_AGE : OCSP_CLOCK))
		return ctx_fail(ctx, FUDA_EVERIFY, _("The OCSP responder's answer is too old."));
	return 0;
}

static int check_nonce(struct fuda_context *ctx, const struct ocsp_question *q,
		       OCSP_BASICRESP *basic, bool *ret_nonce)
{
	if (OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1) < 0) {
		*ret_nonce = false;
		return 0;
	}
	if (OCSP_check_nonce(q->request, basic) != 1)
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The OCSP responder's answer was made for another question."));
	*ret_nonce = true;
	return 0;
}

static int take(struct fuda_context *ctx, OCSP_SINGLERESP *single, struct ocsp_answer *ret)
{
	static const enum fuda_revocation meanings[] = {
		[V_OCSP_CERTSTATUS_GOOD] = FUDA_REVOCATION_GOOD,
		[V_OCSP_CERTSTATUS_REVOKED] = FUDA_REVOCATION_REVOKED,
		[V_OCSP_CERTSTATUS_UNKNOWN] = FUDA_REVOCATION_UNKNOWN,
	};
	ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
	int reason = -1;
	int status = OCSP_single_get0_status(single, &reason, NULL, &this_update, &next_update);

	if (status < 0 || status >= (int)ARRAY_SIZE(meanings) ||
	    !to_time(this_update, &ret->this_update) ||
	    (next_update && !to_time(next_update, &ret->next_update)))
		return malformed(ctx);
	ret->revocation = meanings[status];
	ret->reason = status == V_OCSP_CERTSTATUS_REVOKED ? reason : -1;
	return 0;
}

static int judge(struct fuda_context *ctx, const struct ocsp_question *q, OCSP_BASICRESP *basic,
		 time_t at, struct ocsp_answer *ret)
{
	OCSP_SINGLERESP *single = find(q, basic);
	int r;

	if (!single)
		return ctx_fail(ctx, FUDA_EVERIFY,
				_("The OCSP responder did not answer for the certificate that it "
				  "was asked for."));
	if (OCSP_BASICRESP_get_ext_by_critical(basic, 1, -1) >= 0 ||
	    OCSP_SINGLERESP_get_ext_by_critical(single, 1, -1) >= 0)
		return ctx_fail(ctx, FUDA_ENOTSUP,
				_("The OCSP responder's answer makes a condition that is not "
				  "understood."));
	r = verify(ctx, q, basic, at);
	if (r == 0)
		r = check_nonce(ctx, q, basic, &ret->nonce);
	if (r == 0)
		r = take(ctx, single, ret);
	return r < 0 ? r : check_times(ctx, ret, at);
}

int ocsp_judge(struct fuda_context *ctx, const struct ocsp_question *q, const uint8_t *bytes,
	       size_t len, time_t at, struct ocsp_answer *ret)
{
	_cleanup_(basic_free) OCSP_BASICRESP *basic = NULL;
	struct ocsp_answer answer = { 0 };
	struct cursor c = { 0 };
	int r;

	if (len > OCSP_ANSWER_MAX)
		return ctx_fail(ctx, FUDA_ETOOBIG, _("The OCSP responder's answer is too long."));
	r = read_frame(ctx, cur_of(bytes, len), &c);
	if (r == 0)
		r = read_basic(ctx, c, &basic);
	if (r == 0)
		r = judge(ctx, q, basic, at, &answer);
	ERR_clear_error(); /* what OpenSSL said is said otherwise */
	if (r < 0)
		return r;
	*ret = answer;
	return 0;
}
