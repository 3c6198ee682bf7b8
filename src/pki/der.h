/* SPDX-License-Identifier: Apache-2.0 */
/* The types of ASN.1 that certificates use, in DER (X.690) and nothing but DER. */
#ifndef PKI_DER_H
#define PKI_DER_H

#include <stdbool.h>
#include <time.h>
#include "codec/tlv.h"

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0C,
	DER_PRINTABLE_STRING = 0x13,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};
#define DER_IMPLICIT(n) (0x80u | (n)) /* context-specific, primitive */
#define DER_EXPLICIT(n) (0xA0u | (n)) /* context-specific, constructed */

/* Constructed objects may stand this deep inside one another. */
#define DER_DEPTH_MAX 16

/* Room for an object identifier in dotted form. Longer ones are refused. */
#define DER_OID_MAX 64

/* Room for a name as text. */
#define DER_NAME_MAX 512

/* All of these take one object from the cursor. FUDA_EFORMAT if it is not of that type or not in
 * DER, FUDA_ETOOBIG if it is larger than its destination; the cursor and the results are then
 * unchanged. */

/* A SEQUENCE, whole: with its tag and length. */
int der_sequence(struct cursor *c, struct cursor *ret);

int der_boolean(struct cursor *c, bool *ret);

/* The content of a minimal INTEGER: two's complement, at least one byte. */
int der_integer(struct cursor *c, struct cursor *ret);

/* The value of an INTEGER that is not negative, without a sign byte, but at least one byte. Its
 * content is at most `max` bytes long, sign byte included. */
int der_unsigned(struct cursor *c, size_t max, struct cursor *ret);

/* An OBJECT IDENTIFIER as text: "1.2.392.200149". Its numbers are below 2^63. */
int der_oid(struct cursor *c, char ret[DER_OID_MAX]);

/* One Extension (RFC 5280 4.1): the content of its OBJECT IDENTIFIER, whether it is critical, and
 * the content of its OCTET STRING. What is inside of either is not looked at. */
int der_extension(struct cursor *c, struct cursor *ret_oid, bool *ret_critical,
		  struct cursor *ret_value);

/* The bytes of a BIT STRING, of whose last one the `*ret_unused` lowest bits are not used and zero.
 */
int der_bits(struct cursor *c, struct cursor *ret_bytes, unsigned *ret_unused);

/* A BIT STRING of at most 32 named bits: bit n of the string is bit n of the number. Trailing zero
 * bits are accepted, though DER leaves them out: issuers differ. */
int der_named_bits(struct cursor *c, uint32_t *ret);

/* UTCTime (1950 to 2049) or GeneralizedTime, with seconds, in UTC ("Z"), without fractions: RFC
 * 5280 4.1.2.5. */
int der_time(struct cursor *c, time_t *ret);

/* SEQUENCE { OBJECT IDENTIFIER, parameters OPTIONAL }. */
int der_algorithm(struct cursor *c, char ret_oid[DER_OID_MAX], struct cursor *ret_parameters);

/* Appends a UTF8String, PrintableString or IA5String to the text in `text`, which is `size` bytes
 * with its NUL. What a terminal might obey (control characters, line and direction marks) appears
 * as backslash and two hexadecimal digits per byte, a backslash and each character of `special`
 * behind a backslash (RFC 4514). */
int der_text(struct cursor *c, const char *special, char *text, size_t size);

/* A Name as text: "C=JP, O=JPKI, OU=..., CN=..." in the order in which it is encoded, the values as
 * der_text() gives them with what RFC 4514 asks for behind backslashes; attributes without a
 * well-known short name by their object identifier. "" for the empty name. */
int der_name(struct cursor *c, char ret[DER_NAME_MAX]);

/* Whether the next object has this tag; false at the end. */
bool der_next_is(struct cursor c, uint32_t tag);

/* Whether all of `c` is objects in DER, all the way down to DER_DEPTH_MAX. 0 or FUDA_EFORMAT. */
int der_check(struct cursor c);

#endif
