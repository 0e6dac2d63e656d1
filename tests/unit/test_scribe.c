/* SPDX-License-Identifier: MIT
 *
 * Records of shards: random bodies come back out of jsonl (by jansson) and tar
 * (by its own rules), in one piece or in many, under every codec; warc says
 * what the standard asks for.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <zlib.h>
#include <zstd.h>

#include "scribe.h"
#include "shards.h"

static uint64_t seed = 42;

static unsigned draw(unsigned below) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (unsigned)((seed >> 11) % below);
}

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/x;a=1\r\n"
                           "X-Twice: a\r\nETag:  \"e\" \r\nx-twice: b\r\n";

static struct record *make(const char *key, const char *data, size_t size) {
  struct record *r =
      record_new(key, "http://h/x?sig=***", "http://h/x?sig=***");
  assert_non_null(r);
  r->head = strdup(head);
  r->head_len = strlen(head);
  r->status = 200;
  r->unix_s = 1700000000;
  r->data = data;
  r->size = (int64_t)size;
  return r;
}

static void write_pieces(struct scribe *s, struct record *r) {
  size_t size = (size_t)r->size;
  scribe_begin(s, r);
  for (int pass = 0; pass < 2; pass++) {
    for (size_t at = 0; at < size;) {
      size_t piece = 1 + draw(700);
      piece = piece > size - at ? size - at : piece;
      if (pass == 0)
        scribe_look(s, r->data + at, piece);
      else
        scribe_body(s, r->data + at, piece);
      at += piece;
    }
    if (pass == 0)
      scribe_head(s);
  }
  assert_int_equal(scribe_tail(s), 0);
}

/* One frame with one record, unpacked by the library. */
static void unpack(enum codec codec, const struct bytes *in,
                   struct bytes *out) {
  size_t room = 4u << 20;
  char *to = bytes_room(out, room);
  assert_non_null(to);
  if (codec == CODEC_ZSTD) {
    size_t n = ZSTD_decompress(to, room, in->data, in->len);
    assert_false(ZSTD_isError(n));
    out->len += n;
  } else if (codec == CODEC_GZIP) {
    z_stream z;
    memset(&z, 0, sizeof z);
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    z.next_in = (Bytef *)in->data;
    z.avail_in = (uInt)in->len;
    z.next_out = (Bytef *)to;
    z.avail_out = (uInt)room;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    out->len += room - z.avail_out;
    inflateEnd(&z);
  } else {
    memcpy(to, in->data, in->len);
    out->len += in->len;
  }
}

/* The record of a body, both ways of writing it agreeing. */
static struct bytes written(enum shard_form form, enum codec codec,
                            struct record *r) {
  struct scribe_plan plan = {form, "content-type, ETag,x-twice,none"};
  struct packer *packer;
  struct scribe s;
  struct bytes packed, plain[2];
  assert_int_equal(packer_new(&packer, codec), 0);
  assert_int_equal(scribe_init(&s, &plan, packer), 0);
  bytes_init(&packed, 8u << 20);
  for (int i = 0; i < 2; i++) {
    bytes_clear(&packed);
    bytes_init(&plain[i], 8u << 20);
    packer_begin(packer, &packed);
    if (i == 0)
      assert_int_equal(scribe_write(&s, r), 0);
    else
      write_pieces(&s, r);
    packer_end(packer);
    assert_int_equal(packed.failed, 0);
    unpack(codec, &packed, &plain[i]);
    assert_int_equal(r->offset, 0);
    assert_int_equal(r->length, plain[i].len);
  }
  assert_int_equal(plain[0].len, plain[1].len);
  if (form != FORM_WARC) /* each has an id of its own */
    assert_memory_equal(plain[0].data, plain[1].data, plain[0].len);
  scribe_fini(&s);
  packer_free(packer);
  bytes_fini(&packed);
  bytes_fini(&plain[1]);
  return plain[0];
}

/* ---- jsonl -------------------------------------------------------------- */

static size_t invent_body(char *data, size_t cap) {
  size_t size = draw(3) == 0 ? draw(8) : draw((unsigned)cap);
  unsigned kind = draw(4);
  for (size_t i = 0; i < size; i++)
    data[i] = (char)(kind == 0   ? draw(256)
                     : kind == 1 ? draw(128)
                                 : 'a' + draw(26));
  if (kind == 3 && size > 1)
    data[0] = data[size - 1] = '"'; /* a JSON string */
  return size;
}

