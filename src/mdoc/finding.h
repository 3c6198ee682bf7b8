/* SPDX-License-Identifier: Apache-2.0 */
/* What verification found against a credential. All checks are made whatever failed before, so that
 * each finding stands for one thing that is wrong. */
#ifndef MDOC_FINDING_H
#define MDOC_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <fuda/mdoc.h>

/* Notes that `rule` is broken. `of`: whose certificate ("ds", "iaca", "link", "reader",
 * "reader_ca", "crl"), or "" ; static. `detail`: the element, the extension, the value, ... at
 * fault, copied, cut at its maximum, "" if there is nothing to name. */
void finding_add(struct fuda_mdoc_findings *to, enum fuda_mdoc_rule rule, const char *of,
		 const char *detail, size_t len);
/* Adds all of `from`. */
void findings_join(struct fuda_mdoc_findings *to, const struct fuda_mdoc_findings *from);

#endif
