/* SPDX-License-Identifier: MIT
 *
 * The forms of manifests: what each one says, that a cut anywhere gives the
 * same, that any record can be read again from its offset, that nonsense is
 * told and hurts nobody.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest.h"

static struct manifest m;

static void put(const char *data, size_t length) {
  size_t room;
  char *space = manifest_space(&m, &room);
  assert_non_null(space);
  assert_true(length <= room);
  memcpy(space, data, length);
  manifest_filled(&m, length);
}

static void begin(const struct manifest_format *format, const char *text) {
  assert_int_equal(manifest_init(&m, format), 0);
  put(text, strlen(text));
  manifest_end(&m);
}

static struct manifest_line next(void) {
  struct manifest_line line;
  assert_int_equal(manifest_next(&m, &line), 1);
  return line;
}

static struct manifest_line good(void) {
  struct manifest_line line = next();
  if (line.why != NULL)
    fail_msg("line %u: %s", (unsigned)line.line, line.why);
  return line;
}

static void over(void) {
  struct manifest_line line;
  assert_int_equal(manifest_next(&m, &line), 0);
  manifest_fini(&m);
}

/* ---- one record after the other ---------------------------------------- */

static void add(FILE *file, const char *name, const char *text) {
  fprintf(file, " %s=%s", name, text != NULL ? text : "-");
}

static void describe(FILE *file, const struct manifest_line *line) {
  const struct task_fields *f = line->fields;
  fprintf(file, "%u-%u %s", (unsigned)line->line, (unsigned)line->next_line,
          line->url);
  if (line->why != NULL) {
    fprintf(file, " WHY %s\n", line->why);
    return;
  }
  add(file, "out", line->out);
  add(file, "dir", line->dir);
  fprintf(file, " %d %lld", line->priority, (long long)line->deadline_unix);
  if (f != NULL) {
    for (size_t i = 0; i < f->mirror_count; i++)
      add(file, "mirror", f->mirrors[i]);
    for (size_t i = 0; i < f->header_count; i++)
      add(file, "header", f->headers[i]);
    add(file, "method", f->method);
    add(file, "checksum", f->checksum);
    fprintf(file, " %lld %d ", (long long)f->size, f->split);
    for (size_t i = 0; i < f->body_length; i++)
      fputc(f->body[i] != '\0' ? f->body[i] : '@', file);
  }
  fprintf(file, " %llx\n", (unsigned long long)line->object);
}

struct place {
  uint64_t offset, line;
};

/* All records as text; places gets where each one begins, if wanted. */
static char *read_blocks(const struct manifest_format *format, const char *data,
                         size_t length, size_t first, size_t block,
                         struct place *places, size_t *count) {
  char *text = NULL;
  size_t size, n = 0;
  FILE *file = open_memstream(&text, &size);
  struct manifest_line line;
  assert_int_equal(manifest_init(&m, format), 0);
  for (size_t at = 0, turn = 0;; turn++) {
    size_t piece = turn == 0 ? first : block;
    if (piece > length - at)
      piece = length - at;
    put(data + at, piece);
    at += piece;
    if (at == length)
      manifest_end(&m);
    for (size_t given = 0; manifest_next(&m, &line); given++) {
      if (given > length) /* each takes a byte at least */
        fail_msg("%s gives no end of lines: %s", format->name, line.why);
      describe(file, &line);
      if (places != NULL)
        places[++n] = (struct place){line.end, line.next_line};
    }
    if (at == length)
      break;
  }
  assert_int_equal(manifest_offset(&m), length);
  manifest_fini(&m);
  fclose(file);
  if (count != NULL)
    *count = n;
  return text;
}

static void cut_everywhere(const struct manifest_format *format,
                           const char *data, size_t length) {
  char *whole = read_blocks(format, data, length, length, length, NULL, NULL);
  for (size_t cut = 0; cut <= length; cut++) {
    char *other = read_blocks(format, data, length, cut, length, NULL, NULL);
    assert_string_equal(whole, other);
    free(other);
  }
  char *bytes = read_blocks(format, data, length, 1, 1, NULL, NULL);
  assert_string_equal(whole, bytes);
  free(bytes);
  free(whole);
}

