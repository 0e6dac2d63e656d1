/* SPDX-License-Identifier: MIT
 *
 * Records of tar shards: the pax interchange format of POSIX.1-2017 (pax,
 * "EXTENDED DESCRIPTION"). An extended header goes before a member only where
 * its name or size does not fit the plain one.
 *
 * Names are written as the bytes they are, which are UTF-8 as pax wants it,
 * whatever the locale.
 */
#include "config.h"

#include "scribe.h"

#include <stdio.h>
#include <string.h>

#define OCTAL_MAX INT64_C(077777777777)

/* ustar's header block. */
struct ustar {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type,
      link[100], magic[6], version[2], user[32], group[32], major[8], minor[8],
      prefix[155], rest[12];
};

static const char zeros[TAR_BLOCK];

/* Digits that fill a field but for its last byte, which stays NUL. */
static void octal(char *field, size_t cap, uint64_t value) {
  for (size_t i = cap - 1; i-- > 0; value >>= 3)
    field[i] = (char)('0' + (value & 7));
}

static bool ascii(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text >= 0x80)
      return false;
  return true;
}

/* Name, or prefix and name divided at a slash; false: they do not fit. */
static bool set_name(struct ustar *h, const char *name) {
  size_t length = strlen(name);
  if (length <= sizeof h->name) {
    memcpy(h->name, name, length);
    return true;
  }
  for (size_t i = length - 1; i > 0; i--)
    if (name[i] == '/' && i <= sizeof h->prefix &&
        length - i - 1 <= sizeof h->name && length - i > 1) {
      memcpy(h->prefix, name, i);
      memcpy(h->name, name + i + 1, length - i - 1);
      return true;
    }
  memcpy(h->name, name, sizeof h->name); /* the extended header has it all */
  return false;
}

static void add_header(struct bytes *out, const char *name, int64_t size,
                       int64_t mtime, char type) {
  struct ustar h;
  unsigned sum = 0;
  memset(&h, 0, sizeof h);
  (void)set_name(&h, name);
  octal(h.mode, sizeof h.mode, 0644);
  octal(h.uid, sizeof h.uid, 0);
  octal(h.gid, sizeof h.gid, 0);
  octal(h.size, sizeof h.size, size <= OCTAL_MAX ? (uint64_t)size : 0);
  octal(h.mtime, sizeof h.mtime,
        mtime >= 0 && mtime <= OCTAL_MAX ? (uint64_t)mtime : 0);
  h.type = type;
  memcpy(h.magic, "ustar", 6);
  memcpy(h.version, "00", 2);
  memset(h.sum, ' ', sizeof h.sum);
  for (size_t i = 0; i < sizeof h; i++)
    sum += ((const unsigned char *)&h)[i];
  octal(h.sum, sizeof h.sum - 1, sum);
  h.sum[6] = '\0';
  bytes_add(out, &h, sizeof h);
}

static void pad(struct bytes *out, int64_t size) {
  size_t over = (size_t)(size % TAR_BLOCK);
  if (over > 0)
    bytes_add(out, zeros, TAR_BLOCK - over);
}

/* "LENGTH key=value\n", where LENGTH counts its own digits. */
static void pax_line(struct bytes *out, const char *key, const char *value) {
  size_t rest = strlen(key) + strlen(value) + 3, length = rest + 1;
  char digits[24];
  for (;;) {
    size_t whole =
        rest + (size_t)snprintf(digits, sizeof digits, "%zu", length);
    if (whole == length)
      break;
    length = whole;
  }
  bytes_printf(out, "%s %s=%s\n", digits, key, value);
}

/* A member's header, with an extended one before it where that is needed. */
static void member(struct scribe *s, const char *name, int64_t size) {
  struct ustar probe;
  struct bytes lines;
  char digits[24];
  memset(&probe, 0, sizeof probe);
  bytes_init(&lines, 8192);
  if (!set_name(&probe, name) || !ascii(name))
    pax_line(&lines, "path", name);
  snprintf(digits, sizeof digits, "%lld", (long long)size);
  if (size > OCTAL_MAX)
    pax_line(&lines, "size", digits);
  if (lines.len > 0) {
    add_header(&s->text, "PaxHeader", (int64_t)lines.len, s->record->unix_s,
               'x');
    bytes_add(&s->text, lines.data, lines.len);
    pad(&s->text, (int64_t)lines.len);
  }
  if (lines.failed != 0)
    s->text.failed = lines.failed;
  bytes_fini(&lines);
  add_header(&s->text, name, size, s->record->unix_s, '0');
}

void scribe__tar_head(struct scribe *s) {
  member(s, s->record->key, s->record->size);
}

void scribe__tar_tail(struct scribe *s) {
  const struct record *r = s->record;
  struct bytes json, name;
  pad(&s->text, r->size);
  bytes_init(&json, 1u << 20);
  bytes_init(&name, 8192);
  bytes_text(&json, "{\"url\":");
  json_quote(&json, r->url, strlen(r->url));
  bytes_printf(&json, ",\"status\":%d,\"headers\":", r->status);
  scribe__headers(s, &json);
  bytes_printf(&json, ",\"digest\":\"sha-256=%s\"}\n", s->sum);
  bytes_printf(&name, "%s.json", r->key);
  bytes_add(&name, "", 1);
  if (json.failed == 0 && name.failed == 0) {
    member(s, name.data, (int64_t)json.len);
    bytes_add(&s->text, json.data, json.len);
    pad(&s->text, (int64_t)json.len);
  } else {
    s->text.failed = json.failed != 0 ? json.failed : name.failed;
  }
  bytes_fini(&json);
  bytes_fini(&name);
}

void scribe_ending(const struct scribe_plan *plan, struct packer *packer,
                   struct bytes *out) {
  if (plan->form != FORM_TAR)
    return;
  packer_begin(packer, out);
  packer_add(packer, zeros, sizeof zeros);
  packer_add(packer, zeros, sizeof zeros);
  packer_end(packer);
}
