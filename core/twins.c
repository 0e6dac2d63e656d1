/* SPDX-License-Identifier: MIT
 *
 * See twins.h.
 */
#include "config.h"

#include "twins.h"

#include <stdio.h>
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

bool twins_have_it(const struct engine *e, const struct task *task) {
  for (const struct link *l = e->recent_done.next; l != &e->recent_done;
       l = l->next) {
    const struct task *other = LINK_ENTRY((uintptr_t)l, struct task, all);
    if (other->weight <= TASK_HEAVY && /* else its fields may be gone */
        are_same(other, task))
      return true;
  }
  return false;
}
