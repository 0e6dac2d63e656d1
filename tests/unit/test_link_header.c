/* SPDX-License-Identifier: MIT
 *
 * link_header.c: what Metalink/HTTP servers send, and what nobody should.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "link_header.h"

static bool target_is(const struct link_value *link, const char *target) {
  return strlen(target) == link->target_length &&
         memcmp(link->target, target, link->target_length) == 0;
}

static void mirrors_and_their_order(void **state) {
  static const char value[] =
      "<http://a/f?x=1,2>; rel=duplicate; pri=1; geo=DE; pref, "
      "<f.meta4>; rel=describedby; type=\"application/metalink4+xml\" ,"
      "</f>;rel=\"next  Duplicate\";pri=0, <b>;title=\"a, <c>; rel=x\";pri=7";
  const char *at = value, *end = value + sizeof(value) - 1;
  struct link_value link;
  (void)state;
  assert_true(link_header_next(&at, end, &link));
  assert_true(target_is(&link, "http://a/f?x=1,2"));
  assert_true(link.duplicate && link.pref && !link.describedby);
  assert_int_equal(link.pri, 1);
  assert_string_equal(link.geo, "de");
  assert_true(link_header_next(&at, end, &link));
  assert_true(target_is(&link, "f.meta4") && link.describedby);
  assert_string_equal(link.type, "application/metalink4+xml");
  assert_true(link_header_next(&at, end, &link));
  assert_true(target_is(&link, "/f") && link.duplicate && !link.pref);
  assert_int_equal(link.pri, LINK_PRI_LAST);
  assert_true(link_header_next(&at, end, &link));
  assert_true(target_is(&link, "b") && !link.duplicate);
  assert_int_equal(link.pri, 7);
  assert_false(link_header_next(&at, end, &link));
}

/* Every beginning of a value, and every one with a byte changed, comes to an
 * end within its bounds. */
static void broken_values_come_to_an_end(void **state) {
  static const char value[] =
      "<a>; rel=duplicate; pri=99999999999999999999; geo=deu; type=\"x\\\"y\","
      " <b>;;=;\"\", ,<c";
  (void)state;
  for (size_t length = 0; length < sizeof(value); length++)
    for (int change = -1; change < 5; change++) {
      char *copy = malloc(length + 1);
      const char *at = copy;
      struct link_value link;
      size_t links = 0;
      assert_non_null(copy);
      memcpy(copy, value, length);
      if (change >= 0 && length > 0)
        copy[length / 2] = "<>\";\0"[change];
      while (link_header_next(&at, copy + length, &link)) {
        assert_true(link.target >= copy &&
                    link.target + link.target_length <= copy + length);
        assert_true(link.pri >= 1 && link.pri <= LINK_PRI_LAST);
        assert_true(++links <= length);
      }
      assert_ptr_equal(at, copy + length);
      free(copy);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mirrors_and_their_order),
      cmocka_unit_test(broken_values_come_to_an_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
