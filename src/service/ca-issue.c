/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for terminals and servers, and the package that they are sent in. */
#include "service/ca-inside.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <fuda/encode.h>

enum {
	DAY = 86400,
	NAMES_MAX = 16,
	NAME_MAX_BYTES = 253, /* RFC 1035 2.3.4 */
	SERVER_DAYS_MAX = 3650,
	CHAIN_MAX = 8,
	COMMON_NAME_MAX = 64, /* RFC 5280 A.1, ub-common-name */
};

/* What ends with the authority's own end: nobody believes what outlives its issuer. */
static time_t not_past_issuer(const struct ca *ca, time_t at)
{
	struct tm tm;
	time_t end;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(ca->cert), &tm) != 1)
		return at;
	end = timegm(&tm);
	return MIN(at, end);
}

/* Both extensions that tie it to the authority, and its signature. */
static int finish(const struct ca *ca, X509 *x, struct fuda_buf *ret_der)
{
	unsigned char *der = NULL;
	int len;

	if (X509_set_issuer_name(x, X509_get_subject_name(ca->cert)) != 1 ||
	    ca_extend(x, ca->cert, NID_subject_key_identifier, "hash") < 0 ||
	    ca_extend(x, ca->cert, NID_authority_key_identifier, "keyid:always") < 0 ||
	    X509_sign(x, ca->key, EVP_sha256()) <= 0)
		return FUDA_EFAILED;
	len = i2d_X509(x, &der);
	return ca_append(ret_der, der, len);
}

