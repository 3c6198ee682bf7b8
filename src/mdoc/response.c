/* SPDX-License-Identifier: Apache-2.0 */
/* DeviceResponse as it is read. */
#include "mdoc/response.h"

#include "base/util.h"

int issuer_signed_read(const struct cbor *item, struct issuer_signed *ret)
{
	struct issuer_signed issuer = { 0 };
	struct cbor auth;
	const struct cbor_member members[] = {
		{ "nameSpaces", &issuer.spaces, &issuer.has_spaces },
		{ "issuerAuth", &auth, NULL },
	};

	if (cbor_members(item, members, ARRAY_SIZE(members), NULL) < 0 ||
	    (issuer.has_spaces && !cbor_is(&issuer.spaces, CBOR_MAP)) ||
	    cose_sign1_read(&auth, &issuer.auth) < 0 || issuer.auth.detached)
		return FUDA_EFORMAT;
	*ret = issuer;
	return 0;
}

static int read_device_auth(const struct cbor *item, struct document *ret)
{
	struct cbor signature, mac;
	bool has_signature, has_mac;
	const struct cbor_member members[] = {
		{ "deviceSignature", &signature, &has_signature },
		{ "deviceMac", &mac, &has_mac },
	};

	if (cbor_members(item, members, ARRAY_SIZE(members), NULL) < 0)
		return FUDA_EFORMAT;
	ret->device_auths = (unsigned)has_signature + has_mac;
	ret->by_mac = has_mac;
	if (ret->device_auths != 1)
		return 0;
	return has_mac ? cose_mac0_read(&mac, &ret->device_auth) :
			 cose_sign1_read(&signature, &ret->device_auth);
}

/* What the phone says on its own, of all namespaces. */
static uint64_t count_said(const struct cbor *spaces)
{
	struct cursor c = spaces->content;
	struct cbor name, map;
	uint64_t n = 0;

	while (cbor_next(&c, &name) == 0 && cbor_next(&c, &map) == 0)
		n += cbor_is(&map, CBOR_MAP) ? map.number : 0;
	return n;
}

static int read_device_signed(const struct cbor *item, struct document *ret)
{
	struct cbor auth, inner;
	const struct cbor_member members[] = {
		{ "nameSpaces", &ret->device_spaces, NULL },
		{ "deviceAuth", &auth, NULL },
	};

	if (cbor_members(item, members, ARRAY_SIZE(members), NULL) < 0 ||
	    cbor_embedded(&ret->device_spaces, &inner) < 0 || !cbor_is(&inner, CBOR_MAP) ||
	    count_said(&inner) > RESPONSE_SAID_MAX)
		return FUDA_EFORMAT;
	return read_device_auth(&auth, ret);
}

static const char *read_document(const struct cbor *item, struct document *ret)
{
	struct cbor doctype, issuer, device;
	const struct cbor_member members[] = {
		{ "docType", &doctype, NULL },
		{ "issuerSigned", &issuer, NULL },
		{ "deviceSigned", &device, NULL },
		{ "errors", &ret->errors, &ret->has_errors },
	};
	const char *missing = NULL;

	if (cbor_members(item, members, ARRAY_SIZE(members), &missing) < 0)
		return missing ? missing : "document";
	if (cbor_text(&doctype, &ret->doctype) < 0)
		return "docType";
	if (issuer_signed_read(&issuer, &ret->issuer) < 0)
		return "issuerSigned";
	if (read_device_signed(&device, ret) < 0)
		return "deviceSigned";
	return ret->has_errors && !cbor_is(&ret->errors, CBOR_MAP) ? "errors" : NULL;
}

static const char *read_documents(const struct cbor *array, struct device_response *ret)
{
	struct cursor c = array->content;
	const char *fault = NULL;
	struct cbor item;

	if (!cbor_is(array, CBOR_ARRAY) || array->number > RESPONSE_DOCUMENTS_MAX)
		return "documents";
	while (!fault && cbor_next(&c, &item) == 0)
		fault = read_document(&item, &ret->documents[ret->document_count++]);
	return fault;
}

/* NULL: nothing is at fault. */
static const char *read_response(struct cursor bytes, struct device_response *ret)
{
	struct cbor map, version, documents, status;
	bool has_documents;
	const struct cbor_member members[] = {
		{ "version", &version, NULL },
		{ "status", &status, NULL },
		{ "documents", &documents, &has_documents },
		{ "documentErrors", &ret->document_errors, &ret->has_document_errors },
	};
	const char *missing = NULL;
	enum cbor_fault fault;

	if (cbor_read(bytes, &map, &fault) < 0)
		return cbor_fault_text(fault);
	if (cbor_members(&map, members, ARRAY_SIZE(members), &missing) < 0)
		return missing ? missing : "DeviceResponse";
	if (!cbor_is_version_1(&version))
		return "version";
	if (cbor_uint(&status, UINT32_MAX, &ret->status) < 0)
		return "status";
	if (ret->has_document_errors && !cbor_is(&ret->document_errors, CBOR_ARRAY))
		return "documentErrors";
	return has_documents ? read_documents(&documents, ret) : NULL;
}

int response_read(struct cursor bytes, struct device_response *ret, const char **ret_fault)
{
	const char *fault;

	*ret = (struct device_response){ 0 };
	fault = read_response(bytes, ret);
	if (ret_fault)
		*ret_fault = fault ? fault : "";
	return fault ? FUDA_EFORMAT : 0;
}

int signed_item_read(const struct cbor *item, struct signed_item *ret)
{
	struct cbor map, id, random, name, value;
	const struct cbor_member members[] = {
		{ "digestID", &id, NULL },
		{ "random", &random, NULL },
		{ "elementIdentifier", &name, NULL },
		{ "elementValue", &value, NULL },
	};
	struct signed_item one = { .bytes = item->whole };

	/* ids of 2^31 and above are somebody's bug, and harmless: mdoc.md 1.1 */
	if (cbor_embedded(item, &map) < 0 ||
	    cbor_members(&map, members, ARRAY_SIZE(members), NULL) < 0 ||
	    cbor_uint(&id, INT64_MAX, &one.digest_id) < 0 || cbor_bytes(&random, &one.random) < 0 ||
	    cbor_text(&name, &one.name) < 0)
		return FUDA_EFORMAT;
	one.value = value;
	*ret = one;
	return 0;
}

int response_authentication(struct cursor transcript, struct cursor doctype,
			    struct cursor device_spaces, struct fuda_buf *ret)
{
	_cleanup_buf_ struct fuda_buf inner = FUDA_BUF_INIT(2 * CBOR_MAX);
	struct cbor_out array = CBOR_OUT(&inner), out = CBOR_OUT(ret);

	cbor_put_array(&array, 4);
	cbor_put_text(&array, "DeviceAuthentication");
	cbor_put_raw(&array, transcript);
	cbor_put_text_bytes(&array, doctype);
	cbor_put_raw(&array, device_spaces);
	if (array.failed < 0)
		return array.failed;
	cbor_put_embedded(&out, cur_of(inner.data, inner.len));
	return out.failed;
}
