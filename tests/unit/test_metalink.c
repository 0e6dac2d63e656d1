/* SPDX-License-Identifier: MIT
 *
 * metalink.c: the document of RFC 5854, broken ones, and ones that mean harm.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metalink.h"

#define HEAD                                     \
  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" \
  "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n"
#define TAIL "</metalink>\n"
#define MD5_A "900150983cd24fb0d6963f7d28e17f72"
#define MD5_B "d41d8cd98f00b204e9800998ecf8427e"
#define SHA_A "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const char example[] = HEAD
    "<published>2009-05-15T12:23:23Z</published>\n"
    "<file name=\"example.ext\">\n"
    "  <size>14471447</size><identity>Example</identity>\n"
    "  <hash type=\"md5\">" MD5_A "</hash>\n"
    "  <hash type=\"sha-256\">\n " SHA_A "\n</hash>\n"
    "  <hash type=\"md-unknown\">zz</hash>\n"
    "  <pieces length=\"7235724\" type=\"md5\">"
    "<hash>" MD5_A "</hash><hash>" MD5_B "</hash></pieces>\n"
    "  <x:deep xmlns:x=\"other\"><x:url>http://no/</x:url>"
    "<url>http://neither/</url></x:deep>\n"
    "  <url>http://last/f</url>\n"
    "  <url location=\"DE\" priority=\"2\">http://second/f?a=1&amp;b=2</url>\n"
    "  <url priority=\"1\"> ftp://first/f </url>\n"
    "  <url priority=\"2\" location=\"long\">http://third/f</url>\n"
    "  <metaurl mediatype=\"torrent\" priority=\"1\">http://t/</metaurl>\n"
    "</file>\n"
    "<file name=\"dir/other\"><url>http://o/</url></file>\n" TAIL;

static void example_of_the_standard(void **state) {
  struct metalink m;
  const struct metalink_file *f;
  struct errmsg msg;
  char buf[DIGEST_TEXT];
  (void)state;
  assert_int_equal(metalink_parse(&m, example, strlen(example), &msg), 0);
  assert_int_equal(m.count, 2);
  f = &m.files[0];
  assert_string_equal(f->name, "example.ext");
  assert_int_equal(f->size, 14471447);
  assert_string_equal(digest_text(metalink_best(f), buf), "sha-256=" SHA_A);
  assert_string_equal(digest_text(&f->digests[DIGEST_MD5], buf), "md5=" MD5_A);
  assert_int_equal(f->piece_type, DIGEST_MD5);
  assert_int_equal(f->piece_length, 7235724);
  assert_int_equal(f->piece_count, 2);
  assert_int_equal(f->pieces[0], 0x90);
  assert_int_equal(f->pieces[16], 0xd4);
  assert_int_equal(f->url_count, 4);
  assert_string_equal(f->urls[0].url, "ftp://first/f");
  assert_string_equal(f->urls[1].url, "http://second/f?a=1&b=2");
  assert_string_equal(f->urls[1].location, "de");
  assert_string_equal(f->urls[2].url, "http://third/f");
  assert_string_equal(f->urls[2].location, "");
  assert_string_equal(f->urls[3].url, "http://last/f");
  assert_int_equal(f->urls[3].priority, METALINK_PRIORITY_LAST);
  f = &m.files[1];
  assert_string_equal(f->name, "dir/other");
  assert_int_equal(f->size, -1);
  assert_int_equal(metalink_best(f)->type, DIGEST_NONE);
  metalink_fini(&m);
}

static int code_of(const char *text) {
  struct metalink m;
  struct errmsg msg = {""};
  int code = metalink_parse(&m, text, strlen(text), &msg);
  if (code == 0) {
    metalink_fini(&m);
  } else {
    assert_non_null(strstr(msg.text, "metalink"));
    assert_null(m.files);
  }
  return code;
}

static void broken_documents_are_refused(void **state) {
  static const char *const bad[] = {
      "",
      "x",
      "<html/>",
      "<metalink version=\"3.0\"><files/></metalink>",
      HEAD,
      HEAD "<file><url>http://a/</url></file>" TAIL,
      HEAD "<file name=\"\"/>" TAIL,
      HEAD "<file name=\"a\"><size>-1</size></file>" TAIL,
      HEAD "<file name=\"a\"><size>99999999999999999999</size></file>" TAIL,
      HEAD "<file name=\"a\"><hash type=\"md5\">00</hash></file>" TAIL,
      HEAD "<file name=\"a\"><pieces length=\"1\" type=\"md5\"><hash>0</hash>"
           "</pieces></file>" TAIL,
      HEAD "<file name=\"a\"><url>http://a/</file>" TAIL,
  };
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    if (code_of(bad[i]) != ERR_SYNTAX)
      fail_msg("taken: %s", bad[i]);
  assert_int_equal(code_of(HEAD TAIL), 0);
}

static void nothing_declared_is_expanded(void **state) {
  (void)state;
  assert_int_equal(
      code_of("<?xml version=\"1.0\"?><!DOCTYPE metalink [<!ENTITY a \"aaaa\">"
              "<!ENTITY b \"&a;&a;&a;\"><!ENTITY f SYSTEM \"/etc/passwd\">]>"
              "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file "
              "name=\"x\"><url>&b;&f;</url></file></metalink>"),
      ERR_SYNTAX);
}

static void pieces_that_do_not_fit_are_dropped(void **state) {
  static const char text[] =
      HEAD "<file name=\"a\"><size>10</size><pieces length=\"4\" "
           "type=\"md5\"><hash>" MD5_A
           "</hash></pieces></file><file name=\"b\"><pieces length=\"4\" "
           "type=\"md5\"><hash>" MD5_A "</hash></pieces></file>" TAIL;
  struct metalink m;
  (void)state;
  assert_int_equal(metalink_parse(&m, text, strlen(text), NULL), 0);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(m.files[i].piece_count, 0);
    assert_int_equal(m.files[i].piece_type, DIGEST_NONE);
  }
  metalink_fini(&m);
}

/* Appends text so many times. */
static char *repeat(const char *head, const char *text, size_t times,
                    const char *tail) {
  size_t n = strlen(text), h = strlen(head);
  char *all = malloc(h + n * times + strlen(tail) + 1);
  assert_non_null(all);
  memcpy(all, head, h);
  for (size_t i = 0; i < times; i++)
    memcpy(all + h + i * n, text, n);
  memcpy(all + h + n * times, tail, strlen(tail) + 1);
  return all;
}