static void check_line(const struct bytes *line, const char *data,
                       size_t size) {
  assert_int_equal(line->data[line->len - 1], '\n');
  assert_ptr_equal(memchr(line->data, '\n', line->len),
                   line->data + line->len - 1);
  json_t *o = json_loadb(line->data, line->len, JSON_ALLOW_NUL, NULL);
  assert_non_null(o);
  json_t *text = json_object_get(o, "body");
  json_t *coded = json_object_get(o, "body_base64");
  assert_true((text != NULL) != (coded != NULL));
  if (coded != NULL) {
    unsigned char *out = malloc(json_string_length(coded) + 4);
    int n =
        EVP_DecodeBlock(out, (const unsigned char *)json_string_value(coded),
                        (int)json_string_length(coded));
    assert_int_equal(n, (size + 2) / 3 * 3); /* with its padding */
    assert_memory_equal(out, data, size);
    free(out);
  } else {
    json_t *same =
        json_loadb(data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (same == NULL)
      same = json_stringn(data, size);
    assert_non_null(same);
    assert_true(json_equal(text, same));
    json_decref(same);
  }
  json_decref(o);
}

static void any_body_comes_back_from_jsonl(void **state) {
  static char data[9000];
  (void)state;
  for (int i = 0; i < 1500; i++) {
    size_t size = invent_body(data, sizeof data);
    struct record *r = make("k", data, size);
    struct bytes line = written(FORM_JSONL, (enum codec)(i % 3), r);
    check_line(&line, data, size);
    bytes_fini(&line);
    record_free(r);
  }
}

static void a_line_says_what_is_known(void **state) {
  struct record *r = make("d/\"k\"", "[1.0, 2]", 8);
  struct bytes line = written(FORM_JSONL, CODEC_NONE, r);
  static const char want[] =
      "{\"key\":\"d/\\\"k\\\"\",\"url\":\"http://h/x?sig=***\",\"status\":200,"
      "\"headers\":{\"content-type\":\"text/x;a=1\",\"ETag\":\"\\\"e\\\"\","
      "\"x-twice\":\"a, b\"},\"body\":[1.0,2]}\n";
  (void)state;
  assert_int_equal(line.len, sizeof want - 1);
  assert_memory_equal(line.data, want, line.len);
  bytes_fini(&line);
  record_free(r);
}

/* ---- tar ---------------------------------------------------------------- */

static uint64_t octal(const char *field, size_t cap) {
  uint64_t value = 0;
  for (size_t i = 0; i < cap && field[i] >= '0' && field[i] <= '7'; i++)
    value = value * 8 + (uint64_t)(field[i] - '0');
  return value;
}

/* A member at *at: name and body; what pax says goes before the header. */
static void next_member(const struct bytes *tar, size_t *at, char *name,
                        size_t cap, const char **data, size_t *size) {
  *name = '\0';
  for (;;) {
    assert_true(*at + TAR_BLOCK <= tar->len);
    const char *h = tar->data + *at;
    unsigned sum = 0;
    for (int i = 0; i < TAR_BLOCK; i++)
      sum += i >= 148 && i < 156 ? ' ' : (unsigned char)h[i];
    assert_int_equal(sum, octal(h + 148, 8));
    assert_memory_equal(h + 257, "ustar\00000", 8);
    *size = octal(h + 124, 12);
    *data = h + TAR_BLOCK;
    *at += TAR_BLOCK + (*size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    if (h[156] == 'x') {
      char *end;
      unsigned long length = strtoul(*data, &end, 10);
      assert_int_equal(length, *size); /* one line: the path */
      assert_memory_equal(end, " path=", 6);
      assert_int_equal((*data)[length - 1], '\n');
      snprintf(name, cap, "%.*s", (int)(*data + length - 1 - (end + 6)),
               end + 6);
      continue;
    }
    assert_int_equal(h[156], '0');
    if (*name == '\0' && h[345] != '\0')
      snprintf(name, cap, "%.155s/%.100s", h + 345, h);
    else if (*name == '\0')
      snprintf(name, cap, "%.100s", h);
    return;
  }
}

static size_t invent_key(char *key, size_t cap) {
  size_t length = 1 + draw(draw(2) ? 30 : (unsigned)cap - 1);
  for (size_t i = 0; i < length; i++)
    key[i] =
        (char)(draw(12) == 0 && i > 0 && i + 1 < length ? '/' : 'a' + draw(26));
  key[length] = '\0';
  if (draw(5) == 0 && length > 1)
    memcpy(key, "\xc3\xa4", 2);
  return length;
}

static void any_body_comes_back_from_tar(void **state) {
  static char data[5000];
  (void)state;
  for (int i = 0; i < 600; i++) {
    char key[500], name[600], side[600];
    const char *got;
    size_t size = invent_body(data, sizeof data), length, at = 0;
    invent_key(key, sizeof key);
    struct record *r = make(key, data, size);
    struct bytes tar = written(FORM_TAR, (enum codec)(i % 3), r);
    assert_int_equal(tar.len % TAR_BLOCK, 0);
    next_member(&tar, &at, name, sizeof name, &got, &length);
    assert_string_equal(name, key);
    assert_int_equal(length, size);
    assert_memory_equal(got, data, size);
    next_member(&tar, &at, name, sizeof name, &got, &length);
    snprintf(side, sizeof side, "%s.json", key);
    assert_string_equal(name, side);
    json_t *o = json_loadb(got, length, 0, NULL);
    assert_non_null(o);
    assert_int_equal(json_integer_value(json_object_get(o, "status")), 200);
    assert_int_equal(json_string_length(json_object_get(o, "digest")), 8 + 64);
    json_decref(o);
    assert_int_equal(at, tar.len);
    bytes_fini(&tar);
    record_free(r);
  }
}

/* ---- warc --------------------------------------------------------------- */

static void a_response_record_is_as_the_standard_says(void **state) {
  struct record *r = make("k", "abc", 3);
  free(r->head);
  r->head =
      strdup("HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n"
             "Content-Range: bytes 2-2/3\r\nTransfer-Encoding: chunked\r\n");
  r->head_len = strlen(r->head);
  struct bytes w = written(FORM_WARC, CODEC_GZIP, r);
  (void)state;
  bytes_add(&w, "", 1);
  assert_int_equal(strncmp(w.data, "WARC/1.1\r\nWARC-Type: response\r\n", 31),
                   0);
  assert_non_null(strstr(w.data, "\r\nWARC-Date: 2023-11-14T22:13:20Z\r\n"));
  assert_non_null(
      strstr(w.data, "\r\nWARC-Target-URI: http://h/x?sig=***\r\n"));
  /* sha1 of "abc", by anybody's base32 */
  assert_non_null(strstr(w.data, "\r\nWARC-Payload-Digest: "
                                 "sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5\r\n"));
  assert_non_null(strstr(w.data, "\r\n\r\nHTTP/1.1 200 OK\r\n"
                                 "X-Crawl-Transfer-Encoding: chunked\r\n"
                                 "Content-Length: 3\r\n\r\nabc\r\n\r\n"));
  assert_null(strstr(w.data, "Content-Range"));
  bytes_fini(&w);
  record_free(r);
}

/* ---- names --------------------------------------------------------------- */

static void names_of_shards_are_told_apart(void **state) {
  struct shard_name n;
  (void)state;
  assert_true(shard_name_parse("shard-00007.jsonl.zst", &n));
  assert_int_equal(n.number, 7);
  assert_int_equal(n.form, FORM_JSONL);
  assert_int_equal(n.codec, CODEC_ZSTD);
  assert_false(n.part);
  assert_true(shard_name_parse("shard-123456.warc.gz.part", &n));
  assert_int_equal(n.number, 123456);
  assert_true(n.part);
  assert_true(shard_name_parse("shard-00000.tar", &n));
  assert_int_equal(n.codec, CODEC_NONE);
  assert_false(shard_name_parse("shard-00000.idx", &n));
  assert_false(shard_name_parse("shard-0000.tar", &n));
  assert_false(shard_name_parse("shard-00000.tarx", &n));
  assert_false(shard_name_parse("results", &n));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_body_comes_back_from_jsonl),
      cmocka_unit_test(a_line_says_what_is_known),
      cmocka_unit_test(any_body_comes_back_from_tar),
      cmocka_unit_test(a_response_record_is_as_the_standard_says),
      cmocka_unit_test(names_of_shards_are_told_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
