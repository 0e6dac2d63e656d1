/* SPDX-License-Identifier: MIT
 *
 * What a body has to pass: see verify.h.
 */
#include "config.h"

#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"
#include "steps.h"

#define MISMATCHES_MAX                                  \
  2 /* bodies with a wrong digest before it is given up \
     */

int verify_promise(const struct task *task, struct digest *digest,
                   struct errmsg *msg) {
  const char *fragment;
  memset(digest, 0, sizeof(*digest));
  if (task->fields != NULL && task->fields->checksum != NULL)
    return digest_parse(task->fields->checksum, digest, msg);
  fragment = strchr(task->url, '#');
  if (fragment != NULL && digest_parse(fragment + 1, digest, NULL) != 0)
    memset(digest, 0, sizeof(*digest)); /* a place in the page, not for us */
  return 0;
}

int verify_adopt(struct engine *e, struct task *task) {
  struct steps_plan plan;
  if (task->unpack == UNPACK_NONE)
    return verify_open(e, task);
  memset(&plan, 0, sizeof(plan));
  plan.record = e->config.digest;
  return steps_wanted(&plan) ? steps_new(&task->steps, &plan) : 0;
}

int verify_open(struct engine *e, struct task *task) {
  struct steps_plan plan;
  struct digest promised;
  int code;
  steps_free(task->steps);
  task->steps = NULL;
  memset(&plan, 0, sizeof(plan));
  plan.record = e->config.digest;
  code = verify_promise(task, &promised, NULL);
  if (code != 0)
    return code;
  steps_expect(&plan, &promised, "the checksum");
  plan.check = e->config.check;
  plan.unpack = task->unpack;
  plan.unpack_limits = e->config.unpack_limits;
  if (plan.record == DIGEST_NONE && plan.unpack == UNPACK_NONE)
    plan.record = promised.type;
  return steps_wanted(&plan) ? steps_new(&task->steps, &plan) : 0;
}

void verify_close(struct engine *e, struct task *task, bool whole) {
  char text[DIGEST_TEXT];
  (void)e;
  if (task->steps == NULL)
    return;
  if (*steps_why(task->steps) != '\0')
    task_set_reason(task, steps_why(task->steps));
  free(task->digest);
  task->digest = NULL;
  if (whole && *digest_text(steps_digest(task->steps), text) != '\0')
    task->digest = strdup(text);
  steps_free(task->steps);
  task->steps = NULL;
}

void verify_failed(struct engine *e, struct task *task, int code) {
  bool again = task->attempts < (int)e->limit[LIMIT_TRIES];
  if (code == ERR_MISMATCH)
    again = again && ++task->mismatches < MISMATCHES_MAX;
  else if (code == ERR_BOMB)
    again = false; /* it would only be fetched to be refused again */
  fetch__forget_partial(e, task);
  if (again) {
    task->no_split = true; /* it may have been the ranges that were wrong */
    fetch__retry(e, task, -1, task->reason, false);
  } else {
    fetch_fail(e, task, NULL);
  }
}
