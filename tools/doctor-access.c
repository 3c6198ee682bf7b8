/* SPDX-License-Identifier: Apache-2.0 */
/* fuda doctor: who may use a reader, by which rule, and which program does. */
#include "tools/doctor.h"

#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 64, NODE_SIZE = 40 };

/* ---- names ---- */

static void group_name(gid_t gid, char ret[NAME_SIZE])
{
	char path[PATH_MAX];
	struct group *g = NULL;
	FILE *f = system_path(path, "/etc/group") ? fopen(path, "re") : NULL;

	while (f && (g = fgetgrent(f)) && g->gr_gid != gid)
		;
	if (g)
		snprintf(ret, NAME_SIZE, "%s", g->gr_name);
	else
		snprintf(ret, NAME_SIZE, "%ld", (long)gid);
	if (f)
		fclose(f);
}

/* The user's own name, for the command line that helps him. */
static const char *user_name(void)
{
	const struct passwd *p = getpwuid(getuid());

	return p ? p->pw_name : "$USER";
}

static void node_name(const struct usb_reader *d, char ret[NODE_SIZE])
{
	snprintf(ret, NODE_SIZE, "/dev/bus/usb/%03u/%03u", d->bus, d->address);
}

/* ---- rules ---- */

enum rule {
	RULE_MISSING, /* of this project, that is */
	RULE_LATE,    /* after those that act on it */
	RULE_OTHERS,  /* for other devices */
	RULE_UNUSED,  /* the device was plugged in before */
	RULE_USED,
};

/* The file with our rules that counts: udev(7) has the order of the directories. */
static bool find_rules(char ret[PATH_MAX])
{
	static const char *const places[] = {
		"/etc/udev/rules.d",     "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
		"/usr/lib/udev/rules.d", "/lib/udev/rules.d",
	};
	bool there = false;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !there; i++) {
		char path[PATH_MAX];
		struct dirent *e;
		DIR *dir = system_path(path, "%s", places[i]) ? opendir(path) : NULL;

		while (dir && !there && (e = readdir(dir))) {
			size_t len = strlen(e->d_name);

			if (!strstr(e->d_name, "fudasashi") || len < 6 ||
			    strcmp(e->d_name + len - 6, ".rules") != 0)
				continue;
			there = (size_t)snprintf(ret, PATH_MAX, "%s/%s", places[i], e->d_name) <
				PATH_MAX;
		}
		if (dir)
			closedir(dir);
	}
	return there;
}

/* Whether some line of a file of the system has both texts in it. */
static bool has_line(const char *file, const char *text, const char *other)
{
	char path[PATH_MAX], line[512];
	FILE *f = system_path(path, "%s", file) ? fopen(path, "re") : NULL;
	bool has = false;

	while (f && !has && fgets(line, sizeof(line), f))
		has = line[0] != '#' && strstr(line, text) && strstr(line, other);
	if (f)
		fclose(f);
	return has;
}

static enum rule rule_of(const struct usb_reader *d, char ret_file[PATH_MAX])
{
	char vendor[32], product[32], record[64];

	if (!find_rules(ret_file))
		return RULE_MISSING;
	snprintf(vendor, sizeof(vendor), "idVendor}==\"%.4s\"", d->id);
	snprintf(product, sizeof(product), "idProduct}==\"%.4s\"", d->id + 5);
	if (!has_line(ret_file, vendor, product))
		return RULE_OTHERS;
	/* 73-seat-late.rules acts on the tag: readers.md A6 (1) */
	if (strcmp(strrchr(ret_file, '/') + 1, "73") >= 0)
		return RULE_LATE;
	snprintf(record, sizeof(record), "/run/udev/data/c%s", d->number);
	return has_line(record, "G:uaccess", "") ? RULE_USED : RULE_UNUSED;
}

#define RELOAD "%sudevadm control --reload; %sudevadm trigger --subsystem-match=usb"

