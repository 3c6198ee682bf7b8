/* SPDX-License-Identifier: Apache-2.0 */
/* find-secret [-c] [-s] [-p PATTERN]... [-x PATTERN]... -v FILE... PATH...: looks through files and folders
 * for what must stand nowhere: the values of "key = value" files as fuda-vcard(1) takes them.
 *
 *   -v FILE     values: lines secret.NAME, name, address, my_number; other lines do not count
 *   -v FOLDER   a software card's store: of its personal files what is as good as random (the photograph, keys and
 *               signatures of the signature certificate and of records), sixteen bytes at every sixteenth
 *   -c          short secrets in commands alone, not beside words: everybody knows that the PIN is 1234
 *   -s          secrets alone, not what the card knows about its holder
 *   -p PATTERN  files of such a name may show the holder: they are searched for secrets alone
 *   -x PATTERN  leaves out files and folders of such a name
 *
 * A folder with a card.conf is a software card's own store, and left out; links are not followed.
 * Values of six characters or more are found as text (of either case), as UTF-16, with the nibbles of
 * each byte swapped, digits also packed; each of them plain, in hexadecimal with anything usual
 * between the digits, and in base64. Half of a text is enough. Shorter secrets are found as the data
 * of a command for secrets, whole or in chained parts, or beside the word PIN.
 *
 * What it does not see: what is compressed or enciphered; less than half of a value; dumps with addresses
 * between the digits, as od and xxd make them; short secrets outside of commands and away from the word;
 * pictures that were decoded; files that were removed before it looked.
 *
 * Prints "FILE:OFFSET: WHAT", never a value, and what it has looked through. Exit status 0 if nothing
 * is found, 1 if something is, 2 if it could not look. */
#include <ctype.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	VALUES_MAX = 512,
	PATTERNS_MAX = 255,
	EXCEPT_MAX = 64,
	VALUE_MAX = 1024,
	LONG = 6,	   /* characters that do not come about by chance */
	HALVED = 16,	   /* bytes from which on a half is as telling */
	NEAR = 16,	   /* characters between the word PIN and a PIN */
	RUN_MIN = 8,	   /* digits of hexadecimal or base64 that are looked at */
	SEPARATORS = 8,	   /* at most between two digits */
	COMMAND_MAX = 32,  /* bytes of secrets in a command ... */
	PART = 2,	   /* ... or in one of a chain: a single digit comes about by chance */
	WINDOW = 16,	   /* bytes that are looked for of a personal file ... */
	STEP = 16,	   /* ... from every so many */
	DISTINCT = 14,	   /* different bytes that what is as good as random has in a window */
	BUCKETS = 65536,
};

/* Bytes to be found, and what they are. */
struct pattern {
	const char *what, *form;
	uint8_t *bytes;
	size_t len;
	bool any_case, personal;
};

/* A short secret. */
struct pin {
	const char *what;
	uint8_t digits[LONG];
	size_t len;
};

/* A piece of a personal file. */
struct window {
	const char *what;
	uint8_t bytes[WINDOW];
	struct window *next;
};

static struct window *windows[BUCKETS]; /* by what they begin with */
static struct pattern patterns[PATTERNS_MAX];
static size_t pattern_count;
static uint8_t begins[256][PATTERNS_MAX]; /* the patterns that do with this byte */
static size_t begin_count[256];
static struct pin pins[VALUES_MAX];
static size_t pin_count, window_count;
static struct names {
	const char *patterns[EXCEPT_MAX];
	size_t count;
} excepted, shown;	  /* -x, -p */
static bool commands_only; /* -c */
static bool secrets_only; /* -s, or for this file -p */
static bool personal;	  /* what is being added */
static unsigned long long files, bytes, findings;
static const char *last_what; /* found last, and where: a place is told once */
static size_t last_offset;

_Noreturn static void die(const char *what, const char *name)
{
	fprintf(stderr, "find-secret: %s: %s\n", what, name);
	exit(2);
}

static void *allocate(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		die("memory", "none left");
	return p;
}

/* ---- what is looked for ---- */

static void add_pattern(const char *what, const char *form, const uint8_t *p, size_t len, bool any_case)
{
	struct pattern *new = &patterns[pattern_count];

	if (pattern_count == PATTERNS_MAX)
		die("too many values", what);
	*new = (struct pattern){ what, form, allocate(len), len, any_case, personal };
	memcpy(new->bytes, p, len);
	for (int c = 0; c < 256; c++)
		if (c == p[0] || (any_case && tolower(c) == tolower(p[0])))
			begins[c][begin_count[c]++] = (uint8_t)pattern_count;
	pattern_count++;
}

