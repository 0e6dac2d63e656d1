/* SPDX-License-Identifier: MIT
 *
 * The configuration: INI files in their order into options, and what options
 * cannot hold: limits and headers of single hosts, the looks of the screen.
 *
 * (Called settings because config.h is the build's own.)
 *
 * Thread: the starting thread alone.
 */
#ifndef SPATE_SETTINGS_H
#define SPATE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "options.h"
#include "settings_ui.h"

/* A section [host NAME] or [bucket NAME]. */
struct settings_host {
  char *name; /* lower case */
  bool is_bucket;
  char *host;           /* lower case; NULL: a bucket that has none yet */
  char *path;           /* of a bucket: prefix, or NULL */
  double per_host;      /* base units of limits.h; negative: not set */
  double per_host_rate; /* the same */
  double byte_rate;     /* the same */
  int adaptive;         /* 1, 0; -1 not set */
  char *header;         /* "Name: value" or NULL */
  char *login;          /* likewise: Authorization, of user or oauth2-bearer */
  char *when_header;    /* of a bucket: only for runs that send it; or NULL */
  char *where;          /* file and line of its first key */
};

struct settings {
  struct settings_host *hosts;
  size_t host_count;
  struct settings_ui ui;
};

/* The files, each NULL where there is none to read. Only given_path, which a
 * person named, must exist. */
struct settings_source {
  const char *system_path, *user_path, *given_path;
  const char *profile; /* NULL none */
  /* Of the system's and the user's file, options that a session keeps are
   * left alone: it has its own (spate resume). */
  bool for_resume;
};

/* Where a run with these options looks. The user's path is written to buf; all
 * is borrowed from there and from the options. */
void settings_source_init(struct settings_source *source,
                          const struct options *options, char *buf, size_t cap);

void settings_init(struct settings *settings);
void settings_fini(struct settings *settings);

/* Reads the files into settings and options. The first mistake ends it, with
 * file, line, key, value and what would be right. */
int settings_load(struct settings *settings, struct options *options,
                  const struct settings_source *source,
                  struct errmsg *msg) MUST_CHECK;

/* Writes the path of the user's file: $XDG_CONFIG_HOME/spate/spate.ini or
 * ~/.config/spate/spate.ini. ERR_NOTFOUND when neither variable helps. */
int settings_user_path(char *buf, size_t cap) MUST_CHECK;

#endif
