/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the program, and whose turn it is. */
#include "preload/preload.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct slot *slots;
static struct connection *connections;
static bool waits_for_others; /* libpcsclite does, unless told by this variable */

/* Threads that had a turn are not in the child. */
static void after_fork_in_child(void)
{
	for (struct slot *s = slots; s; s = s->next) {
		s->busy = false;
		s->depth = 0;
	}
	pthread_cond_init(&changed, NULL);
	pthread_mutex_unlock(&mutex);
}

static void lock(void)
{
	pthread_mutex_lock(&mutex);
}

static void unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

static void start(void)
{
	waits_for_others = !getenv("PCSCLITE_NO_BLOCKING");
	pthread_atfork(lock, unlock, after_fork_in_child);
}

void monitor_enter(void)
{
	pthread_once(&once, start);
	lock();
}

void monitor_leave(void)
{
	unlock();
}

void monitor_leave_at_end(const bool *entered _unused_)
{
	unlock();
}

/* ---- connections ---- */

struct connection *connection_find(SCARDHANDLE handle)
{
	struct connection *c = connections;

	while (c && c->handle != handle)
		c = c->next;
	return c;
}

bool connection_copy(SCARDHANDLE handle, struct connection *ret)
{
	MONITOR;
	const struct connection *c = connection_find(handle);

	if (c)
		*ret = *c;
	return c;
}

int connection_put(const struct connection *c)
{
	struct connection *kept = malloc(sizeof(*kept));

	if (!kept)
		return FUDA_ENOMEM;
	connection_drop(c->handle);
	*kept = *c;
	kept->next = connections;
	connections = kept;
	return 0;
}

static void drop(struct connection **place)
{
	struct connection *c = *place;

	if (c->slot->depth && c->slot->owner == c->handle) {
		c->slot->depth = 0;
		pthread_cond_broadcast(&changed);
	}
	*place = c->next;
	free(c);
}

void connection_drop(SCARDHANDLE handle)
{
	for (struct connection **place = &connections; *place; place = &(*place)->next)
		if ((*place)->handle == handle) {
			drop(place);
			return;
		}
}

void connection_drop_context(SCARDCONTEXT context)
{
	struct connection **place = &connections;

	while (*place) {
		if ((*place)->context == context)
			drop(place);
		else
			place = &(*place)->next;
	}
}

/* ---- turns ---- */

struct slot *slot_called(const char *name)
{
	struct slot *s = slots;

	while (s && strncmp(s->name, name, sizeof(s->name) - 1) != 0)
		s = s->next;
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->next = slots;
	slots = s;
	return s;
}

static void wait_for(struct slot *s, SCARDHANDLE handle)
{
	while (s->busy || (waits_for_others && s->depth && s->owner != handle))
		pthread_cond_wait(&changed, &mutex);
}

void turn_take(struct slot *s, SCARDHANDLE handle)
{
	wait_for(s, handle);
	s->busy = true;
}

void turn_give(struct slot *s)
{
	s->busy = false;
	pthread_cond_broadcast(&changed);
}

void transaction_take(struct slot *s, SCARDHANDLE handle)
{
	wait_for(s, handle);
	if (s->depth && s->owner != handle) /* libpcsclite decides */
		return;
	s->owner = handle;
	s->depth++;
}

void transaction_begun(struct slot *s, SCARDHANDLE handle)
{
	if (s->depth && s->owner == handle)
		return;
	s->owner = handle;
	s->depth = 1;
}

void transaction_give(struct slot *s, SCARDHANDLE handle)
{
	if (!s->depth || s->owner != handle)
		return;
	s->depth--;
	pthread_cond_broadcast(&changed);
}
