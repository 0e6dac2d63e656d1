/* SPDX-License-Identifier: MIT
 *
 * What the interface can do, in one table: the action, where it is offered,
 * the keys it comes with, its name after `:` and its help text.
 *
 * The key line, the help screen, completion and the key map are made from the
 * table; a key map can be changed by name (section [keys] of the INI files).
 * Pure.
 */
#ifndef SPATE_UI_KEYS_H
#define SPATE_UI_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Characters are their code points; what has none follows here. */
enum key {
  KEY__TAB = 9,
  KEY__ENTER = 13,
  KEY__ESC = 27,
  KEY__BACKSPACE = 127,
  KEY__UP = 0x200000,
  KEY__DOWN,
  KEY__LEFT,
  KEY__RIGHT,
  KEY__HOME,
  KEY__END,
  KEY__PGUP,
  KEY__PGDN,
  KEY__DELETE,
  KEY__PASTE_BEGIN, /* bracketed paste */
  KEY__PASTE_END,
};

#define IN_TASKS 1u
#define IN_HOSTS 2u
#define IN_GAUGES 4u
#define IN_LOG 8u
#define IN_HELP 16u
#define IN_ALL 31u

/*   symbol, where, keys, command, argument, help */
#define ACTION_TABLE(X)                                                      \
  X(ACT_DOWN, IN_ALL, "j Down", "down", "", "down by a row")                 \
  X(ACT_UP, IN_ALL, "k Up", "up", "", "up by a row")                         \
  X(ACT_FIRST, IN_ALL, "g Home", "first", "", "to the first row")            \
  X(ACT_LAST, IN_ALL, "G End", "last", "", "to the last row")                \
  X(ACT_PAGE_DOWN, IN_ALL, "PgDn C-d", "page-down", "", "a page down")       \
  X(ACT_PAGE_UP, IN_ALL, "PgUp C-u", "page-up", "", "a page up")             \
  X(ACT_DETAILS, IN_TASKS, "Enter", "details", "",                           \
    "show or hide the details of the task")                                  \
  X(ACT_TOGGLE, IN_TASKS, "p", "toggle", "",                                 \
    "pause or resume what is tagged or selected")                            \
  X(ACT_TOGGLE_ALL, IN_ALL, "P", "toggle-all", "",                           \
    "pause or resume everything")                                            \
  X(ACT_PAUSE, IN_ALL, "", "pause", "[FILTER]",                              \
    "pause everything, or the tasks that match")                             \
  X(ACT_RESUME, IN_ALL, "", "resume", "[FILTER]",                            \
    "resume everything, or the tasks that match")                            \
  X(ACT_DROP, IN_TASKS, "d", "drop", "[FILTER]",                             \
    "drop what is tagged or selected; asks")                                 \
  X(ACT_RETRY, IN_TASKS, "r", "retry", "[FILTER]",                           \
    "retry what is tagged or selected, now")                                 \
  X(ACT_RETRY_FAILED, IN_ALL, "R", "retry-failed", "",                       \
    "retry all tasks that failed")                                           \
  X(ACT_NET_UP, IN_ALL, "+", "concurrency-up", "", "more transfers at once") \
  X(ACT_NET_DOWN, IN_ALL, "-", "concurrency-down", "",                       \
    "fewer transfers at once")                                               \
  X(ACT_RATE_DOWN, IN_ALL, "[", "rate-down", "",                             \
    "10% fewer requests a second")                                           \
  X(ACT_RATE_UP, IN_ALL, "]", "rate-up", "", "10% more requests a second")   \
  X(ACT_RATE_HALVE, IN_ALL, "{", "rate-halve", "", "half the requests")      \
  X(ACT_RATE_DOUBLE, IN_ALL, "}", "rate-double", "", "twice the requests")   \
  X(ACT_BAND_DOWN, IN_ALL, "<", "bandwidth-down", "",                        \
    "10% less bandwidth for all")                                            \
  X(ACT_BAND_UP, IN_ALL, ">", "bandwidth-up", "", "10% more bandwidth")      \
  X(ACT_SET, IN_ALL, "", "set", "NAME VALUE",                                \
    "change a limit, as in set limit-rate 5M")                               \
  X(ACT_TAG, IN_TASKS, "Space", "tag", "", "tag or untag, and move down")    \
  X(ACT_TAG_INVERT, IN_TASKS, "*", "invert-tags", "", "invert the tags")     \
  X(ACT_SORT, IN_TASKS, "s", "sort", "[FIELD]", "sort by the next field")    \
  X(ACT_REVERSE, IN_TASKS, "S", "reverse", "", "reverse the order")          \
  X(ACT_FILTER, IN_TASKS, "/", "filter", "[TEXT]",                           \
    "NAME, host:TEXT, state:LETTERS, err:TEXT")                              \
  X(ACT_NEXT_ERROR, IN_TASKS, "n", "next-error", "", "to the next error")    \
  X(ACT_PREV_ERROR, IN_TASKS, "N", "previous-error", "",                     \
    "to the previous error")                                                 \
  X(ACT_TASKS, IN_ALL, "1", "tasks", "", "screen of the tasks")              \
  X(ACT_HOSTS, IN_ALL, "2", "hosts", "", "screen of the hosts")              \
  X(ACT_GAUGES, IN_ALL, "3", "gauges", "", "screen of the gauges")           \
  X(ACT_LOG, IN_ALL, "4", "log", "", "screen of the log")                    \
  X(ACT_NEXT_SCREEN, IN_ALL, "Tab", "next-screen", "", "the next screen")    \
  X(ACT_COMMAND, IN_ALL, ":", "command", "", "type a command")               \
  X(ACT_HELP, IN_ALL, "?", "help", "", "this list")                          \
  X(ACT_SAVE_SCREEN, IN_ALL, "", "save-screen", "FILE",                      \
    "write the screen to a new file")                                        \
  X(ACT_REPAINT, IN_ALL, "C-l", "repaint", "", "paint the screen anew")      \
  X(ACT_SUSPEND, IN_ALL, "C-z", "suspend", "",                               \
    "back to the shell; fg returns")                                         \
  X(ACT_BACK, IN_ALL, "q Esc", "back", "", "back; from the tasks: as quit")  \
  X(ACT_QUIT, IN_ALL, "", "quit", "", "stop; asks while transfers run")

