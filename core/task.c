/* SPDX-License-Identifier: MIT
 *
 * A task and its states: see task.h.
 */
#include "config.h"

#include "task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mend.h"
#include "mirrors.h"
#include "partial.h"
#include "redact.h"
#include "scribe.h"
#include "steps.h"

#define TO(state) (1u << (state))

/* From each state: where it may go. A retry by a person makes a new task. */
static const unsigned legal[TASK_STATE_COUNT] = {
    [TASK_QUEUED] = TO(TASK_ACTIVE) | TO(TASK_WAITING) | TO(TASK_PAUSED) |
                    TO(TASK_VERIFYING) | TO(TASK_DONE) | TO(TASK_FAILED) |
                    TO(TASK_CANCELLED) | TO(TASK_EXPIRED),
    [TASK_WAITING] = TO(TASK_QUEUED) | TO(TASK_PAUSED) | TO(TASK_FAILED) |
                     TO(TASK_CANCELLED) | TO(TASK_EXPIRED),
    [TASK_ACTIVE] = TO(TASK_QUEUED) | TO(TASK_WAITING) | TO(TASK_VERIFYING) |
                    TO(TASK_PAUSED) | TO(TASK_FAILED) | TO(TASK_CANCELLED) |
                    TO(TASK_EXPIRED),
    [TASK_VERIFYING] = TO(TASK_QUEUED) | TO(TASK_WAITING) | TO(TASK_DONE) |
                       TO(TASK_FAILED) | TO(TASK_CANCELLED),
    [TASK_PAUSED] = TO(TASK_QUEUED) | TO(TASK_CANCELLED) | TO(TASK_EXPIRED),
};

bool task_state_legal(enum task_state from, enum task_state to) {
  return (legal[from] & TO(to)) != 0;
}

bool task_state_final(enum task_state state) {
  return state == TASK_DONE || state == TASK_FAILED ||
         state == TASK_CANCELLED || state == TASK_EXPIRED;
}

struct task *task_new(const struct session_item *item) {
  struct task *task = calloc(1, sizeof(*task));
  if (task == NULL)
    return NULL;
  task->id = item->id;
  task->line = item->line;
  task->state = TASK_QUEUED;
  task->size = -1;
  task->deadline_unix = item->deadline_unix;
  task->priority = item->priority;
  task->ours = item->begun;
  task->ours_named = item->started;
  task->no_request = item->written;
  task->ours_since_unix_ns = item->ours_since_unix_ns;
  task->url = strdup(item->url);
  if (item->fields)
    task->fields = task_fields_copy(item->fields);
  if (task->url == NULL || (item->fields && !task->fields)) {
    task_free(task);
    return NULL;
  }
  task->weight = strlen(task->url) + 1;
  if (task->fields != NULL)
    task->weight += task_fields_bytes(task->fields);
  return task;
}

void task_lighten(struct task *task) {
  if (task->fields == NULL || task->weight < TASK_HEAVY)
    return;
  free(task->fields);
  task->fields = NULL;
}

void task_free(struct task *task) {
  if (task == NULL)
    return;
  free(task->url);
  free(task->hop);
  free(task->name);
  free(task->fields);
  free(task->shown_url);
  free(task->reason);
  steps_free(task->steps);
  free(task->digest);
  mend_free(task->mend);
  mirrors_free(task->found);
  ranges_fini(&task->kept);
  free(task->unflushed);
  record_free(task->record);
  free(task);
}

void task_enter(struct task_counts *counts, struct task *task) {
  counts->in[task->state]++;
}

void task_set_state(struct task_counts *counts, struct task *task,
                    enum task_state state) {
  if (!task_state_legal(task->state, state)) {
    fprintf(stderr, "spate: task %llu: illegal change from %s to %s\n",
            (unsigned long long)task->id, task_state_name(task->state),
            task_state_name(state));
    abort();
  }
  counts->in[task->state]--;
  counts->in[state]++;
  task->state = state;
}

void task_set_reason(struct task *task, const char *reason) {
  char shown[512];
  free(task->reason);
  task->reason = NULL;
  if (reason == NULL || *reason == '\0')
    return;
  redact_text(reason, shown, sizeof(shown));
  task->reason = strdup(shown);
}

void task_take_partial(struct task *task,
                       const struct session_partial *partial) {
  if (partial == NULL || partial_get_ranges(partial, &task->kept) != 0)
    return;
  task->has_partial = true;
  task->own_part = true;
  task->got = ranges_total(&task->kept);
  task->size = partial->size;
  memcpy(task->etag, partial->etag, sizeof(task->etag));
  memcpy(task->last_modified, partial->last_modified,
         sizeof(task->last_modified));
}

const char *task_mirror_url(const struct task *task, unsigned mirror) {
  size_t own = task->fields != NULL ? task->fields->mirror_count : 0;
  if (mirror > 0 && mirror <= own)
    return task->fields->mirrors[mirror - 1];
  if (mirror > own && mirror - own <= mirrors_found(task, true))
    return mirrors_url(task, (unsigned)(mirror - own - 1));
  return task->url;
}

const char *task_target(const struct task *task) {
  return task->hop != NULL ? task->hop : task_mirror_url(task, task->mirror);
}

const char *task_shown_url(struct task *task) {
  if (task->shown_url == NULL) {
    size_t cap = strlen(task->url) * 2 + 16;
    task->shown_url = malloc(cap);
    if (task->shown_url == NULL)
      return "";
    redact_url(task->url, task->shown_url, cap);
  }
  return task->shown_url;
}