static void swap_nibbles(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(p[i] << 4 | p[i] >> 4);
}

/* `text` as UTF-16, low byte first; returns the length. The text is valid UTF-8. */
static size_t utf16(const uint8_t *text, size_t len, uint8_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		unsigned more = text[i] >= 0xF0 ? 3 : text[i] >= 0xE0 ? 2 : text[i] >= 0xC0 ? 1 : 0;
		uint32_t ch = more ? text[i] & (0x3FU >> more) : text[i];

		for (i++; more && i < len; more--, i++)
			ch = ch << 6 | (text[i] & 0x3FU);
		if (ch >= 0x10000) {
			uint32_t high = 0xD800 + ((ch - 0x10000) >> 10);

			ret[n++] = (uint8_t)high, ret[n++] = (uint8_t)(high >> 8);
			ch = 0xDC00 + ((ch - 0x10000) & 0x3FF);
		}
		ret[n++] = (uint8_t)ch, ret[n++] = (uint8_t)(ch >> 8);
	}
	return n;
}

/* Digits two a byte. */
static size_t packed(const uint8_t *text, size_t len, uint8_t *ret)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		ret[i / 2] = (uint8_t)((text[i] - '0') << 4 | (text[i + 1] - '0'));
	return len / 2;
}

/* All forms of one piece of a value. */
static void add_forms(const char *what, const uint8_t *text, size_t len)
{
	uint8_t form[2 * VALUE_MAX];
	bool digits = true;
	size_t n;

	for (size_t i = 0; i < len; i++)
		digits = digits && isdigit(text[i]);
	add_pattern(what, "as text", text, len, true);
	memcpy(form, text, len);
	swap_nibbles(form, len);
	add_pattern(what, "with swapped nibbles", form, len, false);
	n = utf16(text, len, form);
	add_pattern(what, "as UTF-16LE", form, n, false);
	for (size_t i = 0; i < n; i += 2) {
		uint8_t low = form[i];

		form[i] = form[i + 1], form[i + 1] = low;
	}
	add_pattern(what, "as UTF-16BE", form, n, false);
	if (digits && len >= 2 * LONG) {
		n = packed(text, len, form);
		add_pattern(what, "as packed digits", form, n, false);
		swap_nibbles(form, n);
		add_pattern(what, "as packed digits with swapped nibbles", form, n, false);
	}
}

static void add_value(const char *what, const char *value)
{
	const uint8_t *p = (const uint8_t *)value;
	size_t len = strlen(value), middle = len / 2;

	if (len < LONG) {
		if (!len || pin_count == VALUES_MAX)
			die("none, or too many", what);
		pins[pin_count].what = what;
		memcpy(pins[pin_count].digits, p, len);
		pins[pin_count++].len = len;
		return;
	}
	if (len > VALUE_MAX / 2)
		die("too long", what);
	if (len < HALVED) {
		add_forms(what, p, len);
		return;
	}
	while ((p[middle] & 0xC0) == 0x80) /* within a character */
		middle++;
	add_forms(what, p, middle);
	add_forms(what, p + middle, len - middle);
}

/* The value's name for people, if it is one that must not be seen: NULL if not. */
static const char *meaning(const char *key)
{
	static const char *const holder[][2] = {
		{ "name", "name" }, { "address", "address" }, { "my_number", "My Number" }
	};

	personal = strncmp(key, "secret.", 7) != 0;
	if (!personal)
		return strdup(key);
	for (size_t i = 0; !secrets_only && i < sizeof(holder) / sizeof(*holder); i++)
		if (strcmp(key, holder[i][0]) == 0)
			return holder[i][1];
	return NULL;
}

static void read_values(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[VALUE_MAX + 64];

	if (!f)
		die("cannot be read", path);
	while (fgets(line, sizeof(line), f)) {
		char *key = line + strspn(line, " \t"), *value = strchr(line, '=');
		const char *what;

		line[strcspn(line, "\r\n")] = 0;
		if (*key == '#' || !value)
			continue;
		*value++ = 0;
		value += strspn(value, " \t");
		key[strcspn(key, " \t")] = 0;
		for (size_t n = strlen(value); n && strchr(" \t", value[n - 1]); n--)
			value[n - 1] = 0;
		what = meaning(key);
		if (what)
			add_value(what, value);
	}
	fclose(f);
}

/* ---- pieces of personal files ---- */

