/* SPDX-License-Identifier: MIT
 *
 * From a Metalink to lines of a manifest: see metalink_lines.h.
 */
#include "config.h"

#include "metalink_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "fields.h"
#include "manifest_impl.h"
#include "manifest_write.h"
#include "metalink.h"
#include "names.h"
#include "pieces.h"
#include "url.h"

#define DETECT_BYTES 16384
#define URLS_MOST 16 /* of one file: as many as are asked at once */
#define LINES_BYTES (4 * METALINK_BYTES)
#define REST_BYTES 4096 /* of a line, besides its pieces and mirrors */

bool metalink_detect(const char *data, size_t length) {
  static const char name[] = "urn:ietf:params:xml:ns:metalink";
  const char *at = data, *end = data + length;
  if (length >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
    at += 3;
  while (at < end && (manifest__is_blank(*at) || *at == '\n'))
    at++;
  return at < end && *at == '<' &&
         memmem(at, (size_t)(end - at), name, sizeof(name) - 1) != NULL;
}

/* ---- one file ------------------------------------------------------------ */

/* URLs that can be used, the best first; when there is none the first one, so
 * that the line says what is wrong with it. */
static size_t choose_urls(const struct metalink_file *file, const char **urls) {
  size_t count = 0;
  for (size_t i = 0; i < file->url_count && count < URLS_MOST; i++) {
    struct url_parts parts;
    if (url_split(file->urls[i].url, PROTOCOL_USUAL, &parts) == 0)
      urls[count++] = file->urls[i].url;
  }
  if (count == 0)
    urls[count++] = file->url_count > 0 ? file->urls[0].url : "";
  return count;
}

/* The digests of its pieces as far as there is room for them beside the URLs;
 * NULL: none. */
static char *pieces_of(const struct metalink_file *file, const char **urls,
                       size_t count) {
  size_t used = REST_BYTES + 2 * strlen(file->name);
  for (size_t i = 0; i < count; i++)
    used += strlen(urls[i]) + 8;
  if (file->piece_type == DIGEST_NONE || file->size <= 0 ||
      used >= MANIFEST_LINE_CAP ||
      (size_t)((file->size - 1) / file->piece_length) + 1 != file->piece_count)
    return NULL;
  return pieces_text(file->piece_type, file->piece_length, file->pieces,
                     file->piece_count, MANIFEST_LINE_CAP - used);
}

static char *file_line(const struct metalink_file *file) {
  const char *urls[URLS_MOST];
  char name[NAME_CAP], checksum[DIGEST_TEXT], *text = NULL, *pieces;
  struct task_fields fields;
  struct manifest_line line = {.deadline_unix = INT64_MAX, .fields = &fields};
  size_t count = choose_urls(file, urls);
  task_fields_init(&fields);
  digest_text(metalink_best(file), checksum);
  fields.checksum = checksum[0] != '\0' ? checksum : NULL;
  fields.size = file->size;
  fields.pieces = pieces = pieces_of(file, urls, count);
  fields.mirrors = urls + 1;
  line.url = urls[0];
  if (name_from_document(file->name, name, sizeof(name)) == 0)
    line.out = name;
  /* Mirrors that the line has no room for stay out of it. */
  for (fields.mirror_count = count - 1;; fields.mirror_count--) {
    free(text);
    text = manifest_write_json(&line);
    if (text == NULL || strlen(text) < MANIFEST_LINE_CAP ||
        fields.mirror_count == 0)
      break;
  }
  free(pieces);
  return text;
}

static int add_file(struct bytes *out, const struct metalink_file *file) {
  char *text = file_line(file);
  if (text == NULL)
    return ERR_NOMEM;
  bytes_add(out, text, strlen(text));
  bytes_add(out, "\n", 1);
  free(text);
  return 0;
}

/* ---- all of them --------------------------------------------------------- */

int metalink_lines(const char *data, size_t length, char **text,
                   size_t *text_len, struct errmsg *msg) {
  struct metalink metalink;
  struct bytes out;
  int code = metalink_parse(&metalink, data, length, msg);
  if (code != 0)
    return code;
  bytes_init(&out, LINES_BYTES);
  for (size_t i = 0; i < metalink.count && code == 0; i++)
    code = add_file(&out, &metalink.files[i]);
  metalink_fini(&metalink);
  bytes_add(&out, "", 1);
  if (code == 0 && out.failed != 0)
    code = out.failed;
  if (code != 0) {
    bytes_fini(&out);
    return err_set(msg, code, "%s", err_text(code));
  }
  *text = out.data;
  *text_len = out.len - 1;
  return 0;
}

/* ---- files --------------------------------------------------------------- */

/* At most cap bytes from the beginning. Negative: see errno. */
static ssize_t read_head(int fd, char *data, size_t cap) {
  size_t have = 0;
  while (have < cap) {
    ssize_t n = pread(fd, data + have, cap - have, (off_t)have);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    have += (size_t)n;
  }
  return (ssize_t)have;
}

int metalink_file(int fd) {
  char head[DETECT_BYTES];
  ssize_t n = read_head(fd, head, sizeof(head));
  return n < 0 ? ERR_IO : n > 0 && metalink_detect(head, (size_t)n);
}

static int write_all(int fd, const char *data, size_t left) {
  while (left > 0) {
    ssize_t n = write(fd, data, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return err_from_errno(errno);
    data += n;
    left -= (size_t)n;
  }
  return 0;
}

int metalink_file_lines(int fd, const char *name, int out_fd,
                        struct errmsg *msg) {
  char *data = malloc(METALINK_BYTES + 1), *text = NULL;
  struct errmsg why;
  size_t length = 0;
  ssize_t n = data != NULL ? read_head(fd, data, METALINK_BYTES + 1) : 0;
  int code = data == NULL ? ERR_NOMEM : n < 0 ? ERR_IO : 0;
  snprintf(why.text, sizeof(why.text), "%s",
           code == ERR_IO ? strerror(errno) : err_text(code));
  if (code == 0)
    code = metalink_lines(data, (size_t)n, &text, &length, &why);
  free(data);
  if (code == 0) {
    code = write_all(out_fd, text, length);
    snprintf(why.text, sizeof(why.text), "it cannot be copied: %s",
             err_text(code));
  }
  free(text);
  return code == 0 ? 0 : err_set(msg, code, "%s: %.400s", name, why.text);
}
