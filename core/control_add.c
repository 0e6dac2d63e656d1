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
};

/* Those that ended badly are tried again. */
static void ask_again(struct engine *e, const struct session_added *added) {
  for (size_t i = 0; i < added->again_count; i++) {
    if (idmap_find(&e->tasks, added->again[i]) != NULL)
      continue;
    e->empty_dir = false;
    if (!control__forget_recent(e, added->again[i]))
      session_redeliver(e->session, added->again[i]);
  }
}

static void say_added(struct engine *e, const struct session_added *added) {
  const char *urls = added->added == 1 ? "URL" : "URLs";
  if (added->again_count == 0)
    control__say(e, "%zu %s added", added->added, urls);
  else
    control__say(e, "%zu %s added, %zu in the list already", added->added, urls,
                 added->again_count);
}

static void on_added(void *arg, const struct session_added *added) {
  struct addition *addition = arg;
  struct engine *e = addition->engine;
  e->adds--;
  e->said[0] = '\0';
  e->reply_code = 0;
  if (added->code == 0) {
    /* The session may have delivered them before they were committed. */
    e->exhausted = session_exhausted(e->session);
    ask_again(e, added);
    say_added(e, added);
    control__log(e, &addition->command, "%s", e->said);
  } else {
    control__refuse(e, added->code, "%s", added->text);
  }
  control__answer(e, &addition->command);
  free(addition);
}

static void on_joined(void *arg, const struct session_added *added) {
  struct addition *addition = arg;
  struct engine *e = addition->engine;
  e->adds--;
  e->said[0] = '\0';
  e->reply_code = 0;
  if (added->code == 0) {
    e->exhausted = false; /* until the session has delivered its tasks */
    control__say(e, "the manifest is added");
    control__log(e, &addition->command, "a manifest was added");
  } else {
    control__refuse(e, added->code, "%s", added->text);
  }
  control__answer(e, &addition->command);
  free(addition);
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
    e->adds++;
    return false;
  }
  free(addition);
  control__refuse(e, code, "%s",
                  code == ERR_CLOSED ? "the run is ending" : err_text(code));
  return true;
}
