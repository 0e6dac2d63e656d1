/* SPDX-License-Identifier: MIT
 *
 * The option values of a run by layer. An option that is not repeatable keeps
 * one item, of the highest layer that set it; what a lower layer says later is
 * checked and dropped. Getters fall back to the table's default.
 * The starting thread alone.
 */
#include "config.h"

#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "option_check.h"

#define FLAG(exclusive) .kind = OPTION_FLAG, .excl = (exclusive), .preset = "no"
#define TEXT(what, def) .kind = OPTION_TEXT, .rule = (what), .preset = (def)
#define LIST(what) .kind = OPTION_LIST, .rule = (what), .preset = ""
#define CHOICE(list, def) \
  .kind = OPTION_CHOICE, .choices = (list), .preset = (def)
#define NUMBER(lo, hi, def) \
  .kind = OPTION_NUMBER, .min = (lo), .max = (hi), .preset = (def)
#define LIMIT(id) .kind = OPTION_LIMIT, .limit = (id), .preset = ""

#define OPTION_ROW(id, long_name, short_name, grp, argument, how, bits, text) \
  [id] = {.name = (long_name),                                                \
          .letter = (short_name),                                             \
          .group = (grp),                                                     \
          .arg = (argument),                                                  \
          .flags = (bits),                                                    \
          .help = (text),                                                     \
          how},

static const struct option_info table[OPT_COUNT] = {OPTION_TABLE(OPTION_ROW)};

#undef OPTION_ROW
#undef FLAG
#undef TEXT
#undef LIST
#undef CHOICE
#undef NUMBER
#undef LIMIT

void options_init(struct options *options) {
  memset(options, 0, sizeof *options);
}

/* Values may be passwords: they are wiped before the memory is given back. */
static void item_fini(struct option_item *item) {
  if (item->text != NULL) {
    volatile char *at = item->text;
    while (*at != '\0')
      *at++ = '\0';
  }
  free(item->text);
}

static void value_clear(struct option_value *value) {
  for (size_t i = 0; i < value->count; i++)
    item_fini(&value->items[i]);
  free(value->items);
  value->items = NULL;
  value->count = 0;
}

void options_fini(struct options *options) {
  for (int id = 0; id < OPT_COUNT; id++)
    value_clear(&options->value[id]);
}

const struct option_info *option_info(enum option_id id) {
  return &table[id];
}

int option_find(const char *name) {
  if (strncmp(name, "--", 2) == 0)
    name += 2;
  for (int id = 0; id < OPT_COUNT; id++)
    if (strcmp(table[id].name, name) == 0)
      return id;
  return -1;
}

int option_find_letter(char letter) {
  for (int id = 0; id < OPT_COUNT && letter != '\0'; id++)
    if (table[id].letter == letter)
      return id;
  return -1;
}

bool option_is_switch(const struct option_info *info) {
  return info->kind == OPTION_FLAG ||
         (info->kind == OPTION_LIMIT &&
          limit_info(info->limit)->unit == UNIT_SWITCH);
}

int option_boolean(const char *text) {
  return limit_boolean(text);
}

/* ---- setting ---------------------------------------------------------------
 */

static enum option_layer value_layer(const struct option_value *value) {
  enum option_layer highest = LAYER_DEFAULT;
  for (size_t i = 0; i < value->count; i++)
    if (value->items[i].layer > highest)
      highest = value->items[i].layer;
  return highest;
}

static int append(struct option_value *value, const char *text,
                  enum option_layer layer, struct errmsg *msg) {
  char *copy = strdup(text);
  struct option_item *grown =
      realloc(value->items, (value->count + 1) * sizeof *grown);
  if (grown != NULL)
    value->items = grown;
  if (copy == NULL || grown == NULL) {
    free(copy);
    return err_set(msg, ERR_NOMEM, "out of memory");
  }
  value->items[value->count++] =
      (struct option_item){.text = copy, .layer = layer};
  return 0;
}

