/* SPDX-License-Identifier: Apache-2.0 */
/* From what the library has read to what a handler sees. */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <fuda/encode.h>

#include "base/util.h"
#include "codec/base64.h"
#include "service/http-inside.h"

static const struct head_refusal
	not_trusted = { 400, "client_cert_not_trusted",
			"Client certificates are not taken from header fields here" },
	bad_cert = { 400, "bad_client_cert", "The client certificate's header field is malformed" },
	bad_type = { 400, "bad_header", "A header field is malformed" },
	failed = { 503, "unavailable", "The service is out of memory" };

static enum MHD_Result add_field(void *head, enum MHD_ValueKind kind, const char *name,
				 size_t name_len, const char *value, size_t value_len)
{
	struct head *h = head;

	(void)kind;
	if (h->count < HEAD_FIELDS_MAX)
		h->fields[h->count] = (struct head_field){ name, value ? value : name, name_len,
							   value ? value_len : 0 };
	h->count++;
	return MHD_YES;
}

static void keep_text(char *to, size_t size, const char *text, size_t len)
{
	if (text && len < size) {
		memcpy(to, text, len);
		to[len] = '\0';
	}
}

/* ---- certificates ---- */

static const struct head_refusal *because(int r)
{
	return r == 0 ? NULL : r == FUDA_ENOMEM ? &failed : &bad_cert;
}

/* RFC 9440 2.2: a byte sequence of RFC 8941 3.3.5, which has colons around base64. */
static const struct head_refusal *read_field(const char *value, size_t len, struct fuda_buf *to)
{
	if (len < 3 || value[0] != ':' || value[len - 1] != ':')
		return &bad_cert;
	return because(base64_decode(value + 1, len - 2, to));
}

/* nginx's $ssl_client_escaped_cert: a PEM file of one certificate, escaped as in a query. */
static const struct head_refusal *read_escaped(const char *value, size_t len, struct fuda_buf *to)
{
	_cleanup_buf_ struct fuda_buf pem = FUDA_BUF_INIT(HTTP_HEADERS_MAX);
	const char *text;
	size_t left;
	int r = buf_reserve(&pem, len);

	for (size_t i = 0; r == 0 && i < len; i++) {
		char hex[3] = { 0 };

		if (value[i] != '%') {
			pem.data[pem.len++] = (uint8_t)value[i];
			continue;
		}
		if (len - i < 3)
			return &bad_cert;
		memcpy(hex, value + i + 1, 2);
		r = fuda_hex_decode(hex, &pem);
		i += 2;
	}
	if (r < 0)
		return because(r);
	text = (const char *)pem.data;
	left = pem.len;
	if (left < 5 || memcmp(text, "-----", 5) != 0)
		return &bad_cert;
	r = fuda_pem_decode("CERTIFICATE", &text, &left, to);
	for (; r == 0 && left && (*text == '\n' || *text == '\r'); left--)
		text++;
	return r < 0 || left ? because(r < 0 ? r : FUDA_EFORMAT) : NULL;
}

/* Of the session itself: that the client has its key was proven when it began. */
static const struct head_refusal *read_session(struct MHD_Connection *c, struct fuda_buf *to)
{
	const union MHD_ConnectionInfo *tls =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const gnutls_datum_t *chain;
	unsigned count = 0;

	if (!tls || gnutls_certificate_type_get2(tls->tls_session, GNUTLS_CTYPE_CLIENT) !=
			    GNUTLS_CRT_X509)
		return NULL;
	chain = gnutls_certificate_get_peers(tls->tls_session, &count);
	if (!chain || !count)
		return NULL;
	return because(fuda_buf_append(to, chain[0].data, chain[0].size));
}

static const struct head_refusal *read_certificate(const struct listener *l,
						   struct MHD_Connection *c,
						   const struct head_found *found, bool *ret_local,
						   struct fuda_buf *to)
{
	const char *field = found->value[HEAD_CLIENT_CERT];
	const char *escaped = found->value[HEAD_CLIENT_CERT_PEM];

	*ret_local = false;
	if (!l->trusted)
		return field || escaped ? &not_trusted : l->tls ? read_session(c, to) : NULL;
	if (field && escaped)
		return &bad_cert;
	if (field)
		return read_field(field, found->len[HEAD_CLIENT_CERT], to);
	if (escaped)
		return read_escaped(escaped, found->len[HEAD_CLIENT_CERT_PEM], to);
	/* who came through a proxy is not from here */
	*ret_local = !found->value[HEAD_FORWARDED] && !found->value[HEAD_X_FORWARDED_FOR] &&
		     !found->value[HEAD_X_REAL_IP] && !found->value[HEAD_VIA];
	return NULL;
}

/* ---- who sent it ---- */

static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF }; /* RFC 4291 2.5.5.2 */

static void keep_v4(const void *address, uint8_t ret[16])
{
	memcpy(ret, mapped, sizeof(mapped));
	memcpy(ret + sizeof(mapped), address, 4);
}