static unsigned bucket_of(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static const struct window *window_at(const uint8_t *p)
{
	const struct window *w = windows[bucket_of(p)];

	while (w && memcmp(w->bytes, p, WINDOW) != 0)
		w = w->next;
	return w;
}

/* ... and no text in UTF-8, which is looked for as such. */
static bool is_as_good_as_random(const uint8_t *p)
{
	unsigned distinct = 0;
	bool text = true;

	for (size_t i = 0; i < WINDOW; i++) {
		distinct += !memchr(p, p[i], i);
		text = text && p[i] >= 0x20 && p[i] <= 0xF4 && p[i] != 0xC0 && p[i] != 0xC1;
	}
	return distinct >= DISTINCT && !text;
}

static void add_window(const char *what, const uint8_t *p)
{
	struct window **bucket = &windows[bucket_of(p)], *new;

	if (window_at(p))
		return;
	new = allocate(sizeof(*new));
	new->what = what;
	memcpy(new->bytes, p, WINDOW);
	new->next = *bucket;
	*bucket = new;
	window_count++;
}

/* One file of a card; none where the card has none. */
static size_t read_part(const char *folder, const char *name, uint8_t *ret, size_t room)
{
	char path[4096];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.bin", folder, name);
	f = fopen(path, "r");
	if (f) {
		n = fread(ret, 1, room, f);
		fclose(f);
	}
	return n;
}

/* What is in the certificates of CAs too is not personal; the one for authentication is for whoever asks. */
static void read_store(const char *folder)
{
	static const char *const personal_files[] = { "jpki-0001", "text-0001", "text-0002", "text-0003",
						      "face-0001", "face-0002", "face-0005", "common-0001" };
	static const char *const shown_files[] = { "jpki-0002", "jpki-000A", "jpki-000B", "text-0004", "face-0004" };
	static uint8_t file[65536], seen[5 * sizeof(file)];
	size_t seen_len = 0;

	for (size_t i = 0; i < sizeof(shown_files) / sizeof(*shown_files); i++)
		seen_len += read_part(folder, shown_files[i], seen + seen_len, sizeof(file));
	for (size_t i = 0; i < sizeof(personal_files) / sizeof(*personal_files); i++) {
		size_t len = read_part(folder, personal_files[i], file, sizeof(file));

		for (size_t at = 0; at + WINDOW <= len; at += STEP)
			if (is_as_good_as_random(file + at) && !memmem(seen, seen_len, file + at, WINDOW))
				add_window(personal_files[i], file + at);
	}
}

/* ---- looking ---- */

/* Bytes, and where in the file each came from: at[i], or i itself if `at` is NULL. */
struct stream {
	const char *file, *how;
	const uint8_t *p;
	size_t len;
	const size_t *at;
};

static void found(const struct stream *s, size_t i, const char *what, const char *form)
{
	size_t offset = s->at ? s->at[i] : i;

	if (what == last_what && offset == last_offset)
		return;
	last_what = what, last_offset = offset;
	findings++;
	printf("%s:%zu: %s %s%s\n", s->file, offset, what, form, s->how);
}

static bool is_there(const struct pattern *p, const uint8_t *at)
{
	if (!p->any_case)
		return memcmp(p->bytes, at, p->len) == 0;
	for (size_t i = 0; i < p->len; i++)
		if (tolower(p->bytes[i]) != tolower(at[i]))
			return false;
	return true;
}

/* Whether `data` shows something of the PIN: all of it, or, being a part, its beginning or end. */
static bool shows(const struct pin *pin, const uint8_t *data, size_t len)
{
	if (len < pin->len)
		return memcmp(data, pin->digits, len) == 0 ||
		       memcmp(data, pin->digits + pin->len - len, len) == 0;
	for (size_t i = 0; i + pin->len <= len; i++)
		if (memcmp(data + i, pin->digits, pin->len) == 0)
			return true;
	return false;
}

/* Whether this may be the header of a command that takes a PIN, of whatever class and instruction. P1 and P2 as in
 * VERIFY, CHANGE and RESET; card.md 3.1, 3.2. */
static bool may_take_pin(const uint8_t *p)
{
	return p[2] <= 2 && (p[3] & 0x7F) < 0x20;
}

/* ... and does: two digits in another one come about by chance. */
static bool takes_pin(const uint8_t *p)
{
	static const uint8_t instructions[] = { 0x20, 0x21, 0x24, 0x25, 0x26, 0x27, 0x28,
						0x29, 0x2C, 0x2D, 0x32, 0x54, 0xC2, 0xC3 };

	return memchr(instructions, p[1], sizeof(instructions));
}

static void look_in_command(const struct stream *s, size_t i)
{
	const uint8_t *p = s->p + i;
	size_t left = s->len - i, header = 5, len;

	if (left < 6 || !may_take_pin(p))
		return;
	len = p[4];
	if (!len && left > 7)
		header = 7, len = (size_t)p[5] << 8 | p[6];
	if (len < PART || len > COMMAND_MAX || header + len > left)
		return;
	for (size_t k = 0; k < pin_count; k++)
		if ((len >= pins[k].len || takes_pin(p)) && shows(&pins[k], p + header, len))
			found(s, i, pins[k].what, "in a command");
}

/* The bytes of `s` from `i` on are a PIN as text or in hexadecimal, with no digit beside: its length. */
static size_t pin_text(const struct stream *s, size_t i, const struct pin *pin)
{
	char hex[2 * LONG + 1];
	const char *const forms[] = { (const char *)pin->digits, hex };
	const size_t lens[] = { pin->len, 2 * pin->len };

	for (size_t k = 0; k < pin->len; k++)
		sprintf(hex + 2 * k, "%02x", pin->digits[k]);
	for (size_t f = 0; f < 2; f++)
		if (i + lens[f] <= s->len && memcmp(s->p + i, forms[f], lens[f]) == 0 &&
		    (i == 0 || !isalnum(s->p[i - 1])) &&
		    (i + lens[f] == s->len || !isalnum(s->p[i + lens[f]])))
			return lens[f];
	return 0;
}

/* A word for PIN stands at `i`, and is no part of a longer one: its length. */
static size_t pin_word(const struct stream *s, size_t i)
{
	static const char *const words[] = { "PIN", "Pin", "pin", "暗証番号" };

	for (size_t w = 0; w < sizeof(words) / sizeof(*words); w++) {
		size_t n = strlen(words[w]);

		if (i + n <= s->len && memcmp(s->p + i, words[w], n) == 0 &&
		    (i == 0 || !isalpha(s->p[i - 1])) && (i + n == s->len || !isalpha(s->p[i + n])))
			return n;
	}
	return 0;
}

/* Looks for a PIN on either side of the word at `i`. */
static void look_beside(const struct stream *s, size_t i, size_t word)
{
	size_t from = i, to = i + word;

	for (unsigned n = 0; n <= NEAR + LONG && from; n += (s->p[from] & 0xC0) != 0x80)
		from--;
	for (unsigned n = 0; n <= NEAR && to < s->len; n += (s->p[to] & 0xC0) != 0x80)
		to++;
	for (size_t k = 0; k < pin_count; k++)
		for (size_t at = from; at < to; at++)
			if (pin_text(s, at, &pins[k]))
				found(s, at, pins[k].what, "beside the word PIN");
}

static void look(const struct stream *s)
{
	for (size_t i = 0; i < s->len; i++) {
		const struct window *window;
		size_t left = s->len - i, word;

		for (size_t n = 0; n < begin_count[s->p[i]]; n++) {
			const struct pattern *k = &patterns[begins[s->p[i]][n]];

			if (k->len <= left && !(k->personal && secrets_only) && is_there(k, s->p + i))
				found(s, i, k->what, k->form);
		}
		window = !secrets_only && left >= WINDOW ? window_at(s->p + i) : NULL;
		if (window)
			found(s, i, window->what, "in part");
		if (pin_count)
			look_in_command(s, i);
		word = commands_only || !pin_count || !memchr("Pp\xE6", s->p[i], 3) ? 0 : pin_word(s, i);
		if (word)
			look_beside(s, i, word);
	}
}

/* ---- encodings: runs of digits, decoded from each place where a byte may begin ---- */

struct encoding {
	const char *how;
	unsigned bits; /* of a digit */
	unsigned phases;
	const char *separators; /* that may stand between digits */
};

/* What stands in logs and listings: blanks, new lines (also as \n), 0x, \x, %, commas, colons. */
static const struct encoding encodings[] = {
	{ ", in hexadecimal", 4, 2, " \t\r\n,:;-\\xu%{}()\"" },
	{ ", in base64", 6, 4, "\r\n\\ " },
};

static int digit_of(const struct encoding *e, uint8_t c)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p;

	if (e->bits == 4)
		return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
	c = c == '-' ? '+' : c == '_' ? '/' : c; /* of base64url */
	p = c ? memchr(base64, c, 64) : NULL;
	return p ? (int)(p - base64) : -1;
}

