/* SPDX-License-Identifier: MIT
 *
 * The options of a run: values from several layers (defaults, INI files, the
 * session, the command line), each checked when it is set.
 *
 * Layers may be set in any order; the highest one that sets an option wins.
 * Options that may be repeated gather the items of all layers, except that an
 * item replaces those of lower layers about the same thing (a header of the
 * same name). Of options that exclude each other only the last one of the
 * highest layer stays.
 *
 * Thread: the starting thread alone.
 */
#ifndef SPATE_OPTIONS_H
#define SPATE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"
#include "limits.h"
#include "option_table.h"

enum option_id {
#define OPTION_ENUM(id, name, letter, group, arg, kind, flags, help) id,
  OPTION_TABLE(OPTION_ENUM)
#undef OPTION_ENUM
      OPT_COUNT
};

enum option_kind {
  OPTION_FLAG,
  OPTION_TEXT,
  OPTION_LIST, /* text, repeatable */
  OPTION_CHOICE,
  OPTION_NUMBER,
  OPTION_LIMIT, /* unit, range and default in limits.h */
};

enum option_group {
  GROUP_WHAT,
  GROUP_LIMITS,
  GROUP_RETRY,
  GROUP_HTTP,
  GROUP_SHOW,
  GROUP_CONFIG,
  GROUP_COUNT
};

/* Options that exclude each other; 0 = none. */
enum option_excl { EXCL_NONE, EXCL_EXISTS, EXCL_HTTP, EXCL_IP, EXCL_FRONT };

/* What a text must look like; all are free of control characters. */
enum option_rule {
  RULE_TEXT,
  RULE_HEADER,
  RULE_COOKIE,
  RULE_RESOLVE,
  RULE_PROXY,
  RULE_SIZE, /* bytes, more than 0 */
  RULE_SIGV4, /* sigv4.h */
  RULE_FILE_IN, /* readable now */
  RULE_FILE_OR_URL,
  RULE_DEADLINE,
  RULE_HOST_LIMIT,
  RULE_CHECKSUM,  /* TYPE=HEX, digest.h */
  RULE_COMMAND,   /* words as a shell splits them, exec.h */
  RULE_PROTOCOLS, /* names with commas, protocol.h */
  RULE_STATUS_LIST,
  RULE_WORD_LIST,
  RULE_STATUSES,
  RULE_TYPE_LIST,
  RULE_BYTES
};

/* Where an option means something, and how it is treated. */
#define IN_RUN 1u      /* spate URL..., spate resume */
#define IN_STATUS 2u   /* spate status */
#define IN_FAILED 4u   /* spate failed */
#define IN_ASK 64u     /* spate set, spate ctl */
#define IN_RETRY 256u  /* spate retry, which takes IN_RUN too */
#define IN_ATTACH 512u /* spate attach */
#define IN_ALL (IN_RUN | IN_STATUS | IN_FAILED | IN_ASK | IN_ATTACH)
#define CLI_ONLY 8u     /* not in INI files, not kept by the session */
#define NOT_KEPT 16u    /* not kept by the session */
#define SECRET 32u      /* hidden from the process list and --dump-config */
#define TAKES_WORD 128u /* a flag that may be --flag=on or --flag=off */

enum option_layer {
  LAYER_DEFAULT,
  LAYER_SYSTEM_INI,
  LAYER_USER_INI,
  LAYER_SESSION,   /* above the INI files: what the run was started with */
  LAYER_GIVEN_INI, /* --config */
  LAYER_PROFILE,   /* --profile, from any of the files */
  LAYER_COMMAND_LINE,
  LAYER_COUNT
};

struct option_info {
  const char *name;
  char letter; /* 0 none */
  enum option_kind kind;
  enum option_group group;
  const char *arg; /* "" for flags */
  const char *help;
  const char *choices;   /* "a|b|c" */
  const char *preset;    /* "" none; limits have theirs in limits.h */
  double min, max;       /* OPTION_NUMBER */
  enum limit_id limit;   /* OPTION_LIMIT */
  enum option_excl excl; /* OPTION_FLAG */
  enum option_rule rule; /* OPTION_TEXT, OPTION_LIST */
  unsigned flags;
};

struct option_item {
  char *text; /* owned; as typed, "yes" or "no" for a flag */
  enum option_layer layer;
};

struct option_value {
  struct option_item *items; /* at most one but for OPTION_LIST */
  size_t count;
};

/* Private but for the embedding. */
struct options {
  struct option_value value[OPT_COUNT];
};

void options_init(struct options *options);
void options_fini(struct options *options);

const struct option_info *option_info(enum option_id id);

/* By long name with or without "--", or by letter; -1 none. */
int option_find(const char *name);
int option_find_letter(char letter);

/* Whether it may stand without a value, and then means yes. */
bool option_is_switch(const struct option_info *info);

/* The known long name that looks most like this one; NULL when none does. */
const char *option_nearest(const char *name);

/* Checks text and takes a copy. The message says what would be right, and
 * never repeats a secret. A flag's text is a boolean word. */
int options_set(struct options *options, enum option_id id, const char *text,
                enum option_layer layer, struct errmsg *msg) MUST_CHECK;

/* ---- reading ------------------------------------------------------------- */

bool options_flag(const struct options *options, enum option_id id);
/* The text in force, the default included; "" none. Borrowed. */
const char *options_text(const struct options *options, enum option_id id);
/* The place of the choice in its list, from 0. */
int options_choice(const struct options *options, enum option_id id);
double options_number(const struct options *options, enum option_id id);
double options_limit(const struct options *options, enum limit_id id);
/* Whether any layer has set it. */
bool options_given(const struct options *options, enum option_id id);
bool options_given_by(const struct options *options, enum option_id id,
                      enum option_layer layer);
size_t options_count(const struct options *options, enum option_id id);
const char *options_item(const struct options *options, enum option_id id,
                         size_t index);

/* ---- printing ------------------------------------------------------------ */

/* All groups of --help for options that mean something where. */
void options_print_help(FILE *out, unsigned where);

/* The options in force as an INI file; secrets are left out. */
void options_dump(const struct options *options, FILE *out);

/* Reads a boolean word (yes, no, on, off, true, false, 1, 0); -1 none. */
int option_boolean(const char *text);

#endif
