/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a certificate as they stand, for rules that say of each what is wrong with it.
 * pki/cert.h refuses many a certificate without saying as much. */
#ifndef MDOC_CERT_PARTS_H
#define MDOC_CERT_PARTS_H

#include "pki/der.h"

/* The extensions that the profiles say something about: RFC 5280 4.2.1. */
enum cert_extension {
	EXT_SUBJECT_KEY_ID,
	EXT_KEY_USAGE,
	EXT_ISSUER_ALT_NAME,
	EXT_CONSTRAINTS, /* basic constraints */
	EXT_CRL_POINTS,
	EXT_AUTHORITY_KEY_ID,
	EXT_PURPOSES, /* extended key usage */
	/* those that must not be there: mdoc.md 2.1 */
	EXT_FORBIDDEN,
	EXT_NAME_CONSTRAINTS = EXT_FORBIDDEN,
	EXT_POLICY_MAPPINGS,
	EXT_POLICY_CONSTRAINTS,
	EXT_FRESHEST_CRL,
	EXT_INHIBIT_ANY_POLICY,
	CERT_EXTENSIONS
};

struct cert_parts {
	struct cursor version;         /* content of its INTEGER; empty: not said */
	struct cursor serial;          /* likewise */
	struct cursor inner, outer;    /* AlgorithmIdentifiers, whole */
	struct cursor issuer, subject; /* Names, whole */
	time_t not_before, not_after;
	bool on_curve;      /* the key is an id-ecPublicKey */
	struct cursor bits; /* of the key: content of its BIT STRING */
	struct {
		bool present, critical;
		struct cursor value;
	} extension[CERT_EXTENSIONS];
	char critical[DER_OID_MAX]; /* the first critical one that is none of these; "" */
};

/* Points into `der`. FUDA_EFORMAT also for an extension that is there twice (RFC 5280 4.2). */
int cert_parts_read(struct cursor der, struct cert_parts *ret);
/* "key usage", ...; static, to be translated. */
const char *cert_extension_name(enum cert_extension extension);

/* AttributeTypes: RFC 5280 A.1. */
#define ATTRIBUTE_COMMON_NAME "2.5.4.3"
#define ATTRIBUTE_COUNTRY     "2.5.4.6"
#define ATTRIBUTE_STATE       "2.5.4.8"

/* How many attributes of that type the Name has; the first one's value, if there is any. */
size_t name_find(struct cursor name, const char *type, struct tlv *ret);
/* Whether all values are PrintableString or UTF8String. */
bool name_in_form(struct cursor name);

#endif