/* From each place on, what comes is the end of what came from the start. */
static void read_from_everywhere(const struct manifest_format *format,
                                 const char *data, size_t length) {
  struct place places[256] = {{0, 1}};
  size_t count;
  char *whole =
      read_blocks(format, data, length, length, length, places, &count);
  assert_in_range(count, 1, 255);
  for (size_t i = 0; i <= count; i++) {
    char *text = NULL;
    size_t size;
    struct manifest_line line;
    FILE *file = open_memstream(&text, &size);
    assert_int_equal(manifest_init(&m, format), 0);
    manifest_seek(&m, places[i].offset, places[i].line);
    if (manifest_lacks_head(&m)) {
      manifest_seek(&m, 0, 1);
      put(data, length);
      assert_int_equal(manifest_head(&m), 1);
      manifest_seek(&m, places[i].offset, places[i].line);
    }
    put(data + places[i].offset, length - places[i].offset);
    manifest_end(&m);
    while (manifest_next(&m, &line))
      describe(file, &line);
    manifest_fini(&m);
    fclose(file);
    size_t left = strlen(text);
    if (left > strlen(whole))
      fail_msg("from record %zu:\n%s\nof\n%s", i, text, whole);
    assert_string_equal(text, whole + strlen(whole) - left);
    assert_true((left == 0) == (i == count));
    free(text);
  }
  free(whole);
}

/* ---- jsonl ------------------------------------------------------------- */

static const char jsonl[] =
    "\xef\xbb\xbf{\"url\":\"https://h.example/a?s=1\"}\n"
    "\n# a comment\n"
    "{\"url\": \"https://h.example/b\", \"out\": \"n\\u00e4me\", \"dir\": "
    "\"d/e\", \"priority\": -3, \"deadline\": 1900000000, \"method\": "
    "\"post\", \"body\": \"x\\u0000y\", \"headers\": {\"X-A\": \"1\", "
    "\"X-B\": \"2\"}, \"checksum\": "
    "\"md5=d41d8cd98f00b204e9800998ecf8427e\", \"size\": 12, \"split\": 4}\r\n"
    "  {\"urls\": [\"http://a.example/1\", \"http://b.example/1\"], "
    "\"headers\": [\"X-C: 3\"], \"deadline\": \"2030-01-31T18:00:00+02:00\"}\n"
    "{\"urls\": [\"http://b.example/1\"], \"url\": \"http://a.example/1\"}\n"
    "{\"url\": 5}\n[]\nnull\n{\"url\": \n{\"out\": \"x\"}\n"
    "{\"url\": \"http://h.example/last\", \"unheard\": 1, \"of\": {}}";

static void jsonl_says_all_there_is(void **state) {
  (void)state;
  begin(&manifest_jsonl, jsonl);
  struct manifest_line line = good();
  assert_string_equal(line.url, "https://h.example/a?s=1");
  assert_null(line.fields);
  assert_true(line.deadline_unix == INT64_MAX);
  line = good();
  const struct task_fields *f = line.fields;
  assert_int_equal(line.line, 4);
  assert_string_equal(line.out, "n\xc3\xa4me");
  assert_string_equal(line.dir, "d/e");
  assert_int_equal(line.priority, -3);
  assert_int_equal(line.deadline_unix, 1900000000);
  assert_null(f->method); /* the usual one where there is a body */
  assert_int_equal(f->body_length, 3);
  assert_memory_equal(f->body, "x\0y", 4);
  assert_int_equal(f->header_count, 2);
  assert_string_equal(f->headers[1], "X-B: 2");
  assert_int_equal(f->size, 12);
  assert_int_equal(f->split, 4);
  line = good();
  assert_string_equal(line.url, "http://a.example/1");
  assert_int_equal(line.fields->mirror_count, 1);
  assert_string_equal(line.fields->mirrors[0], "http://b.example/1");
  assert_string_equal(line.fields->headers[0], "X-C: 3");
  assert_int_equal(line.deadline_unix, 1896105600);
  line = good();
  assert_string_equal(line.url, "http://a.example/1");
  assert_string_equal(line.fields->mirrors[0], "http://b.example/1");
  for (int i = 0; i < 5; i++) {
    line = next();
    assert_non_null(line.why);
    assert_int_equal(line.object, OBJECT_BAD);
  }
  assert_string_equal(good().url, "http://h.example/last");
  char text[128];
  assert_true(manifest_warning(&m, text, sizeof text));
  assert_non_null(strstr(text, "'unheard'"));
  assert_true(manifest_warning(&m, text, sizeof text));
  assert_false(manifest_warning(&m, text, sizeof text));
  over();
}

