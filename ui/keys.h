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
  KEY__MOUSE, /* term_mouse() tells what */
};

#define ON_TASKS 1u
#define ON_HOSTS 2u
#define ON_GAUGES 4u
#define ON_LOG 8u
#define ON_HELP 16u
#define ON_DETAILS 32u
#define ON_ERRORS 64u
#define ON_LIST 128u
#define ON_LIMITS 256u
#define ON_ADD 512u /* where all keys are text */
#define ON_ALL 511u
#define ON_ONE (ON_TASKS | ON_DETAILS) /* where one task is meant */
#define ON_RUN (ON_ALL & ~(ON_LIMITS | ON_HOSTS))

/*   symbol, where, keys, command, argument, help */
#define ACTION_TABLE(X)                                                        \
  X(ACT_DOWN, ON_ALL, "j Down", "down", "", "down by a row")                   \
  X(ACT_UP, ON_ALL, "k Up", "up", "", "up by a row")                           \
  X(ACT_FIRST, ON_ALL, "g Home", "first", "", "to the first row")              \
  X(ACT_LAST, ON_ALL, "G End", "last", "", "to the last row")                  \
  X(ACT_PAGE_DOWN, ON_ALL, "PgDn C-d", "page-down", "", "a page down")         \
  X(ACT_PAGE_UP, ON_ALL, "PgUp C-u", "page-up", "", "a page up")               \
  X(ACT_GOTO, ON_LIST, "", "goto", "N", "to task number N of the list")        \
  X(ACT_OPEN, ON_TASKS | ON_HOSTS | ON_ERRORS | ON_LIST | ON_LIMITS, "Enter",  \
    "open", "", "all about the selected row; change a limit")                  \
  X(ACT_TOGGLE, ON_ONE | ON_HOSTS, "p", "toggle", "",                          \
    "pause or resume the tagged or selected")                                  \
  X(ACT_TOGGLE_ALL, ON_ALL, "P", "toggle-all", "",                             \
    "pause or resume everything")                                              \
  X(ACT_PAUSE, ON_ALL, "", "pause", "[FILTER]",                                \
    "pause everything, or the tasks that match")                               \
  X(ACT_RESUME, ON_ALL, "", "resume", "[FILTER]",                              \
    "resume everything, or the tasks that match")                              \
  X(ACT_DROP, ON_ONE, "d", "drop", "[FILTER]",                                 \
    "drop what is tagged or selected; asks")                                   \
  X(ACT_DROP_DATA, ON_ONE, "D", "drop-data", "[FILTER]",                       \
    "drop it and delete its data; asks for yes")                               \
  X(ACT_RETRY, ON_ONE | ON_ERRORS, "r", "retry", "[FILTER]",                   \
    "retry what is tagged or selected, now")                                   \
  X(ACT_RETRY_FAILED, ON_ALL, "R", "retry-failed", "",                         \
    "retry all tasks that failed")                                             \
  X(ACT_RESTART, ON_ONE, "", "restart", "[FILTER]",                            \
    "begin it from nothing; asks")                                             \
  X(ACT_ADD, ON_ALL, "a", "add", "[URL]", "add URLs: type or paste them")      \
  X(ACT_ADD_LIST, ON_ALL, "A", "add-list", "[FILE]",                           \
    "add a manifest: a file of URLs of any form")                              \
  X(ACT_URL, ON_ONE | ON_LIST, "u", "url", "[URL MIRROR...]",                  \
    "another URL for it; +URL: one more mirror")                               \
  X(ACT_MIRROR, ON_ONE | ON_LIST, "", "mirror", "URL",                         \
    "one more mirror for it")                                                  \
  X(ACT_PRIORITY_UP, ON_ONE, "K", "priority-up", "",                           \
    "tagged or selected ones earlier")                                         \
  X(ACT_PRIORITY_DOWN, ON_ONE, "J", "priority-down", "",                       \
    "tagged or selected ones later")                                           \
  X(ACT_PRIORITY, ON_ONE, "", "priority", "N",                                 \
    "give them this priority; 0 is usual")                                     \
  X(ACT_TOP, ON_ONE, "", "top", "[FILTER]", "before all that wait")            \
  X(ACT_BOTTOM, ON_ONE, "", "bottom", "[FILTER]", "behind all that wait")      \
  X(ACT_MORE, ON_HOSTS | ON_LIMITS, "+ Right", "more", "",                     \
    "raise the limit: of the host, of the line")                               \
  X(ACT_LESS, ON_HOSTS | ON_LIMITS, "- Left", "less", "", "lower that limit")  \
  X(ACT_NET_UP, ON_RUN, "+", "concurrency-up", "", "more transfers at once")   \
  X(ACT_NET_DOWN, ON_RUN, "-", "concurrency-down", "",                         \
    "fewer transfers at once")                                                 \
  X(ACT_RATE_DOWN, ON_ALL, "[", "rate-down", "",                               \
    "10% fewer requests a second")                                             \
  X(ACT_RATE_UP, ON_ALL, "]", "rate-up", "", "10% more requests a second")     \
  X(ACT_RATE_HALVE, ON_ALL, "{", "rate-halve", "", "half the requests")        \
  X(ACT_RATE_DOUBLE, ON_ALL, "}", "rate-double", "", "twice the requests")     \
  X(ACT_BAND_DOWN, ON_ALL, "<", "bandwidth-down", "",                          \
    "10% less bandwidth for all")                                              \
  X(ACT_BAND_UP, ON_ALL, ">", "bandwidth-up", "", "10% more bandwidth")        \
  X(ACT_SET, ON_ALL, "", "set", "NAME VALUE",                                  \
    "change a limit, as in set limit-rate 5M")                                 \
  X(ACT_RELOAD, ON_ALL, "", "reload", "", "read the INI files again")          \
  X(ACT_LIMITS, ON_ONE | ON_HOSTS, "l", "limits", "",                          \
    "limits of this task or host")                                             \
  X(ACT_LIMITS_ALL, ON_ALL, "L", "all-limits", "", "limits of the session")    \
  X(ACT_WRITE, ON_LIMITS, "w", "write", "[FILE [WHICH]]",                      \
    "keep the limits; FILE: write a list")                                     \
  X(ACT_TAG, ON_TASKS, "Space", "tag", "", "tag or untag, and move down")      \
  X(ACT_TAG_INVERT, ON_TASKS, "*", "invert-tags", "",                          \
    "invert the tags of what is listed")                                       \
  X(ACT_SORT, ON_TASKS, "s", "sort", "[FIELD]", "sort by the next field")      \
  X(ACT_REVERSE, ON_TASKS, "S", "reverse", "", "reverse the order")            \
  X(ACT_FILTER, ON_TASKS | ON_LOG | ON_LIST, "/", "filter", "[TEXT]",          \
    "NAME, host:TEXT, state:LETTERS, err:TEXT")                                \
  X(ACT_LEVEL, ON_LOG, "v", "level", "[LEVEL]",                                \
    "show this level and what is worse")                                       \
  X(ACT_PANE, ON_TASKS, "v", "pane", "", "show or hide the details below")     \
  X(ACT_NEXT_ERROR, ON_ONE, "n", "next-error", "", "to the next error")        \
  X(ACT_PREV_ERROR, ON_ONE, "N", "previous-error", "",                         \
    "to the previous error")                                                   \
  X(ACT_TASKS, ON_ALL, "1", "tasks", "", "screen of the tasks")                \
  X(ACT_HOSTS, ON_ALL, "2", "hosts", "", "screen of the hosts")                \
  X(ACT_GAUGES, ON_ALL, "3", "gauges", "", "screen of the gauges")             \
  X(ACT_LOG, ON_ALL, "4", "log", "", "screen of the log")                      \
  X(ACT_ERRORS, ON_ALL, "e", "errors", "",                                     \
    "errors by kind, then host, then task")                                    \
  X(ACT_LIST, ON_ALL, "H", "list", "[STATE]",                                  \
    "every task of the session, in its order")                                 \
  X(ACT_NEXT_SCREEN, ON_ALL, "Tab", "next-screen", "", "the next screen")      \
  X(ACT_FREEZE, ON_ALL, "f", "freeze", "",                                     \
    "hold the picture still; the run goes on")                                 \
  X(ACT_COMMAND, ON_ALL, ":", "command", "", "type a command")                 \
  X(ACT_HELP, ON_ALL, "?", "help", "", "this list")                            \
  X(ACT_THEME, ON_ALL, "", "theme", "NAME",                                    \
    "default, light, mono, high-contrast")                                     \
  X(ACT_GLYPHS, ON_ALL, "", "glyphs", "NAME", "braille, blocks, ascii")        \
  X(ACT_MOUSE, ON_ALL, "m", "mouse", "",                                       \
    "mouse on or off (off: the terminal's own)")                               \
  X(ACT_SAVE_SCREEN, ON_ALL, "", "save-screen", "FILE",                        \
    "write the screen to a new file")                                          \
  X(ACT_REPAINT, ON_ALL, "C-l", "repaint", "", "paint the screen anew")        \
  X(ACT_SUSPEND, ON_ALL, "C-z", "suspend", "",                                 \
    "back to the shell; fg returns")                                           \
  X(ACT_BACK, ON_ALL, "q Esc", "back", "", "back; from the tasks: as quit")    \
  X(ACT_DETACH, ON_ALL, "", "detach", "", "leave the screen; the run goes on") \
  X(ACT_STOP, ON_ALL, "", "stop", "", "stop the run, asking first")            \
  X(ACT_QUIT, ON_ALL, "", "quit", "", "stop, asking first; attached: leave")

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
/* The action of that name, an unambiguous beginning of one, or -1. Commands
 * without keys are found like others. */
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
