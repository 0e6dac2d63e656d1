/* SPDX-License-Identifier: MIT
 *
 * What a body has to pass: see verify.h.
 */
#include "config.h"

#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checksum_fetch.h"
#include "checksum_file.h"
#include "engine_priv.h"
#include "mend.h"
#include "mirrors.h"
#include "steps.h"

#define MISMATCHES_MAX                                  \
  2 /* bodies with a wrong digest before it is given up \
     */

static void find_in_files(const struct engine *e, const struct task *task,
                          struct digest *digest) {
  char packed[NAME_CAP + 8];
  snprintf(packed, sizeof(packed), "%s%s", task->name,
           unpack_suffix(task->unpack));
  checksum_table_find(e->checksums, packed, digest);
}

int verify_promise(const struct engine *e, const struct task *task,
                   struct digest *digest, struct errmsg *msg) {
  const char *fragment;
  memset(digest, 0, sizeof(*digest));
  if (task->fields != NULL && task->fields->checksum != NULL)
    return digest_parse(task->fields->checksum, digest, msg);
  fragment = strchr(task->url, '#');
  if (fragment != NULL && digest_parse(fragment + 1, digest, NULL) != 0)
    memset(digest, 0, sizeof(*digest)); /* a place in the page, not for us */
  if (digest->type == DIGEST_NONE && e->checksums != NULL)
    find_in_files(e, task, digest);
  return 0;
}

/* ---- checksum files ---------------------------------------------------------
 */

static int read_file(struct checksum_table *table, const char *path,
                     struct errmsg *msg) {
  char buffer[65536];
  int64_t total = 0;
  ssize_t n = 1;
  int code = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
  while (fd >= 0 && code == 0 && n > 0) {
    do
      n = read(fd, buffer, sizeof(buffer));
    while (n < 0 && errno == EINTR);
    total += n > 0 ? n : 0;
    if (total > CHECKSUM_FILE_CAP)
      code = ERR_TOOBIG;
    else if (n >= 0)
      code = checksum_table_add(table, buffer, (size_t)n);
  }
  if (code == 0 && (fd < 0 || n < 0))
    code = err_set(msg, ERR_USAGE, "--checksum-file: cannot read '%s': %s",
                   path, strerror(errno));
  else if (code != 0)
    err_set(msg, code, "--checksum-file: '%s': %s", path, err_text(code));
  if (fd >= 0)
    close(fd);
  return code;
}

int verify_init(struct engine *e, struct errmsg *msg) {
  const struct str_list *files = &e->config.checksum_files;
  int code = 0;
  if (files->count == 0)
    return 0;
  code = checksum_table_new(&e->checksums);
  for (size_t i = 0; i < files->count && code == 0; i++)
    if (!checksum_fetch_is_url(files->items[i]))
      code = read_file(e->checksums, files->items[i], msg);
  if (code == 0)
    code = checksum_fetch_init(e, msg);
  if (code == 0 && !checksum_fetch_busy(e) &&
      checksum_table_count(e->checksums) == 0)
    return err_set(msg, ERR_USAGE,
                   "--checksum-file: there is no line of the form HEX  NAME");
  if (code == 0 && checksum_table_bad(e->checksums) > 0)
    eventlog_add(&e->log, LOG_WARN, 0,
                 "--checksum-file: %llu lines are passed over",
                 (unsigned long long)checksum_table_bad(e->checksums));
  return code;
}

void verify_fini(struct engine *e) {
  checksum_table_free(e->checksums);
  e->checksums = NULL;
}

/* ---- bodies
 * ------------------------------------------------------------------ */

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
  code = verify_promise(e, task, &promised, NULL);
  if (code != 0)
    return code;
  steps_expect(&plan, &promised, "the checksum");
  if (task->transfer != NULL && !task->transfer->answer.encoded)
    steps_expect(&plan, &task->transfer->answer.digest, "the server's digest");
  if (mirrors_digest(task) != NULL)
    steps_expect(&plan, mirrors_digest(task), "the server's digest");
  if (plan.record == DIGEST_NONE)
    plan.record = promised.type;
  if (task->fields != NULL) {
    plan.pieces = task->fields->pieces;
    plan.size = task->size;
    plan.mend = mend_left(task);
  }
  plan.check = e->config.check;
  if (task->fields != NULL && task->fields->check >= 0)
    plan.check = (enum body_check)task->fields->check;
  plan.unpack = task->unpack;
  plan.unpack_limits = e->config.unpack_limits;
  if (plan.record == DIGEST_NONE && plan.unpack == UNPACK_NONE)
    plan.record = promised.type;
  return steps_wanted(&plan) ? steps_new(&task->steps, &plan) : 0;
}

void verify_close(struct engine *e, struct task *task, bool whole) {
  (void)e;
  if (task->steps == NULL)
    return;
  if (*steps_why(task->steps) != '\0')
    task_set_reason(task, steps_why(task->steps));
  free(task->digest);
  task->digest = whole ? steps_take_digest(task->steps) : NULL;
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
  mirrors_forget(e, task);
  if (again) {
    task->no_split = true; /* it may have been the ranges that were wrong */
    fetch__retry(e, task, -1, task->reason, false);
  } else {
    fetch_fail(e, task, NULL);
  }
}