static void expect_fault(const struct manifest_format *format, const char *text,
                         const char *says) {
  begin(format, text);
  struct manifest_line line = next();
  if (line.why == NULL || strstr(line.why, says) == NULL)
    fail_msg("%s: expected '%s', got '%s'", text, says,
             line.why != NULL ? line.why : "a good line");
  manifest_fini(&m);
}

static void wrong_values_are_named(void **state) {
  (void)state;
  static const struct {
    const char *field, *says;
  } wrong[] = {
      {"\"priority\": 1.5", "priority: a number, where a whole number"},
      {"\"priority\": \"1\"", "priority: text, where a whole number"},
      {"\"priority\": 3000000000", "priority: '3000000000' is not a whole"},
      {"\"deadline\": \"soon\"", "deadline: 'soon' is not a time"},
      {"\"deadline\": true", "deadline: true or false"},
      {"\"deadline\": -5", "deadline: '-5'"},
      {"\"checksum\": \"sha-256=12\"", "checksum: sha-256 has 64"},
      {"\"check\": \"xml\"", "check: 'xml' is not json, gzip or none"},
      {"\"checksum\": \"crc=12\"", "checksum: 'crc=12' is not TYPE=HEX"},
      {"\"headers\": {\"A\": 1}", "headers: it is neither"},
      {"\"headers\": [\"A: b\\r\\nC: d\"]", "headers: a line break"},
      {"\"headers\": [\"no colon\"]", "headers: one of them is not"},
      {"\"headers\": [\"Range: bytes=1-\"]", "'Range' is set by spate"},
      {"\"headers\": \"A: b\"", "headers: it is neither"},
      {"\"method\": \"GE T\"", "method: 'GE T' is not"},
      {"\"method\": \"HEAD\"", "a method that brings a file"},
      {"\"body\": {}", "body: an object, where text belongs"},
      {"\"out\": \"a\\u0000b\"", "out: a NUL byte"},
      {"\"size\": -1", "size: '-1' is not"},
      {"\"split\": 0", "split: '0' is not"},
      {"\"urls\": [\"no\"]", "another URL: "},
      {"\"urls\": [1]", "urls: a number, where a URL"},
      {"\"url\": \"http://h/b\"", "duplicate"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char text[256];
    snprintf(text, sizeof text, "{\"url\": \"http://h/a\", %s}",
             wrong[i].field);
    expect_fault(&manifest_jsonl, text, wrong[i].says);
  }
  expect_fault(&manifest_jsonl, "{\"url\": \"gopher://h/a\"}", "");
  expect_fault(&manifest_jsonl, "{\"url\": \"http://h/?secret=1\" x}",
               "no JSON");
  expect_fault(&manifest_jsonl, "[{\"url\": \"http://h/a\"},", "jq -c .[]");
  expect_fault(&manifest_jsonl, "[{\"url\": \"http://h/a\"}]", "jq -c .[]");
  expect_fault(&manifest_jsonl, "{\"url\": \"http://h/a\"},",
               "one object a line, without commas");
}

static void faults_do_not_quote_the_line(void **state) {
  (void)state;
  begin(&manifest_jsonl, "{\"url\": \"http://h/?X-Amz-Signature=abc\" x}");
  assert_null(strstr(next().why, "abc"));
  manifest_fini(&m);
}

/* ---- csv and tsv ------------------------------------------------------- */

static const char csv[] =
    "\r\nURL,out, Priority ,colour,deadline,headers,body\r\n"
    "https://h.example/a?s=1,,,red,,,\r\n"
    "\"https://h.example/b,c\",\"a \"\"b\"\"\nc\",7,,2030-01-31,\"X-A: 1\nX-B: "
    "2\",\"x,\"\"\"\n"
    "\n"
    "https://h.example/c,n,,,1900000000,\"[\"\"X-D: 4\"\"]\",\"\"\r\n"
    "https://h.example/d,n,x,,,,\n"
    "https://h.example/e,n\n"
    "https://h.example/f,a\"b,,,,,\n"
    "https://h.example/g,\"a\"b,,,,,\n"
    ",name,,,,,\n"
    "https://h.example/h,last,,,,,";

static void csv_is_read_as_rfc_4180_says(void **state) {
  (void)state;
  char text[128];
  begin(&manifest_csv, csv);
  struct manifest_line line = good();
  assert_int_equal(line.line, 3);
  assert_string_equal(line.url, "https://h.example/a?s=1");
  assert_null(line.out);
  assert_null(line.fields);
  assert_true(manifest_warning(&m, text, sizeof text));
  assert_non_null(strstr(text, "'colour'"));
  assert_false(manifest_warning(&m, text, sizeof text));
  line = good();
  assert_int_equal(line.line, 4);
  assert_int_equal(line.next_line, 7);
  assert_string_equal(line.url, "https://h.example/b,c");
  assert_string_equal(line.out, "a \"b\"\nc");
  assert_int_equal(line.priority, 7);
  assert_int_equal(line.fields->header_count, 2);
  assert_string_equal(line.fields->headers[1], "X-B: 2");
  assert_string_equal(line.fields->body, "x,\"");
  line = good();
  assert_int_equal(line.line, 8);
  assert_int_equal(line.deadline_unix, 1900000000);
  assert_string_equal(line.fields->headers[0], "X-D: 4");
  assert_null(line.fields->body);
  assert_non_null(strstr(next().why, "priority: 'x'"));
  assert_non_null(strstr(next().why, "2 cells, the header has 7"));
  assert_non_null(strstr(next().why, "a quote within"));
  assert_non_null(strstr(next().why, "behind a closing quote"));
  assert_non_null(strstr(next().why, "no URL"));
  assert_string_equal(good().out, "last");
  over();
}

static void open_quote_costs_one_line(void **state) {
  (void)state;
  begin(&manifest_csv, "url,out\nhttp://h/a,\"x\nhttp://h/b,y\nhttp://h/c,z\n");
  struct manifest_line line = next();
  assert_int_equal(line.line, 2);
  assert_non_null(strstr(line.why, "quote"));
  assert_string_equal(good().url, "http://h/b");
  assert_string_equal(good().out, "z");
  over();
}

static void tsv_has_no_quotes(void **state) {
  (void)state;
  begin(&manifest_tsv, "out\turl\n\"a\"\thttp://h/a\n\thttp://h/b\r\n");
  assert_string_equal(good().out, "\"a\"");
  assert_null(good().out);
  over();
}

static void table_without_url_is_one_fault(void **state) {
  (void)state;
  begin(&manifest_csv, "name,link\na,http://h/a\nb,http://h/b\n");
  assert_int_equal(manifest_head(&m), ERR_SYNTAX);
  assert_non_null(strstr(manifest_why(&m), "name, link"));
  manifest_fini(&m);
  begin(&manifest_csv, "name,link\na,http://h/a\nb,http://h/b\n");
  assert_non_null(strstr(next().why, "name, link"));
  over();
  begin(&manifest_csv, "");
  assert_int_equal(manifest_head(&m), ERR_SYNTAX);
  manifest_fini(&m);
}

/* ---- aria2 ------------------------------------------------------------- */

static const char aria2[] =
    "# list\n  orphan=1\n"
    "http://a.example/1\thttp://b.example/1\n"
    "  out=one\n"
    "# between\n\n"
    "\tdir=d/e\n"
    "  header=X-A: 1\n  header=X-B: a=b\n"
    "  split=8\n  seed-time=5\n  referer=http://r.example/\n"
    "  user-agent=me 1.0\n"
    "http://h.example/2\r\n"
    "  checksum=sha-1=da39a3ee5e6b4b0d3255bfef95601890afd80709\r\n"
    "\n"
    "http://h.example/3\n"
    "http://h.example/4\n  nonsense\n"
    "http://h.example/5\tno-url\n"
    "http://h.example/6\n seed-time=4\n out=six";

static void aria2_options_belong_to_the_url_above(void **state) {
  (void)state;
  char text[128];
  begin(&manifest_aria2, aria2);
  struct manifest_line line = good();
  const struct task_fields *f = line.fields;
  assert_int_equal(line.line, 3);
  assert_int_equal(line.next_line, 14);
  assert_string_equal(line.url, "http://a.example/1");
  assert_string_equal(f->mirrors[0], "http://b.example/1");
  assert_string_equal(line.out, "one");
  assert_string_equal(line.dir, "d/e");
  assert_int_equal(f->header_count, 4);
  assert_string_equal(f->headers[1], "X-B: a=b");
  assert_string_equal(f->headers[2], "Referer: http://r.example/");
  assert_string_equal(f->headers[3], "User-Agent: me 1.0");
  assert_int_equal(f->split, 8);
  line = good();
  assert_string_equal(line.url, "http://h.example/2");
  assert_non_null(line.fields->checksum);
  assert_string_equal(good().url, "http://h.example/3");
  assert_non_null(strstr(next().why, "no name=value"));
  assert_non_null(strstr(next().why, "another URL"));
  assert_string_equal(good().out, "six");
  assert_true(manifest_warning(&m, text, sizeof text));
  assert_non_null(strstr(text, "without a URL"));
  assert_true(manifest_warning(&m, text, sizeof text));
  assert_non_null(strstr(text, "'seed-time'"));
  assert_false(manifest_warning(&m, text, sizeof text));
  over();
}

/* ---- all of them ------------------------------------------------------- */

static const struct {
  const struct manifest_format *format;
  const char *text;
} all[] = {{&manifest_jsonl, jsonl},
           {&manifest_csv, csv},
           {&manifest_aria2, aria2},
           {&manifest_auto, jsonl},
           {&manifest_auto, csv},
           {&manifest_auto, aria2},
           {&manifest_tsv, "out\turl\na\thttp://h/a\n\n\thttp://h/b\r\nx\n"},
           {&manifest_text, "http://h/a\tb\r\n\n# x\nhttp://h/c\nno\n x"}};

static void cut_anywhere_gives_the_same(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    cut_everywhere(all[i].format, all[i].text, strlen(all[i].text));
}

static void records_can_be_read_again_from_their_offsets(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i].format != &manifest_auto)
      read_from_everywhere(all[i].format, all[i].text, strlen(all[i].text));
}

