/* SPDX-License-Identifier: MIT
 *
 * Words that can stand after a command: names from the tables, and files.
 */
#include "config.h"

#include "complete.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 20000 /* a directory is looked at no further */

/* What the words begin with that are found so far, and their list. */
struct matches {
  const char *typed;
  size_t typed_len;
  int count;
  char common[256];
  char list[400];
  size_t len;
};

static void match(struct matches *m, const char *word, const char *end) {
  size_t len = strlen(word);
  if (strncmp(word, m->typed, m->typed_len) != 0 || len + 2 > sizeof m->common)
    return;
  if (m->count++ == 0)
    snprintf(m->common, sizeof m->common, "%s%s", word, end);
  size_t same = 0;
  while (m->common[same] != '\0' && m->common[same] == word[same])
    same++;
  if (m->count > 1)
    m->common[same] = '\0';
  int more = snprintf(m->list + m->len, sizeof m->list - m->len, "%s%s",
                      m->len > 0 ? " " : "", word);
  if (more > 0 && (size_t)more < sizeof m->list - m->len)
    m->len += (size_t)more;
  else
    m->list[m->len] = '\0';
}

/* ---- where words come from ----------------------------------------------- */

static void match_actions(struct matches *m) {
  for (int i = 0; i < ACTION_COUNT; i++)
    match(m, action_info((enum action)i)->name,
          action_info((enum action)i)->arg[0] != '\0' ? " " : "");
}

static void match_list(struct matches *m, const char *names) {
  char name[32];
  while (*names != '\0') {
    size_t len = strcspn(names, ", ");
    snprintf(name, sizeof name, "%.*s", (int)len, names);
    match(m, name, "");
    names += len;
    names += strspn(names, ", ");
  }
}

/* A limit's name; behind one that is on or off, these. */
static void match_limits(struct matches *m, const char *typed, size_t start) {
  char name[32];
  const char *first = typed + strcspn(typed, " ");
  first += strspn(first, " ");
  size_t len = strcspn(first, " =");
  snprintf(name, sizeof name, "%.*s", (int)len, first);
  int id = first + len < typed + start ? limit_find(name) : -1;
  if (id >= 0 && limit_info((enum limit_id)id)->unit == UNIT_SWITCH)
    match_list(m, "on, off");
  for (int i = 0; i < LIMIT_COUNT && id < 0; i++)
    match(m, limit_info((enum limit_id)i)->name, " ");
}

static void match_sorts(struct matches *m) {
  for (int i = 0; i < SORT_COUNT; i++)
    match(m, sort_name((enum sort_field)i), "");
}

static void match_hosts(struct matches *m, const struct app *app) {
  char word[ERRCLASS_CAP + 8];
  match(m, "err:", "");
  match(m, "host:", "");
  match(m, "state:", "");
  for (size_t i = 0; app->snap != NULL && i < app->snap->host_count; i++) {
    const char *name = strstr(app->snap->hosts[i].name, "://");
    snprintf(word, sizeof word, "host:%.*s", ERRCLASS_CAP,
             name != NULL ? name + 3 : app->snap->hosts[i].name);
    if (m->typed_len >= 5)
      match(m, word, " ");
  }
}

void complete_home(const char *typed, char *buf, size_t cap) {
  const char *home = getenv("HOME");
  bool at_home = typed[0] == '~' && typed[1] == '/' && home != NULL;
  snprintf(buf, cap, "%s%s", at_home ? home : "", at_home ? typed + 1 : typed);
}

/* spaces: a name may have some, since it is all that is typed. */
static void match_files(struct matches *m, bool spaces) {
  char folder[256] = "", word[512], path[512];
  const char *slash = NULL;
  for (size_t i = 0; i < m->typed_len; i++)
    if (m->typed[i] == '/')
      slash = m->typed + i;
  size_t len = slash != NULL ? (size_t)(slash - m->typed) + 1 : 0;
  if (len >= sizeof folder)
    return;
  memcpy(folder, m->typed, len);
  complete_home(len > 0 ? folder : ".", path, sizeof path);
  DIR *dir = opendir(path);
  struct dirent *entry;
  for (int i = 0;
       dir != NULL && i < FILES_MAX && (entry = readdir(dir)) != NULL; i++) {
    if (entry->d_name[0] == '.' && m->typed[len] != '.')
      continue;
    if (strpbrk(entry->d_name, spaces ? "\t\n" : " \t\n") != NULL)
      continue;
    snprintf(word, sizeof word, "%s%s", folder, entry->d_name);
    match(m, word, entry->d_type == DT_DIR ? "/" : "");
  }
  if (dir != NULL)
    closedir(dir);
}

static void match_argument(struct matches *m, const struct app *app, int action,
                           size_t start) {
  switch (action) {
  case ACT_SET:
    match_limits(m, app->prompt.text, start);
    break;
  case ACT_SORT:
    match_sorts(m);
    break;
  case ACT_THEME:
    match_list(m, theme_names());
    break;
  case ACT_GLYPHS:
    match_list(m, glyphs_names());
    break;
  case ACT_LIST:
    match_list(m, "pending, done, failed, expired, cancelled");
    break;
  case ACT_LEVEL:
    match_list(m, "debug, info, warn, error");
    break;
  case ACT_SAVE_SCREEN:
  case ACT_ADD_LIST:
  case ACT_WRITE:
    match_files(m, false);
    break;
  default:
    if (strchr(action_info((enum action)action)->arg, 'F') != NULL)
      match_hosts(m, app);
  }
}

void complete(struct app *app) {
  struct prompt *prompt = &app->prompt;
  struct matches m = {.count = 0};
  size_t start = prompt->cursor;
  bool whole = prompt->kind == PROMPT_VALUE; /* a path */
  while (start > 0 && (whole || prompt->text[start - 1] != ' '))
    start--;
  m.typed = prompt->text + start;
  m.typed_len = prompt->cursor - start;
  if (whole) {
    match_files(&m, true);
  } else if (start == 0) {
    match_actions(&m);
  } else {
    int action = action_find(prompt->text, strcspn(prompt->text, " "));
    if (action >= 0)
      match_argument(&m, app, action, start);
  }
  if (m.count == 0)
    return;
  prompt_complete(prompt, start, m.common);
  if (m.count > 1)
    app__say(app, ROLE_TEXT, "%s", m.list);
}