/* What mends it; `last` when the rule has done what it can. */
static void mend(const struct usb_reader *d, const char *last, char *ret, size_t size)
{
	char file[PATH_MAX], reload[160];

	snprintf(reload, sizeof(reload), RELOAD, sudo(), sudo());
	switch (rule_of(d, file)) {
	case RULE_MISSING:
		snprintf(ret, size, _("install 70-fudasashi.rules ('make install' does), then: %s"),
			 reload);
		break;
	case RULE_LATE:
		snprintf(ret, size, "%smv %.400s /etc/udev/rules.d/70-fudasashi.rules; %s", sudo(),
			 file, reload);
		break;
	case RULE_OTHERS:
		snprintf(ret, size,
			 "echo 'SUBSYSTEM==\"usb\", ATTR{idVendor}==\"%.4s\", "
			 "ATTR{idProduct}==\"%.4s\", TAG+=\"uaccess\"' | %stee "
			 "/etc/udev/rules.d/70-my-reader.rules; %s",
			 d->id, d->id + 5, sudo(), reload);
		break;
	case RULE_UNUSED:
		snprintf(ret, size, _("unplug it and plug it in again, or: %s"), reload);
		break;
	case RULE_USED:
		snprintf(ret, size, "%s", last);
		break;
	}
}

/* ---- the PC/SC service's side ---- */

bool service_serves(const struct usb_reader *d)
{
	/* where the builds of pcscd look that people have */
	static const char *const places[] = {
		"/usr/lib/pcsc/drivers",
		"/usr/lib64/pcsc/drivers",
		"/usr/local/lib/pcsc/drivers",
	};
	static const struct {
		const char *driver, *bundle;
	} bundles[] = {
		{ "rcs380", "ifd-fuda.bundle" },
		{ "ccid", "ifd-ccid.bundle" },
	};
	const char *bundle = NULL;
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++)
		if (strcmp(bundles[i].driver, d->driver) == 0)
			bundle = bundles[i].bundle;
	if (!bundle)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s/Contents/Info.plist", places[i], bundle);
		if (system_has(path))
			return true;
	}
	return false;
}

/* As whom the service runs; "" for root. pcsc-lite 2.4 and later: readers.md A6 (3) */
static void service_user(char ret[NAME_SIZE])
{
	static const char *const units[] = {
		"/etc/systemd/system/pcscd.service",
		"/usr/lib/systemd/system/pcscd.service",
		"/lib/systemd/system/pcscd.service",
	};
	char path[PATH_MAX], line[256];
	FILE *f = NULL;

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(units) && !f; i++)
		f = system_path(path, "%s", units[i]) ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "User=", 5) == 0)
			snprintf(ret, NAME_SIZE, "%.*s", (int)strcspn(line + 5, " \n"), line + 5);
	if (f)
		fclose(f);
	if (strcmp(ret, "root") == 0)
		ret[0] = '\0';
}

/* Such a service has a group of its own name, and no seat. */
static void look_at_service_permission(struct visit *v, const struct usb_reader *d,
				       const struct stat *st, const char *group)
{
	char user[NAME_SIZE], node[NODE_SIZE], last[200], next[700];

	service_user(user);
	if (!user[0] || (st->st_mode & 06) == 06 ||
	    ((st->st_mode & 060) == 060 && strcmp(group, user) == 0))
		return;
	node_name(d, node);
	snprintf(last, sizeof(last), _("configure with --with-udev-group=%s and install again"),
		 user);
	mend(d, last, next, sizeof(next));
	found(v, PROBLEM, "usb", next,
	      _("the PC/SC service runs as user %s, who may not use the reader: %s is for "
		"group %s"),
	      user, node, group);
}

/* ---- who has it ---- */

static bool has_open(const char *process, const char *node)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *e;
	bool has = false;
	DIR *dir = system_path(path, "/proc/%s/fd", process) ? opendir(path) : NULL;

	while (dir && !has && (e = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		has = len > 0 && (size_t)len == strlen(node) &&
		      memcmp(target, node, (size_t)len) == 0;
	}
	if (dir)
		closedir(dir);
	return has;
}

/* The process that has the device open, of those that this user may look into. */
static bool find_holder(const char *node, char ret_process[NAME_SIZE], char ret_name[NAME_SIZE])
{
	char path[PATH_MAX];
	struct dirent *e;
	bool there = false;
	DIR *dir = system_path(path, "/proc") ? opendir(path) : NULL;

	while (dir && !there && (e = readdir(dir))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !has_open(e->d_name, node))
			continue;
		there = true;
		snprintf(ret_process, NAME_SIZE, "%.*s", NAME_SIZE - 1, e->d_name);
		if (system_path(path, "/proc/%s/comm", e->d_name))
			system_line(path, ret_name, NAME_SIZE);
	}
	if (dir)
		closedir(dir);
	return there;
}

