/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of "fuda doctor" share: one visit, and its findings. */
#ifndef TOOLS_DOCTOR_H
#define TOOLS_DOCTOR_H

#include <limits.h>
#include <fuda/device.h>
#include <fuda/reader.h>
#include "tools/fuda.h"

struct visit {
	struct call *call;
	struct report *findings;
	struct fuda_reader_list *readers; /* NULL: there is no list of them */
	bool cards;                       /* one of these has a card */
	bool direct;                      /* one of these is not the PC/SC service's */
	size_t readers_seen;              /* on the USB */
	bool can_pcsc;                    /* this build has the driver for the PC/SC service */
	bool service;                     /* that answers */
	bool usable;                      /* a My Number card answers */
	bool authenticates;               /* and its PIN can be used without a second thought */
};

enum finding { FINE, NOTE, PROBLEM };

/* One finding: `check` for programs, `text` and what to do next (NULL: nothing) for people. */
void found(struct visit *v, enum finding f, const char *check, const char *next,
	   const char *format, ...) _printf_(5, 6);

/* Makes a path of the system that is looked at. False if it is too long. */
bool system_path(char ret[PATH_MAX], const char *format, ...) _printf_(2, 3);
/* Whether such a path is there. */
bool system_has(const char *path);
/* Reads the first line of the file at a path that system_path() made; "" if there is none. */
void system_line(const char *path, char *ret, size_t size);

/* "sudo ", or "" for root. */
const char *sudo(void);

enum { COMMAND_SIZE = 80 };
/* The command that starts the PC/SC service here, or starts it anew. */
const char *start_service(bool anew, char ret[COMMAND_SIZE]);

/* A device on the USB that is a reader, or looks like one. */
struct usb_reader {
	char id[16];                     /* "vendor:product" */
	char name[200];                  /* as it calls itself */
	const struct fuda_device *known; /* NULL: not in the table */
	const char *driver;              /* of fuda */
	unsigned bus, address;           /* 0: not known */
	char number[24];                 /* of the device node, "major:minor" */
	char module[40];                 /* of the kernel, that took it, or "" */
	bool claimed;                    /* a program has it */
};

/* Looks at the readers on the USB, one after the other. v->service is set. */
void look_at_usb(struct visit *v);
/* Looks at the port of an NFC chip, if `reader` names one ("nfc:pn532_uart:/dev/ttyUSB0"). False if
 * there is none, so that the rest is in vain. */
bool look_at_port(struct visit *v, const char *reader);
/* Whether people and the PC/SC service may use it, and who does. */
void look_at_access(struct visit *v, const struct usb_reader *d);
/* Whether the PC/SC service has a driver for it. */
bool service_serves(const struct usb_reader *d);

#endif
