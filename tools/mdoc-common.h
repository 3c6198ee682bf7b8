/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands "mdoc ..." share: files in any form, transcripts, what is asked for, and the
 * judgement of what was shown. */
#ifndef TOOLS_MDOC_COMMON_H
#define TOOLS_MDOC_COMMON_H

#include <fuda/mdoc.h>
#include "tools/fuda.h"

enum { MDOC_FILE_MAX = 4 << 20 };

/* ---- what is read is not written over ---- */

/* Notes a file that is read; what is none (NULL, "-", a pipe) is let pass. mdoc_read(),
 * mdoc_profiles(), mdoc_trust() and mdoc_chain_read() note theirs. */
int mdoc_keep(struct call *call, const char *path);
int mdoc_keep_all(struct call *call, const struct text_list *paths);
/* Whether writing `path` would replace one of them, under whatever name; as a mistake in the
 * options. */
bool mdoc_would_replace(const char *path);
int mdoc_check_output(struct call *call, const char *path);

/* ---- files ---- */

/* Reads a file ("-": standard input) in any form, as CBOR; `what` is what it is to be, for people.
 */
int mdoc_read(struct call *call, const char *path, const char *what, struct fuda_buf *ret_cbor);
/* The same of a file that is to be of this kind, as fuda_mdoc_kind() says it: one that is of
 * another is refused. */
int mdoc_read_kind(struct call *call, const char *path, const char *kind,
		   struct fuda_buf *ret_cbor);
/* The same of a text of the command line that begins with "mdoc:", or else a file. */
int mdoc_read_text(struct call *call, const char *text, const char *what,
		   struct fuda_buf *ret_cbor);
/* Writes CBOR to `path` ("-": standard output, where binary is not written to a terminal) in the
 * form of --form. */
int mdoc_write(struct call *call, const char *path, const struct fuda_buf *cbor);
extern const struct option_spec mdoc_form_options[];

struct fuda_mdoc_span mdoc_span(const struct fuda_buf *bytes);
#define MDOC_BUF FUDA_BUF_INIT(MDOC_FILE_MAX)

/* ---- transcripts ---- */

extern const struct option_spec mdoc_transcript_options[];
/* Makes or reads what those options say; `needed`: it is a mistake to say nothing, otherwise the
 * result is empty then. */
int mdoc_read_transcript(struct call *call, bool needed, struct fuda_buf *ret);

/* Whether a form or a transcript was said, which a request to a phone has no use for. */
bool mdoc_says_file(void);

/* ---- profiles and wishes ---- */

extern const struct option_spec mdoc_profile_options[];
/* The name that they say. */
const char *mdoc_profile(void);
/* Whether an option says anything of them. */
bool mdoc_says_profile(void);
/* Fails also if it is none of them. */
int mdoc_profiles(struct call *call, struct fuda_mdoc_profiles **ret);

enum { MDOC_WISHES_MAX = 64, MDOC_WISH_TEXT = 256 };
struct mdoc_wishes {
	struct fuda_mdoc_wish wishes[MDOC_WISHES_MAX];
	size_t count;
	char texts[MDOC_WISHES_MAX][MDOC_WISH_TEXT];
};
/* What the operands ask for: attributes ("name"), or elements as DOCTYPE/NAMESPACE/ELEMENT. The My
 * Number only with `my_number`. */
int mdoc_wishes(struct call *call, const struct fuda_mdoc_profiles *profiles, bool retain,
		bool my_number, struct mdoc_wishes *ret);

/* ---- who reads ---- */

/* Certificates of a PEM file, in its order. */
struct mdoc_chain {
	struct fuda_buf der[4];
	struct fuda_mdoc_span spans[4];
	size_t count;
};
int mdoc_chain_read(struct call *call, const char *path, struct mdoc_chain *ret);
void mdoc_chain_free(struct mdoc_chain *chain);

/* ---- judging ---- */

extern const struct option_spec mdoc_judging_options[];

/* Who is believed, by --trust and --crl; that nobody is, is a mistake. */
int mdoc_trust(struct call *call, struct fuda_mdoc_trust **ret);
/* Whether each is an OID. */
int mdoc_check_purposes(struct call *call, const struct text_list *purposes);
/* The first option of judging that was given, without its dashes; NULL: none. */
const char *mdoc_judging_said(void);
/* Finds mistakes in what the options of judging say, for who asks a person first; and if a phone is
 * to be asked, refuses what would be refused whatever it shows. */
int mdoc_check_judging(struct call *call);
/* Whether they have the portrait written. */
bool mdoc_keeps_portrait(void);
/* Judges a response and reports what came of it: of a document that is good what it says, of
 * another one why it is not. FUDA_EVERIFY unless all is good. */
int mdoc_judge(struct call *call, const struct fuda_mdoc_profiles *profiles,
	       const struct fuda_mdoc_session *session, const struct fuda_buf *response);
/* Tells people, on standard error, and programs, in the report, what is no failure. */
void mdoc_remark(struct call *call, const char *text);
/* Adds findings to the report. */
void mdoc_report_findings(struct call *call, struct report *to,
			  const struct fuda_mdoc_findings *findings);

#endif
