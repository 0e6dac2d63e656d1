/* SPDX-License-Identifier: MIT
 *
 * New URLs and manifests for the run. They are answered when the session has
 * them on the disk; until then the run does not end.
 *
 * Thread: the loop's.
 */
#include "config.h"

#include <stdlib.h>

#include "engine_priv.h"

struct addition {
  struct engine *engine;
  struct command command; /* its text is not kept */
  size_t added, again;
};

/* Those that ended badly are tried again, which the session has noted; one
 * with a new URL comes back when that is kept. */
static void ask_again(struct engine *e, const struct session_added *added) {
  for (size_t i = 0; i < added->again_count; i++) {
    uint64_t id = added->again[i].task;
    struct task *task = idmap_find(&e->tasks, id);
    if (task != NULL)
      control__keep(e, task);
    else if (!added->again[i].done && !control__is_news(e, &added->again[i]))
      control__redeliver(e, id, false);
  }
}

static void answer(struct addition *addition) {
  control__answer(addition->engine, &addition->command);
  free(addition);
}

static struct engine *begin_answer(struct addition *addition) {
  struct engine *e = addition->engine;
  e->said[0] = '\0';
  e->reply_code = 0;
  return e;
}

static void say_added(struct addition *addition) {
  struct engine *e = addition->engine;
  const char *urls = addition->added == 1 ? "URL" : "URLs";
  if (addition->again == 0)
    control__say(e, "%zu %s added", addition->added, urls);
  else
    control__say(e, "%zu %s added, %zu in the list already", addition->added,
                 urls, addition->again);
  control__log(e, &addition->command, "%s", e->said);
}

static void on_signed(void *arg, int code, const char *text) {
  struct addition *addition = arg;
  struct engine *e = begin_answer(addition);
  if (code == 0)
    say_added(addition);
  else
    control__refuse(e, code, "%s", text);
  answer(addition);
}

static void on_added(void *arg, const struct session_added *added) {
  struct addition *addition = arg;
  struct engine *e = begin_answer(addition);
  int code = added->code;
  e->adds--;
  addition->added = added->added;
  addition->again = added->again_count;
  if (code == 0) {
    /* The session may have delivered them before they were committed. */
    e->exhausted = session_exhausted(e->session);
    code = control__signed_anew(e, added->again, added->again_count, on_signed,
                                addition);
    if (code >= 0)
      ask_again(e, added);
  }
  if (code > 0)
    return; /* told when the URLs are on the disk */
  if (code == 0)
    say_added(addition);
  else
    control__refuse(e, code, "%s",
                    added->code != 0 ? added->text : err_text(code));
  answer(addition);
}

static void on_joined(void *arg, const struct session_added *added) {
  struct addition *addition = arg;
  struct engine *e = begin_answer(addition);
  e->adds--;
  if (added->code == 0) {
    e->exhausted = false; /* until the session has delivered its tasks */
    control__say(e, "the manifest is added");
    control__log(e, &addition->command, "a manifest was added");
  } else {
    control__refuse(e, added->code, "%s", added->text);
  }
  answer(addition);
}

static int hand_over(struct engine *e, const struct command *c,
                     struct addition *addition) {
  if (c->kind == CMD_ADD_LIST)
    return session_join(e->session, c->text, on_joined, addition);
  return session_add(e->session, c->text, on_added, addition);
}

bool control__add(struct engine *e, const struct command *c) {
  struct addition *addition = calloc(1, sizeof(*addition));
  int code = ERR_NOMEM;
  if (e->stopping)
    code = ERR_CLOSED;
  else if (addition != NULL && c->text != NULL) {
    addition->engine = e;
    addition->command = *c;
    addition->command.text = NULL;
    code = hand_over(e, c, addition);
  }
  if (code == 0) {
    e->empty_dir = false; /* what was fetched already is recognised */
    e->adds++;
    return false;
  }
  free(addition);
  control__refuse(e, code, "%s",
                  code == ERR_CLOSED ? "the run is ending" : err_text(code));
  return true;
}