/* Records around the ceiling, in blocks of several sizes. */
static char *long_records(const char *head, const char *before,
                          const char *after, size_t *length) {
  char *data = NULL;
  FILE *file = open_memstream(&data, length);
  fputs(head, file);
  for (int i = 0; i < 12; i++) {
    size_t fill = i % 4 == 0   ? 70000
                  : i % 4 == 1 ? 65536 - strlen(before) - (size_t)i / 4
                               : 100;
    fputs(before, file);
    for (size_t n = 0; n < fill; n++)
      fputc('x', file);
    fputs(after, file);
  }
  fclose(file);
  return data;
}

static void ceilings_do_not_depend_on_blocks(void **state) {
  (void)state;
  static const struct {
    const struct manifest_format *format;
    const char *head, *before, *after;
  } kinds[] = {
      {&manifest_jsonl, "", "{\"url\":\"http://h/a\",\"body\":\"", "\"}\n"},
      {&manifest_csv, "url,body\n", "http://h/a,", "\n"},
      {&manifest_csv, "url,body\n", "http://h/a,\"\n", "\"\n"},
      {&manifest_csv, "url,body\n", "http://h/a,\"", "\nhttp://h/b,c\n"},
      {&manifest_aria2, "",
       "http://h/a\n out=b\n header=A: ", "\n dir=c\n# x\n"},
      {&manifest_aria2, "", "http://h/a\n out=b\n# ", "\n dir=c\n"},
      {&manifest_text, "", "http://h/a\t", "\n"}};
  const size_t blocks[] = {4096, 65535, 65536, 65537, 65538, 100000};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    size_t length;
    char *data =
        long_records(kinds[i].head, kinds[i].before, kinds[i].after, &length);
    char *whole =
        read_blocks(kinds[i].format, data, length, 262144, 262144, NULL, NULL);
    assert_non_null(strstr(whole, "64 KB"));
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
      char *other = read_blocks(kinds[i].format, data, length, blocks[b],
                                blocks[b], NULL, NULL);
      assert_string_equal(whole, other);
      free(other);
    }
    free(whole);
    free(data);
  }
}