static void keep_v6(const void *address, uint8_t ret[16])
{
	bool is_v4 = memcmp(address, mapped, sizeof(mapped)) == 0;

	memset(ret, 0, 16);
	memcpy(ret, address, is_v4 ? 16 : 8);
}

/* What the proxy itself has added is the last: what stands before came from its client. */
static void read_forwarded(const char *list, size_t len, uint8_t ret[16])
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16];
	size_t at = len;

	while (at && list[at - 1] != ',')
		at--;
	while (at < len && (list[at] == ' ' || list[at] == '\t'))
		at++;
	if (len - at >= sizeof(text))
		return;
	keep_text(text, sizeof(text), list + at, len - at);
	if (inet_pton(AF_INET, text, address) == 1)
		keep_v4(address, ret);
	else if (inet_pton(AF_INET6, text, address) == 1)
		keep_v6(address, ret);
}

static void read_source(const struct listener *l, struct MHD_Connection *c,
			const struct head_found *found, uint8_t ret[16])
{
	const union MHD_ConnectionInfo *info;
	const struct sockaddr *peer;

	if (l->trusted && found->value[HEAD_X_FORWARDED_FOR]) {
		read_forwarded(found->value[HEAD_X_FORWARDED_FOR],
			       found->len[HEAD_X_FORWARDED_FOR], ret);
		return;
	}
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	peer = info ? info->client_addr : NULL;
	if (peer && peer->sa_family == AF_INET)
		keep_v4(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, ret);
	else if (peer && peer->sa_family == AF_INET6)
		keep_v6(&((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, ret);
}

/* ---- the whole ---- */

static const struct head_refusal *keep(const struct head_found *found, struct request_kept *kept)
{
	const char *type = found->value[HEAD_CONTENT_TYPE];

	keep_text(kept->idempotency_key, sizeof(kept->idempotency_key),
		  found->value[HEAD_IDEMPOTENCY_KEY], found->len[HEAD_IDEMPOTENCY_KEY]);
	keep_text(kept->authorization, sizeof(kept->authorization),
		  found->value[HEAD_AUTHORIZATION], found->len[HEAD_AUTHORIZATION]);
	/* the library's memory, which is not wiped; it reads this field no more */
	if (found->value[HEAD_AUTHORIZATION])
		wipe((char *)found->value[HEAD_AUTHORIZATION], found->len[HEAD_AUTHORIZATION]);
	if (head_is_trace(found->value[HEAD_TRACEPARENT], found->len[HEAD_TRACEPARENT]))
		keep_text(kept->trace, sizeof(kept->trace), found->value[HEAD_TRACEPARENT],
			  found->len[HEAD_TRACEPARENT]);
	if (type && !head_media_type(type, found->len[HEAD_CONTENT_TYPE], kept->content_type,
				     sizeof(kept->content_type)))
		return &bad_type;
	kept->length = found->length;
	/* How long a chunked body is, two readers may see differently; one that is the last of its
	 * connection leaves nothing that could be taken for another request. */
	kept->last = found->chunked;
	kept->expects = found->value[HEAD_EXPECT] != NULL;
	return NULL;
}

const struct head_refusal *request_take(const struct listener *l, struct MHD_Connection *c,
					struct head *head, struct http_request *request,
					struct request_kept *kept)
{
	const union MHD_ConnectionInfo *size =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const struct head_refusal *why;
	struct head_found found;

	head->size = size ? size->header_size : 0;
	(void)MHD_get_connection_values_n(c, MHD_HEADER_KIND, add_field, head);
	why = head_judge(head, &found);
	request->method = found.method;
	if (!why)
		why = keep(&found, kept);
	if (!why)
		why = read_certificate(l, c, &found, &request->local, &kept->certificate);
	if (!why)
		read_source(l, c, &found, request->source);
	request->content_type = kept->content_type;
	request->idempotency_key = kept->idempotency_key;
	request->authorization = kept->authorization;
	request->trace = kept->trace;
	request->certificate = kept->certificate.len ? kept->certificate.data : NULL;
	request->certificate_len = kept->certificate.len;
	return why;
}

void request_wipe(struct request_kept *kept)
{
	fuda_buf_free(&kept->certificate);
	wipe(kept, sizeof(*kept));
}

void request_make_trace(char trace[HTTP_TRACE])
{
	uint8_t bytes[24] = { 0 };
	char hex[2 * sizeof(bytes) + 1];

	/* without random numbers it is not found in the log, and all else is as it was */
	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) < 0)
		bytes[0] = bytes[16] = 1;
	fuda_hex_encode(bytes, sizeof(bytes), hex);
	for (char *p = hex; *p; p++)
		*p = (char)(*p >= 'A' ? *p | 0x20 : *p);
	snprintf(trace, HTTP_TRACE, "00-%.32s-%.16s-00", hex, hex + 32);
}
