/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of fuda-mykeyd share. */
#ifndef TOOLS_MYKEYD_H
#define TOOLS_MYKEYD_H

#include "service/service.h"
#include "tools/program.h"
#include "tools/report.h"

#define MYKEYD_FOLDER "/var/lib/fuda-mykeyd"

/* The folder of the service: --folder, or the standard one. */
const char *mykeyd_folder(void);

/* Gives `code`, with which the service was opened or made; if that failed, and nobody named a
 * folder, it tells which one was meant. */
int mykeyd_opened(struct call *call, int code);
/* Warns people of what makes the service refuse every card, with what to do next. */
void mykeyd_warn(const struct config *config);

#define _cleanup_service_ __attribute__((cleanup(service_close)))

#endif
