/* SPDX-License-Identifier: MIT
 *
 * Records of shards: what all forms share, and jsonl. See scribe.h; tar is in
 * scribe_tar.c, warc in scribe_warc.c.
 */
#include "config.h"

#include "scribe.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX (64u << 20)

const char *shard_form_suffix(enum shard_form form) {
  static const char *const suffixes[] = {"", ".jsonl", ".tar", ".warc"};
  return suffixes[form];
}

struct record *record_new(const char *key, const char *url,
                          const char *target) {
  struct record *record = calloc(1, sizeof *record);
  if (record == NULL)
    return NULL;
  record->key = strdup(key);
  record->url = strdup(url);
  record->target = strdup(target);
  if (record->key != NULL && record->url != NULL && record->target != NULL)
    return record;
  record_free(record);
  return NULL;
}

void record_free(struct record *record) {
  if (record == NULL)
    return;
  free(record->key);
  free(record->url);
  free(record->target);
  free(record->head);
  free(record->part);
  free(record);
}

size_t record_weight(const struct record *record) {
  return sizeof *record + strlen(record->key) + strlen(record->url) +
         strlen(record->target) + record->head_len;
}

/* ---- life --------------------------------------------------------------- */

static const EVP_MD *digest_of(enum shard_form form) {
  if (form == FORM_TAR)
    return EVP_sha256();
  return form == FORM_WARC ? EVP_sha1() : NULL;
}

int scribe_init(struct scribe *s, const struct scribe_plan *plan,
                struct packer *packer) {
  memset(s, 0, sizeof *s);
  s->plan = plan;
  s->packer = packer;
  bytes_init(&s->text, TEXT_MAX);
  if (digest_of(plan->form) == NULL)
    return 0;
  s->digest = EVP_MD_CTX_new();
  return s->digest != NULL ? 0 : ERR_NOMEM;
}

void scribe_fini(struct scribe *s) {
  bytes_fini(&s->text);
  EVP_MD_CTX_free(s->digest);
}

void scribe__put(struct scribe *s) {
  packer_add(s->packer, s->text.data, s->text.len);
  s->text.len = 0;
}

/* ---- fields of the head -------------------------------------------------- */

/* The value of a field, those of several lines of its name with ", " between
 * them (RFC 9110 section 5.3). */
static bool add_field(const struct record *record, const char *name,
                      size_t name_len, struct bytes *value) {
  const char *at = record->head, *end = at + record->head_len;
  bool found = false;
  while (at != NULL && at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t line = stop != NULL ? (size_t)(stop - at) : (size_t)(end - at);
    if (line > name_len && at[name_len] == ':' &&
        strncasecmp(at, name, name_len) == 0) {
      const char *from = at + name_len + 1, *to = at + line;
      while (from < to && (*from == ' ' || *from == '\t'))
        from++;
      while (to > from && (to[-1] == ' ' || to[-1] == '\r' || to[-1] == '\t'))
        to--;
      if (found)
        bytes_text(value, ", ");
      bytes_add(value, from, (size_t)(to - from));
      found = true;
    }
    at = stop != NULL ? stop + 1 : end;
  }
  return found;
}

void scribe__headers(struct scribe *s, struct bytes *out) {
  struct bytes value;
  bool first = true;
  bytes_init(&value, TEXT_MAX);
  bytes_text(out, "{");
  for (const char *at = s->plan->headers; *at != '\0';) {
    size_t length;
    at += strspn(at, ", ");
    length = strcspn(at, ", ");
    bytes_clear(&value);
    if (length > 0 && add_field(s->record, at, length, &value)) {
      bytes_text(out, first ? "" : ",");
      first = false;
      json_quote(out, at, length);
      bytes_text(out, ":");
      json_quote(out, value.data, value.len);
    }
    at += length;
  }
  bytes_text(out, "}");
  bytes_fini(&value);
}

/* ---- jsonl --------------------------------------------------------------- */

static bool is_value(const struct scribe *s) {
  return json_scan_is_value(&s->scan);
}

static bool is_text(const struct scribe *s) {
  return json_scan_is_utf8(&s->scan);
}

static void jsonl_head(struct scribe *s) {
  const struct record *r = s->record;
  bytes_text(&s->text, "{\"key\":");
  json_quote(&s->text, r->key, strlen(r->key));
  bytes_text(&s->text, ",\"url\":");
  json_quote(&s->text, r->url, strlen(r->url));
  bytes_printf(&s->text, ",\"status\":%d,\"headers\":", r->status);
  scribe__headers(s, &s->text);
  bytes_text(&s->text, is_value(s)  ? ",\"body\":"
                       : is_text(s) ? ",\"body\":\""
                                    : ",\"body_base64\":\"");
}

