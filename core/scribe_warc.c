/* SPDX-License-Identifier: MIT
 *
 * Records of WARC shards (ISO 28500:2017, WARC 1.1): a warcinfo record at the
 * beginning of each file, and a response record for each body.
 *
 * The block holds the head as it was received, but for three fields that would
 * lie: the body was taken out of its chunks, so Transfer-Encoding becomes
 * X-Crawl-Transfer-Encoding; Content-Length is what follows; and a body that
 * was put together from ranges is recorded as the 200 it amounts to.
 */
#include "config.h"

#include "scribe.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <uv.h>

/* RFC 4122 section 4.4. From the system, not from libcrypto: that has a
 * generator for each thread, and threads of the pool outlive its end. */
static void add_uuid(struct bytes *out) {
  unsigned char id[16] = {0};
  if (uv_random(NULL, NULL, id, sizeof id, 0, NULL) != 0)
    out->failed = ERR_IO;
  id[6] = (unsigned char)((id[6] & 0x0f) | 0x40);
  id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
  bytes_text(out, "WARC-Record-ID: <urn:uuid:");
  for (int i = 0; i < 16; i++)
    bytes_printf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                 id[i]);
  bytes_text(out, ">\r\n");
}

static void add_date(struct bytes *out, int64_t unix_s) {
  time_t when = (time_t)unix_s;
  struct tm tm;
  char text[40] = "1970-01-01T00:00:00Z";
  if (gmtime_r(&when, &tm) != NULL)
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
  bytes_printf(out, "WARC-Date: %s\r\n", text);
}

static bool field_is(const char *line, size_t length, const char *name) {
  size_t n = strlen(name);
  return length > n && line[n] == ':' && strncasecmp(line, name, n) == 0;
}

static void add_line(struct bytes *out, const struct record *r,
                     const char *line, size_t length, bool first) {
  bool ranges = r->status == 200;
  if (first && ranges && length > 12 &&
      memcmp(line + length - 1, "\n", 1) == 0 &&
      memmem(line, length, " 206", 4) != NULL) {
    bytes_text(out, "HTTP/1.1 200 OK\r\n");
    return;
  }
  if (field_is(line, length, "Content-Length") ||
      field_is(line, length, "Content-Range"))
    return;
  if (field_is(line, length, "Transfer-Encoding"))
    bytes_text(out, "X-Crawl-");
  bytes_add(out, line, length);
}

static void add_http_head(struct bytes *out, const struct record *r) {
  const char *at = r->head, *end = at + r->head_len;
  if (at == NULL || r->head_len == 0) {
    bytes_printf(out, "HTTP/1.1 %d OK\r\n", r->status);
    end = at;
  }
  for (bool first = true; at < end; first = false) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t length = stop != NULL ? (size_t)(stop - at) + 1 : (size_t)(end - at);
    add_line(out, r, at, length, first);
    at += length;
  }
  bytes_printf(out, "Content-Length: %lld\r\n\r\n", (long long)r->size);
}

void scribe__warc_head(struct scribe *s) {
  const struct record *r = s->record;
  struct bytes http, *out = &s->text;
  bytes_init(&http, 1u << 20);
  add_http_head(&http, r);
  bytes_text(out, "WARC/1.1\r\nWARC-Type: response\r\n");
  add_uuid(out);
  add_date(out, r->unix_s);
  bytes_printf(out, "WARC-Target-URI: %s\r\n", r->target);
  bytes_printf(out, "WARC-Payload-Digest: sha1:%s\r\n", s->sum);
  bytes_text(out, "Content-Type: application/http; msgtype=response\r\n");
  bytes_printf(out, "Content-Length: %lld\r\n\r\n",
               (long long)(r->size + (int64_t)http.len));
  bytes_add(out, http.data, http.len);
  if (http.failed != 0)
    out->failed = http.failed;
  bytes_fini(&http);
}

void scribe_preamble(const struct scribe_plan *plan, struct packer *packer,
                     struct bytes *out, const char *name, int64_t unix_s) {
  static const char fields[] =
      "software: " PACKAGE_NAME "/" PACKAGE_VERSION "\r\n"
      "format: WARC File Format 1.1\r\n"
      "conformsTo: https://iipc.github.io/warc-specifications/"
      "specifications/warc-format/warc-1.1/\r\n";
  struct bytes text;
  if (plan->form != FORM_WARC)
    return;
  bytes_init(&text, 8192);
  bytes_text(&text, "WARC/1.1\r\nWARC-Type: warcinfo\r\n");
  add_uuid(&text);
  add_date(&text, unix_s);
  bytes_printf(&text,
               "WARC-Filename: %s\r\nContent-Type: application/warc-fields\r\n"
               "Content-Length: %zu\r\n\r\n%s\r\n\r\n",
               name, sizeof fields - 1, fields);
  packer_begin(packer, out);
  packer_add(packer, text.data, text.len);
  packer_end(packer);
  if (text.failed != 0)
    out->failed = text.failed;
  bytes_fini(&text);
}