static void look_at_holder(struct visit *v, const struct usb_reader *d, const char *node)
{
	char process[NAME_SIZE] = "", name[NAME_SIZE] = "";

	if (!find_holder(node, process, name))
		found(v, FINE, "usb", NULL,
		      _("a program uses the %s, as a rule the PC/SC service"), d->name);
	else if (strcmp(name, "pcscd") == 0)
		found(v, FINE, "usb", NULL, _("the PC/SC service uses the %s"), d->name);
	else
		found(v, PROBLEM, "usb", _("close that program"),
		      _("the %s is in use by another program: %s (process %s)"), d->name, name,
		      process);
}

/* ---- who may use it ---- */

enum { JOIN_SIZE = 300 };

/* How to come to use what a group may. False if it may not, or is root's: whoever is in that may do
 * more than read cards. */
static bool join_group(const struct stat *st, const char *group, char ret[JOIN_SIZE])
{
	if (st->st_gid == 0 || (st->st_mode & 060) != 060)
		return false;
	snprintf(ret, JOIN_SIZE, _("%susermod -aG %s %s, and log in again"), sudo(), group,
		 user_name());
	return true;
}

static void look_at_permission(struct visit *v, const struct usb_reader *d, const char *node,
			       const struct stat *st, const char *group)
{
	char last[400], next[700], join[JOIN_SIZE];

	if (join_group(st, group, join))
		snprintf(last, sizeof(last), _("log in at the machine itself; or: %s"), join);
	else
		snprintf(last, sizeof(last), "%s",
			 _("log in at the machine itself; for others configure with "
			   "--with-udev-group=GROUP and install again"));
	mend(d, last, next, sizeof(next));
	found(v, PROBLEM, "usb", next, _("no permission to use the %s: %s is for group %s"),
	      d->name, node, group);
}

void look_at_access(struct visit *v, const struct usb_reader *d)
{
	char path[PATH_MAX], node[NODE_SIZE], group[NAME_SIZE];
	struct stat st;

	if (!d->bus || !d->address)
		return;
	node_name(d, node);
	if (!system_path(path, "%s", node) || stat(path, &st) < 0) {
		found(v, PROBLEM, "usb",
		      _("give the container the device, for instance with --device=/dev/bus/usb"),
		      _("there is no %s: the reader is not passed into this container"), node);
		return;
	}
	group_name(st.st_gid, group);
	/* where the service has it and answers, or only that could, nobody else needs it */
	if (access(path, R_OK | W_OK) < 0 && !(v->service && service_serves(d)) &&
	    fuda_driver_there(d->driver) && strcmp(d->driver, "pcsc") != 0)
		look_at_permission(v, d, node, &st, group);
	if (v->can_pcsc && service_serves(d))
		look_at_service_permission(v, d, &st, group);
	if (d->claimed)
		look_at_holder(v, d, node);
}

/* A name of libnfc's is DRIVER:/DEVICE or DRIVER:/DEVICE:SPEED, if it has a device in it. */
bool look_at_port(struct visit *v, const char *reader)
{
	const char *device = strncmp(reader, "nfc:", 4) == 0 ? strstr(reader, ":/dev/") : NULL;
	char port[PATH_MAX], path[PATH_MAX], group[NAME_SIZE], next[JOIN_SIZE];
	struct stat st;

	if (!device)
		return true;
	device++;
	snprintf(port, sizeof(port), "%.*s", (int)strcspn(device, ":"), device);
	if (!system_path(path, "%s", port) || stat(path, &st) < 0) {
		found(v, PROBLEM, "port",
		      _("check its cable; 'ls /dev/tty*' lists the serial ports, whether "
			"something is on them or not"),
		      _("there is no %s"), port);
		return false;
	}
	group_name(st.st_gid, group);
	if (access(path, R_OK | W_OK) == 0) {
		found(v, FINE, "port", NULL, _("%s is there, and this user may use it"), port);
		return true;
	}
	if (!join_group(&st, group, next))
		snprintf(next, sizeof(next), "%s",
			 _("the administrator has to give it to a group, by a rule for udev"));
	found(v, PROBLEM, "port", next, _("no permission to use %s: it is for group %s"), port,
	      group);
	return false;
}
