/* SPDX-License-Identifier: MIT
 *
 * See ui_rig.h.
 */
#include "config.h"

#include "ui_rig.h"

#include <stdio.h>
#include <string.h>

struct snapshot snap;
struct snap_task tasks[TASKS];
struct command sent[SENT_MAX];
char texts[SENT_MAX][COMMAND_TEXT_MAX]; /* of the same commands */
int sent_count;
int command_result;

struct app app;
struct canvas canvas;
int64_t now_ms;

/* Published pictures do not change: some copies take turns. */
static const struct snapshot *get(void *arg) {
  static struct snapshot published[16];
  struct snapshot *copy = &published[snap.seq & 15];
  (void)arg;
  if (copy->seq != snap.seq)
    *copy = snap;
  return copy;
}

static void release(void *arg, const struct snapshot *old) {
  (void)arg;
  (void)old;
}

static int take(void *arg, const struct command *command) {
  (void)arg;
  if (command->kind == CMD_LOOK) /* goes with the screen of the details */
    return 0;
  if (command_result == 0 && sent_count < SENT_MAX) {
    snprintf(texts[sent_count], sizeof texts[0], "%s",
             command->text != NULL ? command->text : "");
    sent[sent_count++] = *command;
  }
  return command_result;
}

static const struct ui_engine engine = {
    .snapshot = get, .release = release, .command = take};

int rig_set_up(void **state) {
  static const char *const names[TASKS] = {"alpha", "bravo", "charlie",
                                           "delta", "echo",  "foxtrot"};
  (void)state;
  memset(&snap, 0, sizeof snap);
  for (int i = 0; i < TASKS; i++)
    tasks[i] = (struct snap_task){.id = (uint64_t)i + 1,
                                  .state = TASK_ACTIVE,
                                  .name = names[i],
                                  .host = "h",
                                  .url = "u",
                                  .reason = "",
                                  .etag = "",
                                  .size = 1000,
                                  .got = 100 * i,
                                  .bytes_per_s = 10 * i,
                                  .eta_s = -1,
                                  .deadline_in_s = INT64_MAX,
                                  .due_in_ms = -1};
  tasks[4].state = TASK_FAILED;
  tasks[4].reason = "HTTP 404";
  tasks[4].status = 404;
  tasks[5].state = TASK_PAUSED;
  snap.tasks = tasks;
  snap.task_count = TASKS;
  static uint64_t seq;
  snap.seq = seq += 1000;
  snap.hold = snap.reply_text = snap.slowest = snap.session_dir = "";
  for (int i = 0; i < SNAP_SEM_COUNT; i++)
    snap.sem[i].name = "sem";
  snap.total.active = 4;
  snap.limit[LIMIT_CONCURRENCY] = 16;
  sent_count = command_result = 0;
  now_ms = 10000;
  app_init(&app, &engine, &glyphs_ascii);
  app_fetch(&app, now_ms);
  return canvas_init(&canvas, 24, 80);
}

int rig_tear_down(void **state) {
  (void)state;
  app_fini(&app);
  canvas_fini(&canvas);
  return 0;
}

void next_snapshot(void) {
  snap.seq++;
  app_fetch(&app, now_ms);
}

void type(const char *keys) {
  next_snapshot();
  for (; *keys != '\0'; keys++) {
    app_draw(&app, &canvas, now_ms);
    app_key(&app, *keys == '\n' ? KEY__ENTER : *keys, now_ms);
    app_draw(&app, &canvas, now_ms);
  }
}

bool shows(const char *text) {
  char line[1024];
  app_draw(&app, &canvas, now_ms);
  for (int y = 0; y < canvas.rows; y++) {
    canvas_line(&canvas, y, line, sizeof line);
    if (strstr(line, text) != NULL)
      return true;
  }
  return false;
}