static uint64_t rng = 88172645463325252u;

static unsigned roll(unsigned sides) {
  rng ^= rng << 13;
  rng ^= rng >> 7;
  rng ^= rng << 17;
  return (unsigned)(rng % sides);
}

/* Pieces of the real thing, broken and mixed with bytes of any kind. */
static void nonsense_is_survived_and_read_alike(void **state) {
  (void)state;
  static const char *const pieces[] = {
      "http://h/a", "\n",   "\r\n", "\t", ",",    "\"",      "{",
      "}",          "url",  ":",    " ",  "#",    "out=x",   "\"url\":",
      "[",          "]",    "\\u",  "=",  "null", "header=", "://",
      "\"\"",       "body", "1e9",  "-",  "dir"};
  static const struct manifest_format *const formats[] = {
      &manifest_text, &manifest_aria2, &manifest_jsonl,
      &manifest_csv,  &manifest_tsv,   &manifest_auto};
  for (int round = 0; round < 3000; round++) {
    char data[512];
    size_t length = 0;
    if (round % 3 == 0)
      length = (size_t)snprintf(data, sizeof data, "url,out,headers\n");
    while (length < 400 && roll(60) > 0) {
      const char *piece = pieces[roll(sizeof pieces / sizeof *pieces)];
      if (roll(12) == 0) {
        data[length++] = (char)roll(256);
      } else {
        memcpy(data + length, piece, strlen(piece));
        length += strlen(piece);
      }
    }
    const struct manifest_format *format = formats[roll(6)];
    char *a = read_blocks(format, data, length, length, length, NULL, NULL);
    char *b =
        read_blocks(format, data, length, roll(50), 1 + roll(9), NULL, NULL);
    assert_string_equal(a, b);
    free(a);
    free(b);
  }
}

