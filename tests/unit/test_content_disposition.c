/* SPDX-License-Identifier: MIT
 *
 * content_disposition.c: names as servers send them.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "content_disposition.h"

/* "" none. */
static void name_is(const char *value, const char *expected) {
  char name[64] = "";
  size_t length = strlen(value);
  char *exact = malloc(length + 1);
  int code;
  assert_non_null(exact);
  memcpy(exact, value, length);
  code = content_disposition_name(exact, length, name, sizeof(name));
  free(exact);
  if (strcmp(code == 0 ? name : "", expected) != 0)
    fail_msg("%s: \"%s\" (%d), not \"%s\"", value, name, code, expected);
}

static void names_are_read(void **state) {
  (void)state;
  name_is("attachment; filename=\"a b.txt\"", "a b.txt");
  name_is("attachment; filename=plain.txt ; size=3", "plain.txt");
  name_is("inline; FileName = x.bin", "x.bin");
  name_is("attachment; filename=\"a\\\"b\\\\c;d\"; x=y", "a\"b\\c;d");
  name_is("attachment; filename=\"../../etc/passwd\"", "../../etc/passwd");
  name_is("attachment; filename=\"na\xc3\xafve\"", "na\xc3\xafve");
  name_is("attachment; filename=\"na\xefve\"", "na\xc3\xafve");
}

static void extended_names_win(void **state) {
  (void)state;
  name_is("attachment; filename=\"EURO\"; filename*=utf-8''%e2%82%ac%20x",
          "\xe2\x82\xac x");
  name_is("attachment; filename*=UTF-8'en'a%20b; filename=c", "a b");
  name_is("attachment; filename*=iso-8859-1''%a3; filename=c", "\xc2\xa3");
  /* broken: the plain one serves */
  name_is("attachment; filename*=UTF-8''%zz; filename=c", "c");
  name_is("attachment; filename*=UTF-8''%ff; filename=c", "c");
  name_is("attachment; filename*=koi8-r''%c1; filename=c", "c");
  name_is("attachment; filename*=UTF-8''%00x; filename=c", "c");
  name_is("attachment; filename*=c%20; filename=c", "c");
}

static void nothing_is_made_up(void **state) {
  static const char *const none[] = {
      "",
      "attachment",
      "attachment; filename",
      "attachment; filename=",
      "attachment; filename=\"\"",
      "attachment; filename*=UTF-8'",
      "; ;; =;",
      "\"; filename=x",
      "attachment; xfilename=a",
      "attachment; filename*=UTF-8''%",
  };
  char name[4];
  (void)state;
  for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
    name_is(none[i], "");
  assert_int_equal(
      content_disposition_name("a; filename=four", 16, name, sizeof(name)),
      ERR_TOOBIG);
  assert_int_equal(
      content_disposition_name("a; filename=thr", 15, name, sizeof(name)), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_read),
      cmocka_unit_test(extended_names_win),
      cmocka_unit_test(nothing_is_made_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
