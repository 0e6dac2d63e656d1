/* SPDX-License-Identifier: MIT
 *
 * cookies.c: files of cookies, good and odd, and which request gets which.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cookies.h"

#define NOW 1700000000

static int read_text(struct cookies **out, const void *text, size_t length,
                     struct errmsg *msg) {
  char path[] = "/tmp/spate-cookies-XXXXXX";
  int fd = mkstemp(path), code;
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, length), length);
  close(fd);
  code = cookies_read(out, path, msg);
  unlink(path);
  return code;
}

static void sends(const char *text, const char *url, const char *want) {
  struct cookies *cookies;
  struct errmsg msg;
  struct bytes out;
  assert_int_equal(read_text(&cookies, text, strlen(text), &msg), 0);
  bytes_init(&out, COOKIES_HEADER_MAX + 1);
  bool some = cookies_for(cookies, url, NOW, &out);
  assert_string_equal(some ? out.data : "", want);
  bytes_fini(&out);
  cookies_free(cookies);
}

static void domains(void **state) {
  static const char own[] = "a.test\tFALSE\t/\tFALSE\t0\tn\tv\n";
  static const char below[] = ".a.test\tTRUE\t/\tFALSE\t0\tn\tv\n";
  static const char number[] = "0.0.1\tTRUE\t/\tFALSE\t0\tn\tv\n";
  (void)state;
  sends(own, "http://a.test/x", "n=v");
  sends(own, "http://A.TEST:8080/x", "n=v");
  sends(own, "http://b.a.test/x", "");
  sends(own, "http://xa.test/", "");
  sends(below, "http://b.a.test/x", "n=v");
  sends(below, "http://a.test", "n=v");
  sends(below, "http://xa.test/", "");
  sends(below, "http://a.test.evil.test/", "");
  sends(below, "http://evil.test/a.test", "");
  sends(number, "http://127.0.0.1/", "");
}

static void paths(void **state) {
  static const char text[] = "a.test\tFALSE\t/\tFALSE\t0\tn\t1\n"
                             "a.test\tFALSE\t/p\tFALSE\t0\tn\t2\n"
                             "a.test\tFALSE\t/p/q/\tFALSE\t0\tn\t3\n"
                             "a.test\tFALSE\t/\tFALSE\t0\tm\t4\n";
  (void)state;
  sends(text, "http://a.test", "n=1; m=4");
  sends(text, "http://a.test/pp", "n=1; m=4");
  sends(text, "http://a.test/p", "n=2; n=1; m=4");
  sends(text, "http://a.test/p?x=/p/q/", "n=2; n=1; m=4");
  sends(text, "http://a.test/p/q/r", "n=3; n=2; n=1; m=4");
}

static void time_and_secrecy(void **state) {
  (void)state;
  sends("a.test\tFALSE\t/\tTRUE\t0\tn\tv\n", "http://a.test/", "");
  sends("a.test\tFALSE\t/\tTRUE\t0\tn\tv\n", "https://a.test/", "n=v");
  sends("a.test\tFALSE\t/\tFALSE\t1699999999\tn\tv\n", "http://a.test/", "");
  sends("a.test\tFALSE\t/\tFALSE\t1700000001\tn\tv\n", "http://a.test/", "n=v");
  sends("a.test\tFALSE\t/\tFALSE\t0\tn\tv\n", "ftp://a.test/", "");
}

static void what_is_empty_or_odd(void **state) {
  (void)state;
  sends("", "http://a.test/", "");
  sends("# only this\n", "http://a.test/", "");
  sends("#HttpOnly_a.test\tfalse\t/\tFalse\t0\tn\ta=b\r\n"
        "a.test\tFALSE\t/\tFALSE\t0\tempty\t\n"
        "a.test\tFALSE\t/\tFALSE\t0\tnone",
        "http://a.test/", "n=a=b; empty=; none=");
}

static void nonsense_is_named(void **state) {
  static const char *const lines[] = {
      "\nSet-Cookie: a=b",
      "\na.test\tMAYBE\t/\tFALSE\t0\tn\tv",
      "\na.test\tTRUE\tp\tFALSE\t0\tn\tv",
      "\na.test\tTRUE\t/\tFALSE\tnever\tn\tv",
      "\na.test\tTRUE\t/\tFALSE\t99999999999999999999\tn\tv",
      "\n.\tTRUE\t/\tFALSE\t0\tn\tv",
      "\na.test\tTRUE\t/\tFALSE\t0\t\tv",
      "\na.test\tTRUE\t/\tFALSE\t0\tn\tv\1",
      "\na.test\tTRUE\t/\tFALSE\t0\tn\tv; other=1",
      "\na.test TRUE / FALSE 0 n v",
      "\na.test\tTRUE\t/\tFALSE\t0\tn\tv\tmore",
  };
  struct cookies *cookies;
  struct errmsg msg;
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    assert_int_equal(read_text(&cookies, lines[i], strlen(lines[i]), &msg),
                     ERR_SYNTAX);
    assert_non_null(strstr(msg.text, ":2: no cookie"));
    assert_null(cookies);
  }
  assert_true(read_text(&cookies, "a\0b", 3, &msg) != 0);
  assert_true(cookies_read(&cookies, "/tmp", &msg) != 0);
  assert_true(cookies_read(&cookies, "/nonexistent/file", &msg) != 0);
}

static void a_header_has_a_limit(void **state) {
  struct bytes text, out;
  struct cookies *cookies;
  struct errmsg msg;
  (void)state;
  bytes_init(&text, 1 << 20);
  bytes_init(&out, COOKIES_HEADER_MAX + 1);
  for (int i = 0; i < 5000; i++)
    bytes_printf(&text, "a.test\tFALSE\t/\tFALSE\t0\tname%d\tvalue\n", i);
  assert_int_equal(read_text(&cookies, text.data, text.len, &msg), 0);
  assert_true(cookies_for(cookies, "http://a.test/", NOW, &out));
  assert_true(out.len > 8000 && out.len <= COOKIES_HEADER_MAX + 1);
  assert_int_equal(strlen(out.data), out.len - 1);
  cookies_free(cookies);
  bytes_fini(&text);
  bytes_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(domains),
      cmocka_unit_test(paths),
      cmocka_unit_test(time_and_secrecy),
      cmocka_unit_test(what_is_empty_or_odd),
      cmocka_unit_test(nonsense_is_named),
      cmocka_unit_test(a_header_has_a_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
