/* SPDX-License-Identifier: MIT
 *
 * Checksum files: see checksum_file.h.
 */
#include "config.h"

#include "checksum_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64

/* An entry; the value stands in the table's own bytes. */
struct entry {
  uint64_t hash; /* of the name; 0: the slot is free */
  uint64_t value;
  unsigned char type;
  bool leaf;  /* a last segment, not a whole name */
  bool vague; /* a last segment with several digests */
};

struct checksum_table {
  struct entry *slots;
  size_t slot_count, used; /* slots are a power of two */
  unsigned char *values;
  size_t value_length, value_cap;
  size_t count, bad;
  bool skipping; /* in a line that is too long */
  size_t line_length;
  char line[CHECKSUM_LINE_CAP + 1];
};

/* ---- lines ------------------------------------------------------------------
 */

/* What coreutils escapes: backslash, newline and carriage return. */
static int unescape(char *name) {
  char *to = name;
  for (const char *at = name; *at != '\0'; at++) {
    if (*at != '\\') {
      *to++ = *at;
      continue;
    }
    at++;
    if (*at != '\\' && *at != 'n' && *at != 'r')
      return ERR_SYNTAX;
    *to++ = *at == 'n' ? '\n' : *at == 'r' ? '\r' : '\\';
  }
  *to = '\0';
  return 0;
}

static enum digest_type type_of_length(size_t digits) {
  for (int type = DIGEST_MD5; type < DIGEST_TYPES; type++)
    if (2 * digest_size((enum digest_type)type) == digits)
      return (enum digest_type)type;
  return DIGEST_NONE;
}

/* "SHA256 (NAME) = HEX"; the name may hold any of this. */
static int parse_bsd(char *line, struct digest *digest, const char **name) {
  char *open = strstr(line, " ("), *close = NULL;
  enum digest_type type;
  if (open == NULL)
    return ERR_SYNTAX;
  for (char *at = strstr(open, ") = "); at != NULL; at = strstr(at + 1, ") = "))
    close = at;
  if (close == NULL)
    return ERR_SYNTAX;
  type = digest_find(line, (size_t)(open - line));
  if (type == DIGEST_NONE ||
      digest_from_hex(type, close + 4, strlen(close + 4), digest) != 0)
    return ERR_SYNTAX;
  *close = '\0';
  *name = open + 2;
  return 0;
}

static int parse_plain(char *line, struct digest *digest, const char **name) {
  size_t digits = strspn(line, "0123456789abcdefABCDEF");
  const char *rest = line + digits;
  if (digest_from_hex(type_of_length(digits), line, digits, digest) != 0 ||
      *rest != ' ')
    return ERR_SYNTAX;
  rest++;
  if (*rest == ' ' || *rest == '*')
    rest++; /* how it was read: text or binary, all the same here */
  *name = rest;
  return 0;
}

int checksum_line_parse(char *line, struct digest *digest, const char **name) {
  size_t length = strlen(line);
  bool escaped = line[0] == '\\';
  int code;
  if (length > 0 && line[length - 1] == '\r')
    line[length - 1] = '\0';
  line += escaped;
  code = parse_plain(line, digest, name);
  if (code != 0)
    code = parse_bsd(line, digest, name);
  if (code == 0 && escaped)
    code = unescape(line + (*name - line));
  return code == 0 && **name == '\0' ? ERR_SYNTAX : code;
}

int checksum_line_format(const struct digest *digest, const char *name,
                         char *line, size_t cap) {
  char hex[DIGEST_HEX];
  bool escape = strpbrk(name, "\\\n\r") != NULL;
  int n = snprintf(line, cap, "%s%s  ", escape ? "\\" : "",
                   digest_hex(digest, hex));
  size_t at = n < 0 ? cap : (size_t)n;
  for (; *name != '\0' && at + 3 < cap; name++) {
    bool odd = *name == '\\' || *name == '\n' || *name == '\r';
    if (odd)
      line[at++] = '\\';
    line[at++] = *name == '\n' ? 'n' : *name == '\r' ? 'r' : *name;
  }
  if (*name != '\0' || at + 2 > cap)
    return ERR_TOOBIG;
  line[at++] = '\n';
  line[at] = '\0';
  return (int)at;
}

/* ---- the table
 * ---------------------------------------------------------------- */

/* FNV-1a with a finalizer; never 0. Whole names and leaves differ. */
static uint64_t hash_of(const char *text, bool leaf) {
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (leaf ? 0x5bd1e995u : 0);
  for (; *text != '\0'; text++)
    h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  h ^= h >> 33;
  h *= UINT64_C(0xff51afd7ed558ccd);
  h ^= h >> 33;
  return h != 0 ? h : 1;
}

static struct entry *slot_of(const struct checksum_table *table,
                             uint64_t hash) {
  size_t at = (size_t)hash & (table->slot_count - 1);
  while (table->slots[at].hash != 0 && table->slots[at].hash != hash)
    at = (at + 1) & (table->slot_count - 1);
  return &table->slots[at];
}

