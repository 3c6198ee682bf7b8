/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles: which elements a kind of document has, what their values look like, and which attribute
 * of the holder each of them says. Files of fuda-mdoc-profile(5). All profiles map to one schema of
 * attributes, whether they issue or verify. */
#ifndef MDOC_PROFILE_H
#define MDOC_PROFILE_H

#include <stdbool.h>
#include <time.h>
#include <fuda/mdoc.h>
#include "mdoc/attributes.h"
#include "mdoc/cbor.h"
#include "mdoc/issue.h"

enum {
	PROFILES_MAX = 64,
	PROFILE_ELEMENTS_MAX = 96, /* their names are in the file once: age_over_NN is one */
	PROFILE_AGES_MAX = 32,
	PROFILE_FILE_MAX = 65536,
	ELEMENT_VALUE_MAX = 256 * 1024,
};

/* How a value stands in CBOR. */
enum element_type {
	ELEMENT_TSTR,
	ELEMENT_UINT,
	ELEMENT_BOOL,
	ELEMENT_BSTR,
	ELEMENT_JPEG2000,  /* bstr with a picture: a JP2 file or a codestream */
	ELEMENT_FULL_DATE, /* tag 1004, RFC 8943 */
	ELEMENT_TDATE,     /* tag 0, in UTC and whole seconds: ISO 18013-5 9.1.2.4 */
};

/* An element that the profile lists. */
struct element {
	const char *space, *name; /* namespace, identifier; "age_over_NN" is any of them */
	const char *attribute;    /* its name; "age_over_NN" */
	enum attribute_kind kind; /* of the attribute */
	enum element_type type;
	bool optional;     /* to issue without it is no error */
	uint64_t min, max; /* characters of tstr, bytes of bstr, the value of uint */
	unsigned digits;   /* of local_gov_code: as how many it is written, 5 or 6 */
	unsigned char ages[PROFILE_AGES_MAX]; /* of age_over_NN: those that are issued */
	size_t age_count;
	char *age_names; /* ... and for element_of_age() */
};

struct profile {
	const char *name;    /* "deployed-2025" */
	const char *doctype; /* "org.iso.23220.1.jp.mnc" */
	const struct element *elements;
	size_t element_count;
};

/* Those that are known: fuda_mdoc_profiles_new() and fuda_mdoc_profiles_add() of <fuda/mdoc.h>.
 * Read by several threads at once, as long as nobody adds. */
size_t profiles_count(const struct fuda_mdoc_profiles *all);
const struct profile *profiles_at(const struct fuda_mdoc_profiles *all, size_t index);
/* By its name; NULL: there is none. */
const struct profile *profiles_named(const struct fuda_mdoc_profiles *all, const char *name);
/* The first for a doctype, or behind `after` the next one; NULL: no more. */
const struct profile *profile_find(const struct fuda_mdoc_profiles *all, struct cursor doctype,
				   const struct profile *after);
/* NULL: it has no such element. */
const struct element *profile_element(const struct profile *profile, struct cursor space,
				      struct cursor name);

/* ---- verifying ---- */

/* Why a value is not what its element allows. */
enum element_fault {
	ELEMENT_GOOD,
	ELEMENT_WRONG_TYPE,
	ELEMENT_IS_FLOAT,     /* an integer as a float: mdoc.md 0.3 */
	ELEMENT_OUT_OF_RANGE, /* too short, too long, too small, too big */
	ELEMENT_WRONG_FORM,   /* no such date, no such word, not of digits, ... */
	ELEMENT_WRONG_CHECK_DIGIT,
	ELEMENT_HAS_CONTROLS, /* characters that change how others are shown */
	ELEMENT_NOT_JPEG2000,
};
/* What is wrong, in a few words of LC_MESSAGES; static. */
const char *element_fault_text(enum element_fault fault);

/* Judges a value that was received, and appends it as its attribute has it: enum attribute_kind
 * says in which form. `allow_float` takes a float without a fraction for an integer. FUDA_EFORMAT
 * with `*ret_fault`, which is set on success too; FUDA_ETOOBIG, FUDA_ENOMEM. */
int element_read(const struct element *element, const struct cbor *value, bool allow_float,
		 struct fuda_buf *ret_value, enum element_fault *ret_fault);

/* The same by all profiles of the doctype that have the element: it is enough to be good for one
 * of them, which is then `*ret_element`; else it is the first that has it. FUDA_ENOTFOUND: none
 * has it, and `*ret_element` is NULL. */
int profiles_read(const struct fuda_mdoc_profiles *all, struct cursor doctype, struct cursor space,
		  struct cursor name, const struct cbor *value, bool allow_float,
		  const struct element **ret_element, struct fuda_buf *ret_value,
		  enum element_fault *ret_fault);

/* Whether it stands for all ages: "age_over_NN". */
bool element_is_family(const struct element *element);
/* What such an element is called for an age of 0 to 99: "age_over_20". */
const char *element_of_age(const struct element *element, unsigned age);
/* The attribute that the element `name` says: "name", "age_over_20". */
void element_attribute(const struct element *element, struct cursor name,
		       char ret[ATTRIBUTE_NAME_MAX]);

/* ---- issuing ---- */

/* Elements made of attributes; owns their values, while their names are the profile's. */
struct element_set {
	struct issue_element elements[ISSUE_ELEMENTS_MAX];
	size_t count;
	struct fuda_buf values;
};
/* Makes all elements of the profile for the moment `at`, on which the ages depend. The set is empty
 * before (zeros) or was used for another person. FUDA_EINVAL, with the attribute in the message and
 * never its value: one is missing, not what the element allows, or of no element; FUDA_ETOOBIG,
 * FUDA_ENOMEM. */
int profile_elements(struct fuda_context *ctx, const struct profile *profile,
		     const struct fuda_mdoc_attributes *attributes, time_t at,
		     struct element_set *ret);
/* Wipes. */
void element_set_free(struct element_set *set);

#endif