static int make_terminal(const struct ca *ca, EVP_PKEY *key, const uint8_t id[ID_BYTES],
			 const struct issued *issued, struct fuda_buf *ret_der)
{
	_cleanup_(ca_free_x509) X509 *x = X509_new();
	char text[ID_TEXT], name[sizeof("URI:" CA_TERMINAL_URN) + ID_TEXT];
	int r = x ? 0 : FUDA_ENOMEM;

	id_text(id, text);
	snprintf(name, sizeof(name), "URI:" CA_TERMINAL_URN "%s", text);
	if (r == 0)
		r = ca_begin(x, issued->serial, text, key, issued->not_before, issued->not_after);
	if (r == 0)
		r = ca_extend(x, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
	if (r == 0)
		r = ca_extend(x, ca->cert, NID_key_usage, "critical,digitalSignature");
	if (r == 0)
		r = ca_extend(x, ca->cert, NID_ext_key_usage, "clientAuth");
	if (r == 0)
		r = ca_extend(x, ca->cert, NID_subject_alt_name, name);
	if (r == 0)
		r = ca_extend_environment(x, ca->environment);
	return r < 0 ? r : finish(ca, x, ret_der);
}

int ca_issue(struct fuda_context *ctx, struct ca *ca, const uint8_t *csr, size_t csr_len,
	     const uint8_t id[ID_BYTES], time_t now, int64_t seconds, struct issued *ret,
	     struct fuda_buf *ret_der)
{
	_cleanup_(ca_free_pkey) EVP_PKEY *key = NULL;
	struct ca_request request;
	struct issued issued;
	CA_FORGET_ERRORS;
	int r;

	if (seconds < 0 || seconds > (int64_t)CA_TERMINAL_DAYS * DAY)
		return ctx_fail_code(ctx, FUDA_EINVAL);
	r = ca_request_read(ctx, cur_of(csr, csr_len), &request);
	if (r < 0)
		return r;
	issued.not_before = now - CA_CLOCK;
	issued.not_after =
		not_past_issuer(ca, now + (time_t)(seconds ? seconds :
							     (int64_t)CA_TERMINAL_DAYS * DAY));
	r = ca_key_of(request.point, &key);
	if (r == 0)
		r = ca_serial(issued.serial);
	if (r == 0)
		r = make_terminal(ca, key, id, &issued, ret_der);
	if (r < 0)
		return ctx_fail_code(ctx, r);
	*ret = issued;
	return 0;
}

/* ---- servers ---- */

struct names {
	char common[COMMON_NAME_MAX + 1];                         /* the first one that fits */
	char list[NAMES_MAX * (NAME_MAX_BYTES + sizeof("DNS:"))]; /* in the notation of OpenSSL */
	size_t count;
};

/* Letters, digits, hyphens and dots, none of the latter two at the ends of a label: what has
 * another meaning to OpenSSL cannot be among them. */
static bool is_dns_name(const char *text)
{
	char before = '.';

	for (const char *p = text; *p; before = *p++) {
		bool alnum = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			     (*p >= '0' && *p <= '9');

		if (!alnum && *p != '-' && *p != '.')
			return false;
		if ((*p == '-' && before == '.') || (*p == '.' && (before == '.' || before == '-')))
			return false;
	}
	return before != '.' && before != '-';
}

static int add_name(struct names *names, const char *text)
{
	size_t used = strlen(names->list), left = sizeof(names->list) - used;
	uint8_t address[16];
	bool is_address =
		inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
	int n;

	if (names->count == NAMES_MAX || (!is_address && !is_dns_name(text)))
		return FUDA_EINVAL;
	n = snprintf(names->list + used, left, "%s%s:%s", names->count ? "," : "",
		     is_address ? "IP" : "DNS", text);
	if (n < 0 || (size_t)n >= left)
		return FUDA_EINVAL;
	if (!names->common[0] && strlen(text) <= COMMON_NAME_MAX)
		memcpy(names->common, text, strlen(text) + 1);
	names->count++;
	return 0;
}

static int read_names(const char *text, struct names *ret)
{
	*ret = (struct names){ 0 };
	for (;;) {
		char name[NAME_MAX_BYTES + 1];
		size_t len = strcspn(text, ",");

		if (len == 0 || len >= sizeof(name))
			return FUDA_EINVAL;
		memcpy(name, text, len);
		name[len] = '\0';
		if (add_name(ret, name) < 0)
			return FUDA_EINVAL;
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

static int make_server(const struct ca *ca, EVP_PKEY *key, const struct names *names, int days,
		       struct fuda_buf *ret_der)
{
	_cleanup_(ca_free_x509) X509 *x = X509_new();
	time_t now = time(NULL), end = not_past_issuer(ca, now + (time_t)days * DAY);
	uint8_t serial[CA_SERIAL];
	int r = x ? ca_serial(serial) : FUDA_ENOMEM;

	if (r == 0)
		r = ca_begin(x, serial, names->common[0] ? names->common : "server", key,
			     now - CA_CLOCK, end);
	if (r == 0)
		r = ca_extend(x, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
	if (r == 0)
		r = ca_extend(x, ca->cert, NID_key_usage, "critical,digitalSignature");
	if (r == 0)
		r = ca_extend(x, ca->cert, NID_ext_key_usage, "serverAuth");
	if (r == 0)
		r = ca_extend(x, ca->cert, NID_subject_alt_name, names->list);
	return r < 0 ? r : finish(ca, x, ret_der);
}

static int refuse_names(struct fuda_context *ctx)
{
	return ctx_fail(ctx, FUDA_EINVAL,
			_("A server has 1 to %d names, which are DNS names or IP addresses "
			  "with commas between, and a certificate for 1 to %d days."),
			NAMES_MAX, SERVER_DAYS_MAX);
}

int ca_issue_server(struct fuda_context *ctx, struct ca *ca, const char *names, int days,
		    struct fuda_buf *ret_certificate, struct fuda_buf *ret_key)
{
	_cleanup_(ca_free_pkey) EVP_PKEY *key = NULL;
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(CA_CERT_MAX + sizeof(struct names));
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(ret_key->max);
	struct names list;
	CA_FORGET_ERRORS;
	int r;

	if (read_names(names, &list) < 0 || days < 1 || days > SERVER_DAYS_MAX)
		return refuse_names(ctx);
	key = EVP_EC_gen("P-256");
	r = key ? make_server(ca, key, &list, days, &der) : FUDA_EFAILED;
	if (r == 0)
		r = ca_key_pem(key, &pem);
	if (r == 0)
		r = buf_reserve(ret_key, pem.len);
	if (r == 0)
		r = fuda_pem_encode("CERTIFICATE", der.data, der.len, ret_certificate);
	if (r == 0)
		r = fuda_buf_append(ret_key, pem.data, pem.len);
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

/* ---- servers again ---- */

static int read_certificate(const char *pem, X509 **ret)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(CA_CERT_MAX + sizeof(struct names));
	size_t left = strlen(pem);
	const unsigned char *p;

	if (fuda_pem_decode("CERTIFICATE", &pem, &left, &der) < 0)
		return FUDA_EFORMAT;
	p = der.data;
	*ret = d2i_X509(NULL, &p, (long)der.len);
	return *ret ? 0 : FUDA_EFORMAT;
}

static void free_general(GENERAL_NAMES **names)
{
	GENERAL_NAMES_free(*names);
}

/* One name as text; "" if it is of another kind. */
static void name_text(const GENERAL_NAME *name, char ret[NAME_MAX_BYTES + 1])
{
	const ASN1_STRING *value = NULL;
	int len;

	ret[0] = '\0';
	if (name->type == GEN_DNS)
		value = name->d.dNSName;
	if (name->type == GEN_IPADD)
		value = name->d.iPAddress;
	len = value ? ASN1_STRING_length(value) : 0;
	if (name->type == GEN_DNS && len <= NAME_MAX_BYTES) {
		memcpy(ret, ASN1_STRING_get0_data(value), (size_t)len);
		ret[len] = '\0';
	} else if (name->type == GEN_IPADD && (len == 4 || len == 16)) {
		(void)inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), ret,
				NAME_MAX_BYTES);
	}
}

static void names_of(const X509 *x, char ret[CA_NAMES_TEXT])
{
	_cleanup_(free_general) GENERAL_NAMES *all =
		X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	size_t at = 0;

	ret[0] = '\0';
	for (int i = 0; all && i < sk_GENERAL_NAME_num(all); i++) {
		char name[NAME_MAX_BYTES + 1];

		name_text(sk_GENERAL_NAME_value(all, i), name);
		if (*name && at + strlen(name) + 2 < CA_NAMES_TEXT)
			at += (size_t)snprintf(ret + at, CA_NAMES_TEXT - at, "%s%s", at ? "," : "",
					       name);
	}
}

static int describe(const struct ca *ca, X509 *x, struct ca_server *ret)
{
	struct tm from, until;

	if (ASN1_TIME_to_tm(X509_get0_notBefore(x), &from) != 1 ||
	    ASN1_TIME_to_tm(X509_get0_notAfter(x), &until) != 1)
		return FUDA_EFORMAT;
	ret->not_before = timegm(&from);
	ret->not_after = timegm(&until);
	ret->ours = X509_verify(x, ca->key) == 1 && X509_get_extension_flags(x) & EXFLAG_XKUSAGE &&
		    X509_get_extended_key_usage(x) & XKU_SSL_SERVER;
	names_of(x, ret->names);
	return 0;
}

int ca_read_server(struct fuda_context *ctx, const struct ca *ca, const char *pem,
		   struct ca_server *ret)
{
	_cleanup_(ca_free_x509) X509 *x = NULL;
	struct ca_server server;
	CA_FORGET_ERRORS;
	int r = read_certificate(pem, &x);

	if (r == 0)
		r = describe(ca, x, &server);
	if (r < 0)
		return ctx_fail(ctx, r, _("There is no certificate in PEM."));
	*ret = server;
	return 0;
}

int ca_renew_server(struct fuda_context *ctx, struct ca *ca, const char *pem, const char *names,
		    int days, struct fuda_buf *ret_certificate)
{
	_cleanup_buf_ struct fuda_buf der = FUDA_BUF_INIT(CA_CERT_MAX + sizeof(struct names));
	_cleanup_(ca_free_x509) X509 *x = NULL;
	struct ca_server server;
	struct names list;
	CA_FORGET_ERRORS;
	int r = ca_read_server(ctx, ca, pem, &server);

	if (r < 0)
		return r;
	if (!server.ours)
		return ctx_fail(ctx, FUDA_EREFUSED,
				_("The certificate is of another authority, which has to renew "
				  "it."));
	if (read_names(names ? names : server.names, &list) < 0 || days < 1 ||
	    days > SERVER_DAYS_MAX)
		return refuse_names(ctx);
	r = read_certificate(pem, &x);
	if (r == 0)
		r = make_server(ca, X509_get0_pubkey(x), &list, days, &der);
	if (r == 0)
		r = fuda_pem_encode("CERTIFICATE", der.data, der.len, ret_certificate);
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}

/* ---- the package ---- */

static int add_certificate(PKCS7 *package, const struct fuda_buf *der)
{
	_cleanup_(ca_free_x509) X509 *x = NULL;
	const unsigned char *p = der->data;

	if (der->len == 0 || der->len > CA_CERT_MAX)
		return FUDA_EFORMAT;
	x = d2i_X509(NULL, &p, (long)der->len);
	if (!x || p != der->data + der->len)
		return FUDA_EFORMAT;
	return PKCS7_add_certificate(package, x) == 1 ? 0 : FUDA_EFAILED;
}

int ca_pkcs7(struct fuda_context *ctx, const struct fuda_buf *certificates, size_t count,
	     struct fuda_buf *ret_der)
{
	_cleanup_(ca_free_pkcs7) PKCS7 *package = PKCS7_new();
	unsigned char *der = NULL;
	CA_FORGET_ERRORS;
	int r = 0;

	if (count == 0 || count > CHAIN_MAX)
		return ctx_fail_code(ctx, FUDA_EINVAL);
	if (!package || PKCS7_set_type(package, NID_pkcs7_signed) != 1 ||
	    PKCS7_content_new(package, NID_pkcs7_data) != 1 || PKCS7_set_detached(package, 1) != 1)
		r = FUDA_EFAILED;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_certificate(package, &certificates[i]);
	if (r == 0) {
		int len = i2d_PKCS7(package, &der);

		r = ca_append(ret_der, der, len);
	}
	return r < 0 ? ctx_fail_code(ctx, r) : 0;
}