/* ---- which form -------------------------------------------------------- */

static const char *detected(const char *text, bool whole, const char *name) {
  const struct manifest_format *format =
      manifest_detect(text, strlen(text), whole, name);
  return format != NULL ? format->name : "more";
}

static void form_is_told_by_the_first_line(void **state) {
  (void)state;
  static const struct {
    const char *text, *name, *form;
  } lists[] = {
      {"http://h/a\nhttp://h/b\n", NULL, "text"},
      {"http://h/a\tname\nhttp://h/b\n", NULL, "text"},
      {"# x\n\n  http://h/a\n", NULL, "text"},
      {"http://h/a?url,b\n", "x.csv", "text"},
      {"http://h/a\thttp://g/a\n", NULL, "aria2"},
      {"http://h/a\n  out=b\n", NULL, "aria2"},
      {"http://h/a\r\n\tuser-agent=b\n", NULL, "aria2"},
      {"http://h/a\n  http://h/b?c=d\n", NULL, "text"},
      {"{\"url\": 1}\n", NULL, "jsonl"},
      {"# c\n \n {", "x.csv", "jsonl"},
      {"out,url\n", NULL, "csv"},
      {"\xef\xbb\xbf\"URL\",\"x\"\n", NULL, "csv"},
      {"url\nhttp://h/a\n", NULL, "csv"},
      {"url\nhttp://h/a\n", "a.tsv", "tsv"},
      {"name\tURLs\n", NULL, "tsv"},
      {"name,link\n", "list.csv", "csv"},
      {"name,link\n", "list.csv.gz", "csv"},
      {"name\tlink\n", "list.TSV.zst", "tsv"},
      {"name,link\n", NULL, "text"},
      {"", "x.jsonl", "jsonl"},
      {"", NULL, "text"},
  };
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    assert_string_equal(detected(lists[i].text, true, lists[i].name),
                        lists[i].form);
}

static void form_waits_for_what_decides(void **state) {
  (void)state;
  assert_string_equal(detected("", false, NULL), "more");
  assert_string_equal(detected("# c\nhttp://h/a", false, NULL), "more");
  assert_string_equal(detected("http://h/a\n", false, NULL), "more");
  assert_string_equal(detected("http://h/a\n  ou", false, NULL), "more");
  assert_string_equal(detected("http://h/a\nh", false, NULL), "text");
  assert_string_equal(detected("{", false, NULL), "jsonl");
  assert_string_equal(detected("http://h/a\tb\nx", false, NULL), "text");
  assert_string_equal(detected("url,x\n", false, NULL), "csv");
}