static int grow(struct checksum_table *table) {
  size_t old_count = table->slot_count;
  struct entry *old = table->slots;
  struct entry *slots;
  if (table->used * 4 < old_count * 3)
    return 0;
  slots = calloc(old_count > 0 ? old_count * 2 : FIRST_SLOTS, sizeof(*slots));
  if (slots == NULL)
    return ERR_NOMEM;
  table->slots = slots;
  table->slot_count = old_count > 0 ? old_count * 2 : FIRST_SLOTS;
  for (size_t i = 0; i < old_count; i++)
    if (old[i].hash != 0)
      *slot_of(table, old[i].hash) = old[i];
  free(old);
  return 0;
}

static int keep_value(struct checksum_table *table, const struct digest *digest,
                      uint64_t *value) {
  size_t size = digest_size(digest->type);
  if (table->value_length + size > table->value_cap) {
    size_t cap = table->value_cap > 0 ? table->value_cap * 2 : 4096;
    unsigned char *grown = realloc(table->values, cap);
    if (grown == NULL)
      return ERR_NOMEM;
    table->values = grown;
    table->value_cap = cap;
  }
  memcpy(table->values + table->value_length, digest->value, size);
  *value = table->value_length;
  table->value_length += size;
  return 0;
}

static bool same_value(const struct checksum_table *table,
                       const struct entry *entry, const struct digest *digest) {
  return entry->type == digest->type &&
         memcmp(table->values + entry->value, digest->value,
                digest_size(digest->type)) == 0;
}

/* A whole name's stronger or later digest counts; a leaf with two digests of
 * one type is of no use. */
static int put(struct checksum_table *table, uint64_t hash, bool leaf,
               const struct digest *digest, uint64_t value) {
  struct entry *entry;
  int code = grow(table);
  if (code != 0)
    return code;
  entry = slot_of(table, hash);
  if (entry->hash == 0) {
    table->used++;
    entry->hash = hash;
    entry->leaf = leaf;
  } else if (entry->type > digest->type) {
    return 0;
  } else if (leaf && entry->type == digest->type &&
             !same_value(table, entry, digest)) {
    entry->vague = true;
    return 0;
  }
  entry->type = (unsigned char)digest->type;
  entry->value = value;
  return 0;
}

static const char *leaf_of(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash != NULL ? slash + 1 : name;
}

/* "./NAME" is NAME. */
static const char *plain(const char *name) {
  while (name[0] == '.' && name[1] == '/')
    for (name += 2; *name == '/';)
      name++;
  return name;
}

static int take_line(struct checksum_table *table) {
  struct digest digest;
  const char *name;
  uint64_t value;
  int code;
  table->line[table->line_length] = '\0';
  if (table->line_length == 0 || table->line[0] == '#')
    return 0;
  if (memchr(table->line, '\0', table->line_length) != NULL ||
      checksum_line_parse(table->line, &digest, &name) != 0) {
    table->bad++;
    return 0;
  }
  table->count++;
  name = plain(name);
  code = keep_value(table, &digest, &value);
  if (code == 0)
    code = put(table, hash_of(name, false), false, &digest, value);
  if (code == 0)
    code = put(table, hash_of(leaf_of(name), true), true, &digest, value);
  return code;
}

int checksum_table_new(struct checksum_table **out) {
  *out = calloc(1, sizeof(**out));
  return *out != NULL ? 0 : ERR_NOMEM;
}

void checksum_table_free(struct checksum_table *table) {
  if (table == NULL)
    return;
  free(table->slots);
  free(table->values);
  free(table);
}

static int end_line(struct checksum_table *table) {
  int code = 0;
  if (table->skipping)
    table->bad++;
  else
    code = take_line(table);
  table->skipping = false;
  table->line_length = 0;
  return code;
}

int checksum_table_add(struct checksum_table *table, const char *data,
                       size_t length) {
  int code = 0;
  if (length == 0)
    return end_line(table);
  const char *end = data + length;
  while (data < end && code == 0) {
    const char *newline = memchr(data, '\n', (size_t)(end - data));
    size_t part = (size_t)((newline != NULL ? newline : end) - data);
    if (table->line_length + part > CHECKSUM_LINE_CAP)
      table->skipping = true;
    if (!table->skipping) {
      memcpy(table->line + table->line_length, data, part);
      table->line_length += part;
    }
    if (newline != NULL)
      code = end_line(table);
    data += part + 1;
  }
  return code;
}

size_t checksum_table_count(const struct checksum_table *table) {
  return table->count;
}

size_t checksum_table_bad(const struct checksum_table *table) {
  return table->bad;
}

void checksum_table_find(const struct checksum_table *table, const char *name,
                         struct digest *digest) {
  memset(digest, 0, sizeof(*digest));
  for (int leaf = 0; leaf < 2 && table->slot_count > 0; leaf++) {
    uint64_t hash = hash_of(leaf ? leaf_of(name) : name, leaf);
    const struct entry *entry = slot_of(table, hash);
    if (entry->hash == 0 || entry->vague)
      continue;
    digest->type = (enum digest_type)entry->type;
    memcpy(digest->value, table->values + entry->value,
           digest_size(digest->type));
    return;
  }
}