static void ceilings_hold(void **state) {
  static const char file[] = HEAD "<file name=\"a\">";
  char *text;
  (void)state;
  text =
      repeat(file, "<url>http://a/</url>", METALINK_URLS + 1, "</file>" TAIL);
  assert_int_equal(code_of(text), ERR_TOOBIG);
  free(text);
  text = repeat(HEAD "<file name=\"a\"><url>", "a", METALINK_TEXT + 1,
                "</url></file>" TAIL);
  assert_int_equal(code_of(text), ERR_TOOBIG);
  free(text);
  text = repeat(HEAD, "<a>", 100000, TAIL);
  assert_int_equal(code_of(text), ERR_TOOBIG);
  free(text);
  text = repeat(HEAD, " ", METALINK_BYTES, TAIL);
  assert_int_equal(code_of(text), ERR_TOOBIG);
  free(text);
}

/* Every beginning of the example, and each byte of it changed, is read or
 * refused, but nothing else. */
static void damaged_documents_do_no_harm(void **state) {
  size_t length = strlen(example);
  char *copy = malloc(length + 1);
  (void)state;
  assert_non_null(copy);
  for (size_t i = 0; i < length; i++) {
    struct metalink m;
    memcpy(copy, example, length + 1);
    assert_int_not_equal(metalink_parse(&m, copy, i < length - 2 ? i : 0, NULL),
                         0);
    copy[i] = "<>&\"\0x\xff"[i % 7];
    if (metalink_parse(&m, copy, length, NULL) == 0)
      metalink_fini(&m);
  }
  free(copy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(example_of_the_standard),
      cmocka_unit_test(broken_documents_are_refused),
      cmocka_unit_test(nothing_declared_is_expanded),
      cmocka_unit_test(pieces_that_do_not_fit_are_dropped),
      cmocka_unit_test(ceilings_hold),
      cmocka_unit_test(damaged_documents_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