/* A 0 before x is none. */
static bool is_digit(const struct encoding *e, const uint8_t *p, size_t left)
{
	return digit_of(e, p[0]) >= 0 && !(e->bits == 4 && p[0] == '0' && left > 1 && p[1] == 'x');
}

static void look_at_run(const char *file, const struct encoding *e, const uint8_t *digits, const size_t *at,
			size_t count)
{
	uint8_t *decoded = allocate(count);
	size_t *places = allocate(count * sizeof(*places));

	for (unsigned phase = 0; phase < e->phases; phase++) {
		struct stream s = { file, e->how, decoded, 0, places };
		uint32_t pending = 0;
		unsigned have = 0;

		for (size_t i = phase; i < count; i++) {
			pending = pending << e->bits | digits[i];
			have += e->bits;
			if (have < 8)
				continue;
			have -= 8;
			places[s.len] = at[i];
			decoded[s.len++] = (uint8_t)(pending >> have);
		}
		look(&s);
	}
	free(decoded);
	free(places);
}

static void look_encoded(const char *file, const struct encoding *e, const uint8_t *p, size_t len)
{
	uint8_t *digits = allocate(len);
	size_t *at = allocate(len * sizeof(*at));
	size_t count = 0, between = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && is_digit(e, p + i, len - i)) {
			digits[count] = (uint8_t)digit_of(e, p[i]);
			at[count++] = i;
			between = 0;
		} else if (i == len || ++between > SEPARATORS || !p[i] ||
			   !(strchr(e->separators, p[i]) || (e->bits == 4 && p[i] == '0'))) {
			if (count >= RUN_MIN)
				look_at_run(file, e, digits, at, count);
			count = between = 0;
		}
	}
	free(digits);
	free(at);
}

