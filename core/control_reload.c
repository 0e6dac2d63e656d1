/* SPDX-License-Identifier: MIT
 *
 * The configuration, read again while the run goes on. The files are read on
 * the pool, by who started the engine; what changed in them becomes commands
 * like those of a person, so that it is checked, logged and kept as theirs.
 *
 * Thread: the loop's, but for read_again().
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "engine_priv.h"

struct rereading {
  struct job job; /* first */
  struct engine *engine;
  struct command command;
  struct engine_reload found;
  int code;
};

static void read_again(struct job *job) {
  struct rereading *r = (struct rereading *)job;
  struct engine_hooks *hooks = &r->engine->hooks;
  r->code = hooks->reload(hooks->reload_arg, &r->found);
}

/* As if who asked for the reading had asked for each change. */
static void take_over(struct rereading *r, const struct engine_change *change) {
  struct command c = r->command;
  c.limit = change->limit;
  c.value = change->value;
  if (change->host[0] == '\0') {
    c.kind = CMD_SET_LIMIT;
    control__set_limit(r->engine, &c);
  } else {
    c.kind = CMD_SET_HOST;
    c.text = change->host;
    control__host(r->engine, &c);
  }
}

static void say_taken(struct rereading *r) {
  const char *rest = r->found.text;
  char first[sizeof(r->engine->said)];
  memcpy(first, r->engine->said, sizeof(first));
  if (r->found.count == 0)
    control__say(r->engine, "no limit has changed in the files%s%s",
                 *rest != '\0' ? "; " : "", rest);
  else if (r->found.count == 1)
    control__say(r->engine, "%.120s%s%s", first, *rest != '\0' ? "; " : "",
                 rest);
  else
    control__say(r->engine, "%zu limits changed%s%s", r->found.count,
                 *rest != '\0' ? "; " : "", rest);
}

static void on_read(struct job *job) {
  struct rereading *r = (struct rereading *)job;
  struct engine *e = r->engine;
  e->reloading = false;
  e->said[0] = '\0';
  e->reply_code = 0;
  for (size_t i = 0; r->code == 0 && i < r->found.count; i++)
    if (e->reply_code == 0)
      take_over(r, &r->found.changes[i]);
  if (r->code != 0)
    control__refuse(e, r->code, "%s", r->found.text);
  else if (e->reply_code == 0)
    say_taken(r);
  if (r->code != 0 || r->found.count == 0)
    control__log(e, &r->command, "reload: %s", e->said);
  control__answer(e, &r->command);
  free(r->found.changes);
  free(r);
}

bool control__reload(struct engine *e, const struct command *c) {
  if (e->hooks.reload == NULL || e->reloading) {
    control__refuse(e, ERR_USAGE, "%s",
                    e->reloading ? "the files are being read already"
                                 : "this run has no configuration files");
    return true;
  }
  struct rereading *r = calloc(1, sizeof(*r));
  if (r == NULL) {
    control__refuse(e, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    return true;
  }
  r->engine = e;
  r->command = *c;
  r->command.text = NULL;
  e->reloading = true;
  pool_submit(&e->pool, &r->job, JOB_DISK, "configuration read", read_again,
              on_read);
  return false;
}