/* ---- objects ----------------------------------------------------------- */

static uint64_t object_of(const struct manifest_format *format,
                          const char *text) {
  begin(format, text);
  uint64_t object = good().object;
  manifest_fini(&m);
  return object;
}

static uint64_t json_object_of(const char *more) {
  char text[256];
  snprintf(text, sizeof text, "{\"url\": \"http://h/a?s=%d\"%s}",
           (int)strlen(more), more);
  return object_of(&manifest_jsonl, text);
}

static bool hurries(const char *text) {
  struct manifest list;
  struct manifest_line line;
  size_t room;
  assert_int_equal(manifest_init(&list, &manifest_auto), 0);
  memcpy(manifest_space(&list, &room), text, strlen(text));
  manifest_filled(&list, strlen(text));
  assert_int_equal(manifest_next(&list, &line), 0);
  bool hurried = manifest_hurry(&list);
  assert_int_equal(manifest_next(&list, &line), hurried);
  if (hurried)
    assert_string_equal(list.format->name, "text");
  manifest_fini(&list);
  return hurried;
}

static void a_whole_line_need_not_wait_for_ever(void **state) {
  (void)state;
  assert_true(hurries("http://h/a\n"));
  assert_true(hurries("# c\n\nhttp://h/a\n"));
  assert_false(hurries("# c\n"));
  assert_false(hurries("http://h/a"));
  assert_false(hurries("http://h/a\n  ou"));
}

static void object_is_what_is_fetched_and_where_to(void **state) {
  (void)state;
  uint64_t a = json_object_of("");
  assert_true(a == object_of(&manifest_text, "http://h/a?s=9\n"));
  assert_true(a == object_of(&manifest_csv, "url,out\nhttp://h/a?s=8,\n"));
  assert_true(a == object_of(&manifest_aria2, "http://h/a\n split=2\n"));
  assert_true(a == json_object_of(", \"headers\": [\"X-Sig: 1\"]"));
  assert_true(a == json_object_of(", \"priority\": 1, \"deadline\": 99999999"));
  assert_true(a == json_object_of(", \"method\": \"GET\""));
  const char *others[] = {
      ", \"out\": \"n\"",      ", \"dir\": \"n\"",
      ", \"body\": \"n\"",     ", \"body\": \"m\"",
      ", \"method\": \"PUT\"", ", \"method\": \"PUT\", \"body\": \"n\""};
  for (size_t i = 0; i < 6; i++) {
    assert_true(json_object_of(others[i]) != a);
    for (size_t j = 0; j < i; j++)
      assert_true(json_object_of(others[i]) != json_object_of(others[j]));
  }
  assert_true(json_object_of(", \"out\": \"n\"") ==
              object_of(&manifest_text, "http://h/a\tn"));
  assert_true(json_object_of(others[2]) ==
              json_object_of(", \"body\": \"n\", \"method\": \"POST\""));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(jsonl_says_all_there_is),
      cmocka_unit_test(wrong_values_are_named),
      cmocka_unit_test(faults_do_not_quote_the_line),
      cmocka_unit_test(csv_is_read_as_rfc_4180_says),
      cmocka_unit_test(open_quote_costs_one_line),
      cmocka_unit_test(tsv_has_no_quotes),
      cmocka_unit_test(table_without_url_is_one_fault),
      cmocka_unit_test(aria2_options_belong_to_the_url_above),
      cmocka_unit_test(cut_anywhere_gives_the_same),
      cmocka_unit_test(records_can_be_read_again_from_their_offsets),
      cmocka_unit_test(ceilings_do_not_depend_on_blocks),
      cmocka_unit_test(nonsense_is_survived_and_read_alike),
      cmocka_unit_test(form_is_told_by_the_first_line),
      cmocka_unit_test(form_waits_for_what_decides),
      cmocka_unit_test(a_whole_line_need_not_wait_for_ever),
      cmocka_unit_test(object_is_what_is_fetched_and_where_to),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
