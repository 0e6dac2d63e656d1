/* SPDX-License-Identifier: MIT
 *
 * What the option table says to people: --help, --dump-config, and the known
 * name that a mistyped one probably meant. The starting thread alone.
 */
#include "config.h"

#include "options.h"

#include <stdbool.h>
#include <string.h>

#include "ini.h"
#include "text.h"

#define HELP_COLUMN 32 /* where the texts of --help begin */
#define HELP_WIDTH 79

static const char *const group_title[GROUP_COUNT] = {
    [GROUP_WHAT] = "What to fetch, and where to",
    [GROUP_LIMITS] = "Limits",
    [GROUP_RETRY] = "Attempts and time limits",
    [GROUP_HTTP] = "Requests (as curl)",
    [GROUP_SHOW] = "What is shown",
    [GROUP_CONFIG] = "Configuration",
};

/* ---- --help ----------------------------------------------------------------
 */

/* Words from column HELP_COLUMN on, broken before HELP_WIDTH. */
static void print_wrapped(FILE *out, const char *text) {
  size_t column = HELP_COLUMN;
  for (const char *at = text; *at != '\0';) {
    size_t word = strcspn(at, " ");
    if (column > HELP_COLUMN && column + 1 + word > HELP_WIDTH) {
      fprintf(out, "\n%*s", HELP_COLUMN, "");
      column = HELP_COLUMN;
    } else if (column > HELP_COLUMN) {
      fputc(' ', out);
      column++;
    }
    fprintf(out, "%.*s", (int)word, at);
    column += word;
    at += word + strspn(at + word, " ");
  }
  fputc('\n', out);
}

static void format_preset(const struct option_info *info, char *buf,
                          size_t cap) {
  char number[64];
  const char *preset = info->preset;
  if (info->kind == OPTION_LIMIT)
    preset = limit_format(info->limit, limit_default(info->limit), number,
                          sizeof number);
  if (info->kind == OPTION_FLAG || *preset == '\0')
    *buf = '\0';
  else
    snprintf(buf, cap, " [%s]", preset);
}

static void print_option(FILE *out, const struct option_info *info) {
  char head[96], preset[80], text[512];
  int len =
      info->letter != '\0'
          ? snprintf(head, sizeof head, "  -%c, --%s", info->letter, info->name)
          : snprintf(head, sizeof head, "      --%s", info->name);
  if (*info->arg != '\0' && (size_t)len < sizeof head)
    snprintf(head + len, sizeof head - (size_t)len, " %s",
             info->choices != NULL ? info->choices : info->arg);
  else if ((info->flags & TAKES_WORD) != 0 && (size_t)len < sizeof head)
    snprintf(head + len, sizeof head - (size_t)len, "[=on|off]");
  format_preset(info, preset, sizeof preset);
  snprintf(text, sizeof text, "%s%s", info->help, preset);
  if (strlen(head) + 2 > HELP_COLUMN)
    fprintf(out, "%s\n%*s", head, HELP_COLUMN, "");
  else
    fprintf(out, "%-*s", HELP_COLUMN, head);
  print_wrapped(out, text);
}

void options_print_help(FILE *out, unsigned where) {
  for (int group = 0; group < GROUP_COUNT; group++) {
    bool titled = false;
    for (int id = 0; id < OPT_COUNT; id++) {
      const struct option_info *info = option_info((enum option_id)id);
      if ((int)info->group != group || (info->flags & where) == 0)
        continue;
      if (!titled)
        fprintf(out, "\n%s:\n", group_title[group]);
      titled = true;
      print_option(out, info);
    }
  }
}

/* ---- --dump-config ---------------------------------------------------------
 */

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

/* iniparser takes ';' and '#' for the start of a comment unless quoted, takes
 * blanks away likewise, and knows no escapes; lines have a longest length. */
static void dump_row(FILE *out, const char *name, const char *text) {
  size_t length = strlen(text);
  bool plain = strpbrk(text, ";#") == NULL && *text != '"' && *text != '\'' &&
               !is_blank(*text) && !is_blank(text[length - 1]) &&
               text[length - 1] != '\\';
  const char *quote = plain ? "" : strchr(text, '"') == NULL ? "\"" : "'";
  if ((!plain && strchr(text, *quote) != NULL) ||
      strpbrk(text, "\r\n") != NULL ||
      strlen(name) + length + strlen(" = ''") > INI_LINE)
    fprintf(out, "; %s is set to what no INI file can hold\n", name);
  else
    fprintf(out, "%s = %s%s%s\n", name, quote, text, quote);
}

static void dump_option(const struct options *options, enum option_id id,
                        FILE *out) {
  const struct option_info *info = option_info(id);
  char number[64];
  const char *text = options_text(options, id);
  if (info->kind == OPTION_LIMIT)
    text = limit_format(info->limit, options_limit(options, info->limit),
                        number, sizeof number);
  if (*text == '\0')
    fprintf(out, ";%s =\n", info->name);
  else if ((info->flags & SECRET) != 0)
    fprintf(out, "; %s is set and may hold a secret: not shown\n", info->name);
  else
    dump_row(out, info->name, text);
}

void options_dump(const struct options *options, FILE *out) {
  fputs("[default]\n", out);
  for (int id = 0; id < OPT_COUNT; id++) {
    const struct option_info *info = option_info((enum option_id)id);
    if ((info->flags & IN_RUN) != 0 && (info->flags & CLI_ONLY) == 0)
      dump_option(options, (enum option_id)id, out);
  }
}

/* ---- names -----------------------------------------------------------------
 */

#define NAME_MAX_LEN 32

static size_t least(size_t a, size_t b, size_t c) {
  size_t m = a < b ? a : b;
  return m < c ? m : c;
}

/* Levenshtein's distance, one row at a time. */
static size_t distance(const char *a, const char *b) {
  size_t len_a = strlen(a), len_b = strlen(b);
  size_t row[NAME_MAX_LEN + 1];
  if (len_a > NAME_MAX_LEN || len_b > NAME_MAX_LEN)
    return NAME_MAX_LEN;
  for (size_t j = 0; j <= len_b; j++)
    row[j] = j;
  for (size_t i = 1; i <= len_a; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= len_b; j++) {
      size_t above = row[j];
      row[j] =
          least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
      diagonal = above;
    }
  }
  return row[len_b];
}

const char *option_nearest(const char *name) {
  const char *best = NULL;
  if (strncmp(name, "--", 2) == 0)
    name += 2;
  size_t len = strlen(name);
  size_t bound = len / 2 < 4 ? len / 2 : 4;
  size_t best_distance = bound + 1;
  for (int id = 0; id < OPT_COUNT; id++) {
    const char *known = option_info((enum option_id)id)->name;
    /* The beginning of a name is what people abbreviate to. */
    size_t d =
        len > 2 && strncmp(known, name, len) == 0 ? 1 : distance(name, known);
    if (d < best_distance) {
      best_distance = d;
      best = known;
    }
  }
  return best;
}