/* Groups of three bytes; the rest waits for the next piece. */
static void base64(struct scribe *s, const char *data, size_t length) {
  size_t used = 0;
  while (s->odd_count > 0 && s->odd_count < 3 && used < length)
    s->odd[s->odd_count++] = (uint8_t)data[used++];
  char *room = bytes_room(&s->text, (length + 3) / 3 * 4 + 8);
  if (room == NULL)
    return;
  unsigned char *to = (unsigned char *)room;
  if (s->odd_count == 3) {
    to += EVP_EncodeBlock(to, s->odd, 3);
    s->odd_count = 0;
  }
  size_t whole = (length - used) / 3 * 3;
  if (whole > 0)
    to += EVP_EncodeBlock(to, (const unsigned char *)data + used, (int)whole);
  for (used += whole; used < length; used++)
    s->odd[s->odd_count++] = (uint8_t)data[used];
  s->text.len += (size_t)((char *)to - room);
}

static void jsonl_body(struct scribe *s, const char *data, size_t length) {
  if (is_value(s))
    json_squeeze(&s->squeeze, &s->text, data, length);
  else if (is_text(s))
    json_escape(&s->text, data, length);
  else
    base64(s, data, length);
  scribe__put(s);
}

static void jsonl_tail(struct scribe *s) {
  unsigned char last[8];
  if (s->odd_count > 0)
    bytes_add(&s->text, last,
              (size_t)EVP_EncodeBlock(last, s->odd, (int)s->odd_count));
  bytes_text(&s->text, is_value(s) ? "}\n" : "\"}\n");
}

/* ---- all forms ------------------------------------------------------------
 */

void scribe_begin(struct scribe *s, struct record *record) {
  s->record = record;
  bytes_clear(&s->text);
  json_scan_init(&s->scan);
  s->squeeze = (struct json_squeeze){0};
  s->odd_count = 0;
  if (s->digest != NULL &&
      EVP_DigestInit_ex(s->digest, digest_of(s->plan->form), NULL) != 1)
    s->text.failed = ERR_NOMEM;
}

void scribe_look(struct scribe *s, const char *data, size_t length) {
  if (s->plan->form == FORM_JSONL)
    json_scan_feed(&s->scan, data, length);
  else if (EVP_DigestUpdate(s->digest, data, length) != 1)
    s->text.failed = ERR_NOMEM;
}

/* RFC 4648 section 6; 20 bytes fill 32 characters without padding. */
static void base32(const uint8_t *sum, size_t length, char *out) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  uint64_t bits = 0;
  unsigned count = 0;
  for (size_t i = 0; i < length; i++) {
    bits = bits << 8 | sum[i];
    for (count += 8; count >= 5; count -= 5)
      *out++ = letters[bits >> (count - 5) & 31];
  }
  *out = '\0';
}

static void end_digest(struct scribe *s) {
  static const char hex[] = "0123456789abcdef";
  uint8_t sum[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (s->digest == NULL)
    return;
  if (EVP_DigestFinal_ex(s->digest, sum, &length) != 1)
    s->text.failed = ERR_NOMEM;
  if (s->plan->form == FORM_WARC) {
    base32(sum, length, s->sum);
    return;
  }
  for (unsigned i = 0; i < length; i++) {
    s->sum[2 * i] = hex[sum[i] >> 4];
    s->sum[2 * i + 1] = hex[sum[i] & 15];
  }
  s->sum[2 * length] = '\0';
}

void scribe_head(struct scribe *s) {
  s->record->offset = packer_taken(s->packer);
  end_digest(s);
  if (s->plan->form == FORM_JSONL)
    jsonl_head(s);
  else if (s->plan->form == FORM_TAR)
    scribe__tar_head(s);
  else
    scribe__warc_head(s);
  scribe__put(s);
}

void scribe_body(struct scribe *s, const char *data, size_t length) {
  if (s->plan->form == FORM_JSONL)
    jsonl_body(s, data, length);
  else
    packer_add(s->packer, data, length);
}

int scribe_tail(struct scribe *s) {
  if (s->plan->form == FORM_JSONL)
    jsonl_tail(s);
  else if (s->plan->form == FORM_TAR)
    scribe__tar_tail(s);
  else
    bytes_text(&s->text, "\r\n\r\n");
  scribe__put(s);
  s->record->length = packer_taken(s->packer) - s->record->offset;
  return s->text.failed;
}

int scribe_write(struct scribe *s, struct record *record) {
  size_t size = (size_t)record->size;
  scribe_begin(s, record);
  scribe_look(s, record->data, size);
  scribe_head(s);
  scribe_body(s, record->data, size);
  return scribe_tail(s);
}
