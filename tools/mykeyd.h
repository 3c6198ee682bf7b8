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

#define _cleanup_service_ __attribute__((cleanup(service_close)))

#endif