enum action {
#define ACTION_ENUM(sym, where, keys, name, arg, help) sym,
  ACTION_TABLE(ACTION_ENUM)
#undef ACTION_ENUM
      ACTION_COUNT
};

struct action_info {
  unsigned where;
  const char *keys; /* names, separated by spaces */
  const char *name;
  const char *arg;
  const char *help;
};

const struct action_info *action_info(enum action action);
/* The action of that name, an unambiguous beginning of one, or -1. */
int action_find(const char *name, size_t len);

#define KEYMAP_MAX 160

struct binding {
  int key;
  enum action action;
};

struct keymap {
  size_t count;
  struct binding binding[KEYMAP_MAX];
};

/* The bindings of the table. */
void keymap_init(struct keymap *map);
/* Gives an action other keys ("x C-k"); a key that had another meaning in one
 * of the action's places loses it. ERR_NOTFOUND or ERR_SYNTAX with a
 * sentence. */
int keymap_bind(struct keymap *map, const char *action, const char *keys,
                struct errmsg *msg) MUST_CHECK;
/* The action of a key in a place (one IN_ bit), or -1. */
int keymap_find(const struct keymap *map, unsigned where, int key);

/* The key of a name ("j", "PgDn", "C-l", "Space"), or -1. */
int key_parse(const char *name, size_t len);
/* The name of a key; returns buf. */
char *keymap_key_name(int key, char *buf, size_t cap);
/* All keys of an action, as "j Down"; returns buf. */
char *keymap_names(const struct keymap *map, enum action action, char *buf,
                   size_t cap);

#endif
