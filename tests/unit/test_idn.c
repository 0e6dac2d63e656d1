/* SPDX-License-Identifier: MIT
 *
 * idn: names beyond ASCII in the form that is asked for; those that are none
 * are refused with a sentence that says why.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "idn.h"

static void bytes_beyond_ascii_are_seen(void **state) {
  (void)state;
  assert_false(idn_is_wide("example.org\xc3", 11));
  assert_true(idn_is_wide("example.org\xc3", 12));
  assert_false(idn_is_wide("", 0));
}

#ifdef HAVE_LIBIDN2

static void names_get_their_ascii_form(void **state) {
  static const char *const pairs[][2] = {
      {"m\xc3\xbcnchen.example", "xn--mnchen-3ya.example"},
      {"M\xc3\x9cNCHEN.Example", "xn--mnchen-3ya.example"},
      {"mu\xcc\x88nchen.example", "xn--mnchen-3ya.example"}, /* NFD */
      {"fa\xc3\x9f.de", "xn--fa-hia.de"}, /* not fass.de of IDNA 2003 */
      {"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x80\x82jp",
       "xn--wgv71a119e.jp"},               /* an ideographic full stop */
      {"\xe2\x98\x83.net", "xn--n3h.net"}, /* a sign: transitional */
      {"my_\xc3\xa9.de.", "xn--my_-dma.de."},
  };
  (void)state;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char out[64];
    const char *why = NULL;
    assert_int_equal(
        idn_to_ascii(pairs[i][0], strlen(pairs[i][0]), out, sizeof out, &why),
        0);
    assert_string_equal(out, pairs[i][1]);
    assert_null(why);
  }
}

static void refused(const char *name, size_t cap, int code, const char *says) {
  char out[300];
  const char *why = "";
  assert_int_equal(idn_to_ascii(name, strlen(name), out, cap, &why), code);
  if (strstr(why, says) == NULL)
    fail_msg("'%s' does not say '%s'", why, says);
}

static void names_that_are_none_are_refused(void **state) {
  char long_name[1100];
  (void)state;
  refused("m\xfcnchen.de", 64, ERR_SYNTAX, "UTF-8");
  refused("-\xc3\xa9.de", 64, ERR_SYNTAX, "may have");
  refused("xn--zz-!.\xc3\xa9", 64, ERR_SYNTAX, "may have");
  refused("\xc3\xa9.example", 15, ERR_TOOBIG, "too long");
  memset(long_name, 'a', sizeof long_name);
  memcpy(long_name, "\xc3\xa9", 2);
  long_name[70] = '\0';
  refused(long_name, 300, ERR_TOOBIG, "63");
  long_name[70] = 'a';
  long_name[sizeof long_name - 1] = '\0';
  refused(long_name, 300, ERR_TOOBIG, "too long");
}

#else

static void without_the_library_all_are_refused(void **state) {
  const char *why = NULL;
  char out[64];
  (void)state;
  assert_int_equal(idn_to_ascii("\xc3\xa9.example", 10, out, sizeof out, &why),
                   ERR_UNSUPPORTED);
  assert_non_null(strstr(why, "xn--"));
}

#endif

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_beyond_ascii_are_seen),
#ifdef HAVE_LIBIDN2
      cmocka_unit_test(names_get_their_ascii_form),
      cmocka_unit_test(names_that_are_none_are_refused),
#else
      cmocka_unit_test(without_the_library_all_are_refused),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