static void look_at_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	struct stream plain = { .file = path, .how = "" };
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("cannot be read", path);
	files++;
	bytes += (unsigned long long)st.st_size;
	map = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	close(fd);
	if (map == MAP_FAILED)
		die("cannot be read", path);
	plain.p = map, plain.len = (size_t)st.st_size;
	look(&plain);
	for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++)
		look_encoded(path, &encodings[i], plain.p, plain.len);
	if (map)
		munmap(map, plain.len);
}

static bool is_store(const char *folder)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/card.conf", folder);
	return access(path, F_OK) == 0;
}

static bool is_one_of(const char *name, const struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (fnmatch(names->patterns[i], name, 0) == 0)
			return true;
	return false;
}

static void add_name(struct names *names, const char *pattern)
{
	if (names->count == EXCEPT_MAX)
		die("too many patterns", pattern);
	names->patterns[names->count++] = pattern;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
	bool for_all = secrets_only;

	if (is_one_of(path + where->base, &excepted))
		return FTW_SKIP_SUBTREE;
	if (type == FTW_DNR || type == FTW_NS)
		die("cannot be read", path);
	if (type == FTW_D && is_store(path))
		return FTW_SKIP_SUBTREE;
	secrets_only |= is_one_of(path + where->base, &shown);
	if (type == FTW_F && S_ISREG(st->st_mode))
		look_at_file(path);
	secrets_only = for_all;
	return FTW_CONTINUE;
}

int main(int argc, char **argv)
{
	const char *values[VALUES_MAX];
	size_t value_count = 0;

	for (int c; (c = getopt(argc, argv, "csp:v:x:")) != -1;) {
		if (c == 'c')
			commands_only = true;
		else if (c == 's')
			secrets_only = true;
		else if (c == 'v' && value_count < VALUES_MAX)
			values[value_count++] = optarg;
		else if (c == 'p')
			add_name(&shown, optarg);
		else if (c == 'x')
			add_name(&excepted, optarg);
		else
			die("usage", "find-secret [-c] [-s] [-p PATTERN]... [-x PATTERN]... -v FILE... PATH...");
	}
	for (size_t i = 0; i < value_count; i++)
		if (is_store(values[i]))
			read_store(values[i]);
		else
			read_values(values[i]);
	if (optind == argc || (!pattern_count && !pin_count && !window_count))
		die("usage", "no values, or nowhere to look");
	for (; optind < argc; optind++)
		if (nftw(argv[optind], visit, 16, FTW_PHYS | FTW_ACTIONRETVAL) != 0)
			die("cannot be read", argv[optind]);
	for (size_t i = 0; i < pattern_count; i++)
		free(patterns[i].bytes);
	printf("%llu files, %llu bytes: %llu found\n", files, bytes, findings);
	return findings ? 1 : 0;
}