static void remove_at(struct option_value *value, size_t index) {
  item_fini(&value->items[index]);
  value->count--;
  memmove(&value->items[index], &value->items[index + 1],
          (value->count - index) * sizeof *value->items);
}

static bool same_key(enum option_rule rule, const char *a, const char *b) {
  size_t len_a = option_key_length(rule, a), len_b = option_key_length(rule, b);
  if (len_a == 0)
    return strcmp(a, b) == 0;
  return len_a == len_b && strncasecmp(a, b, len_a) == 0;
}

/* A higher layer's item about the same thing stands in for lower ones. */
static int add_item(struct options *options, enum option_id id,
                    const char *text, enum option_layer layer,
                    struct errmsg *msg) {
  struct option_value *value = &options->value[id];
  for (size_t i = value->count; i-- > 0;) {
    if (!same_key(table[id].rule, value->items[i].text, text))
      continue;
    if (value->items[i].layer > layer)
      return 0;
    if (value->items[i].layer < layer)
      remove_at(value, i);
  }
  return append(value, text, layer, msg);
}

/* "yes" to one of several that exclude each other takes the others back. */
static int settle_exclusive(struct options *options, enum option_id id,
                            enum option_layer layer) {
  for (int other = 0; other < OPT_COUNT; other++) {
    struct option_value *value = &options->value[other];
    if (other == (int)id || table[other].excl != table[id].excl)
      continue;
    if (value->count > 0 && value_layer(value) > layer)
      return 1;
    value_clear(value);
  }
  return 0;
}

int options_set(struct options *options, enum option_id id, const char *text,
                enum option_layer layer, struct errmsg *msg) {
  const struct option_info *info = &table[id];
  int rc = option_check(info, text, msg);
  if (rc != 0)
    return rc;
  if (info->kind == OPTION_LIST)
    return add_item(options, id, text, layer, msg);
  struct option_value *value = &options->value[id];
  if (value->count > 0 && value_layer(value) > layer)
    return 0;
  if (info->excl != EXCL_NONE && option_boolean(text) == 1 &&
      settle_exclusive(options, id, layer) != 0)
    return 0;
  value_clear(value);
  return append(value, text, layer, msg);
}

/* ---- reading ---------------------------------------------------------------
 */

const char *options_text(const struct options *options, enum option_id id) {
  const struct option_value *value = &options->value[id];
  return value->count > 0 ? value->items[value->count - 1].text
                          : table[id].preset;
}

bool options_flag(const struct options *options, enum option_id id) {
  return option_boolean(options_text(options, id)) == 1;
}

int options_choice(const struct options *options, enum option_id id) {
  return option_choice_index(table[id].choices, options_text(options, id));
}

double options_number(const struct options *options, enum option_id id) {
  double value = 0;
  /* Checked when it was set, so this cannot fail. */
  if (option_parse_number(options_text(options, id), &value) != 0)
    return table[id].min;
  return value;
}

double options_limit(const struct options *options, enum limit_id limit) {
  double value;
  for (int id = 0; id < OPT_COUNT; id++) {
    if (table[id].kind != OPTION_LIMIT || table[id].limit != limit)
      continue;
    if (options->value[id].count > 0 &&
        limit_parse(limit, options->value[id].items[0].text, &value, NULL) == 0)
      return value;
  }
  return limit_default(limit);
}

bool options_given(const struct options *options, enum option_id id) {
  return options->value[id].count > 0;
}

bool options_given_by(const struct options *options, enum option_id id,
                      enum option_layer layer) {
  for (size_t i = 0; i < options->value[id].count; i++)
    if (options->value[id].items[i].layer == layer)
      return true;
  return false;
}

size_t options_count(const struct options *options, enum option_id id) {
  return options->value[id].count;
}

const char *options_item(const struct options *options, enum option_id id,
                         size_t index) {
  return options->value[id].items[index].text;
}
