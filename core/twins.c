/* SPDX-License-Identifier: MIT
 *
 * See twins.h.
 */
#include "config.h"

#include "twins.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"
#include "url.h"

static bool is_plain(const struct task_fields *fields) {
  return fields == NULL || (fields->method == NULL && fields->body == NULL &&
                            fields->header_count == 0);
}

static bool are_same(const struct task *a, const struct task *b) {
  return is_plain(a->fields) && is_plain(b->fields) &&
         strcmp(a->name, b->name) == 0 && url_same_request(a->url, b->url);
}

bool twins_hold(struct engine *e, struct task *task) {
  struct task *first = outputs_find(&e->outputs, task->name);
  char reason[80];
  if (first == NULL || task->rename || gathering(e) || !are_same(first, task))
    return false;
  first->has_twin = task->twin = task->in_intake = true;
  list_append(&e->twins, &task->queued);
  snprintf(reason, sizeof(reason), "same URL as line %llu%s",
           (unsigned long long)first->line,
           first->id >> TASK_ORDINAL_BITS == task->id >> TASK_ORDINAL_BITS
               ? ""
               : " of another list");
  task_set_reason(task, reason);
  return true;
}

void twins_leave(struct task *task) {
  if (!task->twin)
    return;
  list_remove(&task->queued);
  task->twin = task->in_intake = false;
  task->unseen = true;
  task_set_reason(task, NULL);
}

void twins_settle(struct engine *e, struct task *first) {
  struct link mine, *next;
  bool done = first->state == TASK_DONE;
  if (!first->has_twin)
    return;
  first->has_twin = false;
  list_init(&mine);
  for (struct link *l = e->twins.next; l != &e->twins; l = next) {
    struct task *task = LINK_ENTRY(l, struct task, queued);
    next = l->next;
    if (strcmp(task->name, first->name) != 0)
      continue;
    task->twin = task->in_intake = false;
    task->twin_done = done && are_same(first, task); /* its URL may be new */
    task_set_reason(task, NULL);
    list_remove(l);
    list_append(&mine, l);
  }
  while ((next = list_take(&mine)) != NULL) {
    struct task *task = LINK_ENTRY(next, struct task, queued);
    if (task->twin_done)
      intake_again(e, task);
    else
      intake__place(e, task);
  }
}

/* ---- what was fetched -----------------------------------------------------
 */

#define FETCHED ((size_t)1 << 17) /* slots */
#define WAYS 8 /* places for a hash; when all are taken it displaces one */

/* Never 0, which is an empty slot. */
static uint64_t hash_of(const struct task *task) {
  const char *query = task->url + strcspn(task->url, "?#");
  uint64_t hash = url_object_hash64(task->url, task->name);
  for (; *query != '\0' && *query != '#'; query++)
    hash = (hash ^ (unsigned char)*query) * UINT64_C(0x100000001b3);
  return hash != 0 ? hash : 1;
}

static uint64_t *places_of(const struct engine *e, uint64_t hash) {
  return e->fetched + ((hash >> 32) & (FETCHED / WAYS - 1)) * WAYS;
}

void twins_note(struct engine *e, const struct task *task) {
  if (gathering(e) || task->name == NULL || !is_plain(task->fields))
    return;
  if (e->fetched == NULL)
    e->fetched = calloc(FETCHED, sizeof(*e->fetched));
  if (e->fetched == NULL)
    return; /* then a second one finds a file in its way */
  uint64_t hash = hash_of(task), *place = places_of(e, hash);
  size_t way = 0;
  while (way < WAYS && place[way] != 0 && place[way] != hash)
    way++;
  place[way < WAYS ? way : hash % WAYS] = hash;
}

bool twins_have_it(const struct engine *e, const struct task *task) {
  if (e->fetched == NULL || gathering(e) || !is_plain(task->fields))
    return false;
  uint64_t hash = hash_of(task);
  const uint64_t *place = places_of(e, hash);
  for (size_t way = 0; way < WAYS; way++)
    if (place[way] == hash)
      return true;
  return false;
}
